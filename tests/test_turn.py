from __future__ import annotations

from dataclasses import replace

import pytest
from bench import Bench, told
from fakes.hub import refuse

from keyspec.reconcile import apply_run
from keyspec.report import apply_exit_code

SPEC = """\
guards: {max_change_share: 100%}
keys:
  ci_born: {roles: [User], state: locked}
  ci_edit: {roles: [Operator, User]}
  ci_gone: {state: absent}
  ci_lock: {roles: [User], state: locked}
  ci_narrow: {roles: [User]}
  ci_new: {roles: [User], description: new}
  ci_unlock: {roles: [User], state: active}
"""


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def seed(fake):
    fake.add("keyspec_ci", roles=["Administrator"])
    fake.add("stranger")
    fake.add("ci_edit")
    fake.add("ci_gone", locked=True)
    fake.add("ci_lock")
    fake.add("ci_narrow", roles=["Operator", "User"])
    fake.add("ci_unlock", locked=True)


def test_what_changed_since_is_a_conflict_or_already_so_for_that_key_alone(bench):
    fake = bench.fake
    for key_id in ("keyspec_ci", "ci_done", "ci_gone", "ci_half", "ci_other", "ci_same"):
        fake.add(key_id)
    bench.write(
        "guards: {max_change_share: 100%}\nkeys: {"
        + ", ".join(f"ci_{name}: {{roles: [Operator], description: d}}" for name in ("done", "half", "other", "same"))
        + ", ci_gone: {roles: [Operator]}}\n"
    )

    def meddle():
        fake.keys["ci_done"] |= {"roles": ["Operator"], "description": "d", "reauthenticationTimeout": 7}
        fake.keys["ci_half"] |= {"roles": ["Operator"], "description": "somebody else's"}
        fake.keys["ci_other"] |= {"reauthenticationTimeout": 7}
        del fake.keys["ci_gone"]

    report = bench.run(between=meddle, asked=True)
    assert told(report) == [
        "edit ci_done already",
        "edit ci_gone conflict",
        "edit ci_half conflict",
        "edit ci_other conflict",
        "edit ci_same applied",
    ]
    assert fake.keys["ci_half"]["description"] == "somebody else's"
    assert report.hubs[0].verified is False
    assert apply_exit_code(report) == 3


def test_a_key_created_meanwhile_is_already_so_and_is_not_locked_unlike_it_was_reviewed(bench):
    bench.fake.add("keyspec_ci")
    bench.write("keys: {ci_a: {roles: [User], state: locked}, ci_b: {roles: [User], state: locked}}\n")

    def meddle():
        bench.fake.add("ci_a", description="not as a create would make it")
        bench.fake.add("ci_b")

    report = bench.run(between=meddle, asked=True)
    assert told(report) == ["create ci_a already", "lock ci_a conflict", "create ci_b already", "lock ci_b applied"]


def test_a_key_unlocked_meanwhile_is_not_deleted(bench):
    bench.fake.add("keyspec_ci")
    bench.fake.add("ci_gone", locked=True)
    bench.write("guards: {max_change_share: 100%}\nkeys: {ci_gone: {state: absent}}\n")
    report = bench.run(between=lambda: bench.fake.keys["ci_gone"].update(locked=False), asked=True)
    assert told(report) == ["delete ci_gone conflict"]
    assert "ci_gone" in bench.fake.keys


def test_after_a_failed_step_the_keys_later_steps_and_all_deletes_are_skipped(bench):
    seed(bench.fake)
    bench.write(SPEC)
    bench.fake.fail_next("create_key", refuse(422, "no", "no"))
    outcomes = told(bench.run())
    assert "create ci_born failed" in outcomes
    assert "lock ci_born skipped" in outcomes
    assert "create ci_new applied" in outcomes
    assert "delete ci_gone skipped" in outcomes
    assert outcomes.count("delete ci_gone skipped") == sum("skipped" in line for line in outcomes) - 1


def test_what_a_file_holds_and_planning_again_does_not_give_is_never_sent(bench):
    bench.fake.add("keyspec_ci")
    bench.fake.add("ci_a")
    bench.write("guards: {max_change_share: 100%}\nkeys: {ci_a: {roles: [Operator]}}\n")
    session = bench.session()
    planned = bench.plan(session)
    (step,) = planned.plan.steps
    held = replace(planned, stale=frozenset({step.number}), todo=planned.plan.steps)
    report = apply_run(held, bench.options(), session)
    assert told(report) == ["edit ci_a conflict"]
    assert {request.method for request in bench.fake.requests} == {"GET"}


def test_a_conflict_skips_the_keys_later_steps_and_nothing_else(bench):
    seed(bench.fake)
    bench.write(SPEC)
    bench.fake.fail_next("create_key", refuse(409, "no", "no"))
    outcomes = told(bench.run())
    assert "create ci_born conflict" in outcomes
    assert "lock ci_born skipped" in outcomes
    assert "delete ci_gone applied" in outcomes


def test_once_cancelled_nothing_begins_but_the_lock_of_a_key_just_created(bench):
    seed(bench.fake)
    bench.write(SPEC)
    session = bench.session()

    def cancel(result):
        if result.step.key_id == "ci_born" and result.step.action == "create":
            session.cancelled.set()

    session = bench.session(on_step=cancel)
    report = apply_run(bench.plan(session), bench.options(), session)
    assert told(report) == [
        "lock ci_lock applied",
        "edit ci_narrow applied",
        "create ci_born applied",
        "lock ci_born applied",
        "create ci_new skipped",
        "edit ci_edit skipped",
        "unlock ci_unlock skipped",
        "delete ci_gone skipped",
    ]
    assert report.interrupted
    assert apply_exit_code(report) == 130
    assert bench.fake.count("list_keys") == 1


def test_a_bug_in_one_step_hides_nothing_of_the_others(bench):
    bench.write("keys: {ci_a: {roles: [User]}, ci_b: {roles: [User]}}\n")

    def explode(request):
        raise RuntimeError("with a s3cret in it")

    bench.fake.fail_next("create_key", explode)
    report = bench.run()
    assert told(report) == ["create ci_a failed", "create ci_b applied"]
    assert "s3cret" not in str(report.results[0].error)


def test_an_import_is_held_to_what_was_reviewed_as_any_step_is(bench):
    bench.write("keys: {ci_a: {roles: [User], value: {from: generated}}}\n")
    report = bench.run(between=lambda: bench.fake.add("ci_a", roles=["Operator"]), asked=True)
    assert told(report) == ["import ci_a conflict"]
    assert bench.fake.writes == []


def test_an_imported_key_that_is_declared_locked_is_locked_though_the_run_is_cancelled(bench):
    bench.fake.add("keyspec_ci")
    bench.write("keys: {ci_a: {roles: [User], state: locked, value: {from: generated}}}\n")
    session = bench.session()
    session = bench.session(on_step=lambda _: session.cancelled.set())
    report = apply_run(bench.plan(session), bench.options(), session)
    assert told(report) == ["import ci_a applied", "lock ci_a applied"]
