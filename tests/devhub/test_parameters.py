import re

import pytest

from keyspec.devhub import Knobs
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.parameters import (
    TEXT_PATTERN,
    cap_limit,
    describe_limit,
    group_parameters,
    read_limit,
    read_number,
)


def test_values_are_grouped_in_their_order():
    given = group_parameters([("b", "2"), ("a", ""), ("b", "1")], single={"a"}, repeated={"b"})
    assert given == {"a": [""], "b": ["2", "1"]}


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ([("a", "1"), ("a", "1")], "'a' is wrong: given twice"),
        ([("c", "1")], "'c' is wrong: there is no such parameter"),
        ([("\u2028" + "x" * 1000, "1")], "no such parameter"),
        ([("a", "x\0")], "'a' is wrong: this is not text"),
        ([("b", "\ufffd")], "'b' is wrong: this is not text"),
    ],
)
def test_what_is_none_is_refused(parameters, says):
    with pytest.raises(Refusal) as caught:
        group_parameters(parameters, single={"a"}, repeated={"b"})
    assert caught.value.reason is Reason.BAD_PARAMETER
    assert says in caught.value.message
    assert len(caught.value.message) < 150


def test_what_is_described_as_text_is_taken():
    for text in ("", "a\nb", "ü☃", "\0", "\ufffd"):
        try:
            group_parameters([("a", text)], single={"a"})
        except Refusal:
            assert not re.search(TEXT_PATTERN, text)
        else:
            assert re.search(TEXT_PATTERN, text)


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", "1e1", "٣", "4", "99999999999", " 1", "1\n"])
def test_a_number_is_whole_and_within_its_bounds(text):
    with pytest.raises(Refusal, match="a whole number from 0 to 3"):
        read_number({"n": [text]}, "n", 0, least=0, greatest=3)
    assert read_number({"n": ["3"]}, "n", 0, least=0, greatest=3) == 3


def test_a_limit_keeps_to_the_knobs():
    assert read_limit({}, Knobs()) == 100
    assert read_limit({}, Knobs(max_limit=50)) == 50
    assert describe_limit(Knobs(max_limit=50))["schema"]["default"] == 50
    with pytest.raises(Refusal, match="1 to 50"):
        read_limit({"limit": ["51"]}, Knobs(max_limit=50))
    assert [cap_limit(limit, Knobs(page_cap=10)) for limit in (9, 11)] == [9, 10]
    assert cap_limit(9, Knobs()) == 9
