"""Stores that are asked over a network: dying before or after any request, and answers that are lost or late."""

from __future__ import annotations

import pytest
from stores.service_benches import SERVICE_BENCHES

from keyspec.errors import StoreConflict, StoreError
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Secret
from keyspec.stores import ABSENT

OLD, VALUE, NEXT = "OldValue0old", "Canary7Value0abcdefXYZ", "NextValue1next"
PREFLIGHT = 2
KEY = Key("key", "what it is for", ("User",), 60, "active")


@pytest.fixture(params=SERVICE_BENCHES)
def bench(request, tmp_path, monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    return SERVICE_BENCHES[request.param](tmp_path, monkeypatch)


@pytest.fixture
def step(bench, campaign):
    """Every how manieth request goes wrong in one test: boto3 and moto are slow."""
    return 4 if bench.scheme == "aws-sm" and campaign == "sample" else 1


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


@pytest.mark.parametrize("before", ["nothing", "an older value"])
@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
def test_dying_at_any_request_leaves_what_the_next_run_understands(bench, before, done, step, monkeypatch):
    monkeypatch.setattr("keyspec.stores.awssecrets._ATTEMPTS", 1)
    wire, store, entry = bench.server.wire, bench.open(), bench.entry()

    def prepare():
        bench.server.reset()
        if before != "nothing":
            create(store, entry, "run-0", OLD)
        return len(wire.lines)

    store.look(entry)
    first = prepare()
    create(store, entry)
    seen = set()
    for number in range(first + 2 * done, len(wire.lines), step):
        prepare()
        wire.dead_from, wire.lose_last = number, done
        with pytest.raises(StoreError) as caught:
            create(store, entry)
        assert VALUE not in str(caught.value)
        wire.dead_from = None
        seen.add(check_and_recover(store, entry))
    expected = {"record and its value", "mark and nothing"}
    expected |= {"nothing"} if before == "nothing" else {"record and its old value", "record and nothing"}
    if bench.scheme == "aws-sm":
        expected |= {"mark and its value"}
    assert seen <= expected
    assert seen == expected or step > 1


def check_and_recover(store, entry):
    """Hold what a dead run left to what recovery relies on; then go on from there."""
    kept = store.look(entry)
    value = store.read(entry)
    text = None if value is None else value.reveal()
    assert not kept.foreign
    assert (text is not None) == kept.has_value
    match kept.note:
        case Mark(nonce="run-1"):
            assert text in (None, VALUE), "beside a pending mark never an old value"
            seen = "mark"
        case Record(fingerprint="fp-run-1"):
            assert text == VALUE
            seen = "record"
        case Record(fingerprint="fp-run-0"):
            assert text in (None, OLD)
            seen = "record"
        case _:
            assert kept.version == ABSENT
            seen = None
    if seen == "mark" and kept.has_value:
        version = store.replace(entry, kept.version, record("fp-run-1", VALUE))
        assert store.look(entry).version == version
    else:
        create(store, entry, "run-2", NEXT)
    if seen is None:
        return "nothing"
    return f"{seen} and {'its old value' if text == OLD else 'its value' if text else 'nothing'}"


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("kind", ["lost", "drop", "late", 500])
def test_one_request_that_goes_wrong_does_no_harm(bench, kind, attempts, step, monkeypatch):
    monkeypatch.setattr("keyspec.stores.awssecrets._ATTEMPTS", attempts)
    wire, store, entry = bench.server.wire, bench.open(), bench.entry()
    store.look(entry)
    bench.server.reset()
    create(store, entry)
    lines = wire.lines[:]
    for number in range({"lost": 0, "drop": 1, "late": 2, 500: 3}[kind] % step, len(lines), step):
        line = lines[number]
        bench.server.reset()
        wire.at = (number, kind)
        try:
            create(store, entry)
        except StoreError:
            assert attempts == 1
            assert line.startswith(("DescribeSecret", "GetSecretValue")) or number < PREFLIGHT, line
        else:
            kept = store.look(entry)
            assert (kept.note, kept.has_value) == (record("fp-run-1", VALUE).note, True)
            assert store.read(entry).reveal() == VALUE


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
