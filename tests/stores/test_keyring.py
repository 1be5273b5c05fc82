"""What only the `keyring:` store promises: where things stand in the keyring, and what backends do not do for it."""

from __future__ import annotations

import os
import subprocess
import sys

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from stores.benches import make_keyring
from stores.keyring_backends import MemoryKeyring
from stores.killing import KEYRING_CALLS, kill_everywhere

from keyspec import disk
from keyspec.desired import Entry
from keyspec.errors import StoreConflict, StoreError
from keyspec.model import Key
from keyspec.record import Content, Mark, Record, dump_note
from keyspec.secret import Reference, Secret
from keyspec.stores.keyring import KeyringStore

VALUE = "Canary7Value0abcdefXYZ"
MARK = Content(Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", "run-1"))
RECORD = Content(Record("hub", "key", ("hub",), "fp"), Secret(VALUE))
ENTRY = Entry(Reference("keyring", "keyspec/hub/key"), "keyspec.yaml")


@pytest.fixture
def backend(monkeypatch):
    backend = MemoryKeyring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", keyring.get_keyring())
    keyring.set_keyring(backend)
    return backend


@pytest.fixture
def store(tmp_path):
    return KeyringStore({"XDG_STATE_HOME": str(tmp_path / "state")})


def create(store, entry=ENTRY):
    store.preflight(entry)
    return store.replace(entry, store.put_if_absent(entry, MARK), RECORD)


def test_value_note_and_older_value_are_entries_of_their_own(store, backend):
    version = store.set_aside(ENTRY, create(store))
    store.replace(ENTRY, version, Content(Record("hub", "key", ("hub",), "fp-2"), Secret("Newer")))
    note = dump_note(Record("hub", "key", ("hub",), "fp-2")).decode().strip()
    assert backend.kept == {
        ("keyspec", "hub/key"): "Newer",
        ("keyspec", "hub/key.keyspec"): note,
        ("keyspec", "hub/key.prev"): VALUE,
    }


def test_it_says_that_nothing_compares_in_a_keyring(store):
    assert not store.capabilities.compare_and_set
    assert not store.capabilities.locks
    assert store.capabilities.readable


def test_preflight_leaves_nothing_in_the_keyring(store, backend):
    store.preflight(ENTRY)
    assert backend.kept == {}


def test_a_note_that_another_program_changed_is_seen(store, backend):
    version = create(store)
    backend.kept["keyspec", "hub/key.keyspec"] = "{}"
    assert store.look(ENTRY).foreign
    with pytest.raises(StoreConflict):
        store.replace(ENTRY, version, Content(Record("hub", "key", ("hub",), "fp-2")))


def test_a_keyring_that_forgets_is_told_by_preflight(store, monkeypatch):
    monkeypatch.setattr(keyring.core, "_keyring_backend", keyring.backends.null.Keyring())
    with pytest.raises(StoreError, match="does not give back"):
        store.preflight(ENTRY)


def test_a_machine_without_a_keyring_is_told(store, monkeypatch):
    monkeypatch.setattr(keyring.core, "_keyring_backend", keyring.backends.fail.Keyring())
    for act in (store.preflight, store.look, store.read):
        with pytest.raises(StoreError, match="no keyring on this machine"):
            act(ENTRY)
    assert isinstance(store.look_all([ENTRY])[ENTRY], StoreError)


def test_what_a_backend_raises_is_not_shown(store, backend, monkeypatch):
    def fail(self, service, username, password):
        raise keyring.errors.PasswordSetError(f"cannot set {password}")

    monkeypatch.setattr(MemoryKeyring, "set_password", fail)
    with pytest.raises(StoreError, match="PasswordSetError") as caught:
        store.put_if_absent(ENTRY, RECORD)
    assert VALUE not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_import_that_fails_leaves_no_note(store, backend, monkeypatch):
    put = MemoryKeyring.set_password

    def fail(self, service, username, password):
        if password == VALUE:
            raise keyring.errors.PasswordSetError("no")
        put(self, service, username, password)

    monkeypatch.setattr(MemoryKeyring, "set_password", fail)
    with pytest.raises(StoreError):
        store.put_if_absent(ENTRY, RECORD)
    assert backend.kept == {}


@pytest.mark.parametrize("rest", ["service", "/name", "service/"])
def test_a_reference_that_names_no_entry_is_told(store, backend, rest):
    entry = Entry(Reference("keyring", rest), "keyspec.yaml")
    with pytest.raises(StoreError, match="keyring:SERVICE/NAME"):
        store.look(entry)


def test_changes_wait_for_the_lock_and_then_tell(store, backend, tmp_path, monkeypatch):
    import fcntl

    monkeypatch.setattr(disk, "LOCK_PATIENCE_S", 0.001)
    store.preflight(ENTRY)
    with (tmp_path / "state" / "keyspec" / "keyring.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another run keeps the lock"):
            store.put_if_absent(ENTRY, MARK)
    store.put_if_absent(ENTRY, MARK)


def test_a_place_for_the_lock_is_needed(backend):
    with pytest.raises(StoreError, match="lock for keyrings cannot be made"):
        KeyringStore({}).look(ENTRY)


@pytest.mark.parametrize("what", ["create", "import"])
def test_killed_at_any_call_a_put_leaves_what_the_next_run_understands(tmp_path, monkeypatch, what, campaign):
    (tmp_path / "spec").mkdir()
    bench = make_keyring(tmp_path / "spec", monkeypatch)
    entries = (bench.entry(f"key{number}") for number in range(1000))
    killed = kill_everywhere(KEYRING_CALLS, what, entries, dict(os.environ), campaign=campaign)
    assert len(killed) > 2
    for entry, said in killed:
        store = bench.open()
        kept = store.look(entry)
        assert not kept.foreign
        assert kept.note is not None or not kept.has_value
        assert "marked" not in said or kept.note is not None
        store.preflight(entry)
        store.replace(entry, kept.version, RECORD)
        assert store.read(entry).reveal() == VALUE


def test_without_the_library_the_extra_is_named(tmp_path):
    code = """
import sys
sys.modules["keyring"] = None
from keyspec.desired import Entry
from keyspec.errors import StoreError
from keyspec.secret import Reference
from keyspec.stores import open_store
try:
    open_store("keyring").look(Entry(Reference("keyring", "a/b"), "/tmp/keyspec.yaml"))
except StoreError as error:
    print(error)
"""
    environ = {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True)
    assert "install keyspec[keyring]" in done.stdout
