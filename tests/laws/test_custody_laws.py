"""What no plan does with a value: who makes it, where it may go, whose entry it is, what another run has begun."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from simulation import apply_plan, is_given_there, is_note_of, is_somebody_elses
from universe import thorough, worlds

from keyspec.record import Kept, Mark, Record
from keyspec.sharing import owner_of

MAKING = ("create", "import")
ALLOWANCES = ("allow_delete", "allow_reimport", "allow_unlock")
LOSSES = 4


def made(world, **policy):
    """Give the steps that bring a key to a hub and are not held."""
    return [step for step in world.plan(**policy).steps if step.action in MAKING and not step.held]


def owner(world, step):
    return owner_of(world.wanted(step).value, step.hub)


def is_ours(world, step):
    return is_note_of(world.kept(step), owner(world, step), step.key_id)


# Where a value may go


@thorough
@given(worlds(told=False))
def test_a_value_goes_to_a_hub_that_had_it_only_if_that_is_allowed(world):
    for step in made(world, allow_reimport=False):
        assert step.action == "create" or not (is_ours(world, step) and had_it(world.kept(step), step.hub))


def had_it(kept, hub):
    """Tell whether a note says that a hub had the value."""
    return hub in kept.note.hubs if isinstance(kept.note, Record) else kept.has_value and kept.note.hub == hub


@thorough
@given(worlds(told=False))
def test_a_shared_value_goes_nowhere_while_its_key_may_be_closed_on_another_hub_unless_that_is_allowed(world):
    for step in made(world, allow_reimport=False):
        wanted = world.wanted(step)
        if step.action == "import" and wanted.value.shared:
            assert not [name for name in {*wanted.hubs} - {step.hub} if may_be_closed(world, name, step.key_id)]


def may_be_closed(world, name, key_id):
    """Tell whether a key is locked on a hub though nobody declared it, or nobody can say."""
    hub = world.live.get(name)
    if hub is None or hub.keys is None:
        return True
    if key_id not in hub.keys or hub.keys[key_id].state == "active":
        return False
    return world.desired.fleet[name].keys[key_id].state not in ("locked", "absent")


@thorough
@given(worlds(told=False))
def test_an_import_waits_to_be_allowed_only_where_the_value_was_or_its_key_may_be_closed(world):
    for step in world.plan().steps:
        if "--allow-reimport" in (step.held_by or ""):
            wanted, kept = world.wanted(step), world.kept(step)
            others = {*wanted.hubs} - {step.hub} if wanted.value.shared else ()
            was_there = isinstance(kept, Kept) and kept.note is not None and had_it(kept, step.hub)
            assert was_there or [name for name in others if may_be_closed(world, name, step.key_id)]


@thorough
@given(worlds(told=False))
def test_an_allowance_frees_what_waits_for_it_and_changes_nothing_else(world):
    for name in ALLOWANCES:
        flag = f"--{name}".replace("_", "-")
        without, allowed = (world.plan(**{name: value}).steps for value in (False, True))
        assert [replace(step, held_by=None) for step in without] == [replace(step, held_by=None) for step in allowed]
        for before, after in zip(without, allowed, strict=True):
            assert flag not in (after.held_by or "")
            assert before.held_by == after.held_by or flag in before.held_by


# Who makes it


@thorough
@given(worlds(told=False))
def test_a_value_is_made_where_the_spec_says_and_nowhere_else(world):
    for step in world.plan().steps:
        if step.action not in MAKING:
            continue
        value = world.wanted(step).value
        at_home = value.from_ == "hub" and (not value.shared or value.origin == step.hub)
        assert value.from_ != "none"
        assert at_home or step.action == "import"
        if at_home and step.action == "import":
            assert value.shared
            assert is_ours(world, step)


@thorough
@given(worlds(told=False))
def test_a_shared_value_that_is_or_was_stored_is_never_made_again(world):
    for step in world.plan().steps:
        kept = world.kept(step)
        if step.action == "create" and world.wanted(step).value.shared and is_ours(world, step) and not kept.busy:
            assert isinstance(kept.note, Mark)
            assert not kept.has_value


@thorough
@given(worlds(), st.integers(min_value=0, max_value=2**40))
def test_a_shared_value_is_made_once_whatever_hubs_and_stores_lose(world, seed):
    ever = []
    for number in range(LOSSES):
        plan = world.plan()
        world = apply_plan(world, plan)
        shared = (step for step in plan.steps if step.action == "create" and world.wanted(step).value.shared)
        ever += [step.key_id for step in shared if world.outcomes.get(step.number) == "applied"]
        world = lose(world, Random(seed + number))
    assert len(ever) == len(set(ever))


def lose(world, random):
    """Give the world after somebody deleted keys on its hubs or, in its stores, values but not their records."""
    live = {
        name: hub
        if hub.keys is None
        else replace(hub, keys={at: hub.keys[at] for at in hub.keys if random.random() < 0.5})
        for name, hub in world.live.items()
    }
    if random.random() < 0.5:
        return replace(world, live=live)
    lost = {at: replace(kept, has_value=False) for at, kept in world.records.items() if is_record(kept)}
    return replace(world, live=live, records=world.records | lost)


def is_record(kept):
    return isinstance(kept, Kept) and isinstance(kept.note, Record)


# Whose entry it is, and what another run has begun


@thorough
@given(worlds(told=False))
def test_what_somebody_else_keeps_is_written_only_to_take_over_that_very_key(world):
    for step in made(world):
        kept, hub = world.kept(step), world.desired.hubs[step.hub]
        if is_somebody_elses(kept, owner(world, step), step.key_id):
            given_there = kept.note is None and kept.has_value and is_given_there(hub, world.wanted(step))
            assert given_there or step.key_id in world.policy["take_over"]


@thorough
@given(worlds(told=False))
def test_an_unread_store_holds_whatever_would_follow_from_it(world):
    for step in world.plan().steps:
        if isinstance(world.kept(step), str):
            assert step.action not in MAKING or step.held
            assert not step.recovery


@thorough
@given(worlds(told=False))
def test_a_key_that_another_run_is_making_is_at_most_locked(world):
    for step in world.plan().steps:
        if world.wanted(step) is not None and is_ours(world, step) and world.kept(step).busy:
            assert step.held or step.action == "lock"


@thorough
@given(worlds(told=False))
def test_only_a_key_whose_value_reached_nobody_is_cleared_away(world):
    for step in world.plan().steps:
        if step.recovery:
            kept = world.kept(step)
            assert isinstance(kept.note, Mark)
            assert (kept.note.hub, kept.note.key.key_id) == (step.hub, step.key_id)
            assert not kept.has_value
            assert not kept.busy
