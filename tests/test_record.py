from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import keys, name_sets, texts

from keyspec.model import Key
from keyspec.record import FORMAT, Content, Mark, Record, dump_note, load_note
from keyspec.secret import Secret

marks = st.builds(
    Mark,
    hub=texts,
    key=keys(texts).map(
        lambda key: Key(key.key_id, key.description or "", key.roles or (), key.reauth_timeout_s or 1, "active")
    ),
    plan=texts,
    nonce=texts,
    lease_until=st.integers(min_value=0, max_value=2**40),
)
records = st.builds(
    Record,
    hub=texts,
    key_id=texts,
    hubs=name_sets,
    fingerprint=texts,
    generation=st.integers(min_value=1, max_value=99),
    locked_by_keyspec=st.booleans(),
)
RECORD = Record("hub", "a", ("hub",), "hmac-sha256:n:0")
MARK = Mark("hub", Key("a", "", ("User",), 60, "active"), "sha256:0", "n")


@given(marks | records)
def test_a_note_is_read_as_it_was_written(note):
    assert load_note(dump_note(note)) == note


@given(marks | records)
def test_a_note_is_one_line(note):
    assert dump_note(note).count(b"\n") == 1
    assert dump_note(note).endswith(b"\n")


@given(st.binary(max_size=40) | st.recursive(st.none() | st.floats() | st.text(max_size=5), lambda part: st.lists(part) | st.dictionaries(st.sampled_from(["format", "mark", "record"]), part)).map(lambda data: json.dumps(data).encode()))  # fmt: skip
def test_anything_else_is_no_note_and_no_error(data):
    assert load_note(data) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [("format", "keyspec-record/2"), ("record", []), ("record", None), ("record.hub", None), ("record.hubs", 5), ("record.hubs", [1]),
     ("record.generation", 1.5), ("record.generation", float("inf")), ("record.generation", True), ("record.generation", "1"),
     ("record.key_id", ["a"]), ("record.fingerprint", 0), ("mark", {}), ("mark", 5)],
)  # fmt: skip
def test_a_note_with_another_type_anywhere_is_none(path, value):
    body = json.loads(dump_note(RECORD))
    *parents, last = path.split(".")
    node = body[parents[0]] if parents else body
    node[last] = value
    assert load_note(json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    "name", ["hub", "key_id", "description", "roles", "reauth_timeout", "plan", "nonce", "lease_until"]
)
def test_a_mark_needs_all_it_says(name):
    body = json.loads(dump_note(MARK))
    assert load_note(json.dumps(body).encode()) == MARK
    del body["mark"][name]
    assert load_note(json.dumps(body).encode()) is None


@pytest.mark.parametrize("claim", [1, "true", None, "no"])
def test_only_true_says_that_keyspec_locked_a_key(claim):
    body = json.loads(dump_note(RECORD))
    body["record"]["locked_by_keyspec"] = claim
    assert load_note(json.dumps(body).encode()).locked_by_keyspec is False


def test_a_note_deep_as_a_well_is_none():
    assert load_note(b"[" * 100_000) is None


def test_a_note_names_its_format():
    assert json.loads(dump_note(MARK))["format"] == FORMAT == "keyspec-record/1"


def test_content_does_not_show_its_value():
    assert "hunter2" not in repr(Content(RECORD, Secret("hunter2")))
