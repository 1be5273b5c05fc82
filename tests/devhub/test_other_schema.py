from jsonschema import Draft202012Validator

from keyspec.devhub import Knobs, Role
from keyspec.devhub.model import Key
from keyspec.devhub.other_schema import build_schemas, render_key, render_problem, render_role

SCHEMAS = build_schemas(import_takes_id=True)
KEY = Key("a", "n", ("Operator", "User"), 60, locked=True, version=3)
IDS = {"User": "r-1", "Operator": "r-2"}


def test_schemas_are_schemas():
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_a_key_is_said_in_other_words():
    assert render_key(KEY, IDS, Knobs()) == {
        "id": "a",
        "note": "n",
        "role_ids": ["r-1", "r-2"],
        "ttl_ms": 60_000,
        "status": "disabled",
        "version": 3,
    }


def test_what_is_rendered_keeps_to_its_schema_with_and_without_extra_fields():
    for knobs in (Knobs(), Knobs(extra_fields=True)):
        Draft202012Validator(SCHEMAS["Key"]).validate(render_key(KEY, IDS, knobs))
        Draft202012Validator(SCHEMAS["Role"]).validate(render_role(Role("r", ("Login",), role_id="r-1"), knobs))
    Draft202012Validator(SCHEMAS["Problem"]).validate(render_problem(404, "no_such_key", "no"))


def test_a_role_that_went_meanwhile_is_left_out():
    assert render_key(KEY, {"User": "r-1"}, Knobs())["role_ids"] == ["r-1"]


def test_what_is_sent_is_closed():
    for name in ("NewKey", "ImportedKey", "KeyEdit"):
        assert SCHEMAS[name]["additionalProperties"] is False
    assert {"id", "secret", "version"}.isdisjoint(SCHEMAS["KeyEdit"]["properties"])
    assert "status" not in SCHEMAS["NewKey"]["properties"]
    assert "default" not in SCHEMAS["KeyEdit"]["properties"]["ttl_ms"]


def test_an_ignored_id_is_described_as_such():
    assert "Ignored" in build_schemas(import_takes_id=False)["ImportedKey"]["properties"]["id"]["description"]
