"""From desired and live to a plan, without I/O: same inputs, same bytes.

    for each hub:  roles there?  ->  pair  ->  compare  ->  steps, findings  ->  operations there?

What each pair means is a table of cases in `_plan_pair`; what stands in a key's store is judged in `recovery`, and
what is worth saying beside the steps stands in `findings`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, get_args

from keyspec.diff import compare_keys
from keyspec.findings import find_custody, find_declared, find_unlisted, say_undelivered, sort_findings
from keyspec.fingerprint import fingerprint
from keyspec.model import FIELDS, Key
from keyspec.order import CREATE, DELETE, REPLACE, TIGHTEN, WIDEN, edit_phase, order_steps, permissions_of
from keyspec.ownership import Pair, Policy, pair_keys
from keyspec.placeholders import OperationName
from keyspec.plan import Action, Change, Finding, HubRow, HubStatus, Plan, Step, Summary
from keyspec.record import Kept
from keyspec.recovery import Verdict, is_locked_by_keyspec, judge_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyspec.desired import Desired, DesiredHub, DesiredKey
    from keyspec.live import LiveHub
    from keyspec.source import Source

ALLOW_DELETE: Final = "--allow-delete"
ALLOW_UNLOCK: Final = "--allow-unlock"
ANOTHER_RUN: Final = "the end of the other run"
MISMATCH: Final = "its store's entry cleared of the mark by hand"
UNDELIVERED: Final = "its value was never delivered"
UNLOCK_STORED: Final = "locked by keyspec until its value was stored; it is stored now"
LOCK: Final = Change("state", "active", "locked")
UNLOCK: Final = Change("state", "locked", "active")
REMOVE: Final = Change("state", "locked", "absent")

OPERATIONS: Final[Mapping[Action, OperationName]] = {
    "create": "create_key",
    "import": "import_key",
    "edit": "edit_key",
    "lock": "lock_key",
    "unlock": "unlock_key",
    "delete": "delete_key",
}
"""Which operation of a contract each action needs."""

Records = Mapping[tuple[str, str], Kept | str]
"""What the stores hold, by hub and Key ID; a text says why a store could not be read."""


def make_plan(desired: Desired, live: Mapping[str, LiveHub], records: Records, policy: Policy) -> Plan:
    """Plan every hub of `desired`; `live` holds one entry for each of them.

    `records` tells, by hub and Key ID, what the stores hold for declared keys: never values.
    """
    rows, steps, findings, totals = [], [], [], Counter[str]()
    for name, hub in sorted(desired.hubs.items()):
        planned = _HubPlan(desired, hub, live[name], records, policy)
        planned.run()
        rows.append(planned.row())
        steps += planned.steps
        findings += planned.findings
        totals += planned.totals
    ordered = order_steps(steps)
    return Plan(desired.spec, tuple(rows), ordered, sort_findings(findings), _summarise(ordered, totals))


@dataclass(slots=True)
class _HubPlan:
    """The plan of one hub while it grows."""

    desired: Desired
    hub: DesiredHub
    live: LiveHub
    records: Records
    policy: Policy
    steps: list[Step] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    error: str | None = None

    def run(self) -> None:
        """Fill steps, findings and totals, unless the hub cannot be planned."""
        if self.live.keys is None:
            return
        self.error = "; ".join(missing_roles(self.hub, self.live, self.policy)) or None
        if self.error is not None:
            return
        for pair in pair_keys(self.desired, self.hub, self.live.keys, self.policy):
            kept = self.records.get((self.hub.name, pair.key_id))
            verdict = judge_entry(kept, hub=self.hub.name, key_id=pair.key_id, live=pair.live)
            steps = tuple(self._plan_pair(pair, verdict))
            self.steps += steps
            self.findings += self._find(pair, verdict, stepped=bool(steps))
            self.totals["unlisted"] += pair.desired is None
            self.totals["unchanged"] += pair.desired is not None and not steps
        self.error = "; ".join(missing_operations(self.hub, self.steps)) or None
        if self.error is not None:
            self.steps, self.findings, self.totals = [], [], Counter()

    def row(self) -> HubRow:
        """Give the hub's line in the plan."""
        if self.live.keys is None:
            return HubRow(self.hub.name, self.hub.hub.url, "unreadable", None, self.live.error)
        status: HubStatus = "refused" if self.error else "read"
        return HubRow(self.hub.name, self.hub.hub.url, status, len(self.live.keys), self.error)

    def _plan_pair(self, pair: Pair, verdict: Verdict) -> Iterator[Step]:
        match pair:
            case Pair(desired=None, live=Key() as key):
                yield from self._plan_unlisted(pair, key)
            case Pair(desired=wanted, live=None) if wanted is not None and wanted.state != "absent":
                yield from self._create(pair, wanted, verdict)
            case Pair(desired=wanted, live=Key() as key) if wanted is not None and wanted.state == "absent":
                yield from self._tighten(pair, key, "declared absent; deleted by a later run", "declared absent")
            case Pair(desired=wanted, live=Key() as key) if wanted is not None and verdict == "undelivered":
                yield from self._recover(pair, wanted, key)
            case Pair(desired=wanted, live=Key() as key) if wanted is not None:
                yield from self._change(pair, wanted, key, verdict)

    def _create(self, pair: Pair, wanted: DesiredKey, verdict: Verdict) -> Iterator[Step]:
        key = wanted.created()
        changes = tuple(Change(name, None, key.field(name)) for name in FIELDS)
        held = None
        if verdict == "unread":
            held = "a store that can be read"
        elif verdict == "foreign" and pair.key_id not in self.policy.take_over:
            held = f"--take-over {pair.key_id}"
        yield self._step(pair, "create", "absent on the hub", CREATE, changes, before=None, held_by=held)
        if wanted.state == "locked":
            yield self._step(pair, "lock", "declared locked", CREATE, (LOCK,), before=key, held_by=held)

    def _change(self, pair: Pair, wanted: DesiredKey, live: Key, verdict: Verdict) -> Iterator[Step]:
        changes = compare_keys(wanted, live)
        busy = ANOTHER_RUN if verdict == "another-run" else None
        state = next((change.after for change in changes if change.field == "state"), None)
        fields = tuple(change for change in changes if change.field != "state")
        why_unlock = "declared active"
        if wanted.state is None and live.state == "locked" and verdict == "kept" and self._locked_by_keyspec(pair):
            state, why_unlock = "active", UNLOCK_STORED
        key = live
        if state == "locked":
            yield self._step(pair, "lock", "declared locked", TIGHTEN, (LOCK,), before=key, held_by=busy)
            key = key if busy else replace(key, state="locked")
        if fields:
            # An edit could make somebody's key the image of the mark, and the next run would take it for its own.
            held = MISMATCH if verdict == "mismatch" else busy
            phase = edit_phase(fields, self.live.roles)
            yield self._step(pair, "edit", _say_differ(fields), phase, fields, before=key, held_by=held)
            key = key if held else change_key(key, fields)
        if state == "active":
            allowed = self.policy.allow_unlock or self.desired.guards.unlock
            held = busy or (None if allowed else ALLOW_UNLOCK)
            yield self._step(pair, "unlock", why_unlock, WIDEN, (UNLOCK,), before=key, held_by=held)

    def _locked_by_keyspec(self, pair: Pair) -> bool:
        return is_locked_by_keyspec(self.records.get((self.hub.name, pair.key_id)))

    def _recover(self, pair: Pair, wanted: DesiredKey, live: Key) -> Iterator[Step]:
        """Lock a key whose value reached nobody; replace it once it is read as locked."""
        if live.state != "locked":
            change = Change("state", live.state, "locked")
            step = self._step(pair, "lock", UNDELIVERED, TIGHTEN, (change,), before=live)
            yield replace(step, recovery=True)
        elif self.hub.contract.capabilities.ids_reusable:
            held = self._delete_held()
            step = self._step(pair, "delete", UNDELIVERED, DELETE, (REMOVE,), before=live, held_by=held)
            yield replace(step, recovery=True)
            for step in self._create(pair, wanted, "undelivered"):
                reason = "replaces the deleted key" if step.action == "create" else step.reason
                yield replace(step, phase=REPLACE, reason=reason, held_by=held)

    def _tighten(self, pair: Pair, live: Key, why_lock: str, why_delete: str) -> Iterator[Step]:
        """Lock a key that shall go; delete it only where it was read as locked; leave it where that is not told."""
        if live.state == "locked":
            yield self._step(pair, "delete", why_delete, DELETE, (REMOVE,), before=live, held_by=self._delete_held())
        elif live.state == "active":
            yield self._step(pair, "lock", why_lock, TIGHTEN, (LOCK,), before=live)

    def _delete_held(self) -> str | None:
        return None if self.policy.allow_delete else ALLOW_DELETE

    def _plan_unlisted(self, pair: Pair, live: Key) -> Iterator[Step]:
        policy = self.desired.ownership.unlisted
        if policy == "report" or (policy == "lock" and live.state == "locked"):
            return
        what = "declared for other hubs only" if pair.standing == "elsewhere" else "unlisted"
        reason = f"{what}; `ownership.unlisted` is {policy}"
        yield from self._tighten(pair, live, reason, reason)

    def _step(
        self,
        pair: Pair,
        action: Action,
        reason: str,
        phase: int,
        changes: tuple[Change, ...],
        *,
        before: Key | None,
        held_by: str | None = None,
    ) -> Step:
        if pair.standing == "elsewhere" and pair.key_id not in self.policy.keys:
            held_by = f"-k {pair.key_id}" + (f" {held_by}" if held_by else "")
        gives, takes = self._permissions(action, changes, before)
        return Step(
            hub=self.hub.name,
            key_id=pair.key_id,
            action=action,
            reason=reason,
            reversible=action != "delete",
            changes=changes,
            expects=fingerprint(before),
            phase=phase,
            held_by=held_by,
            source=self._source(pair, changes),
            bites_within_s=before.reauth_timeout_s if before and _tightens(action, phase, changes) else None,
            gives=gives,
            takes=takes,
        )

    def _source(self, pair: Pair, changes: tuple[Change, ...]) -> Source | None:
        if pair.desired is None:
            return self.desired.ownership_source
        whole = any(change.before is None for change in changes)
        return pair.desired.source() if whole else pair.desired.source(*(change.field for change in changes))

    def _permissions(
        self, action: Action, changes: tuple[Change, ...], before: Key | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        roles = next((change for change in changes if change.field == "roles"), None)
        had = permissions_of(before.roles if before else (), self.live.roles)
        match action:
            case "create" | "import" | "edit" if roles is not None:
                gets = permissions_of(roles.after if isinstance(roles.after, tuple) else None, self.live.roles)
            case "lock" | "delete":
                gets = frozenset()
            case "unlock":
                had, gets = frozenset(), had
            case _:
                return (), ()
        if had is None or gets is None:
            return (), ()
        return tuple(sorted(gets - had)), tuple(sorted(had - gets))

    def _find(self, pair: Pair, verdict: Verdict, *, stepped: bool) -> Iterator[Finding]:
        if pair.desired is None:
            if not stepped:
                wanted = self.desired.ownership.unlisted == "report"
                yield from find_unlisted(pair, self.hub.name, source=self.desired.ownership_source, wanted=wanted)
            return
        told = self.records.get((self.hub.name, pair.key_id)) if verdict == "unread" else None
        if verdict == "undelivered":
            told = say_undelivered(pair.live, ids_reusable=self.hub.contract.capabilities.ids_reusable)
        yield from find_custody(pair, self.hub.name, verdict, told if isinstance(told, str) else None)
        yield from find_declared(pair, self.hub.name)


def change_key(key: Key, changes: Iterable[Change]) -> Key:
    """Give the key as it is after some changes."""
    for change in changes:
        name = "reauth_timeout_s" if change.field == "reauth_timeout" else change.field
        key = replace(key, **{name: change.after})  # type: ignore[arg-type]
    return key


def missing_roles(hub: DesiredHub, live: LiveHub, policy: Policy) -> Iterator[str]:
    """Say which declared roles the hub does not have, and where each is named first."""
    if live.roles is None:
        return
    said: set[str] = set()
    for key_id, key in hub.keys.items():
        for role in key.roles or ():
            if role in live.roles or role in said or key.state == "absent" or not policy.selects(key_id):
                continue
            said.add(role)
            named = hub.spec_role(role)
            near = get_close_matches(role, live.roles, n=1)
            hint = f", did you mean `{near[0]}`?" if near else ""
            there = f" (`{role}` there)" if named != role else ""
            yield f"{key.role_source(named)}: role `{named}`{there} is not on this hub{hint}"


def missing_operations(hub: DesiredHub, steps: Iterable[Step]) -> Iterator[str]:
    """Say which operations that steps need the hub's contract does not have; held steps need none."""
    needed = {OPERATIONS[step.action] for step in steps if not step.held}
    for name in get_args(OperationName):
        if name in needed and not hub.contract.supports(name):
            yield f"{hub.declared.source('contract')}: the contract `{hub.contract.name}` has no operation `{name}`"


def _tightens(action: Action, phase: int, changes: tuple[Change, ...]) -> bool:
    fields = {change.field for change in changes}
    return action in ("lock", "delete") or (action == "edit" and phase == TIGHTEN and fields != {"description"})


def _say_differ(changes: tuple[Change, ...]) -> str:
    *names, last = (change.field for change in changes)
    plural = names or last == "roles"
    return (f"{', '.join(names)} and {last}" if names else last) + (" differ" if plural else " differs")


def _summarise(steps: Iterable[Step], totals: Counter[str]) -> Summary:
    counts = Counter("held" if step.held else step.action for step in steps)
    return Summary(
        create=counts["create"],
        import_=counts["import"],
        edit=counts["edit"],
        lock=counts["lock"],
        unlock=counts["unlock"],
        delete=counts["delete"],
        held=counts["held"],
        unchanged=totals["unchanged"],
        unlisted=totals["unlisted"],
    )
