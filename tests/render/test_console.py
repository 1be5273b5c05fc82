from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.render.console import LEAST_WIDTH, Page, cells, make_page, pad, wants_color

lines = st.text(alphabet="ab 日é", max_size=80)


@pytest.mark.parametrize(
    ("choice", "is_terminal", "environ", "color"),
    [
        ("auto", True, {}, True),
        ("auto", True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", False, {}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_colour_is_as_chosen_or_as_the_terminal_can(choice, is_terminal, environ, color):
    assert wants_color(choice, is_terminal=is_terminal, environ=environ) is color


@given(lines, st.integers(min_value=0, max_value=30), st.integers(min_value=1, max_value=60))
def test_wrapping_loses_no_word_and_passes_the_width_for_a_single_word_only(text, indent, width):
    wrapped = Page(color=False, width=width).wrap(text, indent=indent)
    assert wrapped.split() == text.split()
    first, *others = wrapped.split("\n")
    assert all(other.startswith(" " * indent) for other in others)
    if len(wrapped.split("\n")) > 1:
        for line in [" " * indent + first, *others]:
            assert cells(line) <= width or " " not in line.strip()


def test_what_goes_on_hangs_where_it_should():
    assert Page(color=False, width=12).wrap("head one two three", indent=0, hang=4) == "head one two\n    three"
    assert Page(color=False, width=12).wrap("head longish words", indent=2, hang=3) == "head\n     longish\n     words"


@given(lines)
def test_padding_counts_columns_not_characters(text):
    assert cells(pad(text, 200)) == 200


def test_wide_and_combining_characters_take_their_columns():
    assert (cells("日本"), cells("e\u0301"), cells("→")) == (4, 1, 1)


def test_paint_is_line_by_line_and_leaves_indents_plain():
    page = make_page(color=True, width=80)
    assert page.paint("a\n  b", "red") == "\x1b[31ma\x1b[0m\n  \x1b[31mb\x1b[0m"
    assert page.paint("", "red") == ""
    assert make_page(color=False, width=80).paint("a", "red") == "a"


def test_no_page_is_too_narrow_to_read():
    assert make_page(color=False, width=1).width == LEAST_WIDTH
