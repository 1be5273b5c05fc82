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
from keyspec.plan import summarize
from keyspec.report import HubResult, Report, StepResult
from keyspec.saved import select_plan
from keyspec.shard import Shard

SPEC = "sha256:" + "5" * 64


def in_order(plan):
    """Give a drawn plan as planning gives one: hubs and findings sorted, nothing twice."""
    steps = {(step.hub, step.phase, step.key_id, step.action): step for step in plan.steps}
    hubs = tuple(sorted(plan.hubs, key=lambda row: row.name))
    ordered = order_steps(steps.values())
    findings = sort_findings(set(plan.findings))
    return replace(
        plan, hubs=hubs, steps=ordered, findings=findings, summary=summarize(hubs, ordered), shard=None, spec=SPEC
    )


def cut(plan, of):
    """Give the parts of a plan that shards print."""
    from keyspec.ownership import Policy

    for number in range(1, of + 1):
        shard = Shard(number, of)
        hubs = [row.name for row in plan.hubs if shard.holds(row.name)]
        yield Part(f"{number}.json", select_plan(plan, hubs, Policy(), shard))


def report_of(plan, outcome="applied"):
    results = tuple(StepResult(step, "held" if step.held else outcome) for step in plan.steps)
    return Report(plan, results, tuple(HubResult(row.name, row.status == "read" or None) for row in plan.hubs))


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


@given(EMPTY)
def test_what_does_not_belong_is_named(plan):
    one, two = cut(plan, 2)

    def twist(**changes):
        return [one, replace(two, told=replace(two.told, **changes))]

    assert refusal([one, two, replace(two, file="x.json")]) == ["shard 2/2 stands in 2.json, too"]
    assert refusal(twist(spec="sha256:" + "6" * 64)) == ["it was planned from another spec than 1.json"]
    assert "it was made without --shard" in refusal(twist(shard=None))[0].replace("this is no shard's: ", "")
    assert "it applied another plan than 1.json" in refusal(twist(shard=Shard(2, 2, None, SPEC)))
    assert "it is one of 3 shards, 1.json one of 2" in refusal(twist(shard=Shard(3, 3)))
    assert refusal([one, replace(two, told=report_of(two.told))]) == [
        "plans and reports cannot be joined; 1.json is another kind"
    ]


@given(plans)
def test_waves_are_complete_each_by_itself(plan):
    parts = [replace(part, told=replace(part.told, shard=replace(part.told.shard, wave=1))) for part in cut(plan, 3)]
    assert join_plans(parts) == plan
    second = replace(parts[0], told=replace(parts[0].told, shard=Shard(1, 3, 2)))
    assert refusal([*parts, second]) == ["shards are missing of wave 2: 2/3, 3/3"]
