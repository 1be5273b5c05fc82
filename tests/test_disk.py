from __future__ import annotations

import errno
import os
import socket
import stat
import threading
from contextlib import ExitStack

import pytest

from keyspec import disk
from keyspec.disk import Trail, beside, explain, find_trail, open_folder, read_beside, read_file, write_whole


@pytest.mark.parametrize(
    ("file", "path", "means"),
    [
        ("keyspec.yaml", "secrets/a", "secrets/a"),
        ("spec/keyspec.yaml", "./a", "spec/a"),
        ("spec/keyspec.yaml", "../a", "a"),
        ("keyspec.yaml", "../a", "../a"),
        ("spec/keyspec.yaml", "x/../../y/a", "y/a"),
        ("/spec/keyspec.yaml", "a", "/spec/a"),
        ("spec/keyspec.yaml", "/etc/a", "/etc/a"),
    ],
)
def test_a_path_means_the_same_as_text_and_on_disk(file, path, means):
    assert beside(file, path) == means
    trail = find_trail(file, path)
    assert os.path.normpath(f"{trail.folder}/{trail.name}") == means


@pytest.mark.parametrize("path", ["", "/", ".", "..", "a/..", "a/", "../..", "a\0b"])
def test_a_trail_leads_to_a_file(path):
    with pytest.raises(OSError, match="names no file"):
        find_trail("keyspec.yaml", path)


def test_only_leading_steps_up_belong_to_the_anchor():
    assert find_trail("a/b/keyspec.yaml", "../c/d") == Trail("a", ("c",), "d")
    assert find_trail("keyspec.yaml", "c/d") == Trail(".", ("c",), "d")
    assert find_trail("keyspec.yaml", "/c/d") == Trail("/", ("c",), "d")


def test_no_more_than_the_limit_is_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    assert read_file(str(path), limit=10, follow_links=False) == b"x" * 10
    with pytest.raises(OSError, match="too large") as caught:
        read_file(str(path), limit=9, follow_links=False)
    assert caught.value.errno == errno.EOVERFLOW


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)
        server.bind("socket")
        for path in ("fifo", "socket", "/dev/zero"):
            with pytest.raises(OSError) as caught:
                read_file(str(path), limit=10, follow_links=True)
            assert explain(caught.value) == "it is no regular file"
    with pytest.raises(IsADirectoryError):
        read_file(str(tmp_path), limit=10, follow_links=True)


def test_links_are_followed_only_where_that_is_asked_for(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real" / "file")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    spec = str(tmp_path / "keyspec.yaml")
    assert read_file(str(tmp_path / "link"), limit=10, follow_links=True) == b"x"
    assert read_beside(spec, "real/file", limit=10) == b"x"
    with pytest.raises(OSError):
        read_file(str(tmp_path / "link"), limit=10, follow_links=False)
    for path in ("link", "folder/file"):
        with pytest.raises(OSError) as caught:
            read_beside(spec, path, limit=10)
        assert "link" in explain(caught.value)


def test_the_way_through_a_link_and_up_again_is_not_taken(tmp_path):
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "far" / "file").write_text("far")
    (tmp_path / "file").write_text("near")
    (tmp_path / "link").symlink_to(tmp_path / "far" / "deep")
    assert read_beside(str(tmp_path / "keyspec.yaml"), "link/../file", limit=10) == b"near"


def test_folders_are_made_private_and_only_if_asked_for(tmp_path):
    trail = find_trail(str(tmp_path / "keyspec.yaml"), "a/b/file")
    with pytest.raises(FileNotFoundError), open_folder(trail):
        pass
    with open_folder(trail, create=True) as folder:
        os.fsync(folder)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700, 0o700]


def test_many_threads_make_the_same_folder(tmp_path):
    trail = find_trail(str(tmp_path / "keyspec.yaml"), "a/b/c/file")
    errors = []

    def make():
        try:
            with open_folder(trail, create=True):
                pass
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_of_two_writers_the_second_waits_for_the_first(tmp_path):
    trail = Trail(str(tmp_path), (), "file")
    order = []
    with open_folder(trail) as folder, ExitStack() as first:
        first.enter_context(disk.create_temporary(folder, "file.tmp"))
        second = threading.Thread(target=lambda: (write_whole(trail, b"2", private=True), order.append(2)))
        second.start()
        order.append(1)
        first.close()
        second.join()
    assert order == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_temporary_file_goes_away_with_a_failure(tmp_path):
    with open_folder(Trail(str(tmp_path), (), "x")) as folder:
        with pytest.raises(RuntimeError), disk.create_temporary(folder, "x.tmp"):
            raise RuntimeError
        assert list(tmp_path.iterdir()) == []


def test_the_reason_is_told_in_plain_words_without_a_path(tmp_path):
    assert explain(OSError(errno.ENOSPC, "x", "/secret")) == "the disk is full"
    assert explain(OSError(errno.EIO, "Input/output error", "/secret")) == "Input/output error"
    assert explain(OSError()) == "OSError"
