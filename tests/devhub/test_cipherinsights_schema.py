from jsonschema import Draft202012Validator

from keyspec.devhub import Knobs, Role
from keyspec.devhub.cipherinsights_schema import FIELDS, build_schemas, render_key, render_role
from keyspec.devhub.model import Key
from keyspec.devhub.query import KEY_COLUMNS, ROLE_COLUMNS

SCHEMAS = build_schemas(import_takes_id=True)
KEY = Key("a", "", ("User",), 60, locked=False)


def test_every_column_has_a_name_on_the_wire():
    assert set(KEY_COLUMNS) | set(ROLE_COLUMNS) <= set(FIELDS)


def test_schemas_are_schemas():
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_what_is_rendered_keeps_to_its_schema_with_and_without_extra_fields():
    for knobs in (Knobs(), Knobs(extra_fields=True)):
        Draft202012Validator(SCHEMAS["Key"]).validate(render_key(KEY, knobs))
        Draft202012Validator(SCHEMAS["Role"]).validate(render_role(Role("r", ("Login",)), knobs))
    assert list(render_key(KEY, Knobs())) == [FIELDS[name] for name in KEY_COLUMNS]


def test_what_is_sent_is_closed():
    for name in ("NewKey", "ImportedKey", "KeyEdit"):
        assert SCHEMAS[name]["additionalProperties"] is False
    assert "keyId" not in SCHEMAS["KeyEdit"]["properties"]
    assert "default" not in SCHEMAS["KeyEdit"]["properties"]["reauthenticationTimeout"]


def test_an_ignored_id_is_described_as_such():
    assert "Ignored" in build_schemas(import_takes_id=False)["ImportedKey"]["properties"]["keyId"]["description"]
