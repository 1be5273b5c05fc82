"""Plan and apply on a hub whose API is nothing like the built-in contract, described by a file alone."""

from __future__ import annotations

import httpx
import pytest
from bench import Bench, told
from fakes.hub import URL
from fakes.other import OTHER_TEXT, OtherHub, problem

from keyspec.report import apply_exit_code

HUB = f'hubs: {{fake: {{url: "{URL}", auth: "env:HUB_KEY", auth_key_id: keyspec_ci, contract: ./other.yaml}}}}\n'
SPEC = """\
guards: {max_change_share: 100%}
keys:
  ci_born: {roles: [User], state: locked}
  ci_edit: {roles: [Operator, User], reauth_timeout: 5m}
  ci_gone: {state: absent}
  ci_lock: {roles: [User], state: locked}
  ci_new: {roles: [User], description: new}
  ci_open: {roles: [User], state: active}
  ci_own: {roles: [User], value: {from: generated}}
"""


@pytest.fixture
def bench(tmp_path):
    other = OtherHub()
    other.add("keyspec_ci", roles=["Administrator"])
    other.add("stranger", status="expired")
    other.add("ci_edit")
    other.add("ci_gone", status="disabled")
    other.add("ci_lock")
    other.add("ci_open", status="disabled")
    return Bench(tmp_path, other)


def write(bench, text=SPEC, *changes):
    contract = OTHER_TEXT
    for old, new in changes:
        assert old in contract
        contract = contract.replace(old, new)
    (bench.folder / "other.yaml").write_text(contract)
    (bench.folder / "keyspec.yaml").write_text(
        f'keyspec: 1\n{HUB}defaults: {{store: "file:secrets/{{hub}}/{{key}}"}}\n{text}'
    )


def test_a_plan_is_applied_verified_and_then_empty(bench):
    write(bench)
    report = bench.run()
    assert told(report) == [
        "lock ci_lock applied",
        "create ci_born applied",
        "lock ci_born applied",
        "create ci_new applied",
        "import ci_own applied",
        "edit ci_edit applied",
        "unlock ci_open applied",
        "delete ci_gone applied",
    ]
    assert apply_exit_code(report) == 0
    assert bench.fake.keys["ci_edit"] | {"version": 0} == {
        "id": "ci_edit",
        "note": "",
        "role_ids": ["r-2", "r-3"],
        "ttl_ms": 300_000,
        "status": "enabled",
        "version": 0,
    }
    assert bench.value("ci_new") == "v4lue-of-ci_new"
    assert bench.plan().plan.steps == ()


def test_a_plan_sends_nothing_but_reads(bench):
    write(bench)
    bench.plan()
    assert bench.fake.writes == []


def test_what_changed_just_before_the_write_is_a_conflict_by_the_read_of_its_etag(bench):
    write(bench)
    edits = []

    def meddle(asked):
        if asked.method == "GET" and asked.path.endswith("/ci_edit"):
            bench.fake.keys["ci_edit"] |= {"note": "somebody else's", "version": 2}
        if asked.path.endswith("/ci_edit") and asked.method == "PATCH":
            edits.append(asked)

    bench.fake.before = meddle
    assert "edit ci_edit conflict" in told(bench.run())
    assert edits == []


def test_what_changed_between_that_read_and_the_write_is_a_conflict_by_if_match(bench):
    write(bench)

    def meddle(asked):
        if asked.path.endswith("/ci_edit") and asked.method == "PATCH":
            bench.fake.keys["ci_edit"] |= {"note": "somebody else's", "version": 2}

    bench.fake.before = meddle
    assert "edit ci_edit conflict" in told(bench.run())
    assert bench.fake.keys["ci_edit"]["note"] == "somebody else's"


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_what_somebody_else_does_just_before_the_write_is_already_so(bench, method):
    write(bench)

    def forestall(asked):
        if asked.path.endswith("/ci_edit") and asked.method == method:
            bench.fake.keys["ci_edit"] |= {"role_ids": ["r-2", "r-3"], "ttl_ms": 300_000, "version": 2}

    bench.fake.before = forestall
    report = bench.run()
    assert "edit ci_edit already" in told(report)
    assert apply_exit_code(report) == 0


def test_a_row_etag_needs_no_read_and_after_an_own_write_is_read_anew(bench):
    write(
        bench,
        "guards: {max_change_share: 100%}\nkeys: {ci_open: {roles: [Operator], state: active}}\n",
        ("  etag: true  ", "  etag: false  "),
        ("locked: [disabled]}", "locked: [disabled]}\n  etag: version"),
    )
    assert told(bench.run()) == ["edit ci_open applied", "unlock ci_open applied"]
    asked = [
        (each.method, each.headers.get("if-match")) for each in bench.fake.requests if each.path.endswith("ci_open")
    ]
    assert asked == [("PATCH", "1"), ("GET", None), ("PATCH", "2")]


def test_a_lost_answer_is_looked_up_and_not_sent_again(bench):
    write(bench)
    lost = []

    def lose(asked):
        if asked.method == "PATCH" and asked.path.endswith("/ci_edit") and not lost:
            lost.append(bench.fake._answer(asked))
            return problem(504, "timeout", "too slow")
        return None

    bench.fake.before = lose
    report = bench.run()
    assert "edit ci_edit applied" in told(report)
    assert sum(each.method == "PATCH" and each.path.endswith("/ci_edit") for each in bench.fake.requests) == 1


def test_where_new_keys_are_locked_they_are_unlocked_after_their_value_is_stored(bench):
    bench.fake.locked_at_birth = True
    write(bench, SPEC, ("created_locked: false", "created_locked: true"))
    report = bench.run()
    assert apply_exit_code(report) == 0
    assert [line for line in told(report) if "ci_new" in line or "ci_born" in line or "ci_own" in line] == [
        "create ci_born applied",
        "create ci_new applied",
        "unlock ci_new applied",
        "import ci_own applied",
        "unlock ci_own applied",
    ]
    assert [bench.fake.keys[name]["status"] for name in ("ci_born", "ci_new", "ci_own")] == [
        "disabled",
        "enabled",
        "enabled",
    ]
    assert bench.plan().plan.steps == ()


def test_a_new_locked_key_whose_value_was_lost_stays_locked(bench):
    bench.fake.locked_at_birth = True
    write(bench, "keys: {ci_new: {roles: [User]}}\n", ("created_locked: false", "created_locked: true"))

    def lose(asked):
        if asked.method == "POST":
            bench.fake._answer(asked)
            return httpx.Response(202)
        return None

    bench.fake.before = lose
    report = bench.run()
    assert told(report) == ["create ci_new failed", "unlock ci_new skipped"]
    assert "the key is locked" in (report.results[0].error or "")
    assert bench.fake.keys["ci_new"]["status"] == "disabled"
    bench.fake.before = lambda _: None
    assert [step.action for step in bench.plan().plan.steps] == ["delete", "create", "unlock"]
    assert apply_exit_code(bench.run()) == 0
    assert bench.fake.keys["ci_new"]["status"] == "enabled"


def test_a_role_that_nobody_explains_makes_the_hub_unreadable_and_is_named(bench):
    bench.fake.keys["ci_lock"]["role_ids"] = ["r-3", "r-77"]
    write(bench)
    (row,) = bench.plan().plan.hubs
    assert row.status == "unreadable"
    assert "key `ci_lock`: no role of this hub has the ID `r-77`" in (row.error or "")
