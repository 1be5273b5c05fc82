from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.duration import MAX_DURATION_S, format_duration, parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1, 1),
        (300, 300),
        ("60", 60),
        ("90s", 90),
        ("5m", 300),
        ("1h", 3600),
        ("14d", 1_209_600),
        ("3650d", MAX_DURATION_S),
    ],
)
def test_seconds_or_one_number_and_one_unit_are_read(value, seconds):
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "0s",
        "",
        "s",
        "1h30m",
        "1.5h",
        "5 m",
        " 5m",
        "5m\n",
        "5M",
        "-5m",
        "+5m",
        "\u0665m",
        True,
        1.5,
        None,
        [],
        "3651d",
        10**30,
        "9" * 5000,
    ],
)
def test_anything_else_is_refused_without_being_repeated(value):
    with pytest.raises(ValueError, match="duration") as caught:
        parse_duration(value)
    assert len(str(caught.value)) < 120


@given(st.integers(1, MAX_DURATION_S))
def test_what_is_formatted_is_read_back(seconds):
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(1, MAX_DURATION_S))
def test_the_form_is_the_shortest(seconds):
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    exact = [f"{seconds // size}{unit}" for unit, size in units.items() if seconds % size == 0]
    assert len(format_duration(seconds)) == min(map(len, exact))


def test_no_time_at_all_is_zero_seconds():
    assert format_duration(0) == "0s"


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text):
    try:
        assert 1 <= parse_duration(text) <= MAX_DURATION_S
    except ValueError as error:
        assert "duration" in str(error)  # noqa: PT017 - either end is right
