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


def test_no_two_states_of_keys_have_one_version(storage):
    seen = []

    def note():
        seen.extend({(key.key_id, key.version) for key in storage.all_keys()} - set(seen))

    storage.put_role(Role("User"))
    for _ in range(2):
        storage.add_keys([(make_key("a", "User", "Operator"), b"1")])
        note()
        storage.edit_key("a", Edit(locked=True))
        note()
        storage.remove_role("User")
        note()
        storage.remove_key("a")
    assert len({version for _, version in seen}) == len(seen) == 6


def test_what_did_not_change_keeps_its_version(storage):
    storage.add_keys([(make_key("a"), b"1"), (make_key("b", "Operator"), b"2")])
    before = [key.version for key in storage.all_keys()]
    storage.set_digest("a", b"3")
    storage.remove_role("None")
    storage.edit_key("none", Edit(locked=True))
    assert [key.version for key in storage.all_keys()] == before


def test_a_replaced_role_keeps_its_id_and_one_that_is_made_anew_does_not(storage):
    storage.put_role(Role("a"))
    (made,) = storage.find_roles(["a"])
    storage.put_role(Role("a", ("Login",), "now with a login"))
    (replaced,) = storage.find_roles(["a"])
    assert (replaced.role_id, replaced.permissions) == (made.role_id, ("Login",))
    assert storage.find_roles_by_id([made.role_id, "r-none"]) == [replaced]
    storage.remove_role("a")
    storage.put_role(Role("a"))
    assert storage.find_roles_by_id([made.role_id]) == []
    storage.put_role(Role("b", role_id="r-given"))
    assert storage.find_roles(["b"])[0].role_id == "r-given"


def test_a_page_after_a_row_counts_all_rows(storage):
    storage.add_keys([(make_key(name), name.encode()) for name in "abcd"])
    rows, matching = storage.list_keys(Query(limit=2, after="a"))
    assert ([key.key_id for key in rows], matching) == (["b", "c"], 4)
    assert storage.list_keys(Query(limit=2, after="d")) == ([], 4)


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
