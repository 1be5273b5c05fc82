from __future__ import annotations

import pytest
from apis import many, texts

from keyspec.openapi.places import find_field, find_key, find_rows, follow_place, place_of
from keyspec.openapi.schemas import Schemas
from keyspec.place import parse_place


def shape_of(schema):
    return Schemas({}).read(schema)


LIST = {"type": "array", "items": texts("id")}
ROLE = texts("id", "name")
ROW = {"properties": {"roles": {"type": "array", "items": ROLE}, "meta": texts("a-b"), "enabled": {"type": "boolean"}}}


@pytest.mark.parametrize(
    ("path", "each", "place"),
    [
        ((), (), "@"),
        (("a", "b"), (), "a.b"),
        (("api-key",), (), '"api-key"'),
        (("roles",), ("role id",), 'roles[]."role id"'),
        (('é\\"',), (), '"\\u00e9\\\\\\""'),
    ],
)
def test_any_path_is_a_place_that_a_contract_can_read(path, each, place):
    assert place_of(path, each=each) == place
    payload = inner = {}
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    if path:
        inner[path[-1]] = [{each[0]: 7}] if each else 7
        assert parse_place(place).read(payload) == ([7] if each else 7)


@pytest.mark.parametrize(
    ("place", "kinds", "listed"),
    [
        ("@", {"object"}, False),
        ("enabled", {"boolean"}, False),
        ('meta."a-b"', {"string"}, False),
        ("roles[].id", {"string"}, True),
        ("roles[*].id", {"string"}, True),
        ("roles[?id].name", {"string"}, True),
        ("roles[0].id", {"string"}, False),
        ("to_string(enabled)", {"boolean"}, False),
        ("roles | [0].id", {"string"}, False),
    ],
)
def test_a_place_is_followed_into_a_schema(place, kinds, listed):
    found, is_list = follow_place(shape_of(ROW), place)
    assert (found.kinds, is_list) == (kinds, listed)


@pytest.mark.parametrize("place", ["nothing", "roles.id", "meta.x.y", "nothing[].id"])
def test_what_is_not_there_is_nothing(place):
    assert follow_place(shape_of(ROW), place)[0] is None


@pytest.mark.parametrize("place", ["roles || meta", "{a: roles}", "enabled == `true`"])
def test_an_expression_that_only_an_answer_can_be_asked_is_an_error(place):
    with pytest.raises(ValueError, match="only in an answer"):
        follow_place(shape_of(ROW), place)


def test_a_field_is_found_by_the_first_of_its_names():
    shape = shape_of(
        {"properties": {"detail": {"type": "string"}, "error": texts("message"), "title": {"type": "integer"}}}
    )
    assert find_field(shape, (("message",), ("detail",)), "string") == ("error", "message")
    assert find_field(shape, (("title",),), "string") is None


def test_the_key_is_found_by_its_id():
    wrapped = shape_of({"properties": {"result": {"properties": {"data": texts("id")}}, "x": texts("y")}})
    assert find_key(wrapped, ("id",)) == ("result", "data")
    assert find_key(shape_of(texts("id")), ("id",)) == ()
    assert find_key(shape_of(texts("x")), ("id",)) is None
    assert find_key(None, ("id",)) is None


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (LIST, ()),
        (many(texts("id"), "data"), ("data",)),
        ({"properties": {"errors": LIST, "results": LIST}}, ("results",)),
        ({"properties": {"errors": LIST, "apiKeys": LIST, "data": LIST}}, ("apiKeys",)),
        (
            {"properties": {"tags": {"type": "array", "items": {"type": "string"}}, "x": {"properties": {"y": LIST}}}},
            ("x", "y"),
        ),
        ({"properties": {"names": {"type": "array", "items": {"type": "string"}}}}, ("names",)),
    ],
)
def test_rows_are_the_list_of_objects_with_the_most_telling_name(schema, path):
    assert find_rows(shape_of(schema), "key").path == path


@pytest.mark.parametrize("schema", [texts("id"), {"type": "array"}, {}])
def test_an_answer_without_a_list_has_no_rows(schema):
    assert find_rows(shape_of(schema)) is None


def test_no_answer_has_no_rows():
    assert find_rows(None) is None
