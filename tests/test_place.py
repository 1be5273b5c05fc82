from __future__ import annotations

import subprocess
import sys

import pytest

from keyspec.place import make_reader, parse_place

PAYLOAD = {"rows": [{"a": 1}], "error": {"code": "x"}, "empty": None}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rows", [{"a": 1}]),
        ("error.code", "x"),
        ("error.code.deeper", None),
        ("nothing.here", None),
        ("empty.x", None),
        ("@", PAYLOAD),
        ("rows[0].a", 1),
        ("length(rows)", 1),
        ('"error"."code"', "x"),
    ],
)
def test_a_place_is_read_as_jmespath_reads_it(text, found):
    import jmespath

    assert parse_place(text).read(PAYLOAD) == found == jmespath.search(text, PAYLOAD)


@pytest.mark.parametrize("text", ["", "a..b", "a[", 7, None, ["a"]])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ValueError, match="dotted path"):
        parse_place(text)


def test_an_expression_that_does_not_fit_the_answer_is_an_error():
    with pytest.raises(ValueError, match="cannot be applied"):
        parse_place("length(error.code.x)").read({})


@pytest.mark.parametrize("text", ["a", "a.b", "a || b"])
def test_a_reader_reads_what_its_place_reads(text):
    place = parse_place(text)
    for row in ({"a": {"b": 1}}, {"b": 2}, {}):
        assert make_reader(place)(row) == place.read(row)


def test_a_reader_of_no_place_reads_nothing():
    assert make_reader(None)({"a": 1}) is None


def test_plain_places_need_no_jmespath():
    code = (
        "import sys; sys.modules['jmespath'] = None\n"
        "from keyspec.place import parse_place\n"
        "assert parse_place('a.b').read({'a': {'b': 1}}) == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
