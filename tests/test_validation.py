from __future__ import annotations

import pytest
from builders import reading

from keyspec.document import parse_document
from keyspec.spec import SPEC_FORMAT
from keyspec.trust import TRUSTED_FORMAT
from keyspec.validation import validate_document


def problems_of(text, form=SPEC_FORMAT):
    value, problems = validate_document(reading(text).document, form)
    assert (value is None) == bool(problems)
    return [
        (str(problem.source).partition(":")[2], problem.code, problem.message, problem.hint) for problem in problems
    ]


def codes_of(text):
    return [(place, code) for place, code, _, _ in problems_of(text)]


def test_a_valid_file_has_no_problem():
    assert problems_of("keyspec: 1\nkeys: {}\n") == []


@pytest.mark.parametrize("text", ["hunter2: x\n", "a: {b: hunter2}\n"])
def test_a_file_that_does_not_name_its_format_is_not_quoted(text):
    document = parse_document(text.encode(), "x.yaml")
    value, (problem,) = validate_document(document, SPEC_FORMAT)
    assert value is None
    assert problem.code == "wrong-format"
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize("version", ["2", "true", '"1"', "null", "[1]", "{}"])
def test_another_format_is_refused_as_such_and_nothing_else_is_said(version):
    assert codes_of(f"keyspec: {version}\nnonsense: 1\n") == [("1:10", "unknown-format")]


def test_an_unknown_field_stands_at_its_name_and_gets_the_nearest_one():
    ((place, code, message, hint),) = problems_of("keyspec: 1\ndefaults: {rolse: [a]}\n")
    assert (place, code) == ("2:12", "unknown-field")
    assert "`rolse`" in message
    assert hint == "did you mean `roles`?"


def test_an_unknown_field_without_a_near_one_names_those_that_are_known():
    ((_, _, _, hint),) = problems_of("keyspec: 1\nguards: {qqq: 1}\n")
    assert hint == "known here: max_deletes, max_change_share, unlock, plan_max_age"


def test_the_field_that_names_a_format_is_suggested_as_it_is_written():
    ((_, _, _, hint),) = problems_of("keyspec-trusted: 1\nkeyspec-trustd: 1\nkeyspec: 1\n", TRUSTED_FORMAT)[:1]
    assert hint == "did you mean `keyspec-trusted`?"


def test_a_missing_field_stands_at_what_misses_it():
    assert codes_of("keyspec: 1\nhubs:\n  prod: {auth: 'env:A', auth_key_id: own}\n") == [("3:3", "missing-field")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("keys:", "2:1"),
        ("keys: {ci_a: }", "2:8"),
        ("keys: {ci_a: {roles: [a], description: null}}", "2:27"),
        ("keys: {ci_a: {roles: [a, ~]}}", "2:26"),
    ],
)
def test_null_is_no_value_anywhere(text, place):
    assert codes_of(f"keyspec: 1\n{text}\n") == [(place, "null-value")]


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("keys: [a]", "2:7", "wrong-type"),
        ("keys: {ci_a: [a]}", "2:14", "wrong-type"),
        ("keys: {ci_a: {roles: User}}", "2:22", "wrong-type"),
        ("keys: {ci_a: {roles: [1]}}", "2:23", "wrong-type"),
        ("keys: {ci_a: {roles: [a], description: 5}}", "2:40", "wrong-type"),
        ("keys: {ci_a: {roles: [a], description: 2026-01-01x, protected: yes}}", "2:64", "wrong-type"),
        ("keys: {ci_a: {roles: [a], hubs: []}}", "2:33", "invalid-value"),
        ("include: ['']", "2:11", "invalid-value"),
        ("guards: {max_deletes: many}", "2:23", "wrong-type"),
        ("guards: {max_deletes: -1}", "2:23", "invalid-value"),
        ("keys: {ci_a: {roles: [a], state: gone}}", "2:34", "invalid-value"),
        ("keys: {'bad id': {roles: [a]}}", "2:8", "invalid-value"),
        ("keys: {'[key]': {roles: [a]}}", "2:8", "invalid-value"),
    ],
)
def test_each_wrong_value_is_told_at_its_place(text, place, code):
    assert codes_of(f"keyspec: 1\n{text}\n") == [(place, code)]


def test_every_problem_of_a_file_is_found_at_once():
    text = """\
    keyspec: 1
    hubs: {prod: {ulr: x}}
    keys:
      "bad id": {}
      ci_a: {roles: [], state: gone, description: 5}
      ci_b:
    """
    assert len(problems_of(text)) == 9


def test_messages_are_plain_words():
    text = "keyspec: 1\nkeys: {ci_a: {roles: [a], state: gone, protected: 1}}\nguards: {max_deletes: 1.5}\n"
    for _, _, message, _ in problems_of(text):
        assert "Input" not in message
        assert "pydantic" not in message


def test_a_schema_says_draft_and_title_and_never_null():
    schema = SPEC_FORMAT.schema("a title")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "a title"
    assert "null" not in str(schema)
