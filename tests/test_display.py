from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.display import display, name_some

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            list(":#[]\\nvso \n\r\t\x1b\x00\x7f\x9b\u200b\u200d\u202e\u2028\u2066\ufeff\u2800\ufe0f\u3164\ud800\ue000")
        ),
    )
)
LIMITS = st.one_of(st.none(), st.integers(0, 300))


@given(HOSTILE, LIMITS)
def test_nothing_that_moves_hides_or_reorders_comes_out(text, limit):
    shown = display(text, limit=limit)
    assert shown.isprintable()
    assert not re.search("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]", shown)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(HOSTILE, LIMITS)
def test_no_ci_system_sees_a_command(text, limit):
    shown = display(text, limit=limit)
    assert "::" not in shown
    assert not re.search(r"##\w*\[", shown)


@given(HOSTILE, LIMITS)
def test_displaying_twice_is_displaying_once(text, limit):
    assert display(display(text, limit=limit), limit=limit) == display(text, limit=limit)


@given(st.lists(HOSTILE, max_size=5))
def test_displayed_pieces_joined_and_displayed_hold_no_command(pieces):
    line = display("".join(display(piece) for piece in pieces), limit=None)
    assert "::" not in line
    assert not re.search(r"##\w*\[", line)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=200))
def test_plain_ascii_stays_as_it_is(text):
    if "::" not in text and not re.search(r"##\w*\[", text):
        assert display(text) == text


@given(HOSTILE, st.integers(0, 300))
def test_the_limit_is_kept_and_what_is_cut_is_counted(text, limit):
    shown = display(text, limit=limit)
    assert len(shown) <= max(limit, 40)
    cut = re.fullmatch(r"(.*)… \(([0-9]+) more characters\)", shown)
    whole = display(text, limit=None)
    assert shown == whole or (cut is not None and whole.startswith(cut[1]) and 0 < int(cut[2]) <= len(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31mred\x7f\x9b", r"\x1b[31mred\x7f\x9b"),
        ("a\u202eb\u200bc", r"a\u202eb\u200bc"),
        ("\U000e0041", r"\U000e0041"),
        ("::set-output name=a::b", r":\:set-output name=a:\:b"),
        (":::", r":\:\:"),
        ("##vso[task.setvariable]", r"#\#vso[task.setvariable]"),
        ("x ##[error]y", r"x #\#[error]y"),
        ("###[error]", r"##\#[error]"),
        ("## Heading, a:b", "## Heading, a:b"),
        ("Grüße, 日本, é", "Grüße, 日本, é"),
        (None, "None"),
        (ValueError("a\nb"), r"a\nb"),
    ],
)
def test_examples(text, shown):
    assert display(text) == shown


def test_long_text_is_cut_at_whole_escapes():
    shown = display("\x1b" * 100, limit=50)
    assert re.fullmatch(r"(\\x1b)+… \([0-9]+ more characters\)", shown)


@pytest.mark.parametrize("piece", ["::", "##vso[", "\x1b[31m", "##", "\u202e", "##a"])
def test_a_megabyte_of_hostility_passes_whole(piece):
    shown = display(piece * (1_000_000 // len(piece)), limit=None)
    assert shown.isprintable()
    assert len(display(piece * (1_000_000 // len(piece)))) <= 200


def test_of_many_names_some_are_said_and_the_rest_is_counted():
    assert name_some("abc", most=3) == "a, b, c"
    assert name_some("abcde", most=3) == "a, b, c and 2 more"
