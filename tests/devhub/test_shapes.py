from jsonschema import Draft202012Validator

from keyspec.devhub import shapes
from keyspec.devhub.model import LONGEST_DESCRIPTION, LONGEST_VALUE


def takes(schema, content):
    return Draft202012Validator(schema).is_valid(content)


def test_what_is_answered_is_open_and_what_is_sent_is_closed():
    fields = {"a": shapes.build_text()}
    for content, opened, closed in [({"a": "x"}, True, True), ({"a": "x", "b": 1}, True, False), ({}, False, False)]:
        assert takes(shapes.build_object(fields, fields), content) is opened
        assert takes(shapes.build_closed(fields, fields), content) is closed


def test_limits_are_those_of_the_domain():
    cases = [
        (shapes.build_new_id(), "a" * 128, "a" * 129),
        (shapes.build_new_description(), "x" * LONGEST_DESCRIPTION, "x" * (LONGEST_DESCRIPTION + 1)),
        (shapes.build_new_value(), "x" * LONGEST_VALUE, "x" * (LONGEST_VALUE + 1)),
        (shapes.build_new_roles(), ["User"], []),
        (shapes.build_permissions(), ["Login"], ["Fly"]),
        (shapes.build_count(), 0, -1),
    ]
    assert [(takes(schema, good), takes(schema, bad)) for schema, good, bad in cases] == [(True, False)] * len(cases)


def test_an_id_that_is_ignored_may_be_anything():
    assert takes(shapes.build_new_id(taken=False), None)
