from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.conversion import (
    MAX_TIMEOUT_S,
    find_roles,
    read_state,
    read_timeout,
    write_roles,
    write_timeout,
)

seconds = st.integers(0, 10**12)


@given(seconds, st.sampled_from(["s", "ms", "text", "iso"]))
def test_what_is_written_is_read_back_as_the_same_number(number, unit):
    assert read_timeout(unit, write_timeout(unit, number)) == number


@given(seconds, st.sampled_from([("min", 60), ("h", 3600)]))
def test_a_unit_that_cannot_say_a_number_refuses_to(number, unit):
    name, factor = unit
    if number % factor:
        with pytest.raises(ValueError, match="no whole number"):
            write_timeout(name, number)
    else:
        assert read_timeout(name, write_timeout(name, number)) == number


@pytest.mark.parametrize(
    ("unit", "written", "read"),
    [
        ("s", 90, 90),
        ("ms", 90_000, 90),
        ("ms", 1500, None),
        ("min", 5, 300),
        ("h", 2, 7200),
        ("text", "90s", 90),
        ("text", "5m", 300),
        ("text", "1h", 3600),
        ("text", "2d", 172_800),
        ("text", "60", 60),
        ("text", "never", None),
        ("text", "", None),
        ("iso", "PT5M", 300),
        ("iso", "PT1H30M", 5400),
        ("iso", "P1DT1S", 86_401),
        ("iso", "P1D", 86_400),
        ("iso", "PT0S", 0),
        ("iso", "P", None),
        ("iso", "PT", None),
        ("iso", "PT0.5S", None),
        ("iso", "P1M", None),
        ("s", None, None),
    ],
)
def test_a_timeout_in_the_hubs_form_is_whole_seconds_or_cannot_be_compared(unit, written, read):
    assert read_timeout(unit, written) == read


@pytest.mark.parametrize(
    ("number", "text", "iso"), [(90, "90s", "PT1M30S"), (300, "5m", "PT5M"), (86_400, "24h", "PT24H")]
)
def test_a_timeout_is_written_in_its_largest_unit(number, text, iso):
    assert write_timeout("text", number) == text
    assert write_timeout("iso", number) == iso


@pytest.mark.parametrize("unit", ["s", "ms", "min", "h"])
@pytest.mark.parametrize("value", ["60", 60.0, True, -1, [], {}])
def test_a_timeout_of_the_wrong_type_is_an_error(unit, value):
    with pytest.raises(ValueError, match="not a whole number of"):
        read_timeout(unit, value)


@pytest.mark.parametrize("unit", ["text", "iso"])
def test_a_number_where_text_is_wanted_is_an_error(unit):
    with pytest.raises(ValueError, match="not a duration as text"):
        read_timeout(unit, 60)


def test_a_number_beyond_all_clocks_is_an_error():
    with pytest.raises(ValueError, match="beyond"):
        read_timeout("s", MAX_TIMEOUT_S + 1)


@pytest.mark.parametrize(
    ("value", "state"),
    [("on", "active"), (1, "active"), ("off", "locked"), (False, "locked"), (True, None), ("1", None), (None, None)],
)
def test_a_state_is_known_by_its_words_and_their_types(value, state):
    assert read_state(value, active=("on", 1), locked=("off", False)) == state


def test_roles_are_found_by_their_ids():
    assert find_roles(["r-2", 7], {"r-2": "B", 7: "A"}) == ("B", "A")
    with pytest.raises(LookupError, match="r-9"):
        find_roles(["r-9"], {})


def test_roles_stand_in_a_body_as_the_contract_says():
    assert write_roles("{role}", ("A", "B"), None) == ["A", "B"]
    assert write_roles({"role_id": "{role}", "scope": "all"}, ("A",), {"A": 7}) == [{"role_id": 7, "scope": "all"}]
    with pytest.raises(ValueError, match="the ID of role `B` is not known"):
        write_roles("{role}", ("A", "B"), {"A": 7})
