import sqlite3

import pytest

from keyspec.devhub.model import Edit, Key, Role
from keyspec.devhub.query import Query
from keyspec.devhub.storage import Storage


@pytest.fixture
def storage():
    opened = Storage()
    yield opened
    opened.close()


def make_key(key_id, *roles):
    return Key(key_id, "", roles or ("User",), 60, locked=False)


def test_a_transaction_is_all_or_nothing(storage):
    def fail():
        with storage.transaction():
            storage.add_keys([(make_key("a"), b"1")])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    assert storage.all_keys() == []


def test_ids_and_values_are_unique(storage):
    storage.add_keys([(make_key("a"), b"1")])
    for key, digest in [(make_key("a"), b"2"), (make_key("b"), b"1")]:
        with pytest.raises(sqlite3.IntegrityError):
            storage.add_keys([(key, digest)])
    assert storage.count_keys() == 1


def test_only_given_fields_change(storage):
    storage.add_keys([(make_key("a", "User", "Operator"), b"1"), (make_key("b"), b"2")])
    storage.edit_key("a", Edit(description=""))
    storage.edit_key("a", Edit(reauthentication_timeout=5))
    assert storage.find_key("a") == Key("a", "", ("Operator", "User"), 5, locked=False)
    assert storage.find_key("b") == make_key("b")


def test_a_removed_role_leaves_every_key(storage):
    storage.put_role(Role("Ünï 'x'"))
    storage.add_keys([(make_key("a", "Ünï 'x'", "User"), b"1"), (make_key("b", "Ünï 'x'"), b"2")])
    storage.remove_role("Ünï 'x'")
    assert [key.roles for key in storage.all_keys()] == [("User",), ()]
    assert storage.list_roles(Query(limit=10)) == ([], 0)


def test_a_deleted_id_is_remembered(storage):
    storage.add_keys([(make_key("a"), b"1")])
    assert not storage.is_spent("a")
    storage.remove_key("a")
    assert storage.is_spent("a")


def test_a_file_keeps_keys_and_pepper(tmp_path):
    first = Storage(tmp_path / "hub.db")
    first.add_keys([(make_key("a"), b"1")])
    pepper = first.pepper
    first.close()
    second = Storage(tmp_path / "hub.db")
    assert (second.pepper, second.count_keys()) == (pepper, 1)
    second.close()


def test_a_file_that_is_no_database_is_an_error(tmp_path):
    path = tmp_path / "hub.db"
    path.write_text("keyspec: 1\n" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        Storage(path)
