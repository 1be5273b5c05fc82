from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyspec.document import locate, parse_document, parser_is_native
from keyspec.errors import SpecError

TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"), max_size=12
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)
PIECES = st.lists(
    st.sampled_from(
        [
            "a",
            "b: ",
            "- ",
            "? ",
            ": ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "&x ",
            "*x",
            "!t ",
            "|\n",
            ">",
            "'",
            '"',
            "\\",
            "\n",
            "\n  ",
            "---\n",
            "...\n",
            "<<: ",
            "#",
            "%YAML 1.2\n",
            "%YAML 1.3\n",
            "%TAG ! x\n",
            "~",
            "1",
            "\t",
            "é",
            "\r\n",
            "\\ud800",
            "\\UFFFFFFFF",
            "keyspec: 1\n",
            "x:y",
            "?",
        ]
    ),
    max_size=30,
).map("".join)


def outcome(data: bytes, *, native: bool):
    try:
        return parse_document(data, "f", native=native)
    except SpecError as error:
        assert error.problems  # noqa: PT017 - either end is right
        places = [problem.source for problem in error.problems]
        assert all(place and place.line >= 1 and place.column >= 1 for place in places)
        return None


def paths(node, path=()):
    yield path
    if isinstance(node, dict):
        for name, value in node.items():
            yield from paths(value, (*path, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from paths(value, (*path, index))


@given(st.binary(max_size=60))
@example(b"\xef\xbb\xbf")
@example(b"\x00\x00\xfe\xff")
def test_any_bytes_are_a_document_or_problems(data):
    for native in (True, False):
        outcome(data, native=native)


@settings(max_examples=300)
@given(PIECES)
def test_any_yaml_is_a_document_or_problems_and_all_of_it_has_a_place(text):
    for native in (True, False):
        document = outcome(text.encode(), native=native)
        if document is not None:
            lines = text.replace("\r\n", "\n").split("\n")
            for path in paths(document.root):
                source = locate(document, path)
                assert 1 <= source.line <= len(lines) + 1


@pytest.mark.parametrize("native", [True, False])
@given(tree=st.dictionaries(TEXTS, TREES, max_size=4), indent=st.sampled_from([None, 1]))
def test_json_reads_as_itself(native, tree, indent):
    document = outcome(json.dumps(tree, indent=indent, ensure_ascii=False).encode(), native=native)
    assert document is not None
    assert document.root == tree


@pytest.mark.skipif(not parser_is_native(), reason="libyaml is missing")
@given(st.dictionaries(TEXTS, TREES, max_size=4))
def test_both_parsers_see_everything_in_the_same_places(tree):
    data = json.dumps(tree, indent=1, ensure_ascii=False).encode()
    native, pure = (parse_document(data, "f", native=native) for native in (True, False))
    for path in paths(tree):
        for key in (True, False):
            assert locate(native, path, key=key) == locate(pure, path, key=key)
