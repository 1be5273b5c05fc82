"""From desired and live to a plan, without I/O: same inputs, same bytes.

    for each hub:  roles there?  ->  pair  ->  compare  ->  steps, findings

What each pair means is a table of cases in `_plan_pair`; what stands in a key's store is judged in `recovery`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal

from keyspec.diff import compare_keys, unknown_fields
from keyspec.fingerprint import fingerprint
from keyspec.model import FIELDS, Key
from keyspec.order import CREATE, DELETE, REPLACE, TIGHTEN, WIDEN, edit_phase, order_steps, permissions_of
from keyspec.ownership import Pair, Policy, pair_keys
from keyspec.plan import Action, Change, Finding, HubRow, HubStatus, Plan, Severity, Step, Summary
from keyspec.record import Kept
from keyspec.recovery import Verdict, is_locked_by_keyspec, judge_kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyspec.desired import Desired, DesiredHub
    from keyspec.live import LiveHub
    from keyspec.source import Source

ALLOW_DELETE = "--allow-delete"
ALLOW_UNLOCK = "--allow-unlock"
UNDELIVERED = "its value was never delivered"
UNLOCK_STORED = "locked by keyspec until its value was stored; it is stored now"

Records = Mapping[tuple[str, str], Kept | str]
"""What the stores hold, by hub and Key ID; a text says why a store could not be read."""

_CUSTODY: Final[Mapping[str, tuple[str, Severity, str]]] = {
    "nothing": ("value-not-held", "info", "keyspec does not hold this key's value"),
    "missing": ("value-not-held", "warning", "the store has a record of this key, but no value"),
    "foreign": ("store-foreign-entry", "warning", "the store's entry was not written by keyspec for this hub and key"),
    "another-run": ("another-run", "warning", "another run of keyspec is creating this key"),
    "delivered": ("record-incomplete", "info", "the value is stored; the next apply completes its record"),
    "undelivered": ("value-undelivered", "warning", "the key was created, but its value reached nobody"),
    "mismatch": ("mark-mismatch", "warning", "a create of this key was begun, and the live key is another one"),
    "unread": ("store-unread", "warning", "the store cannot be read"),
}
"""What is said of a verdict: code, severity, message."""


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
    return Plan(desired.spec, tuple(rows), ordered, _sort_findings(findings), _summarise(ordered, totals))


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
            steps = tuple(self._plan_pair(pair))
            self.steps += steps
            self.findings += self._find(pair, stepped=bool(steps))
            self.totals["unlisted"] += pair.desired is None
            self.totals["unchanged"] += pair.desired is not None and not steps

    def row(self) -> HubRow:
        """Give the hub's line in the plan."""
        if self.live.keys is None:
            return HubRow(self.hub.name, self.hub.hub.url, "unreadable", None, self.live.error)
        status: HubStatus = "refused" if self.error else "read"
        return HubRow(self.hub.name, self.hub.hub.url, status, len(self.live.keys), self.error)

    def _plan_pair(self, pair: Pair) -> Iterator[Step]:
        match pair:
            case Pair(desired=None, live=Key() as key):
                yield from self._plan_unlisted(pair, key)
            case Pair(desired=wanted, live=None):
                if wanted is not None and wanted.state != "absent":
                    yield from self._create(pair)
            case Pair(desired=wanted, live=Key() as key) if wanted is not None and wanted.state == "absent":
                yield from self._tighten(pair, key, "declared absent; deleted by a later run", "declared absent")
            case Pair(desired=wanted, live=Key() as key) if wanted is not None:
                if self._verdict(pair) == "undelivered":
                    yield from self._recover(pair, key)
                    return
                yield from self._edit(pair, key, compare_keys(wanted, key))
                if wanted.state is None and key.state == "locked" and self._locked_by_keyspec(pair):
                    change = Change("state", "locked", "active")
                    yield self._step(
                        pair, "unlock", UNLOCK_STORED, WIDEN, (change,), before=key, held_by=self._unlock_held()
                    )

    def _create(self, pair: Pair) -> Iterator[Step]:
        wanted = pair.desired
        assert wanted is not None  # noqa: S101 - narrowed by the caller's match
        key = wanted.created()
        changes = tuple(Change(name, None, key.field(name)) for name in FIELDS)
        held = self._create_held(pair)
        yield self._step(pair, "create", "absent on the hub", CREATE, changes, before=None, held_by=held)
        if wanted.state == "locked":
            change = Change("state", "active", "locked")
            yield self._step(pair, "lock", "declared locked", CREATE, (change,), before=key, held_by=held)

    def _create_held(self, pair: Pair) -> str | None:
        match self._verdict(pair):
            case "unread":
                return "a store that can be read"
            case "foreign" if pair.key_id not in self.policy.take_over:
                return f"--take-over {pair.key_id}"
        return None

    def _verdict(self, pair: Pair) -> Verdict | Literal["unread"]:
        kept = self.records.get((self.hub.name, pair.key_id))
        if isinstance(kept, str):
            return "unread"
        return judge_kept(kept, hub=self.hub.name, key_id=pair.key_id, live=pair.live) if kept else "nothing"

    def _locked_by_keyspec(self, pair: Pair) -> bool:
        kept = self.records.get((self.hub.name, pair.key_id))
        return isinstance(kept, Kept) and is_locked_by_keyspec(kept) and self._verdict(pair) == "kept"

    def _edit(self, pair: Pair, live: Key, changes: tuple[Change, ...]) -> Iterator[Step]:
        state = next((change for change in changes if change.field == "state"), None)
        fields = tuple(change for change in changes if change.field != "state")
        key = live
        if state is not None and state.after == "locked":
            yield self._step(pair, "lock", "declared locked", TIGHTEN, (state,), before=key)
            key = replace(key, state="locked")
        if fields:
            reason = f"{_join(tuple(change.field for change in fields))} {'differ' if _plural(fields) else 'differs'}"
            phase = edit_phase(fields, self.live.roles)
            yield self._step(pair, "edit", reason, phase, fields, before=key)
            key = change_key(key, fields)
        if state is not None and state.after == "active":
            yield self._step(
                pair, "unlock", "declared active", WIDEN, (state,), before=key, held_by=self._unlock_held()
            )

    def _unlock_held(self) -> str | None:
        return None if self.policy.allow_unlock or self.desired.guards.unlock else ALLOW_UNLOCK

    def _recover(self, pair: Pair, live: Key) -> Iterator[Step]:
        """Lock a key whose value reached nobody; replace it once it is read as locked."""
        if live.state != "locked":
            change = Change("state", live.state, "locked")
            step = self._step(pair, "lock", UNDELIVERED, TIGHTEN, (change,), before=live)
            yield replace(step, recovery=True)
        elif self.hub.contract.capabilities.ids_reusable:
            held = None if self.policy.allow_delete else ALLOW_DELETE
            change = Change("state", "locked", "absent")
            step = self._step(pair, "delete", UNDELIVERED, DELETE, (change,), before=live, held_by=held)
            yield replace(step, recovery=True)
            for step in self._create(pair):
                yield replace(step, phase=REPLACE, reason="replaces the deleted key", held_by=held)

    def _tighten(self, pair: Pair, live: Key, why_lock: str, why_delete: str) -> Iterator[Step]:
        """Lock a key that shall go; delete it only where it was read as locked."""
        if live.state == "locked":
            change = Change("state", "locked", "absent")
            held = None if self.policy.allow_delete else ALLOW_DELETE
            yield self._step(pair, "delete", why_delete, DELETE, (change,), before=live, held_by=held)
        else:
            change = Change("state", live.state, "locked")
            yield self._step(pair, "lock", why_lock, TIGHTEN, (change,), before=live)

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

    def _find(self, pair: Pair, *, stepped: bool) -> Iterator[Finding]:
        hub, key, live = self.hub.name, pair.key_id, pair.live
        if pair.desired is None:
            if not stepped:
                where = "declared for other hubs only" if pair.standing == "elsewhere" else "declared nowhere"
                message = f"live and owned, but {where}"
                yield Finding("unlisted-key", "info", message, hub, key, self.desired.ownership_source)
            return
        yield from self._find_custody(pair)
        if live is None:
            return
        if live.state == "locked" and pair.desired.state is None:
            message = "locked on the hub, and the spec does not say whether it should be"
            yield Finding("locked-undeclared", "warning", message, hub, key, pair.desired.source())
        for name in unknown_fields(pair.desired, live):
            message = f"the hub does not tell `{name}`, so it cannot be compared"
            yield Finding("cannot-compare", "warning", message, hub, key, pair.desired.source(name))

    def _find_custody(self, pair: Pair) -> Iterator[Finding]:
        if pair.desired is None or pair.desired.state == "absent" or pair.desired.store is None:
            return
        code, severity, message = _CUSTODY.get(self._verdict(pair), ("", "info", ""))
        if code and not (code == "value-not-held" and pair.live is None):
            unread = self.records.get((self.hub.name, pair.key_id))
            told = f"{message}: {unread}" if isinstance(unread, str) else message
            yield Finding(code, severity, told, self.hub.name, pair.key_id, pair.desired.source("store"))


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


def _tightens(action: Action, phase: int, changes: tuple[Change, ...]) -> bool:
    fields = {change.field for change in changes}
    return action in ("lock", "delete") or (action == "edit" and phase == TIGHTEN and fields != {"description"})


def _join(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _plural(changes: tuple[Change, ...]) -> bool:
    return len(changes) > 1 or changes[0].field == "roles"


def _sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda found: (found.hub or "", found.key_id or "", found.code, found.message)))


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
