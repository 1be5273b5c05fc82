from __future__ import annotations

from keyspec.openapi.schemas import MAX_WALKED, Schemas, is_constant, is_usable, walk

TEXT = {"type": "string"}


def shape_of(schema, **schemas):
    return Schemas({"components": {"schemas": schemas}}).read(schema)


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def test_references_are_followed_and_what_stands_beside_them_counts():
    shape = shape_of({"$ref": "#/components/schemas/A", "description": "ours"}, A=ref("B"), B={"type": "string"})
    assert (shape.kinds, shape.text) == ({"string"}, "ours")


def test_what_is_merged_is_one_schema():
    all_of = {"allOf": [ref("A"), {"properties": {"b": TEXT}, "required": ["b"]}], "description": "both"}
    shape = shape_of(all_of, A={"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    assert (sorted(shape.members), shape.required, shape.text) == (["a", "b"], {"a", "b"}, "both")
    assert shape.at(("a",)).kinds == {"integer"}


def test_alternatives_are_fields_that_are_not_required_unless_there_is_but_one():
    one, other = {"properties": {"a": TEXT}, "required": ["a"]}, {"properties": {"b": TEXT}, "required": ["b"]}
    assert shape_of({"oneOf": [one, other]}).required == frozenset()
    assert sorted(shape_of({"anyOf": [one, other]}).members) == ["a", "b"]
    assert shape_of({"anyOf": [one, {"type": "null"}]}).required == {"a"}


def test_types_are_told_by_what_a_schema_has_where_it_does_not_say():
    assert shape_of({"properties": {}}).kinds == {"object"}
    assert shape_of({"items": {}}).kinds == {"array"}
    assert shape_of({"type": ["string", "null"]}).kinds == {"string"}
    assert shape_of({}).may_be("anything")
    assert not shape_of(TEXT).may_be("integer")


def test_values_bounds_and_flags():
    shape = shape_of({"enum": ["a", 1, None, ["x"]], "const": True, "minimum": 2, "readOnly": True, "default": {}})
    assert (shape.values, shape.bounds, shape.flags) == (("a", 1), {"minimum": 2}, {"readOnly"})


def test_a_field_of_two_parts_is_both():
    shape = shape_of({"allOf": [{"properties": {"a": TEXT}}, {"properties": {"a": {"description": "ours"}}}]})
    assert (shape.field("a").kinds, shape.field("a").text) == ({"string"}, "ours")


def test_a_cycle_costs_nothing():
    shape = shape_of(ref("A"), A={"allOf": [ref("A"), ref("B")], "properties": {"self": ref("A")}}, B=ref("A"))
    assert shape.at(("self",) * 50).members.keys() == {"self"}
    assert shape_of(ref("A"), A=ref("B"), B=ref("A")).members == {}


def test_nothing_is_fetched_and_nothing_of_the_wrong_type_is_there():
    for reference in ("https://elsewhere.example/a.json", "#/nowhere", "other.yaml#/a", "#/%41", 3, None, ["#"]):
        assert shape_of({"$ref": reference}).kinds == frozenset()
    wrong = shape_of(
        {"type": 7, "properties": ["a"], "items": 3, "required": "a", "allOf": {}, "enum": "x", "oneOf": [3]}
    )
    assert (wrong.kinds, wrong.members, wrong.items(), wrong.required, wrong.values) == (
        frozenset(),
        {},
        None,
        set(),
        (),
    )
    assert Schemas({}).follow(3) == {}


def test_a_pointer_may_be_escaped_and_may_lead_into_lists():
    schemas = Schemas({"paths": {"/a{b}": [{"x~y": TEXT}]}})
    assert schemas.read({"$ref": "#/paths/~1a%7Bb%7D/0/x~0y"}).kinds == {"string"}
    assert schemas.follow({"$ref": "#"}).keys() == {"paths"}


def test_fields_come_by_name_and_the_shallow_ones_first():
    shape = shape_of({"properties": {"b": {"properties": {"z": TEXT}}, "a": TEXT}})
    assert [path for path, _ in walk(shape)] == [("a",), ("b",), ("b", "z")]


def test_a_walk_ends():
    wide = {"properties": {f"f{number}": ref("A") for number in range(100)}}
    assert len(list(walk(shape_of(ref("A"), A=wide), depth=4))) == MAX_WALKED


def test_names_and_values_that_a_contract_cannot_hold_are_not_there():
    assert shape_of({"properties": {"a\nb": TEXT, "": TEXT, "x" * 200: TEXT, "good": TEXT}}).members.keys() == {"good"}
    assert not is_usable("\ud800")
    assert [
        value for value in ("{x}", "a\n", "\ud800", 10**30, None, [1], "x" * 200, float("inf")) if is_constant(value)
    ] == []
    assert all(map(is_constant, ("a b", 1, 2.5, True)))


def test_an_object_of_more_members_than_anybody_reads_is_cut_whatever_their_order():
    names = [f"m{number}" for number in range(MAX_WALKED + 500)]
    members = {name: {"type": "string"} for name in names}
    shape = Schemas({}).read({"properties": members, "required": names})
    turned = Schemas({}).read({"properties": dict(reversed(members.items())), "required": names[::-1]})
    assert len(shape.members) == len(shape.required) == MAX_WALKED
    assert (list(shape.members), shape.required) == (list(turned.members), turned.required)
