from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from builders import hub_of, key, mark, plan_of, record, spec_of
from hypothesis import assume, given
from hypothesis import strategies as st
from universe import thorough, worlds

from keyspec.findings import sort_findings
from keyspec.ownership import Policy
from keyspec.plan import Change, Finding
from keyspec.plandocument import plan_digest
from keyspec.planfile import SavedPlan
from keyspec.saved import check_saved, compare_plans, renew_plan, select_plan
from keyspec.shard import Shard
from keyspec.source import Source

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STORED = {"allow_delete": True, "allow_unlock": True, "allow_reimport": True}


def saved(plan, age=timedelta()):
    return SavedPlan(plan, plan_digest(plan), (NOW - age).isoformat(timespec="seconds"))


def codes(plan, desired, **more):
    desired = spec_of(desired) if isinstance(desired, str) else desired
    return [problem.code for problem in check_saved(saved(plan, **more), desired, file="x.plan", now=NOW)]


@thorough
@given(worlds())
def test_every_plan_is_what_its_own_spec_asks_for(world):
    plan = world.plan()
    assert check_saved(saved(plan), world.desired, file="x.plan", now=NOW) == ()


@thorough
@given(worlds())
def test_a_plan_compared_with_itself_holds_what_was_held_and_nothing_is_stale(world):
    plan = world.plan()
    compared = compare_plans(plan, plan)
    assert compared.settled == {step.number: ("held", None) for step in plan.steps if step.held}
    assert compared.stale == frozenset()
    assert compared.todo == tuple(step for step in plan.steps if not step.held)


@thorough
@given(worlds())
def test_what_a_run_is_allowed_now_never_does_what_was_saved_as_held(world):
    plan = world.plan(allow_delete=False, allow_unlock=False, allow_reimport=False, take_over=())
    again = world.plan(**STORED)
    compared = compare_plans(plan, again)
    assert {step.number for step in plan.steps if step.held} <= compared.settled.keys()


@thorough
@given(worlds(), st.data())
def test_of_any_twisted_plan_only_steps_of_the_fresh_one_are_done(world, data):
    """Whoever writes the file: some steps left out, held or not, made others in what no hub is asked for."""
    fresh = world.plan()
    twisted = tuple(
        replace(step, **data.draw(st.sampled_from(TWISTS))) for step in fresh.steps if data.draw(st.booleans())
    )
    plan = replace(fresh, steps=tuple(replace(step, number=number) for number, step in enumerate(twisted, 1)))
    todo = [replace(step, number=0) for step in compare_plans(plan, fresh).todo]
    wanted = [replace(step, number=0) for step in fresh.steps if not step.held]
    assert all(step in wanted for step in todo)
    for step in todo:  # what tightens a key is never chosen away
        of_key = [each for each in wanted if (each.hub, each.key_id) == (step.hub, step.key_id)]
        assert all(each in todo for each in of_key if each.action == "lock" or each.phase == 1)


TWISTS = ({}, {}, {"phase": 4}, {"phase": 1}, {"recovery": True}, {"held_by": None}, {"held_by": "--x"}, {"gives": ()})


@thorough
@given(worlds())
def test_a_selection_of_all_is_the_plan_and_of_none_is_empty(world):
    plan = world.plan()
    assert select_plan(plan, [row.name for row in plan.hubs], Policy(), None) == plan
    nothing = select_plan(plan, [], Policy(), None)
    assert (nothing.hubs, nothing.steps, nothing.summary.held) == ((), (), 0)


SPEC = "keys: {ci_a: {roles: [User], description: wanted, state: active}, ci_b: {state: absent}}\n"
LIVE = hub_of(key("ci_a", "old", state="locked"), key("ci_b", state="locked"), key("theirs"))
PLAN = plan_of(SPEC, LIVE, **STORED)


def twisted(which, **changes):
    """Give the plan with the step of an action made another."""
    return replace(PLAN, steps=tuple(replace(step, **changes) if step.action == which else step for step in PLAN.steps))


@pytest.mark.parametrize(
    "plan",
    [
        twisted("edit", key_id="theirs"),
        twisted("edit", changes=(Change("roles", ("User",), ("Administrator",)),)),
        twisted("edit", changes=(Change("reauth_timeout", 60, 5),)),
        twisted("edit", changes=(Change("state", "locked", "active"),)),
        twisted("edit", action="create"),
        twisted("edit", action="import"),
        twisted("edit", action="lock"),
        twisted("edit", action="delete"),
        twisted("unlock", changes=()),
        twisted("unlock", changes=(Change("roles", ("User",), ("Administrator",)),)),
        twisted("unlock", action="lock", changes=(Change("state", "active", "locked"),)),
        twisted("unlock", key_id="ci_b"),
        twisted("delete", key_id="ci_a"),
        twisted("delete", key_id="own"),
    ],
)
def test_a_step_that_the_spec_does_not_ask_for_is_refused(plan):
    assert codes(PLAN, SPEC) == []
    assert codes(plan, SPEC) == ["plan-step"]


def test_a_create_brings_exactly_what_is_declared():
    text = "keys: {ci_a: {roles: [User]}}\n"
    plan = plan_of(text, hub_of())
    assert codes(plan, text) == []
    for change in (
        {"changes": plan.steps[0].changes[:-1]},
        {
            "changes": tuple(
                replace(each, after=("Administrator",)) if each.field == "roles" else each
                for each in plan.steps[0].changes
            )
        },
        {"action": "import"},
    ):
        assert codes(replace(plan, steps=(replace(plan.steps[0], **change),)), text) == ["plan-step"]
    assert codes(plan, "keys: {ci_a: {roles: [User], value: {from: none}}}\n") == ["plan-step"]
    assert codes(plan, "keys: {ci_a: {roles: [User], value: {from: generated}}}\n") == ["plan-step"]


def test_unlisted_keys_are_locked_or_deleted_as_far_as_the_spec_goes():
    text = 'ownership: {key_ids: ["ci_*"], unlisted: %s}\nkeys: {ci_z: {roles: [User]}}\n'
    live = hub_of(key("ci_open"), key("ci_shut", state="locked"), key("ci_z"))
    plan = plan_of(text % "delete", live, allow_delete=True)
    assert [step.action for step in plan.steps] == ["lock", "delete"]
    assert codes(plan, text % "delete") == []
    assert codes(plan, text % "lock") == ["plan-step"]
    assert codes(plan, text % "report") == ["plan-step", "plan-step"]


def test_recovery_is_of_keys_whose_entry_is_the_hubs_own():
    text = "keys: {ci_a: {roles: [User]}}\n"
    live = hub_of(key("ci_a"))
    plan = plan_of(text, live, records={("hub", "ci_a"): mark(key("ci_a"))})
    assert [(step.action, step.recovery) for step in plan.steps] == [("lock", True)]
    assert codes(plan, text) == []
    shared = '{roles: [User], store: "file:{key}", value: {from: generated, shared: true}}'
    assert codes(plan, f"keys: {{ci_a: {shared}}}\n") == ["plan-step"]
    assert codes(replace(plan, steps=(replace(plan.steps[0], recovery=False),)), text) == ["plan-step"]
    again = plan_of(text, live, records={("hub", "ci_a"): record("ci_a")})
    assert compare_plans(plan, again).stale == {1}


def test_hubs_and_age_are_judged_first():
    assert codes(PLAN, SPEC + 'hubs: {other: {url: "https://x.example", auth: "env:X", auth_key_id: own}}\n') == [
        "plan-hub"
    ]
    assert codes(PLAN, SPEC + 'hubs: {hub: {url: "https://x.example", auth: "env:X", auth_key_id: own}}\n') == [
        "plan-hub"
    ]
    aged = SPEC + "guards: {plan_max_age: 1h}\n"
    assert codes(PLAN, aged, age=timedelta(minutes=59)) == []
    assert codes(PLAN, aged, age=timedelta(minutes=61)) == ["plan-too-old"]


def test_at_most_twenty_reasons_are_given():
    many = replace(
        PLAN, steps=tuple(replace(PLAN.steps[0], number=number, key_id="theirs") for number in range(1, 100))
    )
    assert len(codes(many, SPEC)) == 20


def test_what_is_held_now_says_what_it_waits_for_and_a_lost_hub_why():
    unheld = plan_of(SPEC, LIVE, **STORED)
    now = compare_plans(unheld, plan_of(SPEC, LIVE)).settled
    assert sorted(now.values()) == [
        ("held", "not done without --allow-delete"),
        ("held", "not done without --allow-unlock"),
    ]
    gone = compare_plans(unheld, plan_of(SPEC, hub_of(error="no route"))).settled
    assert set(gone.values()) == {("failed", "the hub is unreadable: no route")}


def test_what_is_held_for_want_of_anything_but_an_allowance_is_skipped():
    text = "keys: {ci_a: {roles: [User]}}\n"
    again = plan_of(text, hub_of(), records={("hub", "ci_a"): "denied"})
    assert compare_plans(plan_of(text, hub_of()), again).settled == {
        1: ("skipped", "not done without a store that can be read")
    }


def test_a_lock_cannot_be_left_out_of_a_create():
    text = "keys: {ci_a: {roles: [User], state: locked}}\n"
    plan = plan_of(text, hub_of())
    alone = replace(plan, steps=plan.steps[:1])
    assert compare_plans(alone, plan).todo == ()
    assert compare_plans(alone, plan).stale == {1}


def test_a_plan_from_the_future_and_a_part_of_a_part_are_refused():
    aged = SPEC + "guards: {plan_max_age: 1h}\n"
    assert codes(PLAN, aged, age=-timedelta(minutes=4)) == []
    assert codes(PLAN, aged, age=-timedelta(minutes=6)) == ["plan-too-old"]
    part = replace(spec_of(SPEC), shard=Shard(1, 2))
    assert codes(replace(PLAN, shard=Shard(1, 2)), part) == ["plan-shard"]
    assert codes(PLAN, part) == []


@pytest.mark.parametrize(
    "change",
    [
        {"recovery": True},
        {"reversible": False},
        {"gives": ("Shell",)},
        {"takes": ("Status",)},
        {"expects": "sha256:" + "0" * 64},
        {"changes": ()},
        {"action": "lock"},
    ],
)
def test_a_step_that_does_anything_else_by_now_is_not_the_saved_one(change):
    text = "keys: {ci_a: {roles: [Operator]}}\n"
    plan = plan_of(text, hub_of(key("ci_a")))
    (step,) = plan.steps
    again = replace(plan, steps=(replace(step, **change),))
    assert compare_plans(plan, again).stale == {1}
    moved = replace(plan, steps=(replace(step, phase=4, number=7, source=None, reason="other", bites_within_s=9),))
    assert compare_plans(plan, moved).stale == frozenset()


@thorough
@given(worlds())
def test_a_plan_beside_itself_is_itself(world):
    plan = world.plan()
    todo = [step for step in plan.steps if not step.held]
    assert renew_plan(plan, plan, world.desired, todo=todo, policy=Policy()) == plan


@thorough
@given(worlds(), st.sampled_from(["ci_*", "*a*", "nothing"]))
def test_a_plan_narrowed_by_keys_is_the_plan_of_these_keys(world, glob):
    """Whether a hub is read again or not."""
    whole, narrow = world.plan(keys=()), world.plan(keys=(glob,))
    assume([row.status for row in whole.hubs] == [row.status for row in narrow.hubs])
    policy = Policy(keys=(glob,))
    part = select_plan(whole, [row.name for row in whole.hubs], policy, None)
    assert part.steps == narrow.steps
    touched = {step.hub for step in part.steps if not step.held}
    for read in (touched, {row.name for row in whole.hubs}):
        again = select_plan(narrow, read, policy, None)
        todo = [step for step in again.steps if not step.held]
        renewed = renew_plan(part, again, world.desired, todo=todo, policy=policy)
        assert renewed.hubs == narrow.hubs


def test_what_is_found_now_stands_for_what_was_found_then_of_the_same_hub_and_key():
    then = (
        Finding("store-unread", "warning", "denied", "hub", "ci_a"),
        Finding("unlisted-key", "info", "live", "hub", "ci_x"),
        Finding("unlisted-key", "info", "live", "other", "ci_x"),
        Finding("value-shared", "info", "on 2 hubs", None, "ci_a"),
    )
    now = (
        Finding("store-unread", "warning", "locked", "hub", "ci_a"),
        Finding("unlisted-key", "info", "live", "hub", "ci_x", Source("elsewhere.yaml", 1, 1)),
        Finding("value-shared", "info", "on 3 hubs", None, "ci_a"),
        Finding("value-shared", "info", "on 2 hubs", None, "ci_b"),
    )
    plan, again = replace(PLAN, findings=then), replace(PLAN, findings=now)
    found = renew_plan(plan, again, spec_of(SPEC), todo=(), policy=Policy()).findings
    assert found == sort_findings([then[2], then[3], now[0], now[1], now[3]])
