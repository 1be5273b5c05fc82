"""The contract of a store: every law here holds for every store. A store joins by a line in `benches.BENCHES`."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from stores.benches import BENCHES

from keyspec.desired import Entry
from keyspec.errors import StoreConflict, StoreError, StoreForeign
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference, Secret
from keyspec.stores import ABSENT, ENTRY_POINTS, open_store

ROOT = Path(__file__).parents[2]
VALUE = "Canary7Value0abcdefXYZ"
OTHER = "AnotherValue1ghijkl"


@dataclass(frozen=True)
class FileBench:
    """A `file:` store in a folder of its own."""

    folder: Path

    def open(self):
        return open_store("file")

    def entry(self, name="key"):
        return Entry(Reference("file", f"secrets/hub/{name}"), str(self.folder / "keyspec.yaml"))

    def plant_foreign(self, entry):
        path = self.folder / entry.reference.rest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("somebody's")


@pytest.fixture(params=("file", *BENCHES))
def bench(request, tmp_path, monkeypatch):
    if request.param == "file":
        return FileBench(tmp_path)
    (tmp_path / "spec").mkdir()
    return BENCHES[request.param](tmp_path / "spec", monkeypatch)


def mark(nonce="run-1", key_id="key"):
    key = Key(key_id, "what it is for", ("Operator", "User"), 60, "active")
    return Content(Mark("hub", key, "sha256:plan", nonce))


def record(fingerprint="fp-1", value=VALUE):
    return Content(Record("hub", "key", ("hub",), fingerprint), Secret(value) if value else None)


def create(store, entry, nonce="run-1"):
    """What custody does for a create that goes well."""
    store.preflight(entry)
    version = store.put_if_absent(entry, mark(nonce))
    return store.replace(entry, version, record())


def test_nothing_stands_where_nothing_was_put(bench):
    store, entry = bench.open(), bench.entry()
    kept = store.look(entry)
    assert (kept.note, kept.has_value, kept.version, kept.busy, kept.foreign) == (None, False, ABSENT, False, False)
    assert store.read(entry) is None
    assert store.look_all([entry]) == {entry: kept}


def test_preflight_leaves_nothing_behind(bench):
    store, entry = bench.open(), bench.entry()
    store.preflight(entry)
    assert list(bench.folder.iterdir()) == []
    create(store, entry)
    before = sorted(bench.folder.rglob("*"))
    store.preflight(entry)
    assert sorted(bench.folder.rglob("*")) == before


def test_what_was_put_is_what_is_read(bench):
    entry = bench.entry()
    version = create(bench.open(), entry)
    kept = bench.open().look(entry)
    assert kept.note == record().note
    assert (kept.has_value, kept.version, kept.busy, kept.foreign) == (True, version, False, False)
    assert bench.open().read(entry).reveal() == VALUE


def test_look_never_gives_the_value(bench):
    create(bench.open(), bench.entry())
    assert VALUE not in repr(bench.open().look(bench.entry()))
    assert VALUE not in repr(bench.open().look_all([bench.entry()]))


def test_look_all_gives_for_every_entry_what_look_gives(bench):
    store = bench.open()
    entries = [bench.entry(name) for name in ("a", "b", "c", "d")]
    create(store, entries[0])
    store.put_if_absent(entries[1], mark())
    bench.plant_foreign(entries[2])
    assert bench.open().look_all(entries) == {entry: bench.open().look(entry) for entry in entries}
    assert store.look_all([]) == {}


def test_a_second_writer_loses(bench):
    first, second, entry = bench.open(), bench.open(), bench.entry()
    version = first.put_if_absent(entry, mark("run-1"))
    with pytest.raises(StoreConflict):
        second.put_if_absent(entry, mark("run-2"))
    assert first.look(entry).note == mark("run-1").note
    first.replace(entry, version, record())
    with pytest.raises(StoreConflict):
        second.put_if_absent(entry, mark("run-2"))
    with pytest.raises(StoreConflict):
        second.replace(entry, ABSENT, mark("run-2"))
    with pytest.raises(StoreConflict):
        second.replace(entry, version, record("fp-2"))
    assert first.read(entry).reveal() == VALUE


def test_of_two_that_saw_the_same_version_one_wins(bench):
    entry = bench.entry()
    version = create(bench.open(), entry)
    newer = bench.open().replace(entry, version, record("fp-2", None))
    with pytest.raises(StoreConflict):
        bench.open().replace(entry, version, record("fp-3", None))
    assert bench.open().look(entry).version == newer
    assert bench.open().look(entry).note == record("fp-2").note


@pytest.mark.parametrize("act", ["replace", "set_aside", "clear", "delete"])
def test_an_old_version_changes_nothing(bench, act):
    store, entry = bench.open(), bench.entry()
    version = create(store, entry)
    store.replace(entry, version, record("fp-2", None))
    with pytest.raises(StoreConflict):
        getattr(store, act)(entry, version, *([record("fp-3", None)] if act == "replace" else []))
    assert store.look(entry).note == record("fp-2").note
    assert store.read(entry).reveal() == VALUE


def test_the_same_put_twice_is_one_version(bench):
    store, entry = bench.open(), bench.entry()
    marked = store.put_if_absent(entry, mark())
    assert store.put_if_absent(entry, mark()) == marked
    kept = store.replace(entry, marked, record())
    assert store.replace(entry, marked, record()) == kept
    assert bench.open().put_if_absent(entry, record()) == kept


def test_content_without_a_value_leaves_the_value(bench):
    store, entry = bench.open(), bench.entry()
    version = create(store, entry)
    store.replace(entry, version, record("fp-2", None))
    assert store.read(entry).reveal() == VALUE


def test_a_value_is_never_overwritten(bench):
    store, entry = bench.open(), bench.entry()
    version = create(store, entry)
    with pytest.raises(StoreConflict) as caught:
        store.replace(entry, version, record("fp-2", OTHER))
    assert store.read(entry).reveal() == VALUE
    assert store.look(entry).note == record().note
    assert VALUE not in str(caught.value)
    assert OTHER not in str(caught.value)


def test_a_value_may_stand_beside_a_mark_before_its_record_comes(bench):
    store, entry = bench.open(), bench.entry()
    version = store.put_if_absent(entry, mark())
    version = store.replace(entry, version, Content(mark().note, Secret(VALUE)))
    kept = bench.open().look(entry)
    assert isinstance(kept.note, Mark)
    assert (kept.has_value, kept.busy, kept.version) == (True, store.capabilities.locks, version)
    store.replace(entry, version, record())
    assert bench.open().look(entry).note == record().note


def test_an_import_puts_note_and_value_at_once(bench):
    store, entry = bench.open(), bench.entry()
    version = store.put_if_absent(entry, record())
    kept = store.look(entry)
    assert (kept.note, kept.has_value, kept.version, kept.busy) == (record().note, True, version, False)


def test_a_record_without_its_value_can_be_given_it(bench):
    store, entry = bench.open(), bench.entry()
    version = store.put_if_absent(entry, record(value=None))
    assert not store.look(entry).has_value
    store.replace(entry, version, record("fp-2"))
    assert store.read(entry).reveal() == VALUE


def test_an_older_value_moves_aside_and_a_mark_takes_its_place(bench):
    store, entry = bench.open(), bench.entry()
    version = store.set_aside(entry, create(store, entry))
    kept = store.look(entry)
    assert (kept.note, kept.has_value, kept.version) == (record().note, False, version)
    assert store.set_aside(entry, version) == version
    version = store.replace(entry, version, mark("run-2"))
    store.replace(entry, version, record("fp-2", OTHER))
    assert store.read(entry).reveal() == OTHER


def test_a_foreign_entry_stays(bench):
    store, entry = bench.open(), bench.entry()
    bench.plant_foreign(entry)
    kept = store.look(entry)
    assert kept.foreign
    assert kept.note is None
    with pytest.raises(StoreForeign):
        store.put_if_absent(entry, mark())
    with pytest.raises(StoreConflict):
        store.replace(entry, kept.version, record())
    with pytest.raises(StoreConflict):
        store.delete(entry, kept.version)
    assert store.look(entry) == kept


def test_a_foreign_entry_that_is_taken_over_is_kept_aside(bench):
    store, entry = bench.open(), bench.entry()
    bench.plant_foreign(entry)
    version = store.set_aside(entry, store.look(entry).version)
    assert version == ABSENT
    version = store.replace(entry, version, mark())
    store.replace(entry, version, record())
    assert store.read(entry).reveal() == VALUE


def test_a_mark_can_be_cleared_and_a_value_not(bench):
    store, entry = bench.open(), bench.entry()
    version = store.put_if_absent(entry, mark())
    store.clear(entry, version)
    assert store.look(entry).version == ABSENT
    version = create(store, entry)
    with pytest.raises(StoreConflict):
        store.clear(entry, version)
    assert store.read(entry).reveal() == VALUE


def test_after_delete_nothing_stands(bench):
    store, entry = bench.open(), bench.entry()
    store.delete(entry, ABSENT)
    version = store.set_aside(entry, create(store, entry))
    version = store.replace(entry, store.replace(entry, version, mark("run-2")), record("fp-2", OTHER))
    store.delete(entry, version)
    assert store.look(entry).version == ABSENT
    assert store.read(entry) is None
    create(store, entry, "run-3")


def test_a_mark_is_alive_until_it_is_released(bench):
    store, entry = bench.open(), bench.entry()
    if not store.capabilities.locks:
        pytest.skip("this store tells by a lease")
    store.put_if_absent(entry, mark())
    assert bench.open().look(entry).busy
    store.release(entry)
    store.release(entry)
    assert not bench.open().look(entry).busy
    assert bench.open().look(entry).note == mark().note


def test_a_mark_stays_alive_when_an_attempt_to_change_it_fails(bench):
    store, entry = bench.open(), bench.entry()
    if not store.capabilities.locks:
        pytest.skip("this store tells by a lease")
    store.put_if_absent(entry, mark())
    for act in (lambda: store.clear(entry, "old"), lambda: store.replace(entry, "old", record())):
        with pytest.raises(StoreConflict):
            act()
        assert bench.open().look(entry).busy
    store.set_aside(entry, store.look(entry).version)
    assert bench.open().look(entry).busy


def test_a_dead_mark_is_taken_over_by_one_run_only(bench):
    first, entry = bench.open(), bench.entry()
    version = first.put_if_absent(entry, mark("run-1"))
    first.release(entry)
    second, third = bench.open(), bench.open()
    second.replace(entry, version, mark("run-2"))
    with pytest.raises(StoreConflict):
        third.replace(entry, version, mark("run-3"))
    assert first.look(entry).note == mark("run-2").note


def test_entries_do_not_disturb_each_other(bench):
    store = bench.open()
    entries = [bench.entry(f"key-{number}") for number in range(getattr(bench, "many", 40))]
    with ThreadPoolExecutor(8) as workers:
        versions = list(workers.map(lambda entry: create(store, entry), entries))
    kept = bench.open().look_all(entries)
    assert [kept[entry].version for entry in entries] == versions
    assert all(bench.open().read(entry).reveal() == VALUE for entry in entries)


def test_of_many_threads_at_one_entry_one_wins(bench):
    entry = bench.entry()
    stores = [bench.open() for _ in range(8)]

    def attempt(number):
        try:
            return stores[number].put_if_absent(entry, mark(f"run-{number}"))
        except StoreConflict:
            return None

    with ThreadPoolExecutor(8) as workers:
        versions = [version for version in workers.map(attempt, range(8)) if version]
    assert versions == [bench.open().look(entry).version]


RACE = """
import json, sys
from keyspec.desired import Entry
from keyspec.errors import StoreConflict
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference
from keyspec.stores import open_store

scheme, rest, file, nonce, version = json.loads(sys.argv[1])
store = open_store(scheme)
entry = Entry(Reference(scheme, rest), file)
note = Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", nonce)
print("ready", flush=True)
sys.stdin.readline()
try:
    if version:
        store.replace(entry, version, Content(note))
    else:
        store.put_if_absent(entry, Content(note))
    print("won", flush=True)
except StoreConflict:
    print("lost", flush=True)
sys.stdin.readline()
"""


def race(entry, version=""):
    """Let real processes, all loaded and waiting, write one entry at once; give what each says."""
    arguments = [entry.reference.scheme, entry.reference.rest, entry.file]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, json.dumps([*arguments, f"run-{number}", version])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for number in range(4)
    ]
    try:
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        return [process.stdout.readline().strip() for process in processes]
    finally:
        for process in processes:
            process.communicate("end\n")


def test_of_processes_racing_to_put_exactly_one_wins(bench):
    for number in range(getattr(bench, "rounds", 3)):
        entry = bench.entry(f"key-{number}")
        said = race(entry)
        assert sorted(said) == ["lost", "lost", "lost", "won"]
        kept = bench.open().look(entry)
        assert kept.note.nonce == f"run-{said.index('won')}"
        assert not kept.busy


def test_of_processes_racing_to_replace_exactly_one_wins(bench):
    store, entry = bench.open(), bench.entry()
    version = store.put_if_absent(entry, mark("run-x"))
    store.release(entry)
    said = race(entry, version)
    assert sorted(said) == ["lost", "lost", "lost", "won"]
    assert store.look(entry).note.nonce == f"run-{said.index('won')}"


@pytest.mark.parametrize("value", ["line\nbreak", "ümlaut", "\x7f", "x" * 4097])
def test_what_is_no_value_is_refused_and_not_shown(bench, value):
    store, entry = bench.open(), bench.entry()
    version = store.put_if_absent(entry, mark())
    with pytest.raises(StoreError) as caught:
        store.replace(entry, version, record(value=value))
    assert value not in str(caught.value)
    assert not store.look(entry).has_value


def test_a_scheme_without_a_store_is_told_with_those_known():
    with pytest.raises(StoreError, match=r"no store for nowhere: references; known are .*file:"):
        open_store("nowhere")


def test_third_parties_add_a_store_by_entry_point(tmp_path, monkeypatch):
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    points = "mine = keyspec.stores.file:FileStore\nbroken = keyspec.no_such:Store\n"
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert open_store("mine").capabilities.readable
    with pytest.raises(StoreError, match="broken: references cannot be loaded"):
        open_store("broken")
