import pytest

from keyspec.devhub import BUILT_IN_ROLES, Knobs
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.hub import Hub
from keyspec.devhub.model import Draft, Edit, Key
from keyspec.devhub.storage import Storage


@pytest.fixture
def bare():
    storage = Storage()
    for role in BUILT_IN_ROLES:
        storage.put_role(role)
    yield Hub(storage, Knobs())
    storage.close()


def reason_of(deed, *arguments):
    with pytest.raises(Refusal) as caught:
        deed(*arguments)
    return caught.value.reason


def test_a_caller_is_a_live_unlocked_key_with_what_its_roles_permit(bare):
    _, value = bare.create_key(Draft("a", roles=("User", "Operator")))
    caller = bare.recognise(value)
    assert caller.key_id == "a"
    assert caller.permissions == {name for role in BUILT_IN_ROLES[1::2] for name in role.permissions}
    bare.set_lock("a", locked=True)
    assert bare.recognise(value) is None
    assert bare.recognise(None) is None
    assert bare.recognise("") is None


def test_a_lock_may_bite_late_and_an_unlock_never_does(bare):
    _, value = bare.create_key(Draft("a", roles=("User",)))
    bare.knobs = Knobs(lock_delay_ms=100_000)
    bare.set_lock("a", locked=True)
    assert bare.recognise(value).key_id == "a"
    bare.knobs = Knobs()
    assert bare.recognise(value) is None
    bare.set_lock("a", locked=False)
    assert bare.recognise(value).key_id == "a"
    bare.seed([(Key("b", "", ("User",), 60, locked=True), "value-of-b")])
    bare.knobs = Knobs(lock_delay_ms=100_000)
    assert bare.recognise("value-of-b") is None


def test_fields_are_judged_before_existence(bare):
    bare.create_key(Draft("a", roles=("User",)))
    assert reason_of(bare.create_key, Draft("a", roles=())) is Reason.INVALID_FIELD
    assert reason_of(bare.create_key, Draft("a", roles=("Nobody",))) is Reason.UNKNOWN_ROLE
    assert reason_of(bare.create_key, Draft("a", roles=("User",))) is Reason.KEY_EXISTS
    assert reason_of(bare.edit_key, "none", Edit(reauthentication_timeout=0)) is Reason.INVALID_FIELD
    assert reason_of(bare.edit_key, "none", Edit(roles=())) is Reason.INVALID_FIELD
    assert reason_of(bare.edit_key, "none", Edit()) is Reason.NO_SUCH_KEY


def test_a_refused_import_leaves_nothing(bare):
    bare.import_key(Draft("a", roles=("User",)), "v")
    assert reason_of(bare.import_key, Draft("b", roles=("User",)), "v") is Reason.VALUE_EXISTS
    assert reason_of(bare.import_key, Draft("b", roles=("User",)), "a b") is Reason.INVALID_FIELD
    assert [key.key_id for key in bare.storage.all_keys()] == ["a"]


def test_a_seed_takes_any_id_but_no_unknown_role(bare):
    bare.seed([(Key("a b/ü", "", ("User",), 60, locked=True), "v")])
    assert bare.get_key("a b/ü").locked
    assert reason_of(bare.seed, [(Key("c", "", ("Nobody",), 60, locked=False), "w")]) is Reason.UNKNOWN_ROLE


def test_a_key_is_taken_for_what_it_was_or_not_at_all(bare):
    first, _ = bare.create_key(Draft("a", roles=("User",)))
    second = bare.edit_key("a", Edit(description="x"), frozenset({first.version}))
    assert second.version > first.version
    for deed in (bare.get_key, bare.delete_key):
        assert reason_of(deed, "a", frozenset({first.version})) is Reason.PRECONDITION_FAILED
    assert reason_of(bare.edit_key, "a", Edit(locked=True), frozenset()) is Reason.PRECONDITION_FAILED
    assert reason_of(bare.edit_key, "none", Edit(), frozenset()) is Reason.NO_SUCH_KEY
    assert reason_of(bare.edit_key, "a", Edit(roles=()), frozenset()) is Reason.INVALID_FIELD
    bare.delete_key("a", frozenset({first.version, second.version}))
    again, _ = bare.create_key(Draft("a", roles=("User",)))
    assert again.version not in {first.version, second.version}


def test_a_refused_edit_changes_nothing_of_a_key(bare):
    key, _ = bare.create_key(Draft("a", roles=("User",)))
    assert reason_of(bare.edit_key, "a", Edit("x", ("Nobody",), 5, locked=True)) is Reason.UNKNOWN_ROLE
    assert (bare.get_key("a"), bare.get_key("a").version) == (key, key.version)


def test_roles_are_named_by_ids_that_they_have(bare):
    ids = bare.identify_roles(["User", "Operator", "Nobody"])
    assert set(ids) == {"User", "Operator"}
    assert bare.name_roles([ids["User"], ids["Operator"], ids["User"]]) == ("Operator", "User")
    assert bare.name_roles([]) == ()
    assert reason_of(bare.name_roles, [ids["User"], "User"]) is Reason.UNKNOWN_ROLE


def test_a_seal_is_the_hubs_own(bare):
    stranger = Hub(Storage(), Knobs())
    assert bare.seal("x") == bare.seal("x") != stranger.seal("x")
    stranger.storage.close()


def test_the_admin_is_made_or_repaired(bare):
    for value in ("one", "two"):
        bare.ensure_admin("root", role="Administrator", value=value)
        assert "User Management" in bare.recognise(value).permissions
        bare.set_lock("root", locked=True)
        bare.edit_key("root", Edit(roles=("User",)))
    assert bare.find_holder("one") is None
