from __future__ import annotations

import gc
import math
import sys

import pytest

from keyspec.document import MAX_BYTES, locate, parse_document, parser_is_native
from keyspec.errors import SpecError
from keyspec.source import Source

SPEC = """\
keyspec: 1
hubs:
  prod_eu:
    url: https://hub-eu.example.com
    labels: {env: prod, "region": 'eu'}
  lab_1: {url: "https://lab.example.com", auth: env:LAB_KEY, auth_key_id: keyspec_ci, labels: {env: lab}}
keys:
  ci_deployer:
    roles: [Operator, User]
    hubs:
      - lab_*
      - env=prod,region!=us
"""
BOTH = pytest.mark.parametrize(
    "native",
    [pytest.param(True, marks=pytest.mark.skipif(not parser_is_native(), reason="libyaml is missing")), False],
)


def parse(text: str | bytes, *, native: bool = True):
    return parse_document(text.encode() if isinstance(text, str) else text, "f.yaml", native=native)


def problems(text: str | bytes, *, native: bool = True):
    with pytest.raises(SpecError) as caught:
        parse(text, native=native)
    return caught.value.problems


def codes(text: str | bytes, *, native: bool = True):
    return [(p.code, p.source.line, p.source.column) for p in problems(text, native=native)]


@BOTH
def test_a_spec_becomes_a_plain_tree(native):
    assert parse(SPEC, native=native).root == {
        "keyspec": 1,
        "hubs": {
            "prod_eu": {"url": "https://hub-eu.example.com", "labels": {"env": "prod", "region": "eu"}},
            "lab_1": {
                "url": "https://lab.example.com",
                "auth": "env:LAB_KEY",
                "auth_key_id": "keyspec_ci",
                "labels": {"env": "lab"},
            },
        },
        "keys": {"ci_deployer": {"roles": ["Operator", "User"], "hubs": ["lab_*", "env=prod,region!=us"]}},
    }


@BOTH
@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), (1, 1), (1, 1)),
        (("keyspec",), (1, 10), (1, 1)),
        (("hubs", "prod_eu", "url"), (4, 10), (4, 5)),
        (("hubs", "prod_eu", "labels", "region"), (5, 35), (5, 25)),
        (("hubs", "lab_1"), (6, 10), (6, 3)),
        (("keys", "ci_deployer", "roles", 1), (9, 23), (9, 23)),
        (("keys", "ci_deployer", "hubs", 1), (12, 9), (12, 9)),
        (("keys", "ci_deployer", "state"), (9, 5), (8, 3)),
        (("keys", "nobody", "roles", 7), (8, 3), (7, 1)),
        (("keys", "ci_deployer", "roles", 7), (9, 12), (9, 5)),
        (("keyspec", "deeper"), (1, 10), (1, 1)),
        (("absent",), (1, 1), (1, 1)),
    ],
)
def test_every_value_and_key_is_found_and_a_missing_one_in_its_parent(native, path, value, key):
    document = parse(SPEC, native=native)
    assert locate(document, path) == Source("f.yaml", *value)
    assert locate(document, path, key=True) == Source("f.yaml", *key)


@BOTH
def test_what_an_alias_shares_is_found_where_it_is_written(native):
    document = parse("a: &x {b: 1}\nc: *x\n", native=native)
    assert document.root["c"] is document.root["a"]
    assert locate(document, ("c",)) == Source("f.yaml", 2, 4)
    assert locate(document, ("c", "b")) == Source("f.yaml", 1, 11)


@BOTH
def test_an_alias_may_be_a_key_if_it_stands_for_text(native):
    assert parse("&x a: 1\nb: {*x : &y 2}\n*y : 3\n", native=native).root == {"a": 1, "b": {"a": 2}, "2": 3}


def test_columns_count_characters():
    document = parse("\ufeffä😀: {ü: [é, x]}\r\nb: 1\r\n")
    assert locate(document, ("ä😀", "ü", 1)) == Source("f.yaml", 1, 13)
    assert locate(document, ("b",)) == Source("f.yaml", 2, 4)


@BOTH
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("nULL", "nULL"), ("true", True), ("FALSE", False),
        ("yes", "yes"), ("on", "on"), ("2026-12-07", "2026-12-07"), ("12:30", "12:30"), ("010", 10), ("0o10", 8),
        ("0x1F", 31), ("0b1", "0b1"), ("1_000", "1_000"), ("-12", -12), ("+7", 7), ("-0o7", "-0o7"), ("1.5", 1.5),
        ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), (".", "."), ("-", [None]), ("+", "+"), (".inf", math.inf),
        ("-.INF", -math.inf), ("+.inf", math.inf), ("'1'", "1"), ('"null"', "null"), ("''", ""), ("30%", "30%"),
        ("|\n  1\n", "1\n"), ("=", "="), ("٣", "٣"), ('"\\x41\\u00e9\\n"', "Aé\n"),
    ],
)  # fmt: skip
def test_scalars_mean_what_the_core_schema_says(native, text, value):
    found = parse(f"a: {text}" if text != "-" else "a:\n- ", native=native).root["a"]
    assert found == value
    assert type(found) is type(value) or isinstance(found, list)


def test_not_a_number_is_one():
    assert math.isnan(parse("a: .nan").root["a"])


@BOTH
def test_keys_are_text(native):
    root = parse("1: a\nnull: b\ntrue: c\n2026-01-01: d\n'<<': e\n", native=native).root
    assert list(root) == ["1", "null", "true", "2026-01-01", "<<"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("env:LAB_KEY", "env:LAB_KEY"),
        ("https://x.y/?a=b:c", "https://x.y/?a=b:c"),
        ("What? Yes", "What? Yes"),
        ("::1", "::1"),
        ("a?", "a?"),
    ],
)
def test_colons_and_question_marks_inside_text_between_brackets_are_text(text, value):
    document = parse(f"a: {{b: {text}, 'c': 'x:y', d: [{text}]}}\n")
    assert document.root == {"a": {"b": value, "c": "x:y", "d": [value]}}
    assert locate(document, ("a", "d", 0)).column == len(f"a: {{b: {text}, 'c': 'x:y', d: [") + 1


@BOTH
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("not-a-mapping", 1, 1)]),
        ("# only\n", [("not-a-mapping", 1, 1)]),
        ("- a\n", [("not-a-mapping", 1, 1)]),
        ("text", [("not-a-mapping", 1, 1)]),
        ("a: 1\nb: 2\na: 3\n", [("duplicate-key", 3, 1)]),
        ("a: {b: 1, 'b': 2}\n", [("duplicate-key", 1, 11)]),
        ("a: &x {}\n<<: *x\n", [("merge-key", 2, 1)]),
        ("a: !foo b\n!!str c: d\ne: !!map {}\nf: ! g\n", [("tag", 1, 4), ("tag", 2, 1), ("tag", 3, 4), ("tag", 4, 4)]),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", [("tag", 1, 1)]),
        (
            "? [a]\n: b\n? {c: d}\n: e\nf: 1\nf: 2\n",
            [("key-not-text", 1, 3), ("key-not-text", 3, 3), ("duplicate-key", 6, 1)],
        ),
        ("a: &x [1]\n? *x\n: 1\n", [("key-not-text", 2, 3)]),
        ("a: *x\nb: *y\n", [("alias-unknown", 1, 4), ("alias-unknown", 2, 4)]),
        ("a: &x [*x]\n", [("alias-cycle", 1, 8)]),
        ("a: &x {b: *x}\n", [("alias-cycle", 1, 11)]),
        ("a: 1\n---\nb: 2\n---\n", [("several-documents", 2, 1)]),
        ("a: " + "9" * 5000, [("number", 1, 4)]),
        ("a: 0x" + "f" * 5000, [("number", 1, 4)]),
        ("a: 1e999", [("number", 1, 4)]),
        ("a: 'x\n", [("yaml-syntax", 1, 4)]),
        ("a: b: c\n", [("yaml-syntax", 1, 5)]),
        ("a:\n\tb: c\n", [("yaml-syntax", 2, 1)]),
        ('a: "\\q"\n', [("yaml-syntax", 1, 6)]),
        ("a: @b\n", [("yaml-syntax", 1, 4)]),
    ],
)
def test_every_problem_has_its_place(native, text, found):
    seen = codes(text, native=native)
    if found[0][0] == "yaml-syntax":  # the two parsers notice it a column apart
        assert [(code, line) for code, line, _ in seen] == [(code, line) for code, line, _ in found]
    else:
        assert seen == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xff\xfea\x00", ("not-utf8", 1, 1)),
        ("a: b".encode("utf-16-le"), ("not-utf8", 1, 1)),
        (b"a: 1\nb: \xc3\xa9 \xff", ("not-utf8", 2, 6)),
        (b"\xef\xbb\xbfa: \xff", ("not-utf8", 1, 4)),
        (b"a: \xed\xa0\x80", ("not-utf8", 1, 4)),
        (b"a: 1\nb: \0", ("control-character", 2, 4)),
        (b"a: \x1b[31m", ("control-character", 1, 4)),
        (b"a: 1\rb: 2\r\n", ("control-character", 1, 5)),
        ("a: 1\u2028b: 2".encode(), ("control-character", 1, 5)),
        ("a: 1\x85b: 2".encode(), ("control-character", 1, 5)),
        (b" " * (MAX_BYTES + 1), ("too-large", 1, 1)),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_place(data, found):
    assert codes(data) == [found]


@BOTH
@pytest.mark.parametrize(("version", "accepted"), [("1.2", True), ("1.1", False), ("1.3", False), ("9.9", False)])
def test_only_yaml_1_2_is_read(native, version, accepted):
    text = f"%YAML {version}\n---\na: 1\n"
    if accepted:
        assert parse(text, native=native).root == {"a": 1}
    else:
        assert "YAML" in problems(text, native=native)[0].message


def test_all_problems_are_told_at_once():
    text = "keyspec: 1\na: !t x\na: *y\n<<: {}\nb: {c: 1, c: 2}\nd: 'open\n"
    assert [p.code for p in problems(text)] == [
        "tag",
        "duplicate-key",
        "alias-unknown",
        "merge-key",
        "duplicate-key",
        "yaml-syntax",
    ]


def test_a_key_twice_names_both_places():
    (problem,) = problems("keyspec: 1\nroles: 1\nroles: 2\n")
    assert "`roles`" in problem.message
    assert "f.yaml:2:1" in problem.message
    assert problem.source == Source("f.yaml", 3, 1)


@BOTH
def test_a_file_that_is_no_spec_is_never_quoted(native):
    for text in (
        "hunter2: 1\nhunter2: 2\na: *hunter2\n",
        "a: 'hunter2\n",
        "a: hunter2: b\n",
        "a: @hunter2",
        'a: "\\hunter2"',
        "a: !hunter2!b hunter2",
    ):
        assert "hunter" not in "".join(map(str, problems(text, native=native)))


@BOTH
def test_a_syntax_error_never_quotes_even_a_spec(native):
    for text in ("keyspec: 1\na: 'hunter2\n", "keyspec: 1\na: hunter2: b\n", "keyspec: 1\nhunter2\nb: c\n"):
        assert "hunter" not in "".join(map(str, problems(text, native=native)))


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("keyspec: 1", True),
        ("a: 1\nkeyspec: 1", True),
        ("keyspec-trusted: 1", True),
        ("keyspecs: 1", False),
        ("a: {keyspec: 1}", False),
    ],
)
def test_a_file_says_that_it_is_keyspecs(text, like):
    assert parse(text).keyspec_like is like


@BOTH
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ("{a: ", "}")])
def test_depth_ends_at_a_hundred(native, begin, end):
    parse(f"a: {begin * 99}{end * 99}", native=native)
    assert [code for code, _, _ in codes(f"a: {begin * 100}{end * 100}", native=native)] == ["too-deep"]


def test_aliases_count_for_depth():
    chain = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(200))
    assert [code for code, _, _ in codes(chain)] == ["too-deep"]


def test_aliases_expand_to_a_million_nodes_and_no_further():
    fits = "a: &a [" + "x," * 999 + "]\nb: [" + "*a," * 1000 + "]\n"
    assert len(parse(fits).root["b"]) == 1000
    assert [code for code, _, _ in codes(fits + "c: *a\n")] == ["alias-expansion"]


def test_laughs_are_refused_at_once():
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(60))
    assert [code for code, _, _ in codes(laughs)] == ["alias-expansion"]


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "{",
        "? ",
        "- ",
        "&a [",
        "[{",
        "[a, ",
        "{a: b, ",
        "a:\n ",
        "*a ",
        '"',
        "---\n",
        "%TAG !a! b\n",
        "a: b\n",
        "'",
        "\t",
        ":",
        "\0",
    ],
)
def test_megabytes_of_nonsense_are_problems(piece):
    found = problems(piece * (2_000_000 // len(piece)))
    assert 0 < len(found) <= 1001


def test_one_long_line_is_a_value():
    assert len(parse("a: " + "b" * 1_000_000).root["a"]) == 1_000_000


def test_the_collector_is_left_as_it_was():
    assert gc.isenabled()
    parse(SPEC)
    problems("a: [")
    assert gc.isenabled()
    gc.disable()
    try:
        parse(SPEC)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_half_a_character_is_refused_by_both_parsers():
    assert [code for code, _, _ in codes('a: "\\ud800"')] == ["yaml-syntax"]
    assert [code for code, _, _ in codes('a: "\\ud800"\n"\\udfff": 1', native=False)] == ["yaml-syntax", "yaml-syntax"]


def test_without_libyaml_the_other_parser_is_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "_ruamel_yaml", None)
    assert not parser_is_native()
    assert parse(SPEC).root["keyspec"] == 1
