from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from keyspec.errors import UnresolvedError, UsageError
from keyspec.secret import Reference
from keyspec.settings import is_terminal, resolve_reference, state_folder, terminal_width

ROOT = Path(__file__).parents[1]


def from_env(text, name="HUB_KEY"):
    return resolve_reference(Reference("env", "HUB_KEY"), file="keyspec.yaml", environ={name: text})


@pytest.fixture
def from_file(tmp_path):
    def resolve(data, **options):
        (tmp_path / "key").write_bytes(data)
        return resolve_reference(Reference("file", "key"), file=str(tmp_path / "keyspec.yaml"), environ={}, **options)

    return resolve


@pytest.mark.parametrize("text", ["value", "value\n", "value\r\n"])
def test_one_trailing_newline_is_not_part_of_a_value(text, from_file):
    assert from_env(text).reveal() == "value"
    assert from_file(text.encode()).reveal() == "value"
    assert from_file(text.encode(), follow_links=False).reveal() == "value"


BAD = ["va\x00lue", "va\nlue", "value\n\n", "value\r", "val\tue", "välue", " value", "value ", "va\x7flue", "x" * 4097]


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_stand_in_a_header_is_no_value_and_is_not_shown(text, from_file):
    for resolve, what in ((from_env, "HUB_KEY"), (lambda text: from_file(text.encode()), "key")):
        with pytest.raises(UnresolvedError) as caught:
            resolve(text)
        assert what in str(caught.value)
        assert "val" not in str(caught.value).replace("value", "")
        assert text.strip() not in str(caught.value)


def test_the_longest_value_is_taken(from_file):
    assert from_env("x" * 4096).reveal() == "x" * 4096
    assert from_file(b"x" * 4096 + b"\r\n").reveal() == "x" * 4096


def test_a_blank_inside_is_taken():
    assert from_env("Bearer abc").reveal() == "Bearer abc"


@pytest.mark.parametrize("text", ["", "\n", "\r\n"])
def test_an_empty_value_is_told(text, from_file):
    with pytest.raises(UnresolvedError, match="the variable HUB_KEY is empty"):
        from_env(text)
    with pytest.raises(UnresolvedError, match=r"the file .*key is empty"):
        from_file(text.encode())


def test_a_missing_variable_or_file_is_named(tmp_path):
    with pytest.raises(UnresolvedError, match="the variable HUB_KEY is not set"):
        from_env("x", name="ANOTHER")
    for follow_links in (True, False):
        with pytest.raises(UnresolvedError, match="the file spec/keys/a cannot be read: there is no such file"):
            resolve_reference(
                Reference("file", "keys/a"), file="spec/keyspec.yaml", environ={}, follow_links=follow_links
            )


def test_what_is_no_regular_file_is_told_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for rest, why in (("fifo", "no regular file"), (".", "folder"), ("/dev/zero", "no regular file"), ("a\0", "name")):
        with pytest.raises(UnresolvedError, match=why):
            resolve_reference(Reference("file", rest), file=str(tmp_path / "keyspec.yaml"), environ={})


def test_links_are_followed_unless_the_reference_is_held_to_a_trusted_file(tmp_path):
    # As Kubernetes mounts secrets: token -> ..data/token, ..data -> ..2026.
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "token").write_text("value")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "token").symlink_to("..data/token")
    spec = str(tmp_path / "keyspec.yaml")
    assert resolve_reference(Reference("file", "token"), file=spec, environ={}).reveal() == "value"
    for rest in ("token", "..data/token"):
        with pytest.raises(UnresolvedError, match="link"):
            resolve_reference(Reference("file", rest), file=spec, environ={}, follow_links=False)


def test_another_scheme_is_told():
    with pytest.raises(UnresolvedError, match="vault: cannot be read here; known are env:, file:"):
        resolve_reference(Reference("vault", "a/b#c"), file="keyspec.yaml", environ={})


def test_a_stream_is_a_terminal_only_if_it_says_so():
    closed = io.StringIO()
    closed.close()
    assert not any(is_terminal(stream) for stream in (None, io.StringIO(), closed))
    first, second = pty.openpty()
    with os.fdopen(first, "rb", buffering=0), os.fdopen(second, "w") as stream:
        assert is_terminal(stream)


def test_the_width_is_the_user_s_then_the_terminal_s_then_unknown():
    assert terminal_width(None, {"COLUMNS": "72"}) == 72
    assert terminal_width(io.StringIO(), {}) is None
    assert [terminal_width(None, {"COLUMNS": text}) for text in ("", "0", "-5", "wide", "²")] == [None] * 5
    first, second = pty.openpty()
    with os.fdopen(first, "rb", buffering=0), os.fdopen(second, "w") as stream:
        subprocess.run(["stty", "cols", "93", "rows", "20"], stdin=second, check=True)
        assert terminal_width(stream, {}) == 93
        subprocess.run(["stty", "cols", "0"], stdin=second, check=True)
        assert terminal_width(stream, {}) is None


def test_state_lies_in_the_user_s_folder():
    assert state_folder({"XDG_STATE_HOME": "/state", "HOME": "/home/u"}) == "/state/keyspec"
    assert state_folder({"XDG_STATE_HOME": "state", "HOME": "/home/u"}) == "/home/u/.local/state/keyspec"
    for environ in ({}, {"HOME": ""}, {"HOME": "home"}):
        with pytest.raises(UsageError, match="set HOME or XDG_STATE_HOME"):
            state_folder(environ)


def test_a_hardened_process_dumps_no_core_and_cannot_be_read():
    script = """
import resource, sys
from keyspec.settings import harden_process
harden_process()
print(resource.getrlimit(resource.RLIMIT_CORE))
if sys.platform == "linux":
    import ctypes
    print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split("\n")[0] == "(0, 0)"
    assert sys.platform != "linux" or done.stdout.split("\n")[1] == "0"
