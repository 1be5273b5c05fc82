from __future__ import annotations

from keyspec.openapi.bodies import find_place, find_value, fit_body
from keyspec.openapi.fields import find_key_fields
from keyspec.openapi.schemas import Schemas

TEXT = {"type": "string"}
NAMES = {"type": "array", "items": TEXT}
ROW = {"keyId": TEXT, "note": TEXT, "roles": NAMES, "ttl_ms": {"type": "integer"}, "enabled": {"type": "boolean"}}
ALL = ("key_id", "description", "roles", "reauth_timeout")


def shape_of(required=(), **fields):
    return Schemas({}).read({"type": "object", "properties": fields, "required": list(required)})


def row_of(**fields):
    return find_key_fields(shape_of(**(fields or ROW)), thing=(), item=None)


def fit(required=(), wanted=ALL, constants=None, **fields):
    return fit_body(shape_of(required, **fields), row_of(), wanted, constants)


def test_a_body_takes_the_fields_of_a_row_by_their_names():
    found = fit(**ROW)
    assert found.body == {
        "keyId": "{key_id}",
        "note": "{description}",
        "roles": "{roles}",
        "ttl_ms": "{reauth_timeout}",
    }
    assert (found.carried, found.lacking) == (set(ALL), ())


def test_fields_are_found_one_level_deeper():
    found = fit(token={"properties": ROW})
    assert found.body["token"]["note"] == "{description}"


def test_other_names_for_the_same_are_found_by_what_they_say():
    found = fit(id=TEXT, description=TEXT, scopes=NAMES)
    assert found.body == {"id": "{key_id}", "description": "{description}", "scopes": "{roles}"}


def test_another_unit_other_roles_and_another_state_are_not_the_same():
    found = fit(
        timeout_seconds={"type": "integer"},
        role_ids=NAMES,
        status={"enum": ["on", "active", "locked"]},
        wanted=(*ALL, "state"),
    )
    assert found.body is None
    assert find_place(shape_of(enabled={"type": "boolean"}), row_of(), "state") == ("enabled",)


def test_what_is_read_only_is_not_sent_and_a_name_is_no_id():
    assert fit(keyId={"type": "string", "readOnly": True}, name=TEXT).body == {"name": "{description}"}


def test_what_is_required_and_known_is_filled_and_the_rest_is_lacking():
    fields = {
        "kind": {"enum": ["key"]},
        "days": {"default": 3},
        "owner": TEXT,
        "seen": {"type": "string", "readOnly": True},
    }
    found = fit(("kind", "days", "owner", "seen", "note", "nothing"), **fields, **ROW, wanted=("description",))
    assert found.body == {"kind": "key", "days": 3, "note": "{description}"}
    assert (found.lacking, found.required) == (("owner",), {"description"})


def test_the_id_stands_wherever_it_is_required():
    assert fit(("keyId",), wanted=(), **ROW).body == {"keyId": "{key_id}"}
    assert fit(wanted=(), **ROW).body is None


def test_constants_stand_at_their_paths_before_placeholders():
    found = fit(wanted=("state",), constants={("enabled",): False, ("spec", "x"): 1}, **ROW)
    assert found.body == {"enabled": False, "spec": {"x": 1}}


def test_the_value_is_what_no_row_shows_and_is_told_once():
    shape = shape_of(
        keyId=TEXT,
        prefix=TEXT,
        token_hash=TEXT,
        key=TEXT,
        data={"properties": {"value": {"type": "string", "description": "Shown only once"}}},
    )
    assert find_value(shape, [("keyId",)])[0] == ("data", "value")
    assert find_value(shape, [("keyId",), ("data", "value")])[0] == ("key",)


def test_what_is_no_text_or_says_something_about_a_value_is_none():
    assert find_value(shape_of(secret={"type": "object"}, secretHint=TEXT, token_type=TEXT, key_id=TEXT), ()) is None
    assert find_value(None, ()) is None
    assert find_place(shape_of(secret={"properties": {"value": TEXT}}), row_of(), "value") == ("secret", "value")
