"""What no plan does, whatever the spec, the hubs and the stores hold."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from builders import check_guards, done
from hypothesis import given
from universe import thorough, worlds

from keyspec.order import CREATE, TIGHTEN, WIDEN, permissions_of
from keyspec.spec import is_name

MAKING = ("create", "import")


def refused(world, plan):
    return {problem.code for problem in check_guards(plan, world.desired, world.live)}


def prefixes(plan):
    return (plan.steps[:count] for count in range(len(plan.steps) + 1))


def changed(step):
    return {change.field: (change.before, change.after) for change in step.changes}


@thorough
@given(worlds(told=False))
def test_nothing_undeclared_and_unowned_is_touched(world):
    for step in world.plan().steps:
        hub = world.desired.hubs[step.hub]
        owned = any(fnmatchcase(step.key_id, glob) for glob in world.desired.ownership.key_ids)
        assert step.key_id in hub.keys or (owned and is_name(step.key_id) and step.key_id not in hub.hub.auth_key_id)


@thorough
@given(worlds(told=False))
def test_a_plan_is_refused_that_locks_deletes_or_narrows_or_widens_keyspecs_own_keys(world):
    plan = world.plan()
    bad = [step for step in plan.steps if touches_own(step, world.desired.hubs[step.hub].hub.auth_key_id)]
    assert bool(bad) is ("own-key" in refused(world, plan))


def touches_own(step, own):
    harmless = step.action in (*MAKING, "unlock") or (step.action == "edit" and set(changed(step)) == {"description"})
    return step.key_id in own and not harmless


@thorough
@given(worlds(told=False))
def test_a_plan_is_refused_that_locks_deletes_or_weakens_protected_keys(world):
    plan = world.plan()
    bad = [step for step in plan.steps if step.key_id in world.desired.protected_ids and weakens(step, world)]
    assert bool(bad) is ("protected-key" in refused(world, plan))


def weakens(step, world):
    before, after = changed(step).get("roles", ((), ()))
    had, gets = changed(step).get("reauth_timeout", (0, 0))
    permissions = [permissions_of(roles, world.live[step.hub].roles) or frozenset() for roles in (before or (), after)]
    fewer = not set(before or ()) <= set(after) or not permissions[0] <= permissions[1]
    return step.action in ("lock", "delete") or (step.action == "edit" and (fewer or gets < had))


@thorough
@given(worlds(told=False))
def test_every_prefix_of_a_plan_respects_the_guards(world):
    plan = world.plan()
    if not refused(world, plan):
        for steps in prefixes(plan):
            assert not check_guards(replace(plan, steps=steps), world.desired, world.live)


@thorough
@given(worlds())
def test_wherever_it_is_stopped_no_key_is_wider_than_it_was_or_was_declared_to_be(world):
    plan = world.plan()
    for steps in prefixes(plan):
        for name, hub in done(world.live, plan, steps).items():
            for key_id, key in (hub.keys or {}).items():
                was = (world.live[name].keys or {}).get(key_id)
                if was is None:  # brought to the hub, then at once its lock if it is declared locked
                    assert key == replace(world.desired.fleet[name].keys[key_id].created(), state=key.state)
                    continue
                allowed = [was, *as_declared(world.desired.fleet[name].keys.get(key_id), was)]
                assert any(is_no_wider(key, limit, hub.roles) for limit in allowed)


def as_declared(desired, was):
    """Give the key as it is declared; of one whose value never arrived, the one that replaces it."""
    if desired is None:
        return
    yield replace(
        was,
        description=was.description if desired.description is None else desired.description,
        roles=desired.roles,
        reauth_timeout_s=desired.reauth_timeout_s or was.reauth_timeout_s,
        state="locked" if desired.state == "locked" else "active",
    )
    yield desired.created()


def is_no_wider(key, limit, roles):
    if key.state == "locked":
        return True
    mine, theirs = permissions_of(key.roles, roles), permissions_of(limit.roles, roles)
    narrower = set(key.roles) <= set(limit.roles) if mine is None or theirs is None else mine <= theirs
    return limit.state != "locked" and narrower and key.reauth_timeout_s <= limit.reauth_timeout_s


@thorough
@given(worlds(told=False))
def test_on_a_hub_tightening_comes_first_and_deletes_come_last(world):
    plan = world.plan()
    for name in world.desired.hubs:
        phases = [step.phase for step in plan.steps if step.hub == name]
        assert phases == sorted(phases)
    for step in plan.steps:
        if step.action == "unlock" or (step.action == "edit" and step.gives):
            assert step.phase == WIDEN
        if step.action == "lock":
            assert step.phase == TIGHTEN or any(
                each.action in MAKING and each.key_id == step.key_id and each.phase >= CREATE for each in plan.steps
            )


@thorough
@given(worlds(told=False))
def test_what_is_held_waits_for_its_own_allowance(world):
    named, allows = world.policy["keys"], world.policy
    for step in world.plan().steps:
        desired = world.desired.hubs[step.hub].keys.get(step.key_id)
        if step.held:
            continue
        assert step.action != "delete" or allows["allow_delete"]
        assert step.action != "unlock" or allows["allow_unlock"] or world.desired.guards.unlock
        assert desired is not None or step.key_id not in world.desired.declared_ids or step.key_id in named


@thorough
@given(worlds(told=False))
def test_only_what_was_read_as_locked_is_deleted(world):
    for step in world.plan().steps:
        if step.action == "delete":
            assert world.live[step.hub].keys[step.key_id].state == "locked"
            assert not step.reversible


@thorough
@given(worlds(told=False))
def test_a_run_touches_only_the_keys_and_hubs_it_names(world):
    named = world.policy["keys"]
    for step in world.plan().steps:
        assert not named or any(fnmatchcase(step.key_id, glob) for glob in named)
        assert step.hub in world.only
        assert world.live[step.hub].keys is not None


@thorough
@given(worlds(told=False))
def test_a_state_that_the_hub_does_not_tell_is_acted_upon_only_to_lock_what_reached_nobody(world):
    for step in world.plan().steps:
        live = (world.live[step.hub].keys or {}).get(step.key_id)
        if live is not None and live.state is None and step.action in ("lock", "unlock", "delete"):
            assert step.recovery
            assert step.action == "lock"
