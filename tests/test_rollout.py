from __future__ import annotations

import signal
from dataclasses import replace

import pytest
from bench import Bench
from fakes.hub import URL

from keyspec import rollout
from keyspec.reconcile import apply_run
from keyspec.report import StepResult

HUB = f'{{url: "{URL}", auth: "env:HUB_KEY", auth_key_id: keyspec_ci}}'
SPEC = f"""\
keyspec: 1
hubs: {{a: {HUB}, b: {HUB}}}
guards: {{max_change_share: 100%}}
rollout: {{waves: [[a], [b]]}}
keys:
  ci_a: {{roles: [User], description: wanted, hubs: [a]}}
  ci_b: {{roles: [User], description: wanted, hubs: [b]}}
"""


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.fake.add("keyspec_ci")
    bench.fake.add("ci_a")
    bench.fake.add("ci_b")
    (tmp_path / "keyspec.yaml").write_text(SPEC)
    return bench


def outcomes(report):
    return [(result.step.hub, result.outcome, result.error) for result in report.results]


def test_waves_that_go_well_are_all_applied(bench):
    assert outcomes(bench.run()) == [("a", "applied", None), ("b", "applied", None)]


def test_an_interrupt_that_comes_as_a_wave_ends_begins_no_other_wave(bench, monkeypatch):
    run_fleet = rollout.run_fleet

    def run_and_interrupt(*args, **settings):
        done = run_fleet(*args, **settings)
        signal.raise_signal(signal.SIGINT)
        return done

    monkeypatch.setattr(rollout, "run_fleet", run_and_interrupt)
    report = bench.run()
    assert outcomes(report) == [("a", "applied", None), ("b", "skipped", "interrupted")]
    assert report.interrupted
    assert bench.fake.keys["ci_b"]["description"] != "wanted"


def test_what_is_applied_but_leaves_something_to_do_stops_the_later_waves(bench):
    session = bench.session()
    planned = bench.plan(session)
    first, second = planned.plan.steps
    settled = {first.number: StepResult(first, "applied", "the replica could not be written")}
    report = apply_run(replace(planned, settled=settled, todo=(second,)), bench.options(), session)
    assert [result.outcome for result in report.results] == ["applied", "skipped"]
    assert report.results[1].error.startswith("an earlier wave failed on a")
