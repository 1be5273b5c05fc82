"""All hubs applied: wave by wave, the hubs of a wave side by side.

A wave begins only when the hubs of those before it are applied and verified, but for `max_failed_hubs` of them. A hub
failed if it could not be read or planned, a step of it failed, met a conflict or was skipped, or it was not verified.
What the later waves would have done is skipped. Without waves all hubs are one.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from keyspec.apply import apply_hub, begin_hub, finish_hub
from keyspec.display import name_some
from keyspec.fleet import collect_interrupts, run_fleet
from keyspec.order import find_origins
from keyspec.report import HubResult, StepResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keyspec.apply import Result
    from keyspec.desired import Desired
    from keyspec.fleet import Interrupts
    from keyspec.plan import HubRow
    from keyspec.turn import Job, Turn

_MOST_NAMES: Final = 6


def apply_waves(
    rows: Iterable[HubRow],
    jobs: Mapping[str, Job],
    desired: Desired,
    *,
    results: Mapping[int, StepResult],
    parallel: int,
    interrupted: Callable[[int], None] | Interrupts,
) -> tuple[dict[int, StepResult], dict[str, HubResult]]:
    """Do the jobs of all hubs of a plan, by hub; give the results by number, joined to those there are, and the hubs'.

    `rows` are the plan's hubs. An import that needs what another hub makes in this run finds it done, in its wave or
    in an earlier one.
    """
    found, verdicts = dict(results), dict[str, HubResult]()
    most = desired.rollout.max_failed_hubs if desired.rollout else 0
    failed: list[str] = []
    with collect_interrupts(interrupted) as interrupts:
        for _wave, group in groupby(sorted(rows, key=_wave_of), key=_wave_of):
            in_wave = tuple(group)
            own = {row.name: jobs[row.name] for row in in_wave if row.name in jobs}
            if len(failed) > most:
                done = tuple(_skip(job, _say_stopped(failed, most)) for job in own.values())
            else:
                done = _do_jobs(own, desired, parallel=parallel, interrupts=interrupts)
            interrupts.pass_on()
            found.update((result.step.number, result) for each, _ in done for result in each)
            verdicts.update((verdict.name, verdict) for _, verdict in done)
            broken = {result.step.hub for result in found.values() if not _is_done(result)}
            failed += [row.name for row in in_wave if row.name in broken or _is_unproved(row, verdicts.get(row.name))]
    return found, verdicts


def _wave_of(row: HubRow) -> int:
    return row.wave or 1


def _is_done(result: StepResult) -> bool:
    return result.outcome in ("applied", "already", "held") and (result.outcome != "applied" or result.error is None)


def _is_unproved(row: HubRow, verdict: HubResult | None) -> bool:
    return row.status != "read" or (verdict is not None and verdict.verified is False)


def _say_stopped(failed: list[str], most: int) -> str:
    return f"an earlier wave failed on {name_some(failed, most=_MOST_NAMES)}; `rollout.max_failed_hubs` is {most}"


def _skip(job: Job, why: str) -> Result:
    results = tuple(StepResult(step, "held") if step.held else StepResult(step, "skipped", why) for step in job.steps)
    for result in results:
        job.done(result)
    return results, HubResult(job.live.name, None)


def _do_jobs(jobs: Mapping[str, Job], desired: Desired, *, parallel: int, interrupts: Interrupts) -> tuple[Result, ...]:
    """Do every hub's turn, side by side; one that needs another's values finishes after the other has begun."""
    turns: dict[str, Turn] = {}

    def do(part: tuple[str, str]) -> Result | None:
        name, what = part
        if what == "whole":
            return apply_hub(jobs[name])
        if what == "finish":
            return finish_hub(turns[name])
        turns[name] = begin_hub(jobs[name])
        return None

    origins = find_origins((step for job in jobs.values() for step in job.steps), desired)
    cut = [name for name in jobs if name in origins or any(name in others for others in origins.values())]
    whole = [name for name in jobs if name not in cut]
    parts = [*((name, "begin") for name in cut), *((name, "whole") for name in whole)]
    parts += ((name, "finish") for name in cut)
    places = {part: place for place, part in enumerate(parts)}
    after = {
        places[name, "finish"]: frozenset(places[other, "begin"] for other in (name, *origins.get(name, ())))
        for name in cut
    }
    done = run_fleet(do, parts, parallel=parallel, interrupted=interrupts, after=after)
    return tuple(result for result in done if result is not None)
