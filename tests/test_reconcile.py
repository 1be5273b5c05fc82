from __future__ import annotations

import pytest
from bench import Bench, told

from keyspec.errors import RefusedError, UsageError
from keyspec.loader import load_desired
from keyspec.ownership import Policy
from keyspec.reconcile import apply_run, list_run, plan_desired


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.write("keys: {ci_a: {roles: [User]}, ci_b: {roles: [User]}}\n")
    return bench


def test_a_bug_met_at_one_hub_stands_in_the_plan_and_stops_no_other(bench, monkeypatch):
    def break_down(_hub):
        raise ZeroDivisionError("with something secret in it")

    monkeypatch.setattr("keyspec.hub.Hub.list_keys", break_down)
    (row,) = bench.plan().plan.hubs
    assert row.status == "unreadable"
    assert "ZeroDivisionError" in row.error
    assert "secret" not in row.error


def test_a_plan_needs_no_folder_for_state_and_an_apply_says_so_before_it_writes(bench):
    session = bench.session()
    session.connections.environ.pop("XDG_STATE_HOME")
    planned = bench.plan(session)
    assert len(planned.plan.steps) == 2
    with pytest.raises(UsageError, match="HOME"):
        apply_run(planned, bench.options(), session)
    assert bench.fake.writes == []


def test_a_refused_plan_is_not_applied(bench):
    bench.write("keys: {keyspec_ci: {roles: [User]}}\n")
    bench.fake.add("keyspec_ci", roles=["Administrator"])
    session = bench.session()
    planned = bench.plan(session)
    assert [problem.code for problem in planned.refusals] == ["own-key"]
    with pytest.raises(RefusedError):
        apply_run(planned, bench.options(), session)
    assert bench.fake.writes == []


def test_an_apply_removes_what_a_dead_one_left_half_written_in_the_spool(bench):
    spool = bench.session().spool
    spool.folder.mkdir(parents=True)
    (spool.folder / "dead.json.tmp").touch()
    bench.plan()
    assert [path.name for path in spool.folder.iterdir()] == ["dead.json.tmp"]
    bench.run()
    assert list(spool.folder.iterdir()) == []


def test_a_report_has_a_result_for_every_step_and_a_verdict_for_every_hub(bench):
    bench.fake.add("keyspec_ci")
    bench.fake.add("ci_a", roles=["Operator"], locked=True)
    bench.write(
        "guards: {max_change_share: 100%}\nkeys: {ci_a: {roles: [User], state: active}, ci_b: {roles: [User]}}\n"
    )
    report = bench.run(policy=Policy())
    assert told(report) == ["edit ci_a applied", "create ci_b applied", "unlock ci_a held"]
    assert [hub.name for hub in report.hubs] == ["fake"]
    assert not report.interrupted


def test_a_list_tells_of_every_live_key_whether_it_is_declared(bench):
    bench.fake.add("ci_a")
    bench.fake.add("stranger", locked=True)
    rows, unread = list_run(load_desired(bench.options()), bench.options(Policy()), bench.session())
    assert [(row.key_id, row.locked, row.declared) for row in rows] == [
        ("ci_a", False, True),
        ("stranger", True, False),
    ]
    assert unread == ()


def test_progress_is_told_for_each_hub_and_step(bench):
    hubs, steps = [], []
    session = bench.session(on_read=hubs.append, on_step=steps.append)
    planned = plan_desired(load_desired(bench.options()), bench.options(), session)
    report = apply_run(planned, bench.options(), session)
    assert [hub.name for hub in hubs] == ["fake"]
    assert steps == list(report.results)
