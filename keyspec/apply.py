"""One hub's steps, done: phases are barriers, keys run side by side, one key's steps never do.

    settle what earlier runs left in the spool and in the stores
    list again, if the lists are old
    for each phase: each key: each step:  held to `expects` -> done | already | conflict | failed | skipped
    list once more: planning again gives nothing for the touched keys -> verified

After a step that is neither applied nor already so, and where settling failed, the key's later steps are skipped;
after any failure on a hub, its deletes are. Steps that clear up after a lost value are held to the store as the plan
saw it, too. Once the run is cancelled nothing begins any more, but for the lock of a key that was just created.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from keyspec.custody import Keeping, write_surely
from keyspec.errors import HubConflict, HubError, HubMissing, KeyspecError
from keyspec.fingerprint import fingerprint
from keyspec.live import LiveHub
from keyspec.model import Key
from keyspec.planner import make_plan
from keyspec.recovery import is_delivered
from keyspec.report import HubResult, StepResult
from keyspec.steps import change_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from threading import Event

    from keyspec.custody import Run, Verdict
    from keyspec.desired import Desired, DesiredHub, DesiredKey
    from keyspec.hub import Hub
    from keyspec.ownership import Policy
    from keyspec.plan import Step
    from keyspec.record import Kept, Records
    from keyspec.stores import Store

FRESH_S: Final = 60.0
"""How old, in seconds, a list may be when its hub's turn begins."""


@dataclass(frozen=True, slots=True)
class Job:
    """All that one hub's turn needs. `desired` holds this hub alone; `read_at` is on the clock of `monotonic`."""

    desired: Desired
    live: LiveHub
    records: Records
    steps: tuple[Step, ...]
    policy: Policy
    hub: Hub
    run: Run
    open_store: Callable[[str], Store]
    read_records: Callable[[DesiredHub, Iterable[str]], Records]
    monotonic: Callable[[], float]
    read_at: float
    cancelled: Event
    done: Callable[[StepResult], None]

    @property
    def target(self) -> DesiredHub:
        """The hub as the spec wants it."""
        return self.desired.hubs[self.live.name]

    def keeping(self, key: DesiredKey, planned: Kept | str | None = None) -> Keeping | None:
        """Give the custody of a key's value, which was planned from `planned`; None where the spec names no store."""
        entry = self.target.entry(key)
        if entry is None:
            return None
        others = frozenset((*(self.live.keys or ()), *self.target.hub.auth_key_id))
        return Keeping(self.hub, self.open_store(entry.reference.scheme), entry, self.run, planned, others)


@dataclass(slots=True)
class _Turn:
    """What is known while a hub's steps are done; each key is only ever in the hands of one thread."""

    job: Job
    live: dict[str, Key] = field(default_factory=dict)
    records: dict[str, Kept | str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    created: set[str] = field(default_factory=set)
    failed: bool = False

    def do_key(self, steps: Iterable[Step]) -> list[StepResult]:
        return [self._do_step(step) for step in steps]

    def keeping(self, key_id: str) -> Keeping | None:
        return self.job.keeping(self.job.target.keys[key_id], self.records.get(key_id))

    def _do_step(self, step: Step) -> StepResult:
        outcome, error = self._judge(step)
        if outcome == "applied" and step.action == "create":
            self.created.add(step.key_id)
        elif outcome not in ("applied", "already"):
            self.broken.setdefault(step.key_id, "an earlier step of this key was not applied")
            self.failed |= outcome == "failed"
        result = StepResult(step, outcome, error)
        self.job.done(result)
        return result

    def _judge(self, step: Step) -> Verdict:
        # The lock of a key that this run created belongs to its create: else it stays wider than it was declared.
        if self.job.cancelled.is_set() and not (step.action == "lock" and step.key_id in self.created):
            return "skipped", "interrupted"
        if step.key_id in self.broken:
            return "skipped", self.broken[step.key_id]
        if step.action == "delete" and self.failed:
            return "skipped", "a step on this hub failed, and nothing is deleted after that"
        current = self.live.get(step.key_id)
        if fingerprint(current) != step.expects:
            return ("already", None) if self._is_already(step, current) else ("conflict", _tell_change(current))
        outcome, error = self._send(step, current)
        if outcome in ("applied", "already"):
            self._remember(step, current)
        return outcome, error

    def _send(self, step: Step, current: Key | None) -> Verdict:
        try:
            if step.action == "create":
                keeping = self.keeping(step.key_id)
                return keeping.create(_created(step)) if keeping else ("failed", "there is no store for its value")
            if step.recovery and not self._is_undelivered(step):
                return "conflict", "its store is not as it was when this was planned"
            return self._write(step, current)
        except HubMissing:
            return ("already", None) if step.action == "delete" else ("conflict", "the key is gone from the hub")
        except HubConflict as error:
            return "conflict", str(error)
        except KeyspecError as error:
            return "failed", str(error)
        except Exception as error:  # noqa: BLE001 - one step's bug must not hide what became of all the others
            return "failed", f"unexpected {type(error).__name__}; please report it"

    def _write(self, step: Step, current: Key | None) -> Verdict:
        return write_surely(
            self.job.hub,
            step.key_id,
            lambda: WRITES[step.action](self.job.hub, step),
            is_done=lambda found: self._is_already(step, found),
            is_unchanged=lambda found: fingerprint(found) == fingerprint(current),
        )

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
        return all(want in (None, have) for want, have in zip(declared, live, strict=True))

    def _remember(self, step: Step, current: Key | None) -> None:
        if step.action == "delete":
            self.live.pop(step.key_id, None)
        elif step.action == "create":
            self.live[step.key_id] = _created(step)
        elif current is not None:
            self.live[step.key_id] = change_key(current, step.changes)


WRITES: Final[Mapping[str, Callable[[Hub, Step], None]]] = {
    "edit": lambda hub, step: hub.edit_key(step.key_id, {change.field: change.after for change in step.changes}),
    "lock": lambda hub, step: hub.lock_key(step.key_id),
    "unlock": lambda hub, step: hub.unlock_key(step.key_id),
    "delete": lambda hub, step: hub.delete_key(step.key_id),
}
"""Which request each action is."""


def apply_hub(job: Job) -> tuple[tuple[StepResult, ...], HubResult]:
    """Do one hub's steps and verify them; give a result for each step, in the plan's order."""
    turn = _Turn(job)
    unsettled = _settle(turn)
    todo = tuple(step for step in job.steps if not step.held)
    try:
        turn.live = _current(job, todo)
    except HubError as error:
        results = [StepResult(step, "failed", f"the hub could not be listed again: {error}") for step in todo]
        for result in results:
            job.done(result)
        return _with_held(job, results), _judge_hub(job, unsettled, (str(error),), verified=None)
    results = _do_phases(turn, todo)
    verified, errors = _verify(job, results)
    return _with_held(job, results), _judge_hub(job, unsettled, errors, verified=verified)


def _judge_hub(job: Job, unsettled: tuple[str, ...], errors: tuple[str, ...], *, verified: bool | None) -> HubResult:
    """Give a hub's verdict; what could not be settled leaves it unverified, touched or not."""
    return HubResult(job.live.name, False if unsettled else verified, "; ".join((*unsettled, *errors)) or None)


def _current(job: Job, todo: tuple[Step, ...]) -> dict[str, Key]:
    """Give the keys to hold steps to: those planned from, or a new list where these are old."""
    if todo and not job.cancelled.is_set() and job.monotonic() - job.read_at > FRESH_S:
        job.hub.begin_phase()
        return {key.key_id: key for key in job.hub.list_keys()}
    return dict(job.live.keys or {})


def _do_phases(turn: _Turn, todo: tuple[Step, ...]) -> list[StepResult]:
    results: list[StepResult] = []
    with ThreadPoolExecutor(turn.job.target.hub.concurrency, thread_name_prefix=turn.job.live.name) as workers:
        for _, steps in groupby(todo, key=lambda step: step.phase):
            turn.job.hub.begin_phase()
            by_key = [tuple(group) for _, group in groupby(steps, key=lambda step: step.key_id)]
            for done in workers.map(turn.do_key, by_key):
                results += done
    return results


def _verify(job: Job, results: Iterable[StepResult]) -> tuple[bool | None, tuple[str, ...]]:
    """List once more and plan again: nothing may be left for the keys that were touched.

    A delete that became possible by this run's lock is for a later run, so it counts as held here.
    """
    touched = {result.step.key_id for result in results if result.outcome != "skipped"}
    if not touched or job.cancelled.is_set():
        return None, ()
    records = job.read_records(job.target, touched)
    try:
        job.hub.begin_phase()
        keys = {key.key_id: key for key in job.hub.list_keys()}
    except HubError as error:
        return False, (f"could not be verified: {error}",)
    live = LiveHub(job.live.name, keys, job.live.roles)
    policy = replace(job.policy, allow_delete=False)
    again = make_plan(job.desired, {job.live.name: live}, records, policy)
    left = sorted({step.key_id for step in again.steps if step.key_id in touched and not step.held})
    return not left, (f"still differ: {', '.join(left)}",) if left else ()


def _settle(turn: _Turn) -> tuple[str, ...]:
    """Finish what earlier runs left: values in the spool, records beside delivered values; give what went wrong."""
    job = turn.job
    turn.records = {key_id: kept for (_, key_id), kept in job.records.items()}
    spooled = not job.run.spool.is_empty()
    errors = []
    for key_id in () if job.cancelled.is_set() else job.target.keys:
        if not spooled and not is_delivered(turn.records.get(key_id)):
            continue
        try:
            keeping = turn.keeping(key_id)
            if keeping is not None and keeping.settle(key_id):
                turn.records[key_id] = keeping.store.look(keeping.entry)
        except KeyspecError as error:
            turn.broken[key_id] = "what an earlier run left could not be settled"
            errors.append(f"{key_id}: {error}")
    return tuple(errors)


def _with_held(job: Job, results: Iterable[StepResult]) -> tuple[StepResult, ...]:
    held = [StepResult(step, "held") for step in job.steps if step.held]
    return tuple(sorted((*results, *held), key=lambda result: result.step.number))


def _created(step: Step) -> Key:
    return change_key(Key(step.key_id), step.changes)


def _tell_change(current: Key | None) -> str:
    return "the key is gone from the hub" if current is None else "the live key is not as it was when this was planned"
