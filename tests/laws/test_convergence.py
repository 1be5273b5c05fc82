"""Planning again after a plan was done finds nothing to do; wherever it was stopped, the end is the same."""

from __future__ import annotations

from dataclasses import replace

from builders import done, kept_after, plan_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import thorough, worlds

from keyspec.live import LiveHub

ROUNDS = 3
"""Lock, delete, create anew: no key needs more runs."""


def plan_world(world):
    return plan_of(world.desired, *world.live.values(), records=world.records, **world.policy)


def after(world, plan, steps=None):
    return replace(world, live=done(world.live, plan, steps), records=kept_after(world.records, plan, steps))


def doable(plan):
    return [step for step in plan.steps if not step.held]


def settle(world):
    """Plan and do until nothing is left to do."""
    for _ in range(ROUNDS):
        world = after(world, plan_world(world))
    return world


@thorough
@given(worlds(records=False))
def test_a_hub_that_is_as_declared_needs_nothing(world):
    as_declared = {}
    for name, hub in world.desired.hubs.items():
        keys = {
            key_id: replace(key.created(), state=key.state or "active")
            for key_id, key in hub.keys.items()
            if key.state != "absent"
        }
        as_declared[name] = LiveHub(name, keys, world.live[name].roles)
    assert plan_of(world.desired, *as_declared.values()).steps == ()


@thorough
@given(worlds())
def test_what_was_done_is_not_planned_again_but_for_deletes_that_waited_for_their_lock(world):
    first = plan_world(world)
    locked = {(step.hub, step.key_id) for step in first.steps if step.action == "lock"}
    again = doable(plan_world(after(world, first)))
    assert {(step.hub, step.key_id) for step in again} <= locked
    assert all(step.action == "delete" or step.phase > 4 for step in again)


@thorough
@given(worlds(told=False))
def test_it_comes_to_rest(world):
    assert doable(plan_world(settle(world))) == []


@thorough
@given(worlds(), st.data())
def test_wherever_it_is_stopped_the_end_is_the_same(world, data):
    plan = plan_world(world)
    stop = data.draw(st.integers(min_value=0, max_value=len(plan.steps)))
    stopped = after(world, plan, plan.steps[:stop])
    assert settle(stopped).live == settle(world).live


@thorough
@given(worlds(told=False))
def test_every_step_expects_what_the_former_steps_of_its_key_leave(world):
    from keyspec.fingerprint import fingerprint

    plan = plan_world(world)
    live = world.live
    for step in plan.steps:
        if not step.held:
            assert step.expects == fingerprint((live[step.hub].keys or {}).get(step.key_id))
            live = done(live, plan, [step])
