from __future__ import annotations

import pytest
from builders import key, spec_of

from keyspec.diff import compare_keys, unknown_fields
from keyspec.plan import Change

ALL = "{description: d, roles: [A, B], reauth_timeout: 60, state: active}"


def wanted(fields):
    return spec_of(f"keys: {{a: {fields}}}").hubs["hub"].keys["a"]


def test_equal_keys_have_no_changes_roles_as_a_set():
    assert compare_keys(wanted(ALL), key("a", "d", ("B", "A"))) == ()


def test_only_what_is_declared_is_compared():
    assert compare_keys(wanted("{roles: [User]}"), key("a", "other", "User", 999, "locked")) == ()


def test_each_field_that_differs_is_one_change_in_the_order_of_the_fields():
    assert compare_keys(wanted(ALL), key("a", "", "User", 61, "locked")) == (
        Change("description", "", "d"),
        Change("roles", ("User",), ("A", "B")),
        Change("reauth_timeout", 61, 60),
        Change("state", "locked", "active"),
    )


def test_a_field_the_hub_does_not_tell_gives_no_change():
    live = key("a", None, None, None, None)
    assert compare_keys(wanted(ALL), live) == ()
    assert unknown_fields(wanted(ALL), live) == ("description", "roles", "reauth_timeout", "state")


def test_a_field_that_is_told_is_compared_beside_one_that_is_not():
    assert compare_keys(wanted(ALL), key("a", None, ("A", "B"), 61)) == (Change("reauth_timeout", 61, 60),)


def test_only_declared_fields_are_missed():
    assert unknown_fields(wanted("{roles: [User]}"), key("a", None, "User", None, None)) == ()


def test_an_absent_key_needs_nothing_but_its_state_to_be_told():
    gone = wanted("{state: absent}")
    assert compare_keys(gone, key("a")) == ()
    assert unknown_fields(gone, key("a", None, None, None, None)) == ("state",)


def test_zero_and_empty_are_values():
    assert compare_keys(wanted("{roles: [User], description: '', reauth_timeout: 1}"), key("a", "x", "User", 0)) == (
        Change("description", "x", ""),
        Change("reauth_timeout", 0, 1),
    )


def test_the_lines_of_a_text_are_never_aligned(monkeypatch):
    """That takes time in the square of their number, and a hub may send megabytes."""
    monkeypatch.setattr("difflib.SequenceMatcher.__init__", lambda *_, **__: pytest.fail("lines are compared"))
    text = "x\n\n" * 1000
    live = key("a", text, ("A", "B"))
    assert compare_keys(wanted('{roles: [A, B], description: "\\n\\n\\n"}'), live) == (
        Change("description", text, "\n\n\n"),
    )
