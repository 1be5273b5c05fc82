from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import strategies
from example_plan import PLAN, REFUSALS, SMALL, STEPS
from hypothesis import given
from hypothesis import strategies as st

from keyspec.display import display
from keyspec.errors import Problem
from keyspec.plan import Finding, HubRow
from keyspec.render.text import render_plan, render_problems
from keyspec.source import Source

GOLDEN = Path(__file__).parent / "golden"
ANSI = re.compile("\x1b\\[[0-9;]+m")

problems = st.builds(
    Problem,
    code=strategies.names,
    message=strategies.texts,
    source=st.none() | strategies.sources,
    hint=strategies.texts,
)
widths = st.integers(min_value=1, max_value=200)


def assert_harmless(text):
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        assert display(line, limit=None) == line


@pytest.mark.parametrize(
    ("name", "rendered"),
    [
        ("plan.txt", render_plan(PLAN, refusals=REFUSALS, color=False, width=100)),
        ("plan-narrow.txt", render_plan(PLAN, color=False, width=56)),
        ("plan-verbose.txt", render_plan(PLAN, color=False, width=100, verbose=True)),
        ("plan-color.txt", render_plan(PLAN, refusals=REFUSALS, color=True, width=100).replace("\x1b", "^")),
        ("plan-one-hub.txt", render_plan(SMALL, color=False, width=100)),
    ],
)
def test_a_plan_reads_as_reviewed(name, rendered, update_golden):
    if update_golden:
        (GOLDEN / name).write_text(rendered, encoding="utf-8")
    assert rendered == (GOLDEN / name).read_text(encoding="utf-8")


@given(strategies.plans(), st.lists(problems, max_size=2), widths, st.booleans())
def test_nothing_from_outside_reaches_the_terminal_armed(plan, refusals, width, verbose):
    assert_harmless(render_plan(plan, refusals=refusals, color=False, width=width, verbose=verbose))


@given(strategies.plans(), widths, st.booleans())
def test_colour_adds_nothing_but_colour(plan, width, verbose):
    plain = render_plan(plan, color=False, width=width, verbose=verbose)
    assert ANSI.sub("", render_plan(plan, color=True, width=width, verbose=verbose)) == plain


@given(strategies.plans(), widths)
def test_verbose_shows_every_step_by_number(plan, width):
    text = render_plan(plan, color=False, width=width, verbose=True)
    assert re.findall(r"^ +#(\d+)  ", text, re.MULTILINE) != [] or not plan.steps
    numbers = [int(number) for number in re.findall(r"^ +#(\d+)  [-+~!^] ", text, re.MULTILINE)]
    assert sorted(numbers) == [step.number for step in plan.steps]


@given(st.sampled_from([40, 60, 100, 200]))
def test_no_width_loses_a_word(width):
    def words(columns):
        return render_plan(PLAN, refusals=REFUSALS, color=False, width=columns).split()

    assert words(width) == words(10_000)


def test_no_line_is_wider_than_the_terminal_where_words_fit():
    text = render_plan(PLAN, color=False, width=56)
    assert max(map(len, text.splitlines())) <= 56


@pytest.mark.parametrize("step", [step for step in STEPS if step.held])
def test_a_held_step_names_what_would_allow_it(step):
    text = render_plan(replace(PLAN, steps=(step,)), color=False, width=100)
    assert f"HELD  {step.key_id}" in text
    assert f"not done without {step.held_by}" in text


def test_nothing_to_do_is_said_only_where_every_hub_was_planned():
    empty = replace(PLAN, steps=(), findings=())
    assert "Nothing to do" not in render_plan(empty, color=False, width=100)
    read = replace(empty, hubs=tuple(hub for hub in PLAN.hubs if hub.status == "read"))
    assert "Nothing to do: every declared key is as declared." in render_plan(read, color=False, width=100)


def with_id(key_id):
    return replace(SMALL, steps=(replace(SMALL.steps[0], key_id=key_id), *SMALL.steps[1:]))


def test_an_id_that_a_spec_can_declare_is_never_cut():
    key_id = "k" * 128
    assert f"! lock    {key_id}\n" in render_plan(with_id(key_id), color=False, width=40)


def test_an_id_that_no_spec_can_declare_is_cut_and_moves_no_other_row():
    text = render_plan(with_id("k" * 100_000), color=False, width=300)
    assert re.search(r'! lock    "k{100,}… \([0-9]+ more characters\)"\n', text)
    assert "~ edit    ci_deployer\n" in text
    assert max(map(len, text.splitlines())) < 250


@pytest.mark.parametrize("key_id", ["ci a", "ci_a  on all 3 hubs", "(none)", "ci_a: applied", "", "a, b", 'x"y', "é"])
def test_an_id_that_could_pass_for_more_than_an_id_is_quoted(key_id):
    quoted = '"' + key_id.replace('"', '\\"') + '"'
    assert f"! lock    {quoted}\n" in render_plan(with_id(key_id), color=False, width=100)
    finding = Finding("unlisted-key", "info", "declared nowhere", "prod_ap", key_id)
    plan = replace(SMALL, findings=(finding, replace(finding, key_id="ci_b")))
    assert f"unlisted-key  {quoted}, ci_b (2 keys): declared" in render_plan(plan, color=False, width=120)
    plan = replace(SMALL, findings=(finding,))
    assert f"unlisted-key  {quoted}: declared" in render_plan(plan, color=False, width=120, verbose=True)


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("alone", [False, True])
def test_no_word_of_a_hub_begins_a_line(alone, verbose):
    said = "--- Plan:" * 3 + " --- Plan: Folded: ##x" * 40
    down = HubRow("lab", "https://lab.example.com", "unreadable", None, said)
    finding = Finding("store-unread", "warning", said, "lab", "--- " * 100)
    step = replace(SMALL.steps[0], hub="lab", reason=said, held_by=said, gives=(said,), key_id=said)
    plan = replace(SMALL, hubs=(down,) if alone else (*SMALL.hubs, down), steps=(step,), findings=(finding,))
    text = render_plan(plan, color=False, width=60, verbose=verbose)
    assert "Plan: Folded:" in text
    assert re.findall(r"^(?:--- |Plan: F|Folded: #|##).*", text, re.MULTILINE) == []


def test_a_long_problem_is_cut():
    problem = Problem("x", "m" * 10_000, None, "h" * 10_000)
    assert [len(line) < 2_100 for line in render_problems([problem], color=False).splitlines()] == [True, True]


def test_hubs_that_fail_alike_are_one_line():
    down = tuple(HubRow(f"hub_{number}", "https://x", "unreadable", None, "no route") for number in range(40))
    text = render_plan(replace(PLAN, hubs=(*PLAN.hubs, *down)), color=False, width=120)
    assert "unreadable  40 hubs: hub_0, hub_1, hub_2, hub_3, hub_4, hub_5 … (+34): no route" in text
    assert "unreadable  lab_2: connection refused" in text
    assert "45 hubs: 4 read with 43 keys, 41 unreadable" in text


def test_many_infos_are_counted_and_no_warning_is_left_out():
    infos = [Finding("unlisted-key", "info", f"not declared: {number}", "lab_1", "key_1") for number in range(50)]
    warnings = [Finding("store-unread", "warning", f"store {number}") for number in range(50)]
    plan = replace(PLAN, findings=(*infos, *warnings))
    text = render_plan(plan, color=False, width=120)
    assert text.count("warning  store-unread") == 50
    assert text.count("info     unlisted-key  key_") == 20
    assert "unlisted-key: 30 more, shown with -v" in text
    assert render_plan(plan, color=False, width=120, verbose=True).count("unlisted-key  key_") == 50


def test_findings_that_say_the_same_are_one_line_over_keys_and_hubs():
    hubs, keys = ("lab_1", "prod_eu"), [f"ci_{number}" for number in range(8)]
    found = tuple(Finding("value-not-held", "info", "not held", hub, key) for key in keys for hub in hubs)
    folded = render_plan(replace(PLAN, findings=found), color=False, width=200)
    assert "value-not-held  ci_0, ci_1, ci_2, ci_3, ci_4, ci_5 … (+2) (8 keys on 2 hubs): not held" in folded
    assert folded.count("value-not-held") == 1
    assert (
        render_plan(replace(PLAN, findings=found), color=False, width=200, verbose=True).count("value-not-held") == 16
    )
    alone = render_plan(replace(SMALL, findings=found[:4:2]), color=False, width=200)
    assert "value-not-held  ci_0, ci_1 (2 keys): not held" in alone


def test_the_permissions_of_a_lock_stand_only_in_verbose():
    step = replace(next(step for step in STEPS if step.action == "lock"), takes=("Login", "Shell"))
    plan = replace(PLAN, steps=(step,))
    assert "takes  " not in render_plan(plan, color=False, width=100)
    assert "Login, Shell" in render_plan(plan, color=False, width=100, verbose=True)


def test_problems_are_one_line_each_as_editors_read_them():
    problem = Problem("unknown-field", "no field 'rolse'", Source("a.yaml", 3, 5), "did you mean roles?")
    text = render_problems([problem, Problem("plain", "no place")], color=False)
    assert text == "a.yaml:3:5: unknown-field: no field 'rolse'\n    did you mean roles?\nplain: no place\n"
    assert ANSI.sub("", render_problems([problem], color=True)) == render_problems([problem], color=False)
    assert render_problems([], color=False) == ""


@given(st.lists(problems, min_size=1, max_size=3))
def test_problems_are_disarmed(found):
    assert_harmless(render_problems(found, color=False))
