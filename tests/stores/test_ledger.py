"""The ledger of an AWS secret: what it says of its fields as AWSCURRENT moves."""

from __future__ import annotations

import pytest

from keyspec.errors import StoreError
from keyspec.stores.ledger import (
    WHOLE,
    Ledger,
    Line,
    add_value,
    drop_value,
    dump_ledger,
    load_ledger,
    name_ledger,
    pick_value,
)
from keyspec.stores.standing import NOTHING, Standing

MARKED = Ledger().with_note("key", "note-1", None)
PUT = f"{MARKED.lines['key'].put}rest"


def no_names(version):
    raise AssertionError(f"the names of {version} are read")


def test_a_ledger_survives_being_written():
    ledger = MARKED.at(PUT, no_names).with_aside("other", None, "v").with_note("other", "note-2", "w")
    assert load_ledger(dump_ledger(ledger)) == ledger
    assert dump_ledger(load_ledger(dump_ledger(ledger))) == dump_ledger(ledger)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "1", '{"format": "keyspec-ledger/2"}', '{"format": "keyspec-ledger/1"}']
)
def test_what_is_no_ledger_is_told(text):
    with pytest.raises(StoreError, match="KEYSPEC"):
        load_ledger(text)


def test_the_version_that_a_note_announced_is_its_value():
    assert MARKED.judge("key") == Standing("note-1", has_value=False)
    assert MARKED.at(PUT, no_names).judge("key") == Standing("note-1", has_value=True)
    assert MARKED.at("another", lambda _: ["key"]).judge("key").foreign
    assert MARKED.at("another", lambda _: ["other"]).judge("key") == Standing("note-1", has_value=False)


def test_a_new_note_announces_another_version():
    again = MARKED.with_note("key", "note-2", None)
    assert again.lines["key"].put != MARKED.lines["key"].put
    assert MARKED.with_note("key", "note-1", "elsewhere") == MARKED
    assert again.at(PUT, lambda _: ["key"]).judge("key").alien


def test_a_value_set_aside_is_none_of_the_note_after_it():
    aside = MARKED.at(PUT, no_names).with_aside("key", "note-1", "v")
    assert aside.judge("key") == Standing("note-1", has_value=False)
    marked = aside.with_note("key", "note-2", "w")
    assert marked.judge("key") == Standing("note-2", has_value=False)
    assert marked.without_note("key").judge("key") == NOTHING


def test_a_whole_value_changed_by_somebody_is_not_the_one_set_aside():
    ledger = Ledger("v1", (WHOLE,), {WHOLE: Line("note", "p", "aside")})
    assert not ledger.judge(WHOLE).has_value
    assert ledger.at("v2", lambda _: [WHOLE]).judge(WHOLE).alien


def test_the_same_change_of_the_same_ledger_is_one_version():
    text = dump_ledger(MARKED)
    assert name_ledger(text, "v") == name_ledger(text, "v") != name_ledger(text, "w")
    assert 32 <= len(name_ledger(text, None)) <= 64


def test_fields_are_added_set_aside_and_dropped():
    assert add_value(WHOLE, "old", "new", "aside") == "new"
    text = add_value("key", add_value("key", '{"other": 1}', "old", ""), "new", "aside")
    assert text == '{"key": "new", "key.prev": "old", "other": 1}'
    assert (pick_value("key", text), pick_value("none", text)) == ("new", None)
    assert drop_value("key", text) == '{"other": 1}'
    for act in (lambda: add_value("key", "text", "v", ""), lambda: drop_value("key", "[]")):
        with pytest.raises(StoreError, match="no fields"):
            act()
