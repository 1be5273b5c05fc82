from __future__ import annotations

import pytest

from keyspec.errors import KeyspecError, UsageError
from keyspec.journal import Journal, Left, open_journal
from keyspec.model import Key

URL = "https://h.example"


@pytest.fixture
def journal(tmp_path):
    with open_journal({"XDG_STATE_HOME": str(tmp_path)}) as opened:
        yield opened


def test_what_is_written_is_read_and_private(journal):
    left = Left(URL, ("a", "b"), ("mark",), pending=True)
    journal.write(left)
    assert journal.read(URL) == journal.read(f"{URL}/") == left
    assert journal.path(URL).stat().st_mode & 0o777 == 0o600
    assert journal.folder.stat().st_mode & 0o777 == 0o700
    journal.remove(URL)
    journal.remove(URL)
    assert journal.read(URL) == Left(URL)


def test_other_hubs_are_told_by_their_urls(journal):
    journal.write(Left("https://b.example", ("x",)))
    journal.write(Left(URL, ("y",)))
    assert list(journal.others(URL)) == ["https://b.example"]


def test_a_key_is_owned_by_its_id_or_by_its_mark_alone():
    left = Left(URL, ("a",), ("mark 1",))
    assert left.owns(Key("a", "anything"))
    assert left.owns(Key("b", "mark 1: text"))
    assert not left.owns(Key("b", "a mark 1"))
    assert not left.owns(Key("b", None))
    assert not Left(URL).owns(Key("b", ""))
    assert not Left(URL).owns(Key("b", "text"))


def test_two_runs_are_joined():
    joined = Left(URL, ("a",), ("m",)).joined(Left(URL, ("b", "a"), ("n",)))
    assert joined == Left(URL, ("a", "b"), ("m", "n"))


def test_one_at_a_time(tmp_path, journal):
    with (
        pytest.raises(KeyspecError, match="another `keyspec contract probe`"),
        open_journal({"XDG_STATE_HOME": str(tmp_path)}),
    ):
        pass


def test_the_lock_is_given_back(tmp_path):
    for _ in range(2):
        with open_journal({"XDG_STATE_HOME": str(tmp_path)}):
            pass


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": "keyspec-probe-journal/2", "url": "u", "key_ids": [], "marks": []}',
        b'{"format": "keyspec-probe-journal/1", "url": "u", "key_ids": [""], "marks": []}',
        b'{"format": "keyspec-probe-journal/1", "url": "u", "key_ids": [], "marks": [""]}',
        b'{"format": "keyspec-probe-journal/1", "url": "u", "key_ids": [1], "marks": []}',
        b"\xff",
    ],
)
def test_one_that_cannot_be_read_is_never_guessed(journal, data):
    journal.path(URL).write_bytes(data)
    with pytest.raises(KeyspecError, match="then remove this file"):
        journal.read(URL)


def test_links_are_not_followed(tmp_path, journal):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    journal.path(URL).symlink_to(elsewhere)
    with pytest.raises(KeyspecError):
        journal.read(URL)
    with pytest.raises(UsageError):
        journal.write(Left(URL))
    assert elsewhere.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "keyspec").write_text("")
    with pytest.raises(KeyspecError, match="cannot be used"), open_journal({"XDG_STATE_HOME": str(tmp_path)}):
        pass
    assert Journal(tmp_path).read(URL) == Left(URL)
