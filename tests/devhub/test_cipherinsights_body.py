import json

import pytest

from keyspec.devhub.cipherinsights_body import parse_draft, parse_edit, parse_import
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.model import Draft, Edit


def dump(**fields):
    return json.dumps(fields).encode()


def test_a_draft_has_defaults_but_for_its_roles():
    assert parse_draft(dump(roles=["User"])) == Draft(roles=("User",))
    with pytest.raises(Refusal, match="roles"):
        parse_draft(dump(keyId="a"))


@pytest.mark.parametrize("read", [parse_draft, parse_edit])
def test_what_is_no_json_is_not_json_and_no_object_is_invalid(read):
    for body, reason in [(b"{", Reason.NOT_JSON), (b"[]", Reason.INVALID_FIELD)]:
        with pytest.raises(Refusal) as caught:
            read(body)
        assert caught.value.reason is reason


def test_a_timeout_is_a_whole_number_of_seconds():
    assert parse_edit(b'{"reauthenticationTimeout": 60.0}') == Edit(reauthentication_timeout=60)
    with pytest.raises(Refusal, match="whole number of seconds"):
        parse_edit(dump(reauthenticationTimeout=1.5))


@pytest.mark.parametrize("name", ["keyId", "apiKey", "locked", "key_id", "x"])
def test_an_edit_takes_what_can_change_and_nothing_else(name):
    with pytest.raises(Refusal, match="no field here") as caught:
        parse_edit(dump(**{name: "x"}))
    assert caught.value.reason is Reason.INVALID_FIELD


@pytest.mark.parametrize("field", [{"roles": "User"}, {"roles": [1]}, {"description": 1}, {"description": None}])
def test_a_field_has_its_type(field):
    with pytest.raises(Refusal):
        parse_edit(dump(**field))


def test_an_import_needs_a_value_and_may_drop_the_id():
    body = dump(keyId="a", roles=["User"], apiKey="v")
    assert parse_import(body, takes_id=True) == (Draft("a", roles=("User",)), "v")
    assert parse_import(body, takes_id=False) == (Draft(roles=("User",)), "v")
    with pytest.raises(Refusal, match="apiKey"):
        parse_import(dump(roles=["User"]), takes_id=True)
