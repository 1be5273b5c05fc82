from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest
from builders import hub_of, key, plan_of

from keyspec.plan import Plan, Step, Summary

PLAN = plan_of("keys: {a: {roles: [User], state: active}}", hub_of(key("a", state="locked")))


def test_a_step_is_held_if_something_is_missing_for_it():
    (step,) = PLAN.steps
    assert step.held
    assert not replace(step, held_by=None).held


def test_held_steps_are_pending_too():
    assert PLAN.pending
    assert not replace(PLAN, steps=()).pending


@pytest.mark.parametrize("value", [PLAN, PLAN.steps[0], PLAN.summary])
def test_a_plan_is_a_value(value):
    assert isinstance(value, Plan | Step | Summary)
    assert value == replace(value)
    assert hash(value) == hash(replace(value))
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)
