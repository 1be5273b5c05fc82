from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.scalar import resolve_scalar


@given(st.text())
def test_any_text_is_a_value_or_no_number(text):
    try:
        value = resolve_scalar(text)
    except ValueError as error:
        assert "number" in str(error)  # noqa: PT017 - either end is right
    else:
        assert value is None or isinstance(value, str | int | float)


@given(st.integers())
def test_whole_numbers_are_read_in_three_bases(number):
    assert resolve_scalar(str(number)) == number
    assert resolve_scalar(hex(abs(number))) == abs(number)
    assert resolve_scalar(oct(abs(number))) == abs(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_exactly(number):
    assert resolve_scalar(repr(number)) == number


@pytest.mark.parametrize("text", ["9" * 1001, "0x" + "f" * 1000, "1e400", "-1e400"])
def test_what_is_too_long_or_too_large_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError, match="number") as caught:
        resolve_scalar(text)
    assert len(str(caught.value)) < 60
