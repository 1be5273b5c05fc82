from __future__ import annotations

import base64
import copy
import dataclasses
import json
import pickle
import pprint
import sys
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from keyspec.secret import Reference, Secret, parse_reference, redact

CANARY = 'cAn4ry+value/with "quotes"\\and=more'


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        format,
        lambda s: f"{s!r:>60}",
        lambda s: f"{s:>60}",
        lambda s: "%s" % s,  # noqa: UP031
        pprint.pformat,
        ascii,
    ],
)
def test_showing_gives_the_mask(show):
    assert show(Secret(CANARY)).strip() == "Secret(***)"
    assert show(Secret("x")) == show(Secret(CANARY))


@pytest.mark.parametrize(
    "misuse",
    [
        bool, len, list, iter, hash, json.dumps, pickle.dumps, bytes, int, sorted, set, dict, "".join, any,
        lambda s: s == s,  # noqa: PLR0124
        lambda s: s != "x", lambda s: "x" in s, lambda s: s[0], lambda s: s + "x", lambda s: "x" + s,
        lambda s: s < s,  # noqa: PLR0124
        lambda s: {s}, lambda s: s.__reduce_ex__(2), lambda s: s.__reduce__(), lambda s: s.__getstate__(),
        lambda s: setattr(s, "_Secret__text", "x"), lambda s: delattr(s, "_Secret__text"), lambda s: s == "x", vars,
        *(lambda s, p=p: pickle.dumps(s, p) for p in range(6)),
    ],
)  # fmt: skip
def test_everything_else_that_could_tell_about_it_raises(misuse):
    with pytest.raises(TypeError) as caught:
        misuse(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_it_is_revealed_on_request_alone():
    assert Secret(CANARY).reveal() == CANARY


def test_copies_are_the_secret_itself():
    secret = Secret(CANARY)
    holder = dataclasses.make_dataclass("Holder", ["secret"])(secret)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
    assert dataclasses.asdict(holder)["secret"] is secret


def test_its_size_tells_nothing():
    assert sys.getsizeof(Secret("x")) == sys.getsizeof(Secret("x" * 4096))


@pytest.mark.parametrize(("text", "error"), [("", ValueError), (None, TypeError), (b"abc", TypeError)])
def test_a_secret_is_text_of_at_least_one_character(text, error):
    with pytest.raises(error):
        Secret(text)


@given(st.text(min_size=1), st.text(min_size=1))
def test_same_as_is_equality(one, other):
    assert Secret(one).same_as(Secret(other)) is (one == other)
    assert Secret(one).same_as(Secret(one))


@pytest.mark.parametrize("text", ["env:NAME", "file:secrets/{hub}/{key}", "vault:kv/a#b", "aws-sm:x:y", "file:a b"])
def test_a_reference_is_shown_as_it_was_written(text):
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "env",
        ":x",
        "env:",
        "ENV:x",
        "1e:x",
        "s3cr3t!value",
        "env: X",
        "env:X ",
        "env:a\nb",
        "file:{user}",
        "file:{}",
        "file:{hub",
        "C:\\x",
    ],
)
def test_what_is_no_reference_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError, match="secret reference") as caught:
        parse_reference(text)
    assert len(text) < 5 or text not in str(caught.value)


def test_hub_and_key_expand_at_once_and_nothing_else_does():
    reference = parse_reference("file:secrets/{hub}/{key}/{hub}")
    assert reference.expand(hub="{key}", key="k") == Reference("file", "secrets/{key}/k/{key}")
    assert reference.fields == {"hub", "key"}
    assert parse_reference("env:A").fields == frozenset()


VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
AROUND = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


def escaped_forms(value: str) -> list[str]:
    raw = value.encode("utf-8")
    lower = "".join(f"%{byte:02x}" for byte in raw)
    return [
        value,
        raw.hex(),
        raw.hex().upper(),
        quote(value, safe=""),
        quote_plus(value),
        lower,
        lower.upper(),
        json.dumps(value)[1:-1],
        json.dumps(value).replace("/", "\\/")[1:-1],
    ]


def base64_cores(value: str) -> list[str]:
    raw = value.encode("utf-8")
    cores = [
        encode(b"x" * offset + raw + b"yyy").decode()[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        for offset in range(3)
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
    ]
    return [core for core in cores if core]


@given(VALUES, AROUND, AROUND)
@example("*", "***", "*")
@example("a]", "xaa", "]")
@example("ab", "aab", "b")
def test_no_form_of_a_secret_of_any_length_stays(value, before, after):
    forms = [*escaped_forms(value), *base64_cores(value)]
    text = before + after.join(forms) + after
    redacted = redact(text, [Secret(value)])
    assert not [form for form in forms if form in redacted]


@given(st.text(min_size=1, max_size=20), st.binary(max_size=5), st.binary(max_size=5))
def test_no_base64_of_a_text_around_a_secret_tells_it(value, before, after):
    assume(not any(0xD800 <= ord(c) <= 0xDFFF for c in value))
    text = base64.b64encode(before + value.encode() + after).decode()
    redacted = redact(text, [Secret(value)])
    assert not [core for core in base64_cores(value) if core in redacted]


@given(st.lists(VALUES, min_size=1, max_size=4), AROUND)
def test_several_secrets_leave_nothing_of_each_other(values, between):
    redacted = redact(between.join(values), [Secret(value) for value in values])
    assert not [value for value in values if value in redacted]


def test_text_without_a_secret_stays():
    assert redact("a hub answered 500", [Secret(CANARY)]) == "a hub answered 500"
    assert redact("a hub answered 500", []) == "a hub answered 500"


@given(st.text(min_size=1))
def test_any_secret_even_half_a_character_is_redacted(value):
    assert value not in redact(f"a {value} b", [Secret(value)])
