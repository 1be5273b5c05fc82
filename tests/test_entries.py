from __future__ import annotations

import pytest

from keyspec.desired import Entry
from keyspec.entries import entry_container, entry_identity, find_clashes
from keyspec.secret import parse_reference


def identify(text, file="specs/keyspec.yaml"):
    return entry_identity(parse_reference(text), file)


def clashes(*texts):
    entries = [(Entry(parse_reference(text), "specs/keyspec.yaml"), text) for text in texts]
    return list(find_clashes(entries))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file:a/b", "file:a/./x/../b"),
        ("file:Secrets/KEY", "file:secrets/key"),
        ("file:a", "age:a"),
        ("age:a.age", "age:A.AGE"),
        ("dotenv:.env#KEY", "dotenv:./.env#KEY"),
        ("dotenv:.env#KEY", "dotenv:.env#key"),
        ("keyring:a/b", "keyring:a/b"),
        ("vault:a/b#c", "vault:a/b#c"),
    ],
)
def test_the_same_entry_has_one_identity(one, other):
    assert identify(one) == identify(other)
    assert clashes(one, other) == [(other, one)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file:a", "file:b"),
        ("dotenv:.env#A", "dotenv:.env#B"),
        ("dotenv:.env#A", "dotenv:.env.prod#A"),
        ("keyring:a/b", "keyring:a/B"),
        ("vault:a/b#c", "vault:a/b#C"),
        ("exec:a#b", "exec:a#c"),
        ("file:a", "file:a.age"),
        ("vault:a#x", "vault:a#x.prev"),
        ("dotenv:.env#A", "dotenv:.env#tmp"),
    ],
)
def test_entries_that_are_apart_do_not_clash(one, other):
    assert identify(one) != identify(other)
    assert clashes(one, other) == clashes(other, one) == []


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        ("file:a", "file:a.keyspec"),
        ("file:a", "file:A.PREV"),
        ("age:a", "file:a.tmp"),
        ("file:a", "age:a.next"),
        ("dotenv:.env#KEY", "file:.env"),
        ("dotenv:.env#KEY", "file:.env.tmp"),
        ("dotenv:.env#KEY", "age:.env.KEY.keyspec"),
        ("dotenv:.env#KEY", "file:.env.KEY"),
        ("dotenv:a.keyspec#KEY", "file:a"),
        ("dotenv:.env#A", "dotenv:.env.a#B"),
        ("keyring:a/b", "keyring:a/b.keyspec"),
    ],
)
def test_a_part_of_another_entry_clashes_with_it(whole, part):
    for pair in ((whole, part), (part, whole)):
        assert {frozenset(found) for found in clashes(*pair)} == {frozenset(pair)}


def test_paths_start_from_the_folder_of_their_spec_file():
    assert identify("file:../a", "specs/x/keyspec.yaml") == identify("file:a", "specs/keyspec.yaml")
    assert identify("file:a", "one/keyspec.yaml") != identify("file:a", "other/keyspec.yaml")
    assert identify("file:/a", "one/keyspec.yaml") == identify("file:/a", "other/keyspec.yaml")


def test_only_dotenv_entries_share_a_file():
    file = "specs/keyspec.yaml"
    assert entry_container(parse_reference("file:a"), file) is None
    assert entry_container(parse_reference("dotenv:.ENV#A"), file) == identify("file:.env")


def test_each_later_owner_of_one_entry_is_given_once():
    assert clashes("file:a", "file:./a", "age:A", "file:b") == [("file:./a", "file:a"), ("age:A", "file:a")]
