import json

import pytest

from keyspec.devhub import BUILT_IN_ROLES, Knobs
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.hub import Hub
from keyspec.devhub.model import LONGEST_TIMEOUT_S, Draft, Edit
from keyspec.devhub.other_body import parse_draft, parse_edit, parse_import
from keyspec.devhub.storage import Storage


@pytest.fixture
def bare():
    storage = Storage()
    for role in BUILT_IN_ROLES:
        storage.put_role(role)
    yield Hub(storage, Knobs())
    storage.close()


@pytest.fixture
def role_id(bare):
    return bare.identify_roles(["User"])["User"]


def dump(**fields):
    return json.dumps(fields).encode()


def test_a_draft_has_defaults_but_for_its_roles(bare, role_id):
    assert parse_draft(dump(role_ids=[role_id]), bare) == Draft(roles=("User",))
    whole = dump(id="a", note="n", role_ids=[role_id, role_id], ttl_ms=90_000)
    assert parse_draft(whole, bare) == Draft("a", "n", ("User",), 90)
    with pytest.raises(Refusal, match="role_ids"):
        parse_draft(dump(id="a"), bare)


def test_a_patch_changes_what_it_has(bare, role_id):
    assert parse_edit(b"{}", bare) == Edit()
    assert parse_edit(dump(status="disabled"), bare) == Edit(locked=True)
    assert parse_edit(dump(status="enabled", note=""), bare) == Edit(description="", locked=False)
    assert parse_edit(dump(role_ids=[role_id], ttl_ms=1000), bare) == Edit(None, ("User",), 1)


@pytest.mark.parametrize("name", ["id", "secret", "value", "version", "locked", "roles", "x"])
def test_a_patch_takes_what_can_change_and_nothing_else(bare, name):
    with pytest.raises(Refusal, match="no field here") as caught:
        parse_edit(dump(**{name: "x"}), bare)
    assert caught.value.reason is Reason.INVALID_FIELD


@pytest.mark.parametrize("name", ["status", "version", "secret", "x"])
def test_a_draft_takes_what_a_key_is_made_of_and_nothing_else(bare, role_id, name):
    with pytest.raises(Refusal, match="no field here"):
        parse_draft(dump(role_ids=[role_id], **{name: "enabled"}), bare)


@pytest.mark.parametrize("ttl", [0, 999, 1001, -1000, (LONGEST_TIMEOUT_S + 1) * 1000, 1500.5, "1000", None, True])
def test_a_ttl_is_whole_seconds_in_milliseconds(bare, ttl):
    with pytest.raises(Refusal, match="ttl_ms"):
        parse_edit(dump(ttl_ms=ttl), bare)
    assert parse_edit(dump(ttl_ms=LONGEST_TIMEOUT_S * 1000), bare).reauthentication_timeout == LONGEST_TIMEOUT_S


@pytest.mark.parametrize(
    "field", [{"role_ids": "r"}, {"role_ids": [1]}, {"note": 1}, {"note": None}, {"status": "locked"}, {"status": True}]
)
def test_a_field_has_its_type(bare, field):
    with pytest.raises(Refusal) as caught:
        parse_edit(dump(**field), bare)
    assert caught.value.reason is Reason.INVALID_FIELD


def test_a_role_is_named_by_its_id(bare):
    for role_ids in (["User"], ["r-000000000000"], [""]):
        with pytest.raises(Refusal, match="no role of the ID") as caught:
            parse_edit(dump(role_ids=role_ids), bare)
        assert caught.value.reason is Reason.UNKNOWN_ROLE


def test_an_import_needs_a_value_and_may_drop_the_id(bare, role_id):
    body = dump(id="a", role_ids=[role_id], secret={"value": "v"})
    assert parse_import(body, bare) == (Draft("a", roles=("User",)), "v")
    bare.knobs = Knobs(import_takes_id=False)
    assert parse_import(body, bare) == (Draft(roles=("User",)), "v")
    for secret in ({}, {"secret": {}}, {"secret": "v"}, {"secret": {"value": 1}}, {"secret": {"value": "v", "x": 1}}):
        with pytest.raises(Refusal) as caught:
            parse_import(dump(role_ids=[role_id], **secret), bare)
        assert caught.value.reason is Reason.INVALID_FIELD
