from __future__ import annotations

import pytest

from keyspec.document import parse_document, parser_is_native
from keyspec.errors import SpecError
from keyspec.source import Source
from keyspec.syntax import describe_error, source_at


@pytest.mark.parametrize(
    "native", [pytest.param(True, marks=pytest.mark.skipif(not parser_is_native(), reason="no libyaml")), False]
)
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 'x\nb: 1\n", 1, "never closed"),
        ("a:\n\tb: 1\n", 2, "tab"),
        ("a: b: c\n", 1, "`: `"),
        ("a: [b, c\nd: 1\n", 2, "[ ]"),
        ("a: {b: 1\n  c: 2}\n", 2, ""),
        ("a: *\n", 1, "alias"),
        ("hubs: [*_eu]x\n", 1, ""),
        ("a: @b\n", 1, "begins with this character"),
        ('a: "\\q"\n', 1, "escape"),
        ("a: 1\n b: 2\n", 2, "`: `"),
        ("a:\n  - b\n c: 1\n", 3, "fit"),
        ("a\nb: 1\n", 2, "`: `"),
        ("a: 1\n- b\n", 2, ""),
        ("a: |x\n b\n", 1, "|"),
    ],
)
def test_a_person_is_told_what_is_wrong_and_what_to_do(native, text, line, said):
    with pytest.raises(SpecError) as caught:
        parse_document(text.encode(), "f", native=native)
    problem = caught.value.problems[-1]
    assert problem.code == "yaml-syntax"
    assert abs(problem.source.line - line) <= 1
    if native:
        assert said in problem.message
    assert problem.hint


@pytest.mark.skipif(not parser_is_native(), reason="no libyaml")
def test_libyaml_takes_no_unknown_directive():
    with pytest.raises(SpecError, match="%"):
        parse_document(b"%X\n---\na: 1\n", "f")


def test_an_error_without_a_place_stands_at_the_beginning():
    problem = describe_error(ValueError("hunter2"), "a: hunter2", "f")
    assert problem.source == Source("f", 1, 1)
    assert "hunter2" not in str(problem)


def test_places_are_counted_from_one():
    assert source_at("ab\ncd", 0, "f") == Source("f", 1, 1)
    assert source_at("ab\ncd", 4, "f") == Source("f", 2, 2)
