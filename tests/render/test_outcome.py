from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import strategies
from example_plan import PLAN, REPORT, SMALL, STEPS
from hypothesis import given
from hypothesis import strategies as st

from keyspec.display import display
from keyspec.plan import HubRow
from keyspec.render.outcome import render_report
from keyspec.report import HubResult, Report, StepResult

GOLDEN = Path(__file__).parent / "golden"
ANSI = re.compile("\x1b\\[[0-9;]+m")


def report_on(hubs, outcome, error=None):
    rows = tuple(HubRow(f"hub_{number}", "https://x", "read", 1) for number in range(hubs))
    steps = strategies.number_steps(replace(STEPS[3], hub=row.name) for row in rows)
    return Report(
        plan=replace(PLAN, hubs=rows, steps=steps),
        results=tuple(StepResult(step, outcome, error) for step in steps),
        hubs=tuple(HubResult(row.name, verified=outcome == "applied") for row in rows),
    )


@pytest.mark.parametrize(
    ("name", "rendered"),
    [
        ("report.txt", render_report(REPORT, color=False, width=100)),
        ("report-verbose.txt", render_report(REPORT, color=False, width=100, verbose=True)),
    ],
)
def test_a_report_reads_as_reviewed(name, rendered, update_golden):
    if update_golden:
        (GOLDEN / name).write_text(rendered, encoding="utf-8")
    assert rendered == (GOLDEN / name).read_text(encoding="utf-8")


@given(strategies.reports(), st.integers(min_value=1, max_value=200), st.booleans())
def test_nothing_from_outside_reaches_the_terminal_armed(report, width, verbose):
    text = render_report(report, color=False, width=width, verbose=verbose)
    assert all(display(line, limit=None) == line for line in text[:-1].split("\n"))
    assert ANSI.sub("", render_report(report, color=True, width=width, verbose=verbose)) == text


@given(strategies.reports())
def test_verbose_shows_every_step_by_number(report):
    text = render_report(report, color=False, width=100, verbose=True)
    numbers = [int(number) for number in re.findall(r"^ +#(\d+)  [a-z]+ +[-+~!^] ", text, re.MULTILINE)]
    assert sorted(numbers) == [step.number for step in report.plan.steps]


def test_failures_name_every_hub_and_successes_are_folded():
    failed = render_report(report_on(40, "failed", "409"), color=False, width=100)
    assert "on all 40 hubs: 409" in failed
    some = report_on(40, "applied")
    results = [
        replace(result, outcome="conflict") if number % 3 else result for number, result in enumerate(some.results)
    ]
    text = render_report(replace(some, results=tuple(results)), color=False, width=10_000)
    left = [f"hub_{number}" for number in range(40) if not number % 3]
    assert f"on 26 of 40 hubs, not on {', '.join(left)}" in text
    assert (
        "applied   ~ edit    ci_deployer  on 14 of 40 hubs: hub_0, hub_3, hub_6, hub_9, hub_12, hub_15 … (+8)" in text
    )
    assert "40 hubs: hub_0, hub_1, hub_2, hub_3, hub_4, hub_5 … (+34)  verified" in text


def test_an_id_that_no_spec_can_declare_is_quoted_and_cut():
    report = report_on(1, "failed", "409")
    for key_id, shown in (
        ("ci_a: applied", r'"ci_a: applied"'),
        ("k" * 9_999, r'"k{100,}… \([0-9]+ more characters\)"'),
    ):
        (result,) = report.results
        hostile = replace(report, results=(replace(result, step=replace(result.step, key_id=key_id)),))
        for verbose in (False, True):
            text = render_report(hostile, color=False, width=300, verbose=verbose)
            assert re.search(rf"failed    ~ edit    {shown}: 409\n", text)


def test_the_closing_line_counts_outcomes_and_verified_hubs():
    steps = SMALL.steps
    report = Report(
        plan=SMALL,
        results=(StepResult(steps[0], "applied"), StepResult(steps[1], "already")),
        hubs=(HubResult("prod_ap", verified=True),),
    )
    text = render_report(report, color=False, width=100)
    assert text.splitlines()[-1] == "Apply: 1 applied, 1 already so; 1 of 1 hub verified."
    nothing = Report(plan=replace(SMALL, steps=()), results=(), hubs=())
    assert render_report(nothing, color=False, width=100).splitlines()[-1] == "Apply: nothing to do."
