from __future__ import annotations

import json
import threading
from collections import Counter

import httpx
import pytest
from bench import Bench, sent, told
from fakes.hub import FakeHub, name_operation, refuse

from keyspec.report import apply_exit_code
from keyspec.turn import Turn

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
STRANGERS = ("keyspec_ci", "stranger")
SEEDED = ("ci_edit", "ci_gone", "ci_lock", "ci_narrow", "ci_unlock")


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


CLEAN = [
    "list_keys ",
    "lock_key /ci_lock/lock",
    "edit_key /ci_narrow",
    "create_key ci_born",
    "lock_key /ci_born/lock",
    "create_key ci_new",
    "edit_key /ci_edit",
    "unlock_key /ci_unlock/unlock",
    "delete_key /ci_gone",
    "list_keys ",
]


def test_a_plan_is_done_in_its_phases_with_one_request_a_step_and_verified_by_one_list(bench):
    seed(bench.fake)
    bench.write(SPEC)
    report = bench.run()
    assert {result.outcome for result in report.results} == {"applied"}
    assert [hub.verified for hub in report.hubs] == [True]
    assert sent(bench.fake) == CLEAN
    assert bench.plan().plan.steps == ()


def test_keys_of_a_slow_hub_run_side_by_side_within_concurrency_and_phases_are_barriers(bench):
    bench.write(
        "guards: {max_change_share: 100%}\nkeys: {"
        + ", ".join(f"ci_{number}: {{roles: [User], state: locked}}" for number in range(4))
        + ", ci_wide: {roles: [Operator, User]}}\n",
        concurrency=4,
    )
    bench.fake.add("keyspec_ci")
    bench.fake.add("ci_wide")
    together = threading.Barrier(4, timeout=10)

    def handle(request):
        if request.method == "POST":
            together.wait()
        return bench.fake.handle(request)

    report = bench.run(handle=handle)
    assert {result.outcome for result in report.results} == {"applied"}
    order = [line.partition(" ")[0] for line in sent(bench.fake, "list_keys")]
    assert order == ["create_key"] * 4 + ["lock_key"] * 4 + ["edit_key"]


def test_a_quick_hub_is_sent_few_steps_over_few_connections(bench):
    keys = [f"ci_{number}" for number in range(8)]
    bench.write(f"keys: {{{', '.join(f'{key}: {{roles: [User]}}' for key in keys)}}}\n", concurrency=8)
    threads = set()

    def handle(request):
        threads.add(threading.current_thread().name)
        return bench.fake.handle(request)

    assert {result.outcome for result in bench.run(handle=handle).results} == {"applied"}
    workers = {name for name in threads if name.startswith("fake-")}
    assert 1 <= len(workers) <= 2


def test_where_the_system_has_no_more_threads_every_step_is_done_and_told(bench, monkeypatch):
    seed(bench.fake)
    bench.write(SPEC, concurrency=8)
    start = threading.Thread.start

    def refuse(thread):
        if thread.name.startswith("fake-"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert {result.outcome for result in bench.run().results} == {"applied"}


def break_at(monkeypatch, method, key_id):
    """Let a method of a turn fail as nobody foresaw, for one key; its text may hold anything."""
    done = getattr(Turn, method)

    def breaks(turn, asked):
        if (asked[0] if isinstance(asked, tuple) else asked).key_id == key_id:
            raise ZeroDivisionError("a value could stand here")
        return done(turn, asked)

    monkeypatch.setattr(Turn, method, breaks)


def test_a_bug_at_one_key_fails_that_key_alone_and_nothing_is_deleted_after_it(bench, monkeypatch):
    seed(bench.fake)
    bench.write(SPEC)
    break_at(monkeypatch, "_judge", "ci_narrow")
    report = bench.run()
    outcomes = dict(line.rsplit(" ", 1) for line in told(report))
    assert outcomes.pop("edit ci_narrow") == "failed"
    assert outcomes.pop("delete ci_gone") == "skipped"
    assert set(outcomes.values()) == {"applied"}
    assert "could stand" not in str(report)
    assert apply_exit_code(report) == 3


@pytest.mark.parametrize("key_id", ["ci_narrow", "ci_born", "ci_edit"])
def test_a_bug_in_one_hubs_turn_does_not_hide_what_was_done_and_nothing_is_deleted_after_it(bench, monkeypatch, key_id):
    seed(bench.fake)
    bench.write(SPEC)
    break_at(monkeypatch, "do_key", key_id)
    report = bench.run()
    outcomes = dict(line.rsplit(" ", 1) for line in told(report))
    assert len(outcomes) == 8
    assert outcomes["lock ci_lock"] == "applied"
    assert {outcome for line, outcome in outcomes.items() if line.endswith(f" {key_id}")} <= {"failed", "skipped"}
    assert outcomes["delete ci_gone"] in ("failed", "skipped")
    assert not any(name_operation(seen.method, seen.path) == "delete_key" for seen in bench.fake.requests)
    assert "could stand" not in str(report)
    assert apply_exit_code(report) == 3


# Faults at every request


def after(fake, answer):
    """The hub does what was asked, and then answers so."""

    def fault(request):
        body = json.loads(request.content) if request.content else None
        done = fake._answer(request, request.url.raw_path.decode().partition("?")[0], body)
        return answer(done) if callable(answer) else answer

    return fault


def cut(done):
    return httpx.Response(done.status_code, content=done.content[: len(done.content) // 2], headers=done.headers)


HTML = httpx.Response(200, html="<!doctype html><title>Portal</title>")
FAULTS = {
    "refused": lambda fake: "refused",
    "no connection": lambda fake: "connect-timeout",
    "reset before": lambda fake: "reset-before",
    "reset after": lambda fake: "reset-after",
    "timeout before": lambda fake: "timeout-before",
    "timeout after": lambda fake: "timeout-after",
    "429 before": lambda fake: refuse(429, "slow", "down", **{"retry-after": "1"}),
    "503 before": lambda fake: refuse(503, "busy", "later", **{"retry-after": "1"}),
    "500 before": lambda fake: refuse(500, "broken", "oops"),
    "401 before": lambda fake: refuse(401, "no", "no"),
    "404 before": lambda fake: refuse(404, "no", "no"),
    "409 before": lambda fake: refuse(409, "no", "no"),
    "422 before": lambda fake: refuse(422, "no", "no"),
    "html before": lambda fake: HTML,
    "redirect before": lambda fake: httpx.Response(307, headers={"location": "https://login.example/"}),
    "500 after": lambda fake: after(fake, refuse(500, "broken", "oops")),
    "html after": lambda fake: after(fake, HTML),
    "cut after": lambda fake: after(fake, cut),
    "empty after": lambda fake: after(fake, lambda done: httpx.Response(done.status_code)),
}


def check_invariants(bench, seen_strangers):
    fake = bench.fake
    assert {key_id: fake.keys[key_id] for key_id in STRANGERS} == seen_strangers
    assert not [path for _, path, _ in fake.writes if any(key_id in path for key_id in STRANGERS)]
    for key_id, key in fake.keys.items():
        if key_id in (*STRANGERS, *SEEDED) or key["locked"]:
            continue
        value = fake.values[key_id]
        assert value == bench.value(key_id) or any(value in text for text in bench.spooled()), f"{key_id} lost"


class Counting(FakeHub):
    """Counts the creates and deletes that were really done."""

    def _create(self, body):
        answer = super()._create(body)
        if answer.status_code == 201:
            self.made[body["keyId"]] += 1
        return answer

    def _change(self, operation, key_id, body):
        answer = super()._change(operation, key_id, body)
        if operation == "delete_key" and answer.status_code == 204:
            self.made[key_id] -= 1
        return answer


def make_bench(folder):
    folder.mkdir()
    bench = Bench(folder, Counting())
    bench.fake.made = Counter()
    seed(bench.fake)
    bench.write(SPEC)
    return bench


def run_until_quiet(bench, *, most=5):
    for _ in range(most):
        report = bench.run()
        if apply_exit_code(report) == 0 and not bench.plan().plan.steps:
            return
    raise AssertionError(f"not quiet: {told(report)}")


def check_end(bench, strangers):
    check_invariants(bench, strangers)
    assert {key_id for key_id, count in bench.fake.made.items() if count > 0} == {"ci_born", "ci_new"}
    assert all(count <= 1 for count in bench.fake.made.values())
    locked = {key_id for key_id, key in bench.fake.keys.items() if key["locked"]}
    assert locked == {"ci_born", "ci_lock"}
    assert bench.value("ci_new") == bench.fake.values["ci_new"]
    assert bench.value("ci_born") == bench.fake.values["ci_born"]
    assert bench.fake.keys["ci_edit"]["roles"] == ["Operator", "User"]
    assert bench.fake.keys["ci_narrow"]["roles"] == ["User"]
    assert bench.spooled() == []
    assert set(bench.fake.keys) == {*STRANGERS, *SEEDED, "ci_born", "ci_new"} - {"ci_gone"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_any_request_loses_no_value_touches_no_stranger_and_the_next_runs_converge(tmp_path, name, campaign):
    stride = 1 if campaign == "full" else 2
    for number in range(1 + list(FAULTS).index(name) % stride, len(CLEAN) + 4, stride):
        bench = make_bench(tmp_path / str(number))
        strangers = {key_id: bench.fake.keys[key_id] for key_id in STRANGERS}
        bench.fake.fail(number, FAULTS[name](bench.fake))
        report = bench.run()
        check_invariants(bench, strangers)
        assert all(count <= 1 for count in bench.fake.made.values())
        if any(result.outcome == "failed" and result.step.phase < 4 for result in report.results):
            assert "ci_gone" in bench.fake.keys
        bench.fake.faults.clear()
        run_until_quiet(bench)
        check_end(bench, strangers)


@pytest.mark.parametrize("second", ["reset after", "refused", "html before", "500 after"])
def test_two_faults_in_a_row_are_survived_too(tmp_path, second, campaign):
    for number in range(3, len(CLEAN) + 2):
        for distance in (1, 2) if campaign == "full" else (1,):
            bench = make_bench(tmp_path / f"{number}-{distance}")
            strangers = {key_id: bench.fake.keys[key_id] for key_id in STRANGERS}
            bench.fake.fail(number, "reset-after")
            bench.fake.fail(number + distance, FAULTS[second](bench.fake))
            bench.run()
            bench.fake.faults.clear()
            run_until_quiet(bench)
            check_end(bench, strangers)


# Lists, conflicts, already


def test_a_fresh_list_is_not_read_again_an_old_one_and_one_before_a_question_is(bench):
    bench.write("keys: {ci_a: {roles: [User]}}\n")
    bench.run()
    assert bench.fake.count("list_keys") == 2
    bench.write("keys: {ci_b: {roles: [User]}}\n")
    bench.run(between=lambda: bench.fake.time.sleep(61))
    assert bench.fake.count("list_keys") == 5
    bench.write("keys: {ci_c: {roles: [User]}}\n")
    bench.run(asked=True)
    assert bench.fake.count("list_keys") == 8
    bench.run(asked=True)
    assert bench.fake.count("list_keys") == 9


def test_a_hub_that_cannot_be_listed_again_fails_its_steps_and_sends_none(bench):
    bench.write("keys: {ci_a: {roles: [User]}}\n")
    report = bench.run(between=lambda: bench.fake.fail_next("list_keys", refuse(403, "no", "no")), asked=True)
    assert told(report) == ["create ci_a failed"]
    assert bench.fake.writes == []
    assert apply_exit_code(report) == 1


def test_each_phase_begins_with_a_deadline_of_its_own(bench):
    """The tightening steps spend the deadline of 3 x 100 s + 60 s; without a new one nothing more would be sent."""
    for name in ("keyspec_ci", "ci_a", "ci_b", "ci_c", "ci_d"):
        bench.fake.add(name)
    keys = ", ".join(f"ci_{name}: {{state: locked, roles: [User]}}" for name in "abcd")
    bench.write(f"guards: {{max_change_share: 100%}}\nkeys: {{ci_new: {{roles: [User]}}, {keys}}}\n", timeout_s=100)

    def stall(_):
        bench.fake.time.sleep(130)
        return refuse(503, "busy", "later", **{"retry-after": "59"})

    for _ in range(9):
        bench.fake.fail_next("lock_key", stall)
    assert told(bench.run()) == [*(f"lock ci_{name} failed" for name in "abcd"), "create ci_new applied"]
    assert bench.fake.count("lock_key") == 3
