from __future__ import annotations

import pytest
from bench import Bench, told
from fakes.hub import refuse

from keyspec.errors import RefusedError, SpecError, UsageError
from keyspec.loader import load_desired, load_text
from keyspec.ownership import Policy
from keyspec.reader import read_fleet, read_records
from keyspec.reconcile import apply_run, list_run, plan_desired
from keyspec.session import Options


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.write("keys: {ci_a: {roles: [User]}, ci_b: {roles: [User]}}\n")
    return bench


def test_loading_tells_every_problem_of_the_spec_and_opens_nothing(bench):
    bench.write("keys: {ci_a: {rolls: [User]}, ci_b: {roles: [User], extends: nobody}}\n")
    with pytest.raises(SpecError) as caught:
        load_desired(bench.options())
    assert len(caught.value.problems) >= 2
    assert bench.fake.requests == []


def test_an_unknown_contract_or_store_is_named_with_its_place(bench):
    bench.write('keys: {ci_a: {roles: [User], store: "nowhere:x"}}\n')
    with pytest.raises(SpecError, match=r"keyspec\.yaml:4:.*unknown-store"):
        load_desired(bench.options())
    with pytest.raises(SpecError, match="contract"):
        load_text(
            'keyspec: 1\nhubs: {x: {url: "https://x", auth: "env:X", auth_key_id: k, contract: none-such}}\n', "f"
        )


def test_hubs_are_selected_by_name_or_label_and_a_selector_that_matches_none_is_wrong_usage(bench):
    options = bench.options()
    assert list(load_desired(Options(files=options.files, hubs=("fa*",))).hubs) == ["fake"]
    for selector in ("other", "env=prod", "=", ""):
        with pytest.raises(UsageError):
            load_desired(Options(files=options.files, hubs=(selector,)))


def test_a_hub_that_cannot_be_read_stands_in_the_plan_with_its_error(bench):
    bench.fake.fail_next("list_keys", refuse(403, "no", "no"))
    planned = bench.plan()
    (row,) = planned.plan.hubs
    assert (row.status, row.live_keys) == ("unreadable", None)
    assert "403" in row.error
    assert planned.plan.steps == ()


def test_a_bug_met_at_one_hub_stands_in_the_plan_and_stops_no_other(bench, monkeypatch):
    def break_down(_hub):
        raise ZeroDivisionError("with something secret in it")

    monkeypatch.setattr("keyspec.hub.Hub.list_keys", break_down)
    (row,) = bench.plan().plan.hubs
    assert row.status == "unreadable"
    assert "ZeroDivisionError" in row.error
    assert "secret" not in row.error


def test_when_a_hub_was_read_is_when_its_reading_began(bench):
    def slow(request):
        bench.fake.time.sleep(50)
        return bench.fake._answer(request, request.url.path, None)

    bench.fake.fail_next("list_roles", slow)
    before = bench.fake.time.now_s
    assert bench.plan().read_at == {"fake": before}


def test_a_cancelled_read_gives_no_plan(bench):
    session = bench.session()
    session.cancel_reading()
    with pytest.raises(KeyboardInterrupt):
        read_fleet(load_desired(bench.options()), session=session)
    assert bench.fake.requests == []


def test_only_selected_keys_are_looked_up_in_their_stores(bench):
    planned = bench.plan(policy=Policy(keys=("ci_a",)))
    assert list(planned.records) == [("fake", "ci_a")]


def test_an_entry_that_cannot_be_read_is_a_text_and_the_others_are_read(bench):
    folder = bench.folder / "secrets/fake"
    folder.mkdir(parents=True)
    (folder / "ci_a").mkdir()
    hub = load_desired(bench.options()).hubs["fake"]
    records = read_records(hub, hub.keys, bench.session())
    assert isinstance(records["fake", "ci_a"], str)
    assert records["fake", "ci_b"].note is None
    report = bench.run()
    assert told(report) == ["create ci_a held", "create ci_b applied"]


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


def test_the_first_cancel_skips_and_the_second_stops_waiting(bench):
    session = bench.session()
    session.cancel(1)
    assert session.cancelled.is_set()
    assert not session.connections.world.stop.is_set()
    session.cancel(2)
    assert session.connections.world.stop.is_set()


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
