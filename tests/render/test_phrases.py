from __future__ import annotations

import re
from dataclasses import replace

import pytest
from example_plan import PLAN, SMALL, STEPS
from hypothesis import given
from hypothesis import strategies as st

from keyspec.plan import Change, HubRow, Summary
from keyspec.render.phrases import (
    MOST_NAME,
    MOST_TEXT,
    say_bite,
    say_change,
    say_count,
    say_hub_status,
    say_key,
    say_name,
    say_names,
    say_summary,
    say_unplanned,
    say_value,
    worth_saying,
)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("description", "", '""'),
        ("description", "a\nb", '"a\\nb"'),
        ("description", "a\\nb", '"a\\\\nb"'),
        ("description", 'say "x"', '"say \\"x\\""'),
        ("description", None, "(unknown)"),
        ("roles", (), "(none)"),
        ("roles", ("Operator", "User"), "Operator, User"),
        ("roles", ("A, B", "C"), '"A, B", C'),
        ("roles", ("A ", ""), '"A ", ""'),
        ("reauth_timeout", 300, "5m"),
        ("state", "locked", "locked"),
    ],
)
def test_values_are_said_without_doubt(field, value, said):
    assert say_value(field, value) == said


def test_a_long_description_is_cut_and_its_end_cannot_hide_what_it_becomes():
    said = say_change(Change("description", "x" * 100_000, "short"))
    assert len(said) < 2 * MOST_TEXT
    assert said.endswith('→ "short"')


def test_of_long_descriptions_the_part_that_differs_is_shown():
    before, after = ("A" * 5_000 + middle + "B" * 5_000 for middle in ("old", "new"))
    alike = "A" * 40
    said = say_change(Change("description", before, after))
    assert re.fullmatch(rf'…"{alike}oldB+… \(\d+ more characters\) → …"{alike}newB+… \(\d+ more characters\)', said)
    assert say_change(Change("description", before[:5_000], after[:5_003])) == f'…"{alike}" → …"{alike}new"'
    early = say_change(Change("description", f"old{before}", f"new{before}"))
    assert early.startswith('"oldAAA')
    assert '→ "newAAA' in early


@given(
    st.text(st.sampled_from('A \x1b\u202e\U000e0001":#['), max_size=600),
    st.text(st.sampled_from("xX\0"), max_size=500),
    st.text(st.sampled_from("yY\\"), max_size=500),
)
def test_two_descriptions_never_look_the_same(alike, one, other):
    said = say_change(Change("description", f"{alike}x{one}", f"{alike}y{other}"))
    before, after = (re.sub(r"… \(\d+ more characters\)$", "", side) for side in said.split(" → "))
    assert not before.startswith(after)
    assert not after.startswith(before)
    assert len(said) <= 2 * MOST_TEXT + 3


@pytest.mark.parametrize(
    "name",
    ["User", "Sensor Status", "Operator-2", "a/b:c@d+e_f.g", "Prüfer 3", "日本", "x" * MOST_NAME],
)
def test_plain_names_stand_bare(name):
    assert say_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "(none)",
        "(unknown)",
        "User → X",
        "User  X",
        " User",
        "User ",
        "?",
        "A, B",
        "a=b",
        "A… (5 more characters)",
    ],
)
def test_names_that_could_pass_for_something_else_are_quoted(name):
    assert say_name(name) == f'"{name}"'
    assert say_key(name) == f'"{name}"'


@pytest.mark.parametrize("name", ["User", "Sensor\x1bStatus, ", '"' * 9, "\\"])
def test_names_without_end_are_cut_within_their_quotation_marks(name):
    shown = say_name(name * 100_000)
    assert len(shown) <= MOST_NAME
    assert shown.startswith('"') is (name != "User")
    assert re.search(r"… \([0-9]+ more characters\)$", shown.strip('"'))
    assert shown.startswith('"') is shown.endswith('"')


def test_an_id_is_bare_where_a_spec_can_declare_it():
    assert say_key("k" * 128) == "k" * 128
    assert say_key("k" * 129) == f'"{"k" * 129}"'
    assert [say_key(key_id) for key_id in ("ci_a", "-a", "a b", "a:b")] == ["ci_a", '"-a"', '"a b"', '"a:b"']


def test_no_role_is_left_out():
    roles = tuple(f"role_{number}" for number in range(500))
    assert say_names(roles).count("role_") == 500


def test_what_the_action_says_is_not_said_again():
    lock, edit = STEPS[2], STEPS[0]
    assert worth_saying(lock, verbose=True) == ()
    assert worth_saying(edit, verbose=False) == edit.changes
    create = replace(edit, action="create", changes=(Change("description", None, ""), Change("state", None, "active")))
    assert worth_saying(create, verbose=False) == ()
    assert worth_saying(create, verbose=True) == create.changes
    locked = replace(create, changes=(Change("state", None, "locked"),))
    assert worth_saying(locked, verbose=False) == locked.changes


def test_bites_are_a_range_over_hubs():
    step = STEPS[2]
    assert say_bite([replace(step, bites_within_s=None)]) == ""
    assert say_bite([step, step]) == "within 1m"
    assert say_bite([step, replace(step, bites_within_s=300)]) == "within 1m to 5m"
    assert say_bite([step, replace(step, bites_within_s=None)]) == "within 1m; elsewhere not known"


def test_the_summary_is_one_line_and_names_imports_only_where_there_are_any():
    summary = Summary(create=1, edit=2, lock=1, held=1, unchanged=10, unlisted=3)
    assert say_summary(summary) == (
        "Plan: 1 to create, 2 to edit, 1 to lock, 0 to unlock, 0 to delete; 1 held; 10 unchanged; 3 unlisted."
    )
    assert "1 to create, 2 to import, 2 to edit" in say_summary(replace(summary, import_=2))


def test_hubs_that_were_not_planned_are_counted_by_reason():
    assert say_unplanned(SMALL) == ""
    assert say_unplanned(PLAN) == "1 of 5 hubs not planned: 1 unreadable."
    refused = replace(PLAN, hubs=(*PLAN.hubs, HubRow("x", "https://x", "refused", 3, "no role 'A'")))
    assert say_unplanned(refused) == "2 of 6 hubs not planned: 1 unreadable, 1 refused."
    assert say_hub_status(refused.hubs[-1]) == "refused: no role 'A'"


def test_one_is_not_many():
    assert [say_count(count, "hub") for count in (0, 1, 2)] == ["0 hubs", "1 hub", "2 hubs"]
