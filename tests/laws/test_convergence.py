"""Planning again after a plan was done finds nothing to do; wherever it was stopped, the end is the same."""

from __future__ import annotations

from dataclasses import replace

from builders import done, plan_of
from hypothesis import given
from hypothesis import strategies as st
from simulation import CRASHES, apply_plan, is_given_there, order_of_work
from universe import thorough, worlds

from keyspec.fingerprint import fingerprint
from keyspec.live import LiveHub
from keyspec.record import Kept, Record

ROUNDS = 6
"""Lock, delete, create anew, import elsewhere, unlock: no key needs more runs."""


def doable(plan):
    return [step for step in plan.steps if not step.held]


def settle(world):
    """Plan and do until nothing changes any more."""
    for _ in range(ROUNDS):
        before, world = world, apply_plan(world, world.plan())
        if (world.live, world.records) == (before.live, before.records):
            break
    return world


def is_record(kept):
    return isinstance(kept, Kept) and isinstance(kept.note, Record)


def applied(world, steps):
    """Give those of the steps of its last run that were done."""
    return [step for step in steps if world.outcomes.get(step.number) == "applied"]


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
    first = world.plan()
    after = apply_plan(world, first)
    undone = {(step.hub, step.key_id) for step in first.steps if after.outcomes.get(step.number) != "applied"}
    locked = {(step.hub, step.key_id) for step in first.steps if step.action == "lock"}
    for step in doable(after.plan()):
        at = step.hub, step.key_id
        assert at in undone or (at in locked and (step.action == "delete" or step.phase > 4))


@thorough
@given(worlds(told=False))
def test_it_comes_to_rest(world):
    rest = settle(world)
    plan = rest.plan()
    again = apply_plan(rest, plan)
    assert applied(again, plan.steps) == []
    assert (again.live, again.records) == (rest.live, rest.records)
    for step in doable(plan):
        assert again.outcomes[step.number] == "skipped" or cannot_be_had(rest, step)


def cannot_be_had(world, step):
    """Tell whether a hub wants a value that is gone, or another one than hubs of its key have."""
    hub, wanted, kept = world.desired.hubs[step.hub], world.wanted(step), world.kept(step)
    if step.action != "import":
        return False
    stored = isinstance(kept, Kept) and kept.has_value
    if is_given_there(hub, wanted) or wanted.value.from_ == "hub":
        return not stored
    others = {*kept.note.hubs, *kept.note.asked} - {step.hub} if is_record(kept) else ()
    return wanted.value.from_.startswith("file:none/") or bool(others)


@thorough
@given(worlds(), st.data())
def test_wherever_it_is_stopped_the_end_is_the_same(world, data):
    plan = world.plan()
    order = order_of_work(plan, data.draw(st.permutations(sorted(world.desired.hubs))))
    stops = {name: data.draw(st.integers(min_value=0, max_value=len(order))) for name in world.desired.hubs}
    steps = [step for place, step in enumerate(order) if place < stops[step.hub]]
    assert_same_end(world, apply_plan(world, plan, steps))


@thorough
@given(worlds(), st.data())
def test_wherever_the_bringing_of_a_key_breaks_off_the_end_is_the_same(world, data):
    world = replace(world, policy=world.policy | {"allow_delete": True})
    plan = world.plan()
    order = order_of_work(plan)
    made = [step for step in order if step.action in CRASHES]
    if made:
        step = data.draw(st.sampled_from(made))
        crash = step, data.draw(st.sampled_from(CRASHES[step.action]))
        assert_same_end(world, apply_plan(world, plan, order[: order.index(step)], crash=crash))


def assert_same_end(world, stopped):
    """Hold the ends of two ways against each other; what fails for ever lets nothing be deleted, sooner or later."""
    ends = [settle(each) for each in (world, stopped)]
    if all("failed" not in end.outcomes.values() for end in ends):
        assert ends[0].live == ends[1].live


@thorough
@given(worlds(told=False))
def test_every_step_expects_what_the_former_steps_of_its_key_leave(world):
    plan = world.plan()
    live = world.live
    for step in plan.steps:
        if not step.held:
            assert step.expects == fingerprint((live[step.hub].keys or {}).get(step.key_id))
            live = done(live, plan, [step])
