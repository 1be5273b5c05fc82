from __future__ import annotations

from dataclasses import replace

import strategies
from example_plan import PLAN
from hypothesis import given

from keyspec.render.fold import (
    Fleet,
    fleet_of,
    fold_findings,
    fold_results,
    fold_steps,
    list_names,
    say_hubs,
    whole_fleet,
)

FLEET = Fleet(names=tuple("abcdefghij"), noun="hubs", alone=False)


@given(strategies.plans())
def test_folding_steps_loses_none_and_puts_alike_ones_together(plan):
    folds = fold_steps(plan.steps)
    assert sorted(step.number for fold in folds for step in fold) == [step.number for step in plan.steps]
    blank = {"hub": "", "number": 0, "expects": "", "phase": 0, "bites_within_s": None}
    kinds = [{replace(step, **blank) for step in fold} for fold in folds]
    assert all(len(kind) == 1 for kind in kinds)
    assert len(set().union(*kinds)) == len(folds)


@given(strategies.reports())
def test_folding_results_loses_none(report):
    folds = fold_results(report.results)
    assert {result for fold in folds for result in fold} == set(report.results)


@given(strategies.plans())
def test_folding_findings_loses_none(plan):
    folds = fold_findings(plan.findings)
    assert sum(map(len, folds)) == len(plan.findings)


def test_the_many_come_before_their_exceptions_and_locks_before_all():
    folds = fold_steps(PLAN.steps)
    said = [(fold[0].action, fold[0].key_id, len(fold)) for fold in folds]
    assert said == [
        ("lock", "ci_old", 3),
        ("create", "ci_new", 1),
        ("edit", "ci_deployer", 3),
        ("edit", "ci_deployer", 1),
        ("unlock", "ci_lab", 1),
        ("delete", "ci_gone", 1),
    ]


def test_hubs_are_said_by_the_shorter_list():
    assert say_hubs(tuple("abcdefghij"), FLEET) == "on all 10 hubs"
    assert say_hubs(tuple("abcdefghi"), FLEET) == "on 9 of 10 hubs, not on j"
    assert say_hubs(tuple("ab"), FLEET) == "on 2 of 10 hubs: a, b"
    assert say_hubs(("c", "c"), FLEET) == "on c"
    assert say_hubs(tuple("abcde"), FLEET, most=2) == "on 5 of 10 hubs: a, b … (+3)"
    assert say_hubs(("a",), Fleet(names=("a",), noun="hubs", alone=True)) == ""


def test_names_are_named_in_full_where_asked():
    names = [f"hub_{number}" for number in range(9)]
    assert list_names(names) == "hub_0, hub_1, hub_2, hub_3, hub_4, hub_5 … (+3)"
    assert list_names(names, most=None) == ", ".join(names)


def test_a_fleet_tells_planned_hubs_from_all():
    assert fleet_of(PLAN) == Fleet(names=("lab_1", "prod_ap", "prod_eu", "prod_us"), noun="planned hubs", alone=False)
    assert len(whole_fleet(PLAN).names) == 5
