"""From desired and live to a plan, without I/O: same inputs, same bytes.

    for each hub:  roles there?  ->  pair  ->  compare  ->  steps, findings  ->  operations there?

What each pair means is a table of cases in `_plan_pair`; what stands in a key's store is judged in `recovery`, and
what is worth saying beside the steps stands in `findings`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from keyspec.diff import compare_keys
from keyspec.entries import entry_identity
from keyspec.findings import (
    find_custody,
    find_declared,
    find_replicas,
    find_shared,
    find_unlisted,
    find_unverified,
    find_value,
    say_undelivered,
    sort_findings,
)
from keyspec.forecast import forecast_hub
from keyspec.model import Key
from keyspec.needs import OPERATIONS, missing_operations, missing_roles
from keyspec.order import CREATE, DELETE, REPLACE, TIGHTEN, WIDEN, edit_phase, order_steps
from keyspec.ownership import Pair, Policy, pair_keys
from keyspec.plan import Change, Finding, HubRow, Plan, Step, summarize
from keyspec.record import Kept
from keyspec.recovery import Verdict, is_locked_by_keyspec, judge_entry, judge_replicas, served_by
from keyspec.sharing import making_of, owner_of
from keyspec.steps import StepMaker, change_key, created_key, creation_of, say_differ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.desired import Desired, DesiredHub, DesiredKey
    from keyspec.live import LiveHub
    from keyspec.record import Records, Replica
    from keyspec.recovery import ReplicaVerdict

ALLOW_DELETE: Final = "--allow-delete"
ALLOW_REIMPORT: Final = "--allow-reimport"
ALLOW_UNLOCK: Final = "--allow-unlock"
SAVED_PLAN: Final = "a plan saved of the whole fleet"
ANOTHER_RUN: Final = "the end of the other run"
MISMATCH: Final = "its store's entry cleared of the mark by hand"
STORED: Final = ("kept", "delivered", "missing")
"""The verdicts on an entry whose value some hub may have."""
UNDELIVERED: Final = "its value was never delivered"
UNLOCK_STORED: Final = "locked by keyspec until its value was stored; it is stored now"
NEW_LOCKED: Final = "a new key is locked on this hub"
LOCK: Final = Change("state", "active", "locked")
UNLOCK: Final = Change("state", "locked", "active")
REMOVE: Final = Change("state", "locked", "absent")


def make_plan(desired: Desired, live: Mapping[str, LiveHub], records: Records, policy: Policy) -> Plan:
    """Plan every hub of `desired`; `live` holds one entry for each of them.

    `records` tells, by hub and Key ID, what the stores hold for declared keys: never values.
    """
    rows, steps, findings = [], [], []
    closed: dict[str, tuple[tuple[str, str], ...]] = {}
    for _name, hub in sorted(desired.hubs.items()):
        planned = _HubPlan(desired, hub, live, records, policy, closed)
        planned.run()
        rows.append(planned.row())
        steps += planned.steps
        findings += planned.findings
    selected = (key for hub in desired.hubs.values() for key in hub.keys.values() if policy.selects(key.key_id))
    findings += find_shared(selected)
    findings += find_unverified(desired.hubs.values())
    ordered = order_steps(steps)
    return Plan(desired.spec, tuple(rows), ordered, sort_findings(findings), summarize(rows, ordered))


@dataclass(slots=True)
class _HubPlan:
    """The plan of one hub while it grows; `closed` is what was found of shared keys, for all hubs alike."""

    desired: Desired
    hub: DesiredHub
    fleet: Mapping[str, LiveHub]
    records: Records
    policy: Policy
    closed: dict[str, tuple[tuple[str, str], ...]]
    steps: list[Step] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    error: str | None = None

    @property
    def _maker(self) -> StepMaker:
        return StepMaker(self.desired, self.live, self.policy)

    @property
    def live(self) -> LiveHub:
        """What the hub holds now."""
        return self.fleet[self.hub.name]

    def run(self) -> None:
        """Fill steps, findings and totals, unless the hub cannot be planned."""
        if self.live.keys is None:
            return
        self.error = "; ".join(missing_roles(self.hub, self.live, self.policy)) or None
        if self.error is not None:
            return
        for pair in pair_keys(self.desired, self.hub, self.live.keys, self.policy):
            kept = self.records.get((self.hub.name, pair.key_id))
            verdict = self._judge(pair, kept)
            steps = tuple(self._plan_pair(pair, verdict))
            self.steps += steps
            self.findings += self._find(pair, verdict, stepped=bool(steps))
            self.totals["unlisted"] += pair.desired is None
            self.totals["unchanged"] += pair.desired is not None and not steps
        self.error = "; ".join(missing_operations(self.hub, self.steps, self.live)) or None
        if self.error is not None:
            self.steps, self.findings, self.totals = [], [], Counter()

    def _judge(self, pair: Pair, kept: Kept | str | None) -> Verdict:
        if pair.desired is None:
            return "nothing"
        owner = owner_of(pair.desired.value, self.hub.name)
        makes = owner == self.hub.name
        verdict = judge_entry(kept, owner=owner, key_id=pair.key_id, live=pair.live, makes=makes)
        return "nothing" if verdict == "foreign" and self._is_given_there(pair.desired, kept) else verdict

    def _is_given_there(self, wanted: DesiredKey, kept: Kept | str | None) -> bool:
        """Tell whether the value that stands at an entry is the one the spec says is there: they are the same entry."""
        given, entry = self.hub.given(wanted), self.hub.entry(wanted)
        if given is None or entry is None or not isinstance(kept, Kept) or kept.note is not None or not kept.has_value:
            return False
        return entry_identity(given.reference, given.file) == entry_identity(entry.reference, entry.file)

    def row(self) -> HubRow:
        """Give the hub's line in the plan."""
        wave = self.hub.wave
        if self.live.keys is None:
            return HubRow(self.hub.name, self.hub.hub.url, "unreadable", error=self.live.error, wave=wave)
        count = len(self.live.keys)
        if self.error:
            return HubRow(self.hub.name, self.hub.hub.url, "refused", count, self.error, wave=wave)
        forecast = forecast_hub(self.hub, count, self.steps)
        unchanged, unlisted = self.totals["unchanged"], self.totals["unlisted"]
        return HubRow(self.hub.name, self.hub.hub.url, "read", count, None, unchanged, unlisted, wave, forecast)

    def _plan_pair(self, pair: Pair, verdict: Verdict) -> Iterator[Step]:
        match pair:
            case Pair(desired=None, live=Key() as key):
                yield from self._plan_unlisted(pair, key)
            case Pair(desired=wanted, live=None) if wanted is not None and wanted.state != "absent":
                yield from self._create(pair, wanted, verdict)
            case Pair(desired=wanted, live=Key() as key) if wanted is not None and wanted.state == "absent":
                busy = ANOTHER_RUN if verdict == "another-run" else None
                why = "declared absent; deleted by a later run", "declared absent"
                yield from self._tighten(pair, key, why, busy=busy)
            case Pair(desired=wanted, live=Key() as key) if wanted is not None and verdict == "undelivered":
                yield from self._recover(pair, wanted, key)
            case Pair(desired=wanted, live=Key() as key) if wanted is not None:
                yield from self._change(pair, wanted, key, verdict)

    def _create(self, pair: Pair, wanted: DesiredKey, verdict: Verdict) -> Iterator[Step]:
        making = making_of(wanted.value, self.hub.name, stored=verdict in STORED)
        if making == "none":
            return
        key = created_key(self.hub, wanted, OPERATIONS[making])
        changes = creation_of(key)
        held, reason = None, "absent on the hub"
        if verdict == "unread":
            held = "a store that can be read"
        elif verdict == "another-run":
            held = ANOTHER_RUN
        elif self._is_foreign(pair, wanted, verdict) and pair.key_id not in self.policy.take_over:
            held = f"--take-over {pair.key_id}"
        elif making == "import" and (why := self._was_closed(pair, wanted)):
            held, reason = None if self.policy.allow_reimport else ALLOW_REIMPORT, f"{reason}; {why}"
        yield self._maker.make(pair, making, reason, CREATE, changes, before=None, held_by=held)
        if wanted.state == "locked" and key.state != "locked":
            yield self._maker.make(pair, "lock", "declared locked", CREATE, (LOCK,), before=key, held_by=held)
        elif wanted.state != "locked" and key.state == "locked":
            yield self._maker.make(pair, "unlock", NEW_LOCKED, CREATE, (UNLOCK,), before=key, held_by=held)

    def _is_foreign(self, pair: Pair, wanted: DesiredKey, verdict: Verdict) -> bool:
        """Tell whether a value would be put where somebody else's stands."""
        judged = self._judge_replicas(pair, wanted)
        return verdict == "foreign" or any(replica == "foreign" for _, replica in judged)

    def _judge_replicas(self, pair: Pair, wanted: DesiredKey) -> Iterable[tuple[Replica, ReplicaVerdict]]:
        kept = self.records.get((self.hub.name, pair.key_id))
        owner = owner_of(wanted.value, self.hub.name)
        return judge_replicas(kept, owner=owner, key_id=pair.key_id, hub=self.hub.name)

    def _was_closed(self, pair: Pair, wanted: DesiredKey) -> str | None:
        """Say why a value should not come to this hub unasked: somebody may have closed it, for a reason.

        Another hub's lock speaks only of a value that is the same there.
        """
        kept = self.records.get((self.hub.name, pair.key_id))
        if served_by(kept, self.hub.name):
            return "was here and is gone"
        if not wanted.value.shared:
            return None
        if pair.key_id not in self.closed:
            self.closed[pair.key_id] = tuple(islice(self._find_closed(wanted), 2))
        return next((why for name, why in self.closed[pair.key_id] if name != self.hub.name), None)

    def _find_closed(self, wanted: DesiredKey) -> Iterator[tuple[str, str]]:
        """Give the hubs of a key on which somebody may have closed it, and why that is thought."""
        for name in wanted.hubs:
            keys = self.fleet[name].keys if name in self.fleet else None
            if keys is None:
                yield name, f"on `{name}` it cannot be read"
                continue
            key = keys.get(wanted.key_id)
            if key is not None and key.state != "active" and not self._lock_declared(name, wanted.key_id):
                yield name, f"on `{name}` it is locked" if key.state else f"`{name}` does not tell whether it is locked"

    def _lock_declared(self, hub: str, key_id: str) -> bool:
        key = self.desired.fleet[hub].keys.get(key_id)
        return key is not None and key.state in ("locked", "absent")

    def _change(self, pair: Pair, wanted: DesiredKey, live: Key, verdict: Verdict) -> Iterator[Step]:
        changes = compare_keys(wanted, live)
        busy = ANOTHER_RUN if verdict == "another-run" else None
        state = next((change.after for change in changes if change.field == "state"), None)
        fields = tuple(change for change in changes if change.field != "state")
        why_unlock = "declared active"
        if wanted.state is None and live.state == "locked" and self._locked_by_keyspec(pair, wanted, verdict):
            state, why_unlock = "active", UNLOCK_STORED
        key = live
        if state == "locked":
            yield self._maker.make(pair, "lock", "declared locked", TIGHTEN, (LOCK,), before=key, held_by=busy)
            key = replace(key, state="locked")
        # An edit could make somebody's key the image of the mark, and the next run would take it for its own.
        held = MISMATCH if verdict == "mismatch" and fields else busy
        if fields:
            phase = edit_phase(fields, self.live.roles)
            yield self._maker.make(pair, "edit", say_differ(fields), phase, fields, before=key, held_by=held)
            key = change_key(key, fields)
        if state == "active":
            allowed = self.policy.allow_unlock or self.desired.guards.unlock
            held = held or (None if allowed else ALLOW_UNLOCK)
            yield self._maker.make(pair, "unlock", why_unlock, WIDEN, (UNLOCK,), before=key, held_by=held)

    def _locked_by_keyspec(self, pair: Pair, wanted: DesiredKey, verdict: Verdict) -> bool:
        """Tell whether keyspec locked the key; it does so only where the value is made."""
        ours = verdict == "kept" and owner_of(wanted.value, self.hub.name) == self.hub.name
        return ours and is_locked_by_keyspec(self.records.get((self.hub.name, pair.key_id)))

    def _recover(self, pair: Pair, wanted: DesiredKey, live: Key) -> Iterator[Step]:
        """Lock a key whose value reached nobody; replace it once it is read as locked."""
        if live.state != "locked":
            change = Change("state", live.state, "locked")
            step = self._maker.make(pair, "lock", UNDELIVERED, TIGHTEN, (change,), before=live)
            yield replace(step, recovery=True)
        elif self.hub.contract.capabilities.ids_reusable:
            held = self._delete_held()
            step = self._maker.make(pair, "delete", UNDELIVERED, DELETE, (REMOVE,), before=live, held_by=held)
            yield replace(step, recovery=True)
            for step in self._create(pair, wanted, "undelivered"):
                reason = "replaces the deleted key" if step.action == "create" else step.reason
                yield replace(step, phase=REPLACE, reason=reason, held_by=held)

    def _tighten(self, pair: Pair, live: Key, why: tuple[str, str], *, busy: str | None = None) -> Iterator[Step]:
        """Lock a key that shall go; delete it only where it was read as locked; leave it where that is not told."""
        if live.state == "locked":
            held = busy or self._delete_held()
            yield self._maker.make(pair, "delete", why[1], DELETE, (REMOVE,), before=live, held_by=held)
        elif live.state == "active":
            yield self._maker.make(pair, "lock", why[0], TIGHTEN, (LOCK,), before=live)

    def _delete_held(self) -> str | None:
        if not self.policy.allow_delete:
            return ALLOW_DELETE
        return SAVED_PLAN if self.policy.sharded else None

    def _plan_unlisted(self, pair: Pair, live: Key) -> Iterator[Step]:
        policy = self.desired.ownership.unlisted
        if policy == "report" or (policy == "lock" and live.state == "locked"):
            return
        what = "declared for other hubs only" if pair.standing == "elsewhere" else "unlisted"
        reason = f"{what}; `ownership.unlisted` is {policy}"
        yield from self._tighten(pair, live, (reason, reason))

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
        yield from find_replicas(pair, self.hub.name, self._judge_replicas(pair, pair.desired))
        yield from find_declared(pair, self.hub.name)
        yield from find_value(pair, self.hub.name)
