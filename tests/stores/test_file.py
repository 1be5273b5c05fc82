"""What only the `file:` store promises: names, modes, links, temporary files, and what a kill leaves behind."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keyspec import disk
from keyspec.desired import Entry
from keyspec.errors import StoreConflict, StoreError, StoreForeign
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference, Secret
from keyspec.stores import ABSENT
from keyspec.stores.file import FileStore, list_files

ROOT = Path(__file__).parents[2]
VALUE = "Canary7Value0abcdefXYZ"
MARK = Content(Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", "run-1"))
RECORD = Content(Record("hub", "key", ("hub",), "fp"), Secret(VALUE))


@pytest.fixture
def store():
    return FileStore()


@pytest.fixture
def entry(tmp_path):
    return Entry(Reference("file", "secrets/key"), str(tmp_path / "keyspec.yaml"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secrets" / "key"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(disk, "PATIENCE_S", 0.05)
    monkeypatch.setattr(disk, "LOCK_PATIENCE_S", 0.05)


def create(store, entry):
    version = store.put_if_absent(entry, MARK)
    return store.replace(entry, version, RECORD)


def files_of(path):
    return sorted(file.name for file in path.parent.iterdir())


def test_the_file_holds_exactly_the_value_and_the_note_none_of_it(store, entry, path):
    create(store, entry)
    assert path.read_bytes() == VALUE.encode()
    assert files_of(path) == ["key", "key.keyspec"]
    assert VALUE not in Path(f"{path}.keyspec").read_text()


def test_files_are_private_and_so_are_new_folders(store, entry, path):
    before = os.umask(0)
    try:
        create(store, entry)
        store.set_aside(entry, store.look(entry).version)
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (path.parent, *path.parent.iterdir())}
    assert modes == {"secrets": 0o700, "key.keyspec": 0o600, "key.prev": 0o600}


def test_a_value_is_never_in_a_file_that_others_may_read(store, entry, path, monkeypatch):
    seen = []
    fill = disk.fill

    def watch(descriptor, data):
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fill(descriptor, data)

    monkeypatch.setattr(disk, "fill", watch)
    before = os.umask(0)
    try:
        create(store, entry)
    finally:
        os.umask(before)
    assert set(seen) == {0o600}


def test_the_value_before_stands_in_prev(store, entry, path):
    version = store.set_aside(entry, create(store, entry))
    assert Path(f"{path}.prev").read_text() == VALUE
    version = store.replace(entry, version, Content(MARK.note))
    store.replace(entry, version, Content(Record("hub", "key", ("hub",), "fp-2"), Secret("Newer")))
    assert Path(f"{path}.prev").read_text() == VALUE
    assert path.read_text() == "Newer"


@pytest.mark.parametrize("target", ["there", "nowhere"])
@pytest.mark.parametrize("suffix", ["", ".keyspec", ".tmp"])
def test_a_link_is_never_followed_nor_overwritten(store, entry, path, tmp_path, suffix, target):
    path.parent.mkdir()
    aim = tmp_path / target
    if target == "there":
        aim.write_text("precious")
    link = Path(f"{path}{suffix}")
    link.symlink_to(aim)
    for act in (lambda: store.preflight(entry), lambda: create(store, entry)):
        with pytest.raises(StoreError, match="link"):
            act()
    assert link.is_symlink()
    assert aim.exists() == (target == "there")
    assert target == "nowhere" or aim.read_text() == "precious"


def test_a_link_at_prev_keeps_the_value_where_it_is(store, entry, path, tmp_path):
    version = create(store, entry)
    aim = tmp_path / "aim"
    aim.write_text("precious")
    Path(f"{path}.prev").symlink_to(aim)
    with pytest.raises(StoreError, match="link"):
        store.set_aside(entry, version)
    assert aim.read_text() == "precious"
    assert path.read_text() == VALUE


def test_a_link_among_the_folders_is_refused(store, entry, path, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path.parent.symlink_to(tmp_path / "elsewhere")
    for act in (store.preflight, store.look, store.read, lambda entry: create(store, entry)):
        with pytest.raises(StoreError, match="link"):
            act(entry)
    assert isinstance(store.look_all([entry])[entry], StoreError)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_folder_of_the_spec_may_be_a_link(store, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    create(store, Entry(Reference("file", "key"), str(tmp_path / "link" / "keyspec.yaml")))
    assert (tmp_path / "real" / "key").read_text() == VALUE


@pytest.mark.parametrize("suffix", ["", ".keyspec", ".tmp", ".prev", ".next"])
def test_a_folder_in_the_way_is_told_by_preflight(store, entry, path, suffix):
    Path(f"{path}{suffix}").mkdir(parents=True)
    with pytest.raises(StoreError, match="file:secrets/key cannot be kept here: it is a folder"):
        store.preflight(entry)


def test_a_fifo_in_the_way_is_told_and_not_waited_for(store, entry, path):
    path.parent.mkdir()
    for suffix in ("", ".keyspec", ".tmp"):
        os.mkfifo(f"{path}{suffix}")
        with pytest.raises(StoreError, match="no regular file"):
            store.preflight(entry)
        Path(f"{path}{suffix}").unlink()


def test_a_file_where_a_folder_is_wanted_is_told(store, entry, path):
    path.parent.write_text("")
    with pytest.raises(StoreError, match="not a folder"):
        store.preflight(entry)
    with pytest.raises(StoreError, match="not a folder"):
        store.look(entry)


@pytest.mark.parametrize("rest", ["/", ".", "..", "secrets/", "secrets/..", "a\0b"])
def test_a_path_that_names_no_file_is_told(store, tmp_path, rest):
    entry = Entry(Reference("file", rest), str(tmp_path / "keyspec.yaml"))
    with pytest.raises(StoreError):
        store.preflight(entry)
    assert isinstance(store.look_all([entry])[entry], StoreError)


def test_a_name_that_leaves_no_room_for_the_note_is_told_before_anything_is_written(store, tmp_path):
    entry = Entry(Reference("file", "x" * 250), str(tmp_path / "keyspec.yaml"))
    with pytest.raises(StoreError, match="too long"):
        store.preflight(entry)


def test_a_folder_that_cannot_be_written_is_told_by_preflight(store):
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc")
    for rest in ("/proc/key", "/proc/new/key"):
        with pytest.raises(StoreError, match="cannot be kept here"):
            store.preflight(Entry(Reference("file", rest), "keyspec.yaml"))


def test_a_path_is_normalised_as_text(store, tmp_path):
    entry = Entry(Reference("file", "a/../../outside/./key"), str(tmp_path / "specs" / "keyspec.yaml"))
    (tmp_path / "specs").mkdir()
    create(store, entry)
    assert (tmp_path / "outside" / "key").read_text() == VALUE
    assert list((tmp_path / "specs").iterdir()) == []


def test_an_absolute_path_is_taken_as_it_is(store, tmp_path):
    entry = Entry(Reference("file", f"{os.path.realpath(tmp_path)}/key"), "/nowhere/keyspec.yaml")
    create(store, entry)
    assert (tmp_path / "key").read_text() == VALUE


def test_a_relative_spec_means_relative_paths(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = Entry(Reference("file", "secrets/key"), "keyspec.yaml")
    create(store, entry)
    assert list_files(entry)[:2] == ("secrets/key", "secrets/key.keyspec")
    assert all(not Path(name).exists() for name in list_files(entry)[2:])
    assert Path(list_files(entry)[0]).read_text() == VALUE


@pytest.mark.parametrize("note", [b"", b"{}", b"not json", b'{"format": "keyspec-record/2"}', b"[" * 100_000])
def test_a_note_that_cannot_be_read_is_foreign(store, entry, path, note):
    path.parent.mkdir()
    Path(f"{path}.keyspec").write_bytes(note)
    assert store.look(entry).foreign
    with pytest.raises(StoreForeign):
        store.put_if_absent(entry, MARK)
    assert Path(f"{path}.keyspec").read_bytes() == note


@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"x" * 4097])
def test_what_is_no_value_is_not_read_and_not_shown(store, entry, path, value):
    path.parent.mkdir()
    path.write_bytes(value)
    with pytest.raises(StoreError) as caught:
        store.read(entry)
    assert "xfe" not in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_a_dead_process_s_temporary_file_is_removed_by_the_next_writer(store, entry, path):
    path.parent.mkdir()
    Path(f"{path}.tmp").write_text("half a va")
    store.preflight(entry)
    assert files_of(path) == []
    for act in ("put", "replace", "delete"):
        Path(f"{path}.tmp").write_text("half a va")
        version = store.look(entry).version
        if act == "delete":
            store.delete(entry, version)
        else:
            store.replace(entry, version, MARK if act == "put" else RECORD)
        assert "key.tmp" not in files_of(path)
    assert files_of(path) == []


def test_a_temporary_file_that_is_a_second_name_is_removed_and_the_file_stays(store, entry, path):
    version = store.put_if_absent(entry, MARK)
    os.link(f"{path}.keyspec", f"{path}.tmp")
    version = store.replace(entry, version, RECORD)
    os.link(path, f"{path}.tmp")
    store.replace(entry, version, Content(Record("hub", "key", ("hub",), "fp-2")))
    assert path.read_text() == VALUE
    assert files_of(path) == ["key", "key.keyspec"]


def test_a_living_writer_s_temporary_file_is_left_alone(store, entry, path, impatient):
    path.parent.mkdir()
    with Path(f"{path}.tmp").open("w") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another process is writing it"):
            store.put_if_absent(entry, MARK)
        assert files_of(path) == ["key.tmp"]


def test_a_living_run_s_mark_cannot_be_changed_by_another(store, entry, impatient):
    version = store.put_if_absent(entry, MARK)
    other = FileStore()
    for act in (other.clear, other.set_aside, other.delete):
        with pytest.raises(StoreConflict, match="another run"):
            act(entry, version)
    with pytest.raises(StoreConflict, match="another run"):
        other.replace(entry, version, RECORD)
    assert store.look(entry).version == version


def test_a_mark_whose_file_was_taken_away_is_not_ours_any_more(store, entry, path):
    version = store.put_if_absent(entry, MARK)
    Path(f"{path}.keyspec").unlink()
    with pytest.raises(StoreConflict, match="gone"):
        store.replace(entry, version, RECORD)
    assert store._held == {}
    assert store.look(entry).version == ABSENT


def test_no_descriptor_is_left_open(store, entry):
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc")
    before = len(list(folder.iterdir()))
    version = store.set_aside(entry, create(store, entry))
    with pytest.raises(StoreConflict):
        store.replace(entry, "old", MARK)
    version = store.replace(entry, version, MARK)
    with pytest.raises(StoreConflict):
        store.replace(entry, "old", RECORD)
    store.clear(entry, version)
    store.put_if_absent(entry, MARK)
    store.put_if_absent(entry, MARK)
    store.release(entry)
    assert len(list(folder.iterdir())) == before


CHILD = """
import os, resource, signal, sys
from keyspec.desired import Entry
from keyspec.errors import StoreError
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference, Secret
from keyspec.stores.file import FileStore

mode, number, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
store, entry = FileStore(), Entry(Reference("file", "secrets/key"), file)
mark = Content(Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", "run-1"))
record = Content(Record("hub", "key", ("hub",), "fp"), Secret("Canary7Value0abcdefXYZ"))
done = 0

def counted(name):
    call = getattr(os, name)
    def counting(*args, **kwargs):
        global done
        done += 1
        if done == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    setattr(os, name, counting)

if mode == "kill":
    for name in ("open", "close", "link", "replace", "unlink", "fsync", "mkdir", "dup"):
        counted(name)
version = store.look(entry).version
if mode == "import":
    for name in ("open", "close", "link", "replace", "unlink", "fsync", "mkdir", "dup"):
        counted(name)
    store.put_if_absent(entry, record)
elif mode == "kill":
    store.preflight(entry)
    version = store.put_if_absent(entry, mark)
    print("marked", flush=True)
    version = store.replace(entry, version, record)
    print("stored", flush=True)
elif mode == "limit":
    version = store.put_if_absent(entry, mark)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, resource.RLIM_INFINITY))
    try:
        store.replace(entry, version, record)
    except StoreError as error:
        print(error, flush=True)
if mode != "limit":
    print(done, flush=True)
"""


def run_child(tmp_path, mode, number=0):
    arguments = [sys.executable, "-c", CHILD, mode, str(number), str(tmp_path / "keyspec.yaml")]
    return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, check=False)


def kill_everywhere(tmp_path, mode):
    """Kill a child before its first, second, ... call of the system; give what it said and its folder, each time."""
    whole = run_child(tmp_path, mode)
    assert whole.returncode == 0, whole.stderr
    calls = int(whole.stdout.split()[-1])
    folders = [tmp_path / str(number) for number in range(1, calls + 1)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(4) as workers:
        children = tuple(workers.map(lambda folder: run_child(folder, mode, folder.name), folders))
    assert {child.returncode for child in children} == {-signal.SIGKILL}
    return [(folder, child.stdout.split()) for folder, child in zip(folders, children, strict=True)]


def test_killed_at_any_call_a_create_leaves_what_the_next_run_understands(tmp_path):
    killed = kill_everywhere(tmp_path, "kill")
    assert len(killed) > 40
    for folder, said in killed:
        check_recovery(folder, said)


def check_recovery(folder, said):
    store = FileStore()
    entry = Entry(Reference("file", "secrets/key"), str(folder / "keyspec.yaml"))
    kept = store.look(entry)
    assert not kept.busy
    assert not kept.foreign
    assert kept.note in (None, MARK.note, RECORD.note)
    assert kept.note is not None or not kept.has_value
    assert "marked" not in said or kept.note is not None
    assert kept.has_value or kept.note != RECORD.note
    if kept.has_value:
        assert store.read(entry).reveal() == VALUE
    store.preflight(entry)
    version = store.replace(entry, kept.version, Content(Mark("hub", MARK.note.key, "plan", "run-2")))
    store.replace(entry, version, RECORD)
    assert sorted(file.name for file in (folder / "secrets").iterdir()) == ["key", "key.keyspec"]
    assert store.read(entry).reveal() == VALUE


def test_killed_at_any_call_an_import_leaves_no_value_without_a_note(tmp_path):
    killed = kill_everywhere(tmp_path, "import")
    assert len(killed) > 15
    for folder, _ in killed:
        store = FileStore()
        entry = Entry(Reference("file", "secrets/key"), str(folder / "keyspec.yaml"))
        kept = store.look(entry)
        assert (kept.note, kept.foreign) in ((None, False), (RECORD.note, False))
        store.replace(entry, kept.version, RECORD)
        assert store.read(entry).reveal() == VALUE


def test_a_mark_is_dead_when_its_process_is(tmp_path, entry):
    child = run_child(tmp_path, "limit")
    assert child.returncode == 0, child.stderr
    assert not FileStore().look(entry).busy


def test_a_value_is_written_whole_or_not_at_all(tmp_path, entry, path):
    child = run_child(tmp_path, "limit")
    assert child.stdout == "file:secrets/key cannot be written: the file size limit is reached\n", child.stderr
    assert files_of(path) == ["key.keyspec"]
    assert FileStore().look(entry).note == MARK.note


def test_a_file_that_comes_while_the_value_is_written_is_not_overwritten(store, entry, path, monkeypatch):
    version = store.put_if_absent(entry, MARK)
    fill = disk.fill

    def fill_late(descriptor, data):
        fill(descriptor, data)
        path.write_text("somebody's")

    monkeypatch.setattr(disk, "fill", fill_late)
    with pytest.raises(StoreConflict, match="another value"):
        store.replace(entry, version, RECORD)
    assert path.read_text() == "somebody's"


def test_note_and_value_are_seen_at_one_moment(store, entry, path, monkeypatch):
    version = store.put_if_absent(entry, MARK)
    read_open = disk.read_open

    def read_and_wait(descriptor, *, limit):
        monkeypatch.setattr(disk, "read_open", read_open)
        data = read_open(descriptor, limit=limit)
        store.replace(entry, version, RECORD)
        return data

    monkeypatch.setattr(disk, "read_open", read_and_wait)
    kept = FileStore().look(entry)
    assert (kept.note, kept.has_value) == (RECORD.note, True)


def test_the_lock_of_a_note_that_was_replaced_meanwhile_is_worth_nothing(store, entry, monkeypatch):
    version = store.put_if_absent(entry, MARK)
    store.release(entry)
    wait_lock = disk.wait_lock

    def wait_long(descriptor):
        monkeypatch.setattr(disk, "wait_lock", wait_lock)
        FileStore().replace(entry, version, RECORD)
        return wait_lock(descriptor)

    monkeypatch.setattr(disk, "wait_lock", wait_long)
    with pytest.raises(StoreConflict, match="changed"):
        store.clear(entry, version)
    assert store.look(entry).note == RECORD.note
