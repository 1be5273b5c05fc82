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


def test_the_admin_is_made_or_repaired(bare):
    for value in ("one", "two"):
        bare.ensure_admin("root", role="Administrator", value=value)
        assert "User Management" in bare.recognise(value).permissions
        bare.set_lock("root", locked=True)
        bare.edit_key("root", Edit(roles=("User",)))
    assert bare.find_holder("one") is None
