"""The plans or reports of all shards, joined to the one that a single run would have given.

Every shard of a wave is there once, and together they hold every hub that was selected; all planned the same spec, and
where they applied a saved plan of the fleet, the same one. Nothing tells when: without a saved plan, what a shard
has printed yesterday of the same spec joins with what others print today.
What belongs to no hub (findings on keys) was said by each shard that looked, and is said once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from keyspec.display import name_some
from keyspec.errors import Problem, RefusedError
from keyspec.findings import sort_findings
from keyspec.order import order_steps
from keyspec.plan import Plan, summarize
from keyspec.report import Report
from keyspec.shard import fleet_digest
from keyspec.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from keyspec.shard import Shard

_MOST_NAMES: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One shard's plan or report, and the file it stands in."""

    file: str
    told: Plan | Report

    @property
    def plan(self) -> Plan:
        """The plan itself, or the one that was applied."""
        return self.told.plan if isinstance(self.told, Report) else self.told


def join_plans(parts: Iterable[Part]) -> Plan:
    """Join the plans of shards.

    Raises:
        RefusedError: they do not belong together, or one is missing.
    """
    plans = tuple(part.plan for part in _check(tuple(parts)))
    hubs = tuple(sorted((row for plan in plans for row in plan.hubs), key=lambda row: row.name))
    steps = order_steps(step for plan in plans for step in plan.steps)
    findings = sort_findings({found: None for plan in plans for found in plan.findings})
    saved = plans[0].saved if len({plan.saved for plan in plans}) == 1 else None
    return Plan(plans[0].spec, hubs, steps, findings, summarize(hubs, steps), saved=saved)


def join_reports(parts: Iterable[Part]) -> Report:
    """Join the reports of shards.

    Raises:
        RefusedError: they do not belong together, or one is missing.
    """
    given = tuple(parts)
    plan = join_plans(given)
    reports = [part.told for part in given if isinstance(part.told, Report)]
    found = {_identify(result.step): result for report in reports for result in report.results}
    verdicts = {verdict.name: verdict for report in reports for verdict in report.hubs}
    results = tuple(replace(found[_identify(step)], step=step) for step in plan.steps)
    hubs = tuple(verdicts[row.name] for row in plan.hubs)
    return Report(plan, results, hubs, interrupted=any(report.interrupted for report in reports))


def _identify(step: object) -> object:
    return replace(step, number=0)  # type: ignore[type-var]


def _check(parts: Sequence[Part]) -> Sequence[Part]:
    problems = tuple(_find_misfits(parts)) if parts else (Problem("shard-missing", "there is nothing to join"),)
    if problems:
        raise RefusedError(problems)
    return parts


def _find_misfits(parts: Sequence[Part]) -> Iterator[Problem]:
    first = parts[0]
    for part in parts:
        if part.plan.shard is None:
            yield _misfit(part, "this is no shard's: it was made without --shard")
        if isinstance(part.told, Report) is not isinstance(first.told, Report):
            yield _misfit(part, f"plans and reports cannot be joined; {first.file} is another kind")
        if part.plan.spec != first.plan.spec:
            yield _misfit(part, f"it was planned from another spec than {first.file}")
    shards = [(part, part.plan.shard) for part in parts if part.plan.shard is not None]
    if len(shards) == len(parts):
        yield from _find_strangers(shards)
        for wave in sorted({shard.wave for _, shard in shards}, key=lambda wave: wave or 0):
            yield from _find_gaps([(part, shard) for part, shard in shards if shard.wave == wave])


def _find_strangers(shards: Sequence[tuple[Part, Shard]]) -> Iterator[Problem]:
    """Find parts that are not of the same whole, and hubs that stand in the wrong one."""
    first, shard = shards[0]
    for part, each in shards:
        if each.of != shard.of:
            yield _misfit(part, f"it is one of {each.of} shards, {first.file} one of {shard.of}")
        if each.plan != shard.plan:
            yield _misfit(part, f"it applied another plan than {first.file}")
        if (each.wave is None) is not (shard.wave is None):
            yield _misfit(part, f"one of it and {first.file} is of one wave, the other of all")
        if each.keys != shard.keys:
            yield _misfit(part, f"it looked at other keys (-k) than {first.file}")
        strange = [row.name for row in part.plan.hubs if not each.holds(row.name) or each.wave not in (None, row.wave)]
        if strange:
            yield _misfit(part, f"{len(strange)} hubs in it are not this shard's, {strange[0]} the first")


def _find_gaps(shards: Sequence[tuple[Part, Shard]]) -> Iterator[Problem]:
    """Find what is missing of one wave's shards, or is there twice."""
    first, shard = shards[0]
    seen: dict[int, str] = {}
    for part, each in shards:
        if each.number in seen:
            yield _misfit(part, f"shard {each} stands in {seen[each.number]}, too")
        seen[each.number] = part.file
        if each.fleet != shard.fleet:
            yield _misfit(part, f"it was made for other hubs (-l, --wave) than {first.file}")
    of_wave = "" if shard.wave is None else f" of wave {shard.wave}"
    if len(seen) < shard.of:
        missing = [number for number in range(1, shard.of + 1) if number not in seen]
        names = name_some([f"{number}/{shard.of}" for number in missing], most=_MOST_NAMES)
        what = f"shards are missing{of_wave}: {names}"
        yield Problem("shard-missing", what, None, "what they did is not known; run them again")
    elif (
        len(seen) == len(shards)
        and fleet_digest(row.name for part, _ in shards for row in part.plan.hubs) != shard.fleet
    ):
        count = sum(len(part.plan.hubs) for part, _ in shards)
        what = f"hubs are missing in the shards{of_wave}: the {count} that stand there are not those that were selected"
        yield Problem("shard-missing", what, None, "run all shards again, and join what they print as it is")


def _misfit(part: Part, what: str) -> Problem:
    return Problem("shard-misfit", what, Source(part.file, 1, 1), "join what all shards of one run have written")
