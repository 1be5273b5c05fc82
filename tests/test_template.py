from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.template import fill, fill_path, find_marks, quote_segment

encodable = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(encodable)
def test_any_id_is_one_segment_and_comes_back_as_it_was(text):
    segment = quote_segment(text)
    assert unquote(segment) == text
    assert segment.isascii()
    assert not set(segment) & set("/?#\\ ")
    assert segment not in (".", "..")


@given(encodable)
def test_httpx_sends_the_segment_as_it_is(text):
    import httpx

    url = httpx.URL("https://hub.example.com" + fill_path("/keys/{key_id}/lock", {"key_id": text}))
    assert url.raw_path.decode() == f"/keys/{quote_segment(text)}/lock"
    assert url.host == "hub.example.com"


@pytest.mark.parametrize("text", ["", "\ud800"])
def test_text_that_no_url_can_carry_is_refused(text):
    with pytest.raises(ValueError, match=r"empty|surrogates"):
        quote_segment(text)


def test_a_placeholder_alone_keeps_its_type_and_in_a_text_becomes_text():
    template = {"a": "{roles}", "b": "x{limit}y", "c": [True, "{limit}"], "d": {"e": 1}}
    assert fill(template, {"roles": ("r",), "limit": 5}) == {"a": ("r",), "b": "x5y", "c": [True, 5], "d": {"e": 1}}


def test_what_has_no_value_is_left_out():
    assert fill({"a": "{roles}", "b": ["{x}"], "c": "{limit}"}, {"limit": 0, "roles": None}) == {"b": [], "c": 0}


def test_marks_tell_where_placeholders_stand():
    marks = list(find_marks({"a": ["{x}", "b{y}"], "c": "}{"}))
    assert [(mark.path, mark.name, mark.alone) for mark in marks] == [
        (("a", 0), "x", True),
        (("a", 1), "y", False),
        (("c",), "{", False),
    ]
