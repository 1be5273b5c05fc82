"""What is written is read back as it was."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from universe import thorough, worlds

from keyspec.planfile import dump_plan, load_plan


@thorough
@given(worlds(told=False))
def test_a_plan_comes_back_from_its_file_but_for_what_marks_recovery(world):
    plan = world.plan()
    plan = replace(plan, steps=tuple(replace(step, recovery=False) for step in plan.steps))
    assert load_plan(dump_plan(plan, created_at="2026-01-01T00:00:00+00:00"), "plan.json").plan == plan
