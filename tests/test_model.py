from __future__ import annotations

import pytest

from keyspec.model import FIELDS, Key, as_set


def test_a_key_gives_its_compared_fields_by_name():
    key = Key("ci_a", "text", ("User",), 60, "locked")
    assert [key.field(name) for name in FIELDS] == ["text", ("User",), 60, "locked"]


def test_there_is_no_other_field():
    with pytest.raises(KeyError):
        Key("ci_a").field("key_id")


def test_names_are_a_set_sorted_and_without_repeats():
    assert as_set(["b", "a", "b"]) == ("a", "b") == as_set(iter(("a", "b")))


def test_a_key_cannot_change():
    with pytest.raises(AttributeError):
        Key("ci_a").description = "x"
