from __future__ import annotations

from dataclasses import replace

import pytest
from example_plan import PLAN, SMALL, STEPS

from keyspec.plan import Change, HubRow, Summary
from keyspec.render.phrases import (
    MOST_TEXT,
    say_bite,
    say_change,
    say_count,
    say_hub_status,
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


def test_roles_are_never_cut():
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
