"""One hub's turn: its steps done one by one, each held to what the plan saw.

    each step:  expects what is live?  ->  applied | failed | skipped
                                no     ->  already, as wanted | conflict

A key with another handle than the plan saw is another key, whatever its ID.

A write whose answer was lost is looked up by ID before anything is sent again. After a step that is neither applied
nor already so the key's later steps are skipped; after a failure, the hub's deletes are. Steps that clear up after a
lost value are held to the store as the plan saw it, too. Once the run is cancelled nothing begins any more, but for
the lock of a key that this run has just brought to the hub.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from keyspec.content import needs_etag
from keyspec.custody import Keeping, write_surely
from keyspec.errors import HubConflict, HubError, HubMissing, StoreError, explain_error
from keyspec.fingerprint import fingerprint, is_alike, is_same_key
from keyspec.importing import Supply, import_key, make_value
from keyspec.model import Key
from keyspec.needs import CHANGES
from keyspec.recovery import is_locked_by_keyspec
from keyspec.report import StepResult
from keyspec.sharing import owner_of
from keyspec.steps import change_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from threading import Event

    from keyspec.custody import Run, Verdict
    from keyspec.desired import Desired, DesiredHub, DesiredKey, Entry
    from keyspec.hub import Hub
    from keyspec.live import LiveHub
    from keyspec.ownership import Policy
    from keyspec.plan import Step
    from keyspec.record import Kept, Records
    from keyspec.secret import Secret
    from keyspec.stores import Store


@dataclass(frozen=True, slots=True)
class Job:
    """All that one hub's turn needs. `desired` holds this hub alone; `read_at` is on the clock of `monotonic`.

    `stale` are the steps of a saved plan that planning again does not give; `apart` names hub, key and action of those
    that were not to be done, so that they do not count as left over.
    """

    desired: Desired
    live: LiveHub
    records: Records
    steps: tuple[Step, ...]
    policy: Policy
    hub: Hub
    run: Run
    open_store: Callable[[str], Store]
    read_records: Callable[[Iterable[tuple[DesiredHub, DesiredKey]]], Records]
    read_given: Callable[[Entry], Secret]
    monotonic: Callable[[], float]
    read_at: float
    cancelled: Event
    done: Callable[[StepResult], None]
    on_begin: Callable[[str], None] = lambda _: None
    on_end: Callable[[str], None] = lambda _: None
    stale: frozenset[int] = frozenset()
    apart: frozenset[tuple[str, str, str]] = frozenset()

    @property
    def target(self) -> DesiredHub:
        """The hub as the spec wants it."""
        return self.desired.hubs[self.live.name]

    def keeping(self, key: DesiredKey, planned: Kept | str | None = None) -> Keeping | None:
        """Give the custody of a key's value, which was planned from `planned`; None where the spec names no store."""
        entry = self.target.entry(key)
        if entry is None:
            return None
        return Keeping(
            hub=self.hub,
            store=self.open_store(entry.reference.scheme),
            entry=entry,
            run=self.run,
            owner=owner_of(key.value, self.live.name),
            replicas=tuple((self.open_store(copy.reference.scheme), copy) for copy in self.target.replicas(key)),
            planned=planned,
            others=frozenset((*(self.live.keys or ()), *self.target.hub.auth_key_id)),
        )

    def supply(self, key: DesiredKey) -> Supply:
        """Give where the value of a key comes from that is imported."""
        given = self.target.given(key)
        if given is not None:
            return Supply(read=lambda: self.read_given(given))
        if key.value.from_ == "generated":
            return Supply(make=lambda: make_value(self.run.choose, key.value.prefix))
        return Supply()


@dataclass(slots=True)
class Turn:
    """What is known while a hub's steps are done; each key is only ever in the hands of one thread."""

    job: Job
    live: dict[str, Key] = field(default_factory=dict)
    records: dict[str, Kept | str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    created: set[str] = field(default_factory=set)
    failed: bool = False
    results: list[StepResult] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unsettled: bool = False
    lost: bool = False

    def do_key(self, steps: Iterable[Step]) -> list[StepResult]:
        """Do one key's steps, in their order."""
        return [self._do_step(step) for step in steps]

    def fail(self, steps: Iterable[Step], why: str) -> None:
        """Take note that steps failed for a reason that is not their own: their keys' later ones are skipped."""
        failed = [StepResult(step, "failed", why) for step in steps]
        self.results += failed
        self.failed |= bool(failed)
        for result in failed:
            self.broken.setdefault(result.step.key_id, "an earlier step of this key was not applied")
            self.job.done(result)

    def keeping(self, key_id: str) -> Keeping | None:
        """Give the custody of a declared key's value, as the plan or this turn saw its entry last."""
        return self.job.keeping(self.job.target.keys[key_id], self.records.get(key_id))

    def _do_step(self, step: Step) -> StepResult:
        try:
            outcome, error = self._judge(step)
        except Exception as unforeseen:  # noqa: BLE001 - one step's bug must not hide what became of all the others
            outcome, error = "failed", explain_error(unforeseen)
        if outcome == "applied" and step.action in MAKING:
            self.created.add(step.key_id)
        elif outcome not in ("applied", "already"):
            self.broken.setdefault(step.key_id, "an earlier step of this key was not applied")
            self.failed |= outcome == "failed"
        result = StepResult(step, outcome, error)
        self.job.done(result)
        return result

    def _judge(self, step: Step) -> Verdict:
        # The lock of a key that this run created belongs to its create, else it stays wider than it was declared; so
        # does its unlock, where new keys are locked.
        belongs = step.action in ("lock", "unlock") and step.key_id in self.created
        if self.job.cancelled.is_set() and not belongs:
            return "skipped", "interrupted"
        if step.key_id in self.broken:
            return "skipped", self.broken[step.key_id]
        if step.action == "delete" and self.failed:
            return "skipped", "a step on this hub failed, and nothing is deleted after that"
        current = self.live.get(step.key_id)
        if not self._is_expected(step, current):
            return ("already", None) if self._is_already(step, current) else ("conflict", _tell_change(current))
        if step.number in self.job.stale:
            return "conflict", "the live key is as it was reviewed, but planning again does not give this step"
        with self.job.hub.owing() if belongs else nullcontext():
            outcome, error = self._send(step, current)
        if outcome in ("applied", "already"):
            self._remember(step, current)
        return outcome, error

    def _is_expected(self, step: Step, current: Key | None) -> bool:
        if current is not None and step.key_id in self.created:
            current = replace(current, handle=None)  # the plan could not know it
        return fingerprint(current) == step.expects

    def _send(self, step: Step, current: Key | None) -> Verdict:
        try:
            if step.action in MAKING:
                return self._make(step)
            if step.recovery and not self._is_undelivered(step):
                return "conflict", "its store is not as it was when this was planned"
            outcome, error = self._write(step, current)
            if outcome == "applied" and step.action == "unlock" and is_locked_by_keyspec(self.records.get(step.key_id)):
                error = self._forget_lock(step.key_id)
            return outcome, error
        except HubMissing:
            return ("already", None) if step.action == "delete" else ("conflict", "the key is gone from the hub")
        except HubConflict as error:
            return ("already", None) if self._is_so_by_now(step, current) else ("conflict", str(error))
        except Exception as error:  # noqa: BLE001 - one step's bug must not hide what became of all the others
            return "failed", explain_error(error)

    def _is_so_by_now(self, step: Step, known: Key | None) -> bool:
        """Tell whether somebody else did what a hub would not do, because its state is another one."""
        if step.action in MAKING or known is None:
            return False
        with suppress(HubError):
            found = self.job.hub.get_key(known)
            return (found is None or is_same_key(found, known)) and self._is_already(step, found)
        return False

    def _make(self, step: Step) -> Verdict:
        keeping = self.keeping(step.key_id)
        if keeping is None:
            return "failed", "there is no store for its value"
        if step.action == "create":
            return keeping.create(_created(step))
        return import_key(keeping, _created(step), self.job.supply(self.job.target.keys[step.key_id]))

    def _forget_lock(self, key_id: str) -> str | None:
        """Take keyspec's own lock off the record, so that a later one is known as somebody else's."""
        keeping = self.keeping(key_id)
        if keeping is None or not keeping.is_owner:
            return None
        try:
            with self.job.run.claim(keeping.entry):
                keeping.forget_lock()
        except StoreError as error:
            return f"the record still says that keyspec locked it: {error}"
        return None

    def _write(self, step: Step, current: Key | None) -> Verdict:
        known = current or Key(step.key_id)
        return write_surely(
            self.job.hub,
            known,
            lambda: WRITES[step.action](self.job.hub, self._find_fresh(step, known), step),
            is_done=lambda found: (found is None or is_same_key(found, known)) and self._is_already(step, found),
            is_unchanged=lambda found: is_alike(found, known),
        )

    def _find_fresh(self, step: Step, known: Key) -> Key:
        """Give the live key, read right now where its ETag is to be sent: then it must be as the plan saw it."""
        contract = self.job.hub.contract
        name = CHANGES[step.action]
        if not contract.supports(name) or not needs_etag(contract, name):
            return known
        if known.etag is not None and not contract.capabilities.etag:
            return known
        found = self.job.hub.get_key(known)
        if found is None:
            raise HubMissing("the key is gone from the hub")
        if not is_alike(found, known):
            raise HubConflict(_tell_change(found))
        return found

    def _is_undelivered(self, step: Step) -> bool:
        keeping = self.keeping(step.key_id)
        return keeping is not None and keeping.is_as_planned()

    def _is_already(self, step: Step, key: Key | None) -> bool:
        """Tell whether a key is as the step would leave it, in all that is declared."""
        if step.action == "delete" or key is None:
            return step.action == "delete" and key is None
        if step.action in ("lock", "unlock"):
            return all(key.field(change.field) == change.after for change in step.changes)
        wanted = self.job.target.keys[step.key_id]
        declared = (wanted.description, wanted.roles, wanted.reauth_timeout_s)
        live = (key.description, key.roles, key.reauth_timeout_s)
        if step.action in MAKING and key.state == "locked" and wanted.state != "locked":
            return False
        return all(want in (None, have) for want, have in zip(declared, live, strict=True))

    def _remember(self, step: Step, current: Key | None) -> None:
        if step.action == "delete":
            self.live.pop(step.key_id, None)
        elif step.action in MAKING:
            self.live[step.key_id] = replace(_created(step), handle=self.job.hub.handle_of(step.key_id))
        elif current is not None:
            self.live[step.key_id] = change_key(current, step.changes)


MAKING: Final = ("create", "import")
"""The actions that bring a key to a hub."""

WRITES: Final[Mapping[str, Callable[[Hub, Key, Step], None]]] = {
    "edit": lambda hub, key, step: hub.edit_key(key, {change.field: change.after for change in step.changes}),
    "lock": lambda hub, key, _: hub.lock_key(key),
    "unlock": lambda hub, key, _: hub.unlock_key(key),
    "delete": lambda hub, key, _: hub.delete_key(key),
}
"""Which request each other action is."""


def _created(step: Step) -> Key:
    return change_key(Key(step.key_id), step.changes)


def _tell_change(current: Key | None) -> str:
    return "the key is gone from the hub" if current is None else "the live key is not as it was when this was planned"
