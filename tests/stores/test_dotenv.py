"""What only the `dotenv:` store promises: one file for many, its other lines, and what a kill leaves behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dotenv import dotenv_values
from stores.killing import SYSTEM_CALLS, kill_everywhere

from keyspec import disk
from keyspec.desired import Entry
from keyspec.errors import StoreConflict, StoreError
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference, Secret
from keyspec.stores.dotenv import list_files, open_dotenv

ROOT = Path(__file__).parents[2]
VALUE = "Canary7Value0abcdefXYZ"
MARK = Content(Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", "run-1"))
OTHERS = b"# ours, theirs\nexport A='1'\n\nB=\"two\nlines\"\n"


def entry_of(folder, name="KEY"):
    return Entry(Reference("dotenv", f"secrets/.env#{name}"), str(folder / "keyspec.yaml"))


def record(value=VALUE, fingerprint="fp"):
    return Content(Record("hub", "key", ("hub",), fingerprint), Secret(value))


def create(store, entry, value=VALUE):
    store.preflight(entry)
    version = store.put_if_absent(entry, MARK)
    return store.replace(entry, version, record(value))


@pytest.fixture
def store():
    return open_dotenv()


@pytest.fixture
def entry(tmp_path):
    return entry_of(tmp_path)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "secrets").mkdir()
    return tmp_path / "secrets" / ".env"


def files_of(path):
    return sorted(file.name for file in path.parent.iterdir())


def test_the_file_is_made_private_with_its_first_value(store, entry, path):
    before = os.umask(0)
    try:
        create(store, entry)
    finally:
        os.umask(before)
    assert path.read_text() == f"KEY={VALUE}\n"
    assert files_of(path) == [".env", ".env.KEY.keyspec"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_a_file_that_others_could_read_is_private_once_a_value_is_in_it(store, entry, path):
    path.write_bytes(OTHERS)
    path.chmod(0o644)
    create(store, entry)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_other_lines_and_their_order_stay_byte_for_byte(store, entry, path):
    path.write_bytes(OTHERS + b"KEY=  # here\nZ=last")
    version = store.set_aside(entry, create(store, entry))
    assert path.read_bytes() == OTHERS + b"KEY=''  # here\nZ=last"
    version = store.replace(entry, version, MARK)
    version = store.replace(entry, version, record("a'b$c", "fp-2"))
    assert path.read_bytes().startswith(OTHERS + b"KEY=\"a'b")
    assert path.read_bytes().endswith(b'c"  # here\nZ=last')
    assert dotenv_values(path) == {"A": "1", "B": "two\nlines", "KEY": "a'b$c", "Z": "last"}
    assert Path(f"{path}.KEY.prev").read_text() == VALUE
    store.delete(entry, version)
    assert path.read_bytes() == OTHERS + b"Z=last"
    assert files_of(path) == [".env"]


def test_the_file_goes_with_its_last_line(store, entry, path):
    store.delete(entry, create(store, entry))
    assert files_of(path) == []


def test_a_name_that_stands_there_twice_is_told_by_preflight(store, entry, path):
    path.write_text("KEY=1\nKEY=2\n")
    for act in (store.preflight, store.look, store.read):
        with pytest.raises(StoreError, match="stands there 2 times"):
            act(entry)
    assert isinstance(store.look_all([entry])[entry], StoreError)


@pytest.mark.parametrize("rest", [".env", "#KEY", ".env#", ".env#a-b", ".env#1A", ".env#A B", "x/#A"])
def test_a_reference_that_names_no_line_is_told(store, tmp_path, rest):
    entry = Entry(Reference("dotenv", rest), str(tmp_path / "keyspec.yaml"))
    with pytest.raises(StoreError):
        store.preflight(entry)
    assert isinstance(store.look_all([entry])[entry], StoreError)


def test_a_value_of_somebody_else_is_read_where_all_readers_agree(store, entry, path):
    path.write_text("KEY='theirs' # said\n")
    assert store.read(entry).reveal() == "theirs"
    path.write_text("KEY=$THEIRS\n")
    with pytest.raises(StoreError, match="differently") as caught:
        store.read(entry)
    assert "THEIRS" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".tmp", ".KEY.keyspec", ".KEY.tmp"])
def test_a_link_is_never_followed_nor_overwritten(store, entry, path, tmp_path, suffix):
    aim = tmp_path / "aim"
    aim.write_text("precious")
    link = Path(f"{path}{suffix}")
    link.symlink_to(aim)
    for act in (lambda: store.preflight(entry), lambda: create(store, entry)):
        with pytest.raises(StoreError, match="link"):
            act()
    assert link.is_symlink()
    assert aim.read_text() == "precious"


def test_a_value_changed_by_hand_is_another_version(store, entry, path):
    version = create(store, entry)
    path.write_text("KEY=AnotherOne\n")
    with pytest.raises(StoreConflict):
        store.delete(entry, version)
    assert path.read_text() == "KEY=AnotherOne\n"


def test_another_name_changes_no_version(store, tmp_path):
    version = create(store, entry_of(tmp_path))
    create(store, entry_of(tmp_path, "OTHER"))
    assert store.look(entry_of(tmp_path)).version == version


def test_of_many_names_changed_at_once_by_threads_no_line_is_lost(store, tmp_path, path):
    path.write_bytes(OTHERS)
    names = [f"KEY_{number}" for number in range(60)]

    def live(name):
        entry = entry_of(tmp_path, name)
        version = store.set_aside(entry, create(store, entry, f"old-{name}"))
        version = store.replace(entry, version, MARK)
        store.replace(entry, version, record(f"new-{name}", "fp-2"))

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(live, names))
    assert path.read_bytes().startswith(OTHERS)
    assert dotenv_values(path) == {"A": "1", "B": "two\nlines", **{name: f"new-{name}" for name in names}}
    assert len(path.read_bytes().splitlines()) == len(OTHERS.splitlines()) + len(names)


WRITER = """
import sys
sys.path.insert(0, "tests/stores")
from pathlib import Path
from test_dotenv import create, entry_of, open_dotenv
store = open_dotenv()
for number in range(12):
    create(store, entry_of(Path(sys.argv[1]), f"KEY_{sys.argv[2]}_{number}"), f"value-{sys.argv[2]}-{number}")
"""


def test_of_many_names_changed_at_once_by_processes_no_line_is_lost(tmp_path, path):
    path.write_bytes(OTHERS)
    environ = {**os.environ, "PYTHONPATH": "tests"}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(writer)], cwd=ROOT, env=environ)
        for writer in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    expected = {f"KEY_{w}_{n}": f"value-{w}-{n}" for w in range(4) for n in range(12)}
    assert dotenv_values(path) == {"A": "1", "B": "two\nlines", **expected}


def entries_in(tmp_path, *, prepare=None):
    number = 0
    while True:
        folder = tmp_path / str(number)
        (folder / "secrets").mkdir(parents=True)
        (folder / "secrets" / ".env").write_bytes(OTHERS + b"KEY=\nZ=last\n")
        if prepare is not None:
            prepare(entry_of(folder))
        yield entry_of(folder)
        number += 1


def check_file(entry):
    """Every other line is there, and the value is whole or not there."""
    path = Path(entry.file).parent / "secrets" / ".env"
    data = path.read_bytes()
    assert data.startswith(OTHERS)
    assert data.endswith(b"Z=last\n")
    assert dotenv_values(path).get("KEY", "") in ("", VALUE)


@pytest.mark.parametrize("what", ["create", "import"])
def test_killed_at_any_call_a_put_leaves_what_the_next_run_understands(tmp_path, what, campaign):
    killed = kill_everywhere(SYSTEM_CALLS, what, entries_in(tmp_path), dict(os.environ), campaign=campaign)
    assert len(killed) > 8
    for entry, said in killed:
        check_file(entry)
        store = open_dotenv()
        kept = store.look(entry)
        assert not kept.busy
        assert not kept.foreign
        assert kept.note is not None or not kept.has_value
        assert "marked" not in said or kept.note is not None
        assert kept.has_value or what == "import" or kept.note in (None, MARK.note)
        store.preflight(entry)
        store.replace(entry, kept.version, record())
        assert store.read(entry).reveal() == VALUE
        check_file(entry)
        assert files_of(Path(entry.file).parent / "secrets" / ".env") == [".env", ".env.KEY.keyspec"]


def test_killed_at_any_call_an_older_value_is_never_lost(tmp_path, campaign):
    def prepare(entry):
        create(open_dotenv(), entry)

    for entry, _ in kill_everywhere(
        SYSTEM_CALLS, "set_aside", entries_in(tmp_path, prepare=prepare), dict(os.environ), campaign=campaign
    ):
        check_file(entry)
        store = open_dotenv()
        previous = Path(entry.file).parent / "secrets" / ".env.KEY.prev"
        assert store.look(entry).has_value or previous.read_text() == VALUE
        store.set_aside(entry, store.look(entry).version)
        assert previous.read_text() == VALUE
        assert not store.look(entry).has_value


def test_killed_at_any_call_a_delete_can_be_ended(tmp_path, campaign):
    def prepare(entry):
        create(open_dotenv(), entry)

    for entry, _ in kill_everywhere(
        SYSTEM_CALLS, "delete", entries_in(tmp_path, prepare=prepare), dict(os.environ), campaign=campaign
    ):
        store = open_dotenv()
        kept = store.look(entry)
        assert not kept.foreign
        store.delete(entry, kept.version)
        assert (Path(entry.file).parent / "secrets" / ".env").read_bytes() == OTHERS + b"Z=last\n"


def test_a_living_writer_of_the_file_is_waited_for_and_then_told(store, entry, path, monkeypatch):
    import fcntl

    monkeypatch.setattr(disk, "PATIENCE_S", 0.05)
    with Path(f"{path}.tmp").open("w") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another process is writing it"):
            store.preflight(entry)


def test_all_files_of_an_entry_are_listed(entry, store, path, tmp_path):
    version = store.set_aside(entry, create(store, entry))
    store.replace(entry, version, record("Newer", "fp-2"))
    listed = {Path(name).name for name in list_files(entry)}
    assert listed >= set(files_of(path))
    assert {Path(name).parent for name in list_files(entry)} == {tmp_path / "secrets"}


def test_a_file_that_git_would_commit_is_found(tmp_path):
    import shutil

    from keyspec.stores.git import find_entries_in_git

    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, env=environ, check=True, capture_output=True)
    entry = entry_of(tmp_path)
    sealed = Entry(Reference("age", "key.age"), entry.file)
    assert find_entries_in_git([entry, sealed], environ) == {entry}
    (tmp_path / ".gitignore").write_text(".env\n")
    assert find_entries_in_git([entry], environ) == {entry}
    (tmp_path / ".gitignore").write_text(".env*\n")
    assert find_entries_in_git([entry], environ) == frozenset()
