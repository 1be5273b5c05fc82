"""One hub applied: its turn begins, goes through the phases, and is proved.

    begin_hub    settle what earlier runs left · list again, if the lists are old · phases up to the creates
    finish_hub   imports · the other phases · list once more: planning again gives nothing for the touched keys

Phases are barriers, keys run side by side, one key's steps never do. A hub that gets another hub's value finishes
only after the other one has begun: its creates are done by then.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import groupby
from queue import Empty
from typing import TYPE_CHECKING, Final

from keyspec.errors import KeyspecError, explain_error
from keyspec.fleet import Crew
from keyspec.importing import note_hub
from keyspec.live import LiveHub
from keyspec.order import CREATE
from keyspec.planner import make_plan
from keyspec.record import Kept, Record
from keyspec.recovery import is_delivered, is_open_again, judge_replicas, was_asked
from keyspec.report import HubResult, StepResult
from keyspec.sharing import owner_of
from keyspec.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyspec.desired import DesiredKey
    from keyspec.model import Key
    from keyspec.plan import Step
    from keyspec.record import Records
    from keyspec.turn import Job

Result = tuple[tuple[StepResult, ...], HubResult]

FRESH_S: Final = 60.0
"""How old, in seconds, a list may be when its hub's turn begins."""
_KEYS_PER_CONNECTION: Final = 4
"""A connection takes as long to set up as a few requests: for fewer keys than these another one does not pay."""
_SLOW_S: Final = 0.25
"""Where no key is done for so long, it does."""


def apply_hub(job: Job) -> Result:
    """Do one hub's steps and verify them; give a result for each step, in the plan's order."""
    return finish_hub(begin_hub(job))


def begin_hub(job: Job) -> Turn:
    """Begin a hub's turn, and do its steps up to the creates."""
    turn = Turn(job)
    job.on_begin(job.live.name)
    try:
        _settle(turn)
        turn.live = _current(job)
    except Exception as error:  # noqa: BLE001 - whatever breaks on this hub, the others go on and are reported
        why = explain_error(error)
        turn.lost = True
        turn.errors.append(why)
        turn.fail(_todo(job), f"the hub could not be listed again: {why}")
        return turn
    _do_stages(turn, late=False)
    return turn


def finish_hub(turn: Turn) -> Result:
    """Do the rest of a hub's steps, and verify all of them."""
    job = turn.job
    verified = None
    if not turn.lost:
        _do_stages(turn, late=True)
        verified = _verify(turn)
    job.hub.rest()
    job.on_end(job.live.name)
    held = [StepResult(step, "held") for step in job.steps if step.held]
    results = tuple(sorted((*turn.results, *held), key=lambda result: result.step.number))
    verdict = HubResult(job.live.name, False if turn.unsettled else verified, "; ".join(turn.errors) or None)
    return results, verdict


def _todo(job: Job) -> tuple[Step, ...]:
    return tuple(step for step in job.steps if not step.held)


def _stages(job: Job) -> list[tuple[tuple[int, bool], list[tuple[Step, ...]]]]:
    """Cut a hub's steps by phase, imports after creates, and by key; each stage is a barrier."""
    todo = _todo(job)
    imported = {step.key_id for step in todo if step.action == "import"}

    def stage_of(step: Step) -> tuple[int, bool]:
        return step.phase, step.phase == CREATE and step.key_id in imported

    stages = groupby(sorted(todo, key=stage_of), key=stage_of)
    return [
        (stage, [tuple(group) for _, group in groupby(steps, key=lambda step: step.key_id)]) for stage, steps in stages
    ]


def _do_stages(turn: Turn, *, late: bool) -> None:
    """Do the stages up to the creates, or those after them, one after another, the keys of each side by side.

    Whatever breaks, each step has a result.
    """
    stages = [(stage, keys) for stage, keys in _stages(turn.job) if (stage > (CREATE, False)) is late]
    try:
        with Crew(turn.do_key, turn.job.target.hub.concurrency, name=turn.job.live.name) as crew:
            for _, keys in stages:
                turn.job.hub.begin_phase()
                for done in _do_keys(keys, crew, most=turn.job.target.hub.concurrency):
                    turn.results += done
    except Exception as error:  # noqa: BLE001 - a bug here must not hide what became of the other hubs
        why = f"nobody knows whether it was done: {explain_error(error)}"
        turn.errors.append(explain_error(error))
        known = {result.step.number for result in turn.results}
        steps = (step for _, keys in stages for key in keys for step in key)
        turn.fail((step for step in steps if step.number not in known), why)


def _do_keys(
    keys: list[tuple[Step, ...]], crew: Crew[Iterable[Step], list[StepResult]], *, most: int
) -> Iterator[list[StepResult]]:
    """Do the steps of some keys, each in a thread with a connection of its own, no more of these than pay."""
    useful = min(most, -(-len(keys) // _KEYS_PER_CONNECTION))
    todo, doing = deque(keys), 0
    while todo or doing:
        while todo and doing < useful and crew.begin(len(todo), todo[0]):
            todo.popleft()
            doing += 1
        try:
            _, outcome = crew.wait(_SLOW_S)
        except Empty:
            useful = most
        else:
            doing -= 1
            yield outcome.result()


def _current(job: Job) -> dict[str, Key]:
    """Give the keys to hold steps to: those planned from, or a new list where these are old."""
    if _todo(job) and not job.cancelled.is_set() and job.monotonic() - job.read_at > FRESH_S:
        job.hub.begin_phase()
        return {key.key_id: key for key in job.hub.list_keys()}
    return dict(job.live.keys or {})


def _verify(turn: Turn) -> bool | None:
    """List once more and plan again: nothing may be left for the keys that were touched.

    A delete that became possible by this run's lock is for a later run, so it counts as held here; an import that is
    still to be done counts, since only this hub is looked at.
    """
    job = turn.job
    touched = {result.step.key_id for result in turn.results if result.outcome != "skipped"}
    if not touched or job.cancelled.is_set():
        return None
    try:
        keys = (key for key_id, key in job.target.keys.items() if key_id in touched)
        records = job.read_records((job.target, key) for key in keys)
        job.hub.begin_phase()
        live = {key.key_id: key for key in job.hub.list_keys()}
        left = _left(turn, live, touched, records)
    except Exception as error:  # noqa: BLE001 - as above
        turn.errors.append(f"could not be verified: {explain_error(error)}")
        return False
    if left:
        turn.errors.append(f"still differ: {', '.join(left)}")
    return not left


def _left(turn: Turn, keys: dict[str, Key], touched: set[str], records: Records) -> tuple[str, ...]:
    """Name the touched keys that planning again has steps for."""
    job = turn.job
    live = LiveHub(job.live.name, keys, job.live.roles)
    policy = replace(job.policy, allow_delete=False, allow_reimport=True)
    again = make_plan(job.desired, {job.live.name: live}, records, policy)
    left = (step for step in again.steps if step.key_id in touched and not step.held)
    return tuple(sorted({step.key_id for step in left if (step.hub, step.key_id, step.action) not in job.apart}))


def _settle(turn: Turn) -> None:
    """Finish what earlier runs left: values in the spool, records that do not say yet what was done."""
    job = turn.job
    turn.records = {key_id: kept for (_, key_id), kept in job.records.items()}
    spooled = not job.run.spool.is_empty()
    for key_id, key in () if job.cancelled.is_set() else job.target.keys.items():
        if not spooled and not is_unfinished(key, job.live, job.records, job.run.take_over):
            continue
        try:
            _settle_key(turn, key_id)
        except KeyspecError as error:
            turn.broken[key_id] = "what an earlier run left could not be settled"
            turn.errors.append(f"{key_id}: {error}")
            turn.unsettled = True


def is_unfinished(key: DesiredKey, hub: LiveHub, records: Records, take_over: Iterable[str]) -> bool:
    """Tell whether an earlier run left something of a key that is to be finished, the spool apart."""
    kept, live = records.get((hub.name, key.key_id)), (hub.keys or {}).get(key.key_id)
    if is_delivered(kept) or was_asked(kept, hub.name) or is_open_again(kept, live):
        return True
    return _are_behind(key, hub.name, kept, take_over)


def _are_behind(key: DesiredKey, hub: str, kept: Kept | str | None, take_over: Iterable[str]) -> bool:
    """Tell whether a replica is to be written that lacks what is kept."""
    if not isinstance(kept, Kept) or not isinstance(kept.note, Record) or not kept.has_value or key.state == "absent":
        return False
    wanted = ("outdated", "foreign") if key.key_id in take_over else ("outdated",)
    judged = judge_replicas(kept, owner=owner_of(key.value, hub), key_id=key.key_id, hub=hub)
    return any(verdict in wanted for _, verdict in judged)


def _settle_key(turn: Turn, key_id: str) -> None:
    name, keeping = turn.job.live.name, turn.keeping(key_id)
    if keeping is None:
        return
    kept, live = turn.records.get(key_id), (turn.job.live.keys or {}).get(key_id)
    asked = was_asked(kept, name) and live is not None
    behind = _are_behind(turn.job.target.keys[key_id], name, kept, turn.job.run.take_over)
    with turn.job.run.claim(keeping.entry):
        if keeping.is_owner and is_open_again(kept, live):
            keeping.forget_lock()
        if asked:
            note_hub(keeping, key_id, "known")
        settled = keeping.is_owner and keeping.settle(key_id)
        if asked or settled:
            turn.records[key_id] = keeping.store.look(keeping.entry)
        wrong = keeping.copy(key_id) if asked or settled or behind else None
    if wrong:
        turn.errors.append(f"{key_id}: {wrong}")
        turn.unsettled = True
