"""Stores that are asked over a network: dying before or after any request, and answers that are lost or late."""

from __future__ import annotations

import pytest

from keyspec.errors import StoreConflict, StoreError
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Secret
from keyspec.stores import ABSENT
from stores.service_benches import SERVICE_BENCHES

OLD, VALUE, NEXT = "OldValue0old", "Canary7Value0abcdefXYZ", "NextValue1next"
KEY = Key("key", "what it is for", ("User",), 60, "active")


@pytest.fixture(params=SERVICE_BENCHES)
def bench(request, tmp_path, monkeypatch):
    monkeypatch.setattr("keyspec.stores.awssecrets._ATTEMPTS", 1)
    return SERVICE_BENCHES[request.param](tmp_path, monkeypatch)


def mark(nonce):
    return Content(Mark("hub", KEY, "plan", nonce, 1))


def record(fingerprint, value):
    return Content(Record("hub", "key", ("hub",), fingerprint), Secret(value))


def create(store, entry, nonce="run-1", value=VALUE):
    """A create over whatever stands there, as custody does it."""
    store.preflight(entry)
    kept = store.look(entry)
    version = store.set_aside(entry, kept.version)
    version = store.replace(entry, version, mark(nonce))
    store.replace(entry, version, record(f"fp-{nonce}", value))
    assert store.read(entry).reveal() == value


def count_requests(make):
    bench = make()
    before = len(bench.server.wire.lines)
    create(bench.open(), bench.entry())
    return before, len(bench.server.wire.lines)


@pytest.mark.parametrize("before", ["nothing", "an older value"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_dying_at_any_request_leaves_what_the_next_run_understands(bench, before, done, tmp_path):
    wire, entry = bench.server.wire, bench.entry()

    def prepare():
        bench.server.reset()
        if before != "nothing":
            create(bench.open(), entry, "run-0", OLD)

    prepare()
    first = len(wire.lines)
    create(bench.open(), entry)
    seen = set()
    for number in range(first, len(wire.lines)):
        prepare()
        wire.dead_from, wire.lose_last = number, done
        with pytest.raises(StoreError) as caught:
            create(bench.open(), entry)
        assert VALUE not in str(caught.value)
        wire.dead_from = None
        seen.add(check_and_recover(bench, entry))
    expected = {"record, value", "mark, nothing"} | ({"nothing"} if before == "nothing" else {"record, nothing"})
    assert expected <= seen <= expected | {"mark, value", "record, old value"}


def check_and_recover(bench, entry):
    store = bench.open()
    kept = store.look(entry)
    assert not kept.foreign
    value = store.read(entry)
    assert (value is not None) == kept.has_value
    text = value and value.reveal()
    match kept.note:
        case None:
            assert text is None
            assert kept.version == ABSENT
        case Mark(nonce="run-1"):
            assert text in (None, VALUE), "beside a pending mark never an old value"
        case Record(fingerprint="fp-run-1"):
            assert text == VALUE
        case Record(fingerprint="fp-run-0"):
            assert text in (None, OLD)
    if isinstance(kept.note, Mark) and kept.has_value:
        version = store.replace(entry, kept.version, record("fp-run-1", VALUE))
        assert store.look(entry).version == version
    else:
        create(store, entry, "run-2", NEXT)
    return f"{name_note(kept.note)}{'old value' if text == OLD else 'value' if text else 'nothing'}"


def name_note(note):
    return "" if note is None else "mark, " if isinstance(note, Mark) else "record, "


@pytest.mark.parametrize("kind", ["lost", "drop", "late", 500])
def test_one_request_that_goes_wrong_does_no_harm(bench, kind):
    wire, entry = bench.server.wire, bench.entry()
    create(bench.open(), entry)
    failed = 0
    for number in range(len(wire.lines)):
        bench.server.reset()
        wire.meet = meet_at(wire, number, kind)
        try:
            create(bench.open(), entry)
        except StoreError:
            failed += 1
            kept = bench.open().look(entry)
            assert not kept.foreign
            assert kept.note is None or isinstance(kept.note, Mark) or kept.has_value
        else:
            kept = bench.open().look(entry)
            assert (kept.note, kept.has_value) == (record("fp-run-1", VALUE).note, True)
        del wire.meet
    assert failed <= len(wire.lines) / 2 if "aws" in bench.scheme else failed == 0


def meet_at(wire, number, kind):
    meet = type(wire).meet

    def meet_once(line):
        met = meet(wire, line)
        return kind if len(wire.lines) - 1 == number else met

    return meet_once


def test_a_late_writer_whose_mark_was_taken_over_changes_nothing(bench):
    entry = bench.entry()
    late = bench.open()
    version = late.put_if_absent(entry, mark("run-1"))
    other = bench.open()
    taken = other.replace(entry, version, mark("run-2"))
    with pytest.raises(StoreConflict):
        late.replace(entry, version, record("fp-run-1", VALUE))
    assert not other.look(entry).has_value
    other.replace(entry, taken, record("fp-run-2", NEXT))
    with pytest.raises(StoreConflict):
        late.replace(entry, version, record("fp-run-1", VALUE))
    assert bench.open().read(entry).reveal() == NEXT


def test_looking_sends_no_value(bench):
    store, entry = bench.open(), bench.entry()
    create(store, entry)
    bench.server.wire.texts.clear()
    store.look(entry)
    store.look_all([entry])
    store.preflight(entry)
    store.replace(entry, store.look(entry).version, Content(Record("hub", "key", ("hub",), "fp-9")))
    assert bench.server.wire.texts
    assert not any(VALUE in text for text in bench.server.wire.texts)


def test_values_are_not_logged_at_any_level(bench, caplog):
    caplog.set_level(1)
    store, entry = bench.open(), bench.entry()
    create(store, entry)
    assert VALUE not in caplog.text


def test_a_library_that_is_missing_is_told_with_its_extra(bench, monkeypatch):
    for name in ("hvac.adapters", "boto3"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    extra = "aws" if bench.scheme == "aws-sm" else "vault"
    store = bench.open()
    with pytest.raises(StoreError, match=rf"keyspec\[{extra}\]"):
        store.preflight(bench.entry())
    assert f"keyspec[{extra}]" in str(store.look_all([bench.entry()])[bench.entry()])
