from __future__ import annotations

import pytest
from builders import hub_of, key, plan_of, spec_of

from keyspec.report import ExitCode, HubResult, Report, StepResult, apply_exit_code, plan_exit_code

TEXT = """
hubs:
  lab: {url: "https://lab.example", auth: "env:A", auth_key_id: own}
  prod: {url: "https://prod.example", auth: "env:A", auth_key_id: own}
defaults: {store: "file:{hub}/{key}"}
keys: {a: {roles: [Operator]}, b: {roles: [User], state: active}}
"""
DESIRED = spec_of(TEXT)
LIVE = hub_of(key("a"), key("b", state="locked"), name="lab")
READ = plan_of(DESIRED, LIVE, hub_of(key("a", roles="Operator"), key("b"), name="prod"))
UNREADABLE = plan_of(DESIRED, LIVE, hub_of(name="prod", error="no route"))
REFUSED = plan_of(DESIRED, LIVE, hub_of(name="prod", roles={}))
QUIET = plan_of(DESIRED, *(hub_of(key("a", roles="Operator"), key("b"), name=name) for name in ("lab", "prod")))
HELD = plan_of(
    DESIRED, *(hub_of(key("a", roles="Operator"), key("b", state="locked"), name=name) for name in ("lab", "prod"))
)


def report(plan, *outcomes, verified=True, interrupted=False):
    outcomes = iter(outcomes)
    results = tuple(StepResult(step, "held" if step.held else next(outcomes)) for step in plan.steps)
    return Report(plan, results, tuple(HubResult(hub.name, verified) for hub in plan.hubs), interrupted)


@pytest.mark.parametrize(
    ("plan", "asked", "code"),
    [(QUIET, True, 0), (QUIET, False, 0), (READ, True, 2), (READ, False, 0), (HELD, True, 2), (UNREADABLE, True, 1), (UNREADABLE, False, 1), (REFUSED, True, 1)],
)  # fmt: skip
def test_a_plan_ends_with_1_for_hubs_not_read_2_for_steps_if_asked_0_else(plan, asked, code):
    assert plan_exit_code(plan, exit_code=asked) == code


@pytest.mark.parametrize("outcome", ["applied", "already"])
def test_0_if_every_step_that_is_not_held_is_done_and_verified(outcome):
    assert apply_exit_code(report(READ, outcome)) == 0
    assert apply_exit_code(report(READ, outcome, verified=None)) == 0


def test_held_steps_are_not_asked_for():
    assert apply_exit_code(report(HELD)) == 0


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (report(READ, "failed"), 1),
        (report(UNREADABLE, "already"), 1),
        (report(UNREADABLE, "conflict"), 1),
        (report(REFUSED, "failed"), 1),
        (report(UNREADABLE, "applied"), 3),
        (report(REFUSED, "applied"), 3),
        (report(READ, "conflict"), 3),
        (report(READ, "skipped"), 3),
        (report(READ, "applied", verified=False), 3),
        (report(READ, "already", verified=False), 3),
    ],
)
def test_1_if_nothing_was_applied_and_something_failed_3_for_anything_between(found, code):
    assert apply_exit_code(found) == code


def test_an_interruption_comes_first():
    assert apply_exit_code(report(UNREADABLE, "failed", interrupted=True)) == ExitCode.INTERRUPTED == 130


def test_the_exit_codes_are_those_of_the_product():
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0, "FAILED": 1, "PENDING": 2, "PARTIAL": 3, "REFUSED": 4, "INVALID": 5, "USAGE": 64, "INTERRUPTED": 130,
    }  # fmt: skip
