from __future__ import annotations

from dataclasses import replace

import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from keyspec.errors import RefusedError
from keyspec.findings import sort_findings
from keyspec.join import Part, join_plans, join_reports
from keyspec.order import order_steps
from keyspec.ownership import Policy
from keyspec.plan import HubRow, Plan, summarize
from keyspec.report import HubResult, Report, StepResult
from keyspec.saved import select_plan
from keyspec.shard import Shard, fleet_digest

SPEC = "sha256:" + "5" * 64


def in_order(plan):
    """Give a drawn plan as planning gives one: hubs and findings sorted, nothing twice."""
    steps = {(step.hub, step.phase, step.key_id, step.action): step for step in plan.steps}
    hubs = tuple(sorted(plan.hubs, key=lambda row: row.name))
    ordered = order_steps(steps.values())
    there = {None, *(row.name for row in hubs)}
    findings = sort_findings({found for found in plan.findings if found.hub in there})
    return replace(
        plan, hubs=hubs, steps=ordered, findings=findings, summary=summarize(hubs, ordered), shard=None, spec=SPEC
    )


def cut(plan, of):
    """Give the parts of a plan that shards print."""
    for number in range(1, of + 1):
        shard = Shard(number, of, fleet=fleet_digest(row.name for row in plan.hubs))
        hubs = [row.name for row in plan.hubs if shard.holds(row.name)]
        yield Part(f"{number}.json", select_plan(plan, hubs, Policy(), shard))


OUTCOMES = ("applied", "already", "conflict", "failed", "skipped")


def report_of(plan):
    """Give a report in which what became of each step follows from the step."""
    results = []
    for step in plan.steps:
        outcome = "held" if step.held else OUTCOMES[len(step.key_id + step.hub) % len(OUTCOMES)]
        results.append(StepResult(step, outcome, None if outcome in ("held", "applied") else f"why {step.key_id}"))
    verdicts = (HubResult(row.name, len(row.name) % 2 == 0, row.name) for row in plan.hubs)
    return Report(plan, tuple(results), tuple(verdicts))


plans = strategies.plans().map(in_order)


@given(plans, st.integers(min_value=1, max_value=9))
def test_what_was_cut_joins_to_the_same(plan, of):
    assert join_plans(cut(plan, of)) == plan


@given(plans, st.integers(min_value=1, max_value=9))
def test_reports_join_to_the_report_of_the_whole(plan, of):
    parts = [replace(part, told=report_of(part.plan)) for part in cut(plan, of)]
    assert join_reports(reversed(parts)) == report_of(plan)


@given(plans)
def test_one_interrupted_shard_interrupts_the_whole(plan):
    parts = [
        replace(part, told=replace(report_of(part.plan), interrupted=part.file == "2.json")) for part in cut(plan, 3)
    ]
    assert join_reports(parts).interrupted


def refusal(parts):
    with pytest.raises(RefusedError) as caught:
        join_plans(parts)
    return [problem.message for problem in caught.value.problems]


EMPTY = strategies.plans(max_steps=0).map(in_order)


@given(EMPTY, st.data())
def test_a_missing_shard_is_named(plan, data):
    parts = list(cut(plan, 5))
    gone = data.draw(st.integers(min_value=1, max_value=5))
    del parts[gone - 1]
    assert refusal(parts) == [f"shards are missing: {gone}/5"]


def parts_of(*names, of=2, **changes):
    """Give the empty parts of a fleet; `changes` are of the last shard."""
    hubs = tuple(HubRow(name, "https://x.example", "read", 1, wave=1) for name in sorted(names))
    plan = Plan(SPEC, hubs, (), (), summarize(hubs, ()))
    *rest, last = cut(plan, of)
    shard = replace(last.told.shard, **{name: value for name, value in changes.items() if name != "spec"})
    told = replace(last.told, shard=shard, **({"spec": changes["spec"]} if "spec" in changes else {}))
    return [*rest, replace(last, told=told)]


def test_what_does_not_belong_is_named():
    one, two = parts_of("a", "b", "c", "d")
    assert refusal([one, two, replace(two, file="x.json")])[0] == "shard 2/2 stands in 2.json, too"
    assert "planned from another spec than 1.json" in refusal(parts_of("a", "b", spec="sha256:" + "6" * 64))[0]
    assert "made without --shard" in refusal([replace(one, told=replace(one.told, shard=None)), two])[0]
    assert "it applied another plan than 1.json" in refusal(parts_of("a", "b", plan=SPEC))
    thirds = [replace(two, told=replace(two.told, shard=replace(two.told.shard, of=3)))]
    assert "it is one of 3 shards, 1.json one of 2" in refusal([one, *thirds])
    assert "it looked at other keys (-k) than 1.json" in refusal(parts_of("a", "b", keys=("ci_*",)))
    assert "it was made for other hubs (-l, --wave) than 1.json" in refusal(parts_of("a", "b", fleet=SPEC))
    assert refusal([one, replace(two, told=report_of(two.told))])[0] == (
        "plans and reports cannot be joined; 1.json is another kind"
    )


def test_hubs_stand_in_their_own_shard_and_all_are_there():
    one, two = parts_of("a", "b", "c", "d", "e")
    assert one.plan.hubs
    assert two.plan.hubs
    swapped = [replace(one, told=replace(one.told, hubs=two.told.hubs)), two]
    assert f"{len(two.plan.hubs)} hubs in it are not this shard's, {two.plan.hubs[0].name} the first" in refusal(
        swapped
    )
    gone = [replace(one, told=replace(one.told, hubs=one.told.hubs[1:])), two]
    assert refusal(gone) == ["hubs are missing in the shards: the 4 that stand there are not those that were selected"]
    assert "not this shard's" in refusal([one, *parts_of("a", "b", "c", "d", "e", wave=2)[1:]])[-2]


def test_nothing_is_no_report():
    assert refusal([]) == ["there is nothing to join"]


@given(plans)
def test_waves_are_complete_each_by_itself(plan):
    plan = replace(plan, hubs=tuple(replace(row, wave=1) for row in plan.hubs))
    parts = [replace(part, told=replace(part.told, shard=replace(part.told.shard, wave=1))) for part in cut(plan, 3)]
    assert join_plans(parts) == plan
    second = Plan(SPEC, (), (), (), summarize((), ()), replace(parts[0].told.shard, wave=2))
    assert refusal([*parts, replace(parts[0], told=second)]) == ["shards are missing of wave 2: 2/3, 3/3"]


def test_the_saved_plan_that_all_applied_is_named():
    saved = "sha256:" + "7" * 64
    parts = [replace(part, told=replace(part.told, saved=saved)) for part in parts_of("a", "b", "c")]
    assert join_plans(parts).saved == saved
    assert join_plans([parts[0], replace(parts[1], told=replace(parts[1].told, saved=SPEC))]).saved is None
