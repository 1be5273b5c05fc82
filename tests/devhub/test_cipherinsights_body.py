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


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_not_json(body):
    with pytest.raises(Refusal) as caught:
        parse_draft(body)
    assert caught.value.reason is Reason.NOT_JSON


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b'"x"'])
def test_json_that_is_no_object_is_invalid(body):
    with pytest.raises(Refusal) as caught:
        parse_edit(body)
    assert caught.value.reason is Reason.INVALID_FIELD


@pytest.mark.parametrize("timeout", [True, "60", 1.5, None, [60], float("nan"), float("inf")])
def test_a_timeout_is_a_whole_number(timeout):
    with pytest.raises(Refusal, match="whole number"):
        parse_edit(dump(reauthenticationTimeout=timeout))


def test_a_whole_float_is_an_integer_as_in_json_schema():
    assert parse_edit(b'{"reauthenticationTimeout": 60.0}') == Edit(reauthentication_timeout=60)


@pytest.mark.parametrize("name", ["keyId", "apiKey", "locked", "key_id", "x"])
def test_an_edit_takes_what_can_change_and_nothing_else(name):
    with pytest.raises(Refusal, match="no field here") as caught:
        parse_edit(dump(**{name: "x"}))
    assert caught.value.reason is Reason.INVALID_FIELD


@pytest.mark.parametrize("field", [{"roles": "User"}, {"roles": [1]}, {"description": 1}, {"description": None}])
def test_a_field_has_its_type(field):
    with pytest.raises(Refusal):
        parse_edit(dump(**field))


def test_half_a_surrogate_pair_is_no_text():
    with pytest.raises(Refusal, match="surrogate"):
        parse_edit(b'{"description": "\\ud800"}')


def test_an_import_needs_a_value_and_may_drop_the_id():
    body = dump(keyId="a", roles=["User"], apiKey="v")
    assert parse_import(body, takes_id=True) == (Draft("a", roles=("User",)), "v")
    assert parse_import(body, takes_id=False) == (Draft(roles=("User",)), "v")
    with pytest.raises(Refusal, match="apiKey"):
        parse_import(dump(roles=["User"]), takes_id=True)
