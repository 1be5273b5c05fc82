"""One hub's steps, done: phases are barriers, keys run side by side, one key's steps never do.

    settle what earlier runs left in the stores
    list again, if the lists are old
    for each phase: each key: each step:  held to `expects` -> done | already | conflict | failed | skipped
    list once more: planning again gives nothing for the touched keys -> verified

After a step that is neither applied nor already so, the key's later steps are skipped; after any failure on a hub,
its deletes are. A write whose answer was lost is looked up by ID before anything is sent again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from keyspec.custody import Keeping
from keyspec.errors import AnswerLost, HubConflict, HubError, HubMissing, KeyspecError
from keyspec.fingerprint import fingerprint
from keyspec.live import LiveHub
from keyspec.model import Key
from keyspec.planner import Records, change_key, make_plan
from keyspec.recovery import is_delivered
from keyspec.report import HubResult, StepResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Iterable
    from threading import Event

    from keyspec.custody import Run
    from keyspec.desired import Desired, DesiredHub, DesiredKey
    from keyspec.hub import Hub
    from keyspec.ownership import Policy
    from keyspec.plan import Step
    from keyspec.report import Outcome
    from keyspec.stores import Store

Verdict = tuple["Outcome", str | None]

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

    def keeping(self, key: DesiredKey) -> Keeping | None:
        """Give the custody of a key's value; None where the spec names no store."""
        entry = self.target.entry(key)
        return Keeping(self.hub, self.open_store(entry.reference.scheme), entry, self.run) if entry else None


@dataclass(slots=True)
class _Turn:
    """What is known while a hub's steps are done; each key is only ever in the hands of one thread."""

    job: Job
    live: dict[str, Key]
    broken: set[str] = field(default_factory=set)
    failed: bool = False

    def do_key(self, steps: Iterable[Step]) -> list[StepResult]:
        return [self._do_step(step) for step in steps]

    def _do_step(self, step: Step) -> StepResult:
        outcome, error = self._judge(step)
        if outcome not in ("applied", "already"):
            self.broken.add(step.key_id)
            self.failed |= outcome == "failed"
        result = StepResult(step, outcome, error)
        self.job.done(result)
        return result

    def _judge(self, step: Step) -> Verdict:
        if self.job.cancelled.is_set():
            return "skipped", "interrupted"
        if step.key_id in self.broken:
            return "skipped", "an earlier step of this key was not applied"
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
                return self._create(step)
            return self._write(step, current)
        except HubMissing:
            return ("already", None) if step.action == "delete" else ("conflict", "the key is gone from the hub")
        except HubConflict as error:
            return "conflict", str(error)
        except KeyspecError as error:
            return "failed", str(error)

    def _create(self, step: Step) -> Verdict:
        keeping = self.job.keeping(self.job.target.keys[step.key_id])
        if keeping is None:
            return "failed", "there is no store for its value"
        return keeping.create(_created(step))

    def _write(self, step: Step, current: Key | None) -> Verdict:
        """Send a write; if its answer is lost, look the key up, and send it once more if it was not done."""
        for again in (True, False):
            try:
                WRITES[step.action](self.job.hub, step)
            except AnswerLost as lost:
                found = self.job.hub.get_key(step.key_id)
                if self._is_already(step, found):
                    return "applied", None
                if fingerprint(found) != fingerprint(current):
                    return "conflict", f"{lost}; the key has changed since"
                if not again:
                    return "failed", f"{lost}; it was not done"
            else:
                return "applied", None
        raise AssertionError(step)

    def _is_already(self, step: Step, key: Key | None) -> bool:
        if step.action == "delete" or key is None:
            return step.action == "delete" and key is None
        if step.action == "create":
            wanted = self.job.target.keys[step.key_id]
            declared = (wanted.description, wanted.roles, wanted.reauth_timeout_s)
            live = (key.description, key.roles, key.reauth_timeout_s)
            return all(want in (None, have) for want, have in zip(declared, live, strict=True))
        return all(key.field(change.field) == change.after for change in step.changes)

    def _remember(self, step: Step, current: Key | None) -> None:
        if step.action == "delete":
            self.live.pop(step.key_id, None)
        else:
            key = _created(step) if step.action == "create" else current
            if key is not None:
                self.live[step.key_id] = change_key(key, step.changes)


WRITES: Final[Mapping[str, Callable[[Hub, Step], None]]] = {
    "edit": lambda hub, step: hub.edit_key(step.key_id, {change.field: change.after for change in step.changes}),
    "lock": lambda hub, step: hub.lock_key(step.key_id),
    "unlock": lambda hub, step: hub.unlock_key(step.key_id),
    "delete": lambda hub, step: hub.delete_key(step.key_id),
}
"""Which request each action is."""


def apply_hub(job: Job) -> tuple[tuple[StepResult, ...], HubResult]:
    """Do one hub's steps and verify them; give a result for each step, in the plan's order."""
    settled = _settle(job)
    todo = tuple(step for step in job.steps if not step.held)
    try:
        live = _current(job, todo)
    except HubError as error:
        results = [StepResult(step, "failed", f"the hub could not be listed again: {error}") for step in todo]
        for result in results:
            job.done(result)
        return _with_held(job, results), HubResult(job.live.name, None, str(error))
    turn = _Turn(job, live)
    results = _do_phases(turn, todo)
    verified, error_ = _verify(job, results)
    return _with_held(job, results), HubResult(job.live.name, verified, "; ".join((*settled, *error_)) or None)


def _current(job: Job, todo: tuple[Step, ...]) -> dict[str, Key]:
    """Give the keys to hold steps to: those planned from, or a new list where these are old."""
    if todo and job.monotonic() - job.read_at > FRESH_S:
        return {key.key_id: key for key in job.hub.list_keys()}
    return dict(job.live.keys or {})


def _do_phases(turn: _Turn, todo: tuple[Step, ...]) -> list[StepResult]:
    results: list[StepResult] = []
    with ThreadPoolExecutor(turn.job.target.hub.concurrency, thread_name_prefix=turn.job.live.name) as workers:
        for _, steps in groupby(todo, key=lambda step: step.phase):
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
    try:
        keys = {key.key_id: key for key in job.hub.list_keys()}
    except HubError as error:
        return False, (f"could not be verified: {error}",)
    live = LiveHub(job.live.name, keys, job.live.roles)
    records = job.read_records(job.target, touched)
    policy = replace(job.policy, allow_delete=False)
    again = make_plan(job.desired, {job.live.name: live}, records, policy)
    left = sorted({step.key_id for step in again.steps if step.key_id in touched and not step.held})
    return not left, (f"still differ: {', '.join(left)}",) if left else ()


def _settle(job: Job) -> tuple[str, ...]:
    """Finish what earlier runs left: values in the spool, records beside delivered values; give what went wrong."""
    errors = []
    spooled = not job.run.spool.is_empty()
    for key in job.target.keys.values():
        kept = job.records.get((job.live.name, key.key_id))
        if not spooled and not is_delivered(kept):
            continue
        try:
            if (keeping := job.keeping(key)) is not None:
                keeping.settle(key.key_id, kept)
        except KeyspecError as error:
            errors.append(f"{key.key_id}: {error}")
    return tuple(errors)


def _with_held(job: Job, results: Iterable[StepResult]) -> tuple[StepResult, ...]:
    held = [StepResult(step, "held") for step in job.steps if step.held]
    return tuple(sorted((*results, *held), key=lambda result: result.step.number))


def _created(step: Step) -> Key:
    return change_key(Key(step.key_id), step.changes)


def _tell_change(current: Key | None) -> str:
    return "the key is gone from the hub" if current is None else "the live key is not as it was when this was planned"
