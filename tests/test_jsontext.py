from __future__ import annotations

import json

import strategies
from hypothesis import given
from hypothesis import strategies as st

from keyspec.jsontext import encode_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | strategies.texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strategies.texts, inner, max_size=3),
    max_leaves=10,
)


@given(values, st.none() | st.just(2))
def test_the_data_is_the_same_after_parsing(value, indent):
    assert json.loads(encode_json(value, indent=indent)) == value


@given(values, st.none() | st.just(2))
def test_no_control_character_and_no_workflow_command_stands_in_the_text(value, indent):
    text = encode_json(value, indent=indent)
    assert all(" " <= character <= "~" or character == "\n" for character in text)
    assert "::" not in text
    assert "##" not in text


def test_backslashes_before_a_command_stay_what_they_are():
    assert json.loads(encode_json("\\::\\##[x]:::")) == "\\::\\##[x]:::"
