from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.selector import glob_matches, is_glob, matches_any, parse_selector

PROD_EU = ("prod_eu", {"env": "prod", "region": "eu"})
LAB_1 = ("lab_1", {"env": "lab"})


@pytest.mark.parametrize(
    ("text", "hub", "meant"),
    [
        ("prod_eu", PROD_EU, True),
        ("prod", PROD_EU, False),
        ("prod_*", PROD_EU, True),
        ("PROD_*", PROD_EU, False),
        ("lab_?", LAB_1, True),
        ("lab_[!1]", LAB_1, False),
        ("env=prod", PROD_EU, True),
        ("env=pro*", PROD_EU, False),
        ("env=Prod", PROD_EU, False),
        ("region!=us", PROD_EU, True),
        ("region!=eu", PROD_EU, False),
        ("region!=eu", LAB_1, True),
        ("env=prod,region!=us", PROD_EU, True),
        ("env=prod,region!=eu", PROD_EU, False),
        (" env = prod , prod_* ", PROD_EU, True),
    ],
)
def test_every_term_must_hold(text, hub, meant):
    assert parse_selector(text).matches(*hub) is meant


@pytest.mark.parametrize(
    "text", ["", " ", ",", "a,", ",a", "a,,b", "=x", "env=", "env!=", "env==prod", "two words", "a/b", "a\n=b c=,"]
)
def test_what_is_no_selector_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError, match="selector"):
        parse_selector(text)


def test_a_list_means_any_and_an_empty_one_none():
    selectors = [parse_selector("env=lab"), parse_selector("prod_eu")]
    assert matches_any(selectors, *PROD_EU)
    assert matches_any(selectors, *LAB_1)
    assert not matches_any([], *LAB_1)


def test_a_selector_is_shown_as_it_was_written():
    assert str(parse_selector("env=prod, lab_*")) == "env=prod, lab_*"


@given(st.text("ab*?[]!-\n", max_size=12), st.text("ab*\n", max_size=8))
def test_a_glob_is_fnmatch_with_case(pattern, text):
    assert glob_matches(pattern, text) is fnmatchcase(text, pattern)


@given(st.text("abAB._-", max_size=8), st.text("abAB._-", max_size=8))
def test_what_is_no_glob_matches_itself_alone(pattern, text):
    assert not is_glob(pattern)
    assert glob_matches(pattern, text) is (pattern == text)


def test_many_stars_take_no_time():
    assert not glob_matches("a*" * 60 + "b", "a" * 2000)


@given(st.text(), st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3))
def test_any_text_is_a_selector_or_a_value_error(text, labels):
    try:
        parse_selector(text).matches("prod_eu", labels)
    except ValueError as error:
        assert "selector" in str(error)  # noqa: PT017 - either end is right
