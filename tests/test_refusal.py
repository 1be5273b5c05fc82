from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote

import pytest
from fakes.hub import CREDENTIAL, load_default_contract
from hypothesis import given
from hypothesis import strategies as st

from keyspec.refusal import explain_answer, quote_error, repeats
from keyspec.secret import Secret
from keyspec.transport import Answer

CONTRACT = load_default_contract()
OWN = Secret(CREDENTIAL)
VALUE = "Some+value/42=of.somebody~else"


def answer(status, body=b"", content_type="application/json"):
    return Answer(status, content_type, None, body)


@pytest.mark.parametrize(
    ("status", "operation", "says"),
    [
        (401, "list_keys", "check `auth`, which is to be the value of the key `a` or `b`"),
        (403, "edit_key", "the key `a` or `b` lacks a permission"),
        (404, "lock_key", "the hub has no such key"),
        (404, "list_keys", "does the contract `cipherinsights-v1` describe it?"),
        (429, "list_keys", "lower `requests_per_second`"),
        (302, "lock_key", "redirects are not followed"),
        (418, "lock_key", "answered 418"),
    ],
)
def test_a_status_teaches(status, operation, says):
    assert says in explain_answer(answer(status), operation, CONTRACT, ("a", "b"))


def test_a_portal_page_is_named():
    assert "HTML page" in explain_answer(answer(200, content_type="text/html"), "list_keys", CONTRACT, ())


@pytest.mark.parametrize(
    ("body", "quoted"),
    [
        (b'{"error": {"code": "c", "message": "m"}}', "c: m"),
        (b'{"error": {"message": "m"}}', "m"),
        (b'{"error": {"message": 7}}', '{"error": {"message": 7}}'),
        (b"plain", "plain"),
        (b"", ""),
        (b"\xff\xfe", "��"),
        (b'{"error": {"message": "::error::x\\u001b[2J"}}', r":\:error:\:x\x1b[2J"),
        (b"x" * 200_000, ""),
    ],
)
def test_what_the_hub_says_is_quoted_disarmed_and_short(body, quoted):
    assert quote_error(answer(400, body), CONTRACT, [OWN]) == quoted


@given(st.binary(max_size=300), st.integers(300, 599))
def test_any_error_body_is_survived(body, status):
    assert len(quote_error(answer(status, body), CONTRACT, [OWN])) <= 250


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize("escape", ["{}", '{{"error": {{"message": "key {} unknown"}}}}'])
def test_keyspecs_own_key_is_never_quoted(status, escape):
    body = escape.format(CREDENTIAL).encode()
    assert CREDENTIAL[:6] not in quote_error(answer(status, body), CONTRACT, [OWN])


def test_html_is_never_quoted():
    assert quote_error(answer(502, b"<html>", "text/html"), CONTRACT, []) == ""


def escape_all(text, form):
    return "".join(form.format(ord(character), character) for character in text)


FORMS = {
    "as it is": VALUE,
    "lower case": VALUE.lower(),
    "upper case": VALUE.upper(),
    "JSON": json.dumps(VALUE).replace("/", r"\/"),
    "JSON, every sign": re.sub(r"\W", lambda found: f"\\u{ord(found[0]):04X}", VALUE),
    "JSON, every character": escape_all(VALUE, "\\u{:04x}"),
    "JSON in JSON": json.dumps(json.dumps(escape_all(VALUE, "\\u{:04x}"))),
    "JavaScript": escape_all(VALUE, "\\x{:02x}"),
    "URL": quote(VALUE, safe=""),
    "URL, every character": escape_all(VALUE, "%{:02x}"),
    "URL in a URL": quote(quote(VALUE, safe=""), safe=""),
    "HTML": html.escape(VALUE.replace("+", "&plus;")),
    "HTML, by numbers": escape_all(VALUE, "&#{};"),
    "HTML in JSON": json.dumps(escape_all(VALUE, "&#x{:X};")).replace("&", r"\u0026"),
    "base64": base64.b64encode(VALUE.encode()).decode(),
    "base64 of more": base64.b64encode(f"id:{VALUE}.".encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"user:{VALUE}".encode()).decode(),
    "base64 on lines": base64.encodebytes(f"{'x' * 40}{VALUE}".encode()).decode(),
    "base64, lower case": base64.b64encode(VALUE.encode()).decode().lower(),
    "hex": VALUE.encode().hex(),
    "hex with colons": VALUE.encode().hex(":"),
    "UTF-16": VALUE.encode("utf-16-le").decode("utf-8"),
    "on two lines": f"{VALUE[:12]}\n    {VALUE[12:]}",
    "without its end": f"{VALUE[:20]}…",
    "without its beginning": f"…{VALUE[9:]}",
    "without its ends": f"…{VALUE[4:-3]}…",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_value_is_found_in_whatever_is_made_of_it(form):
    for text in (form, f"key {form}: unknown", json.dumps({"detail": form})):
        assert repeats(text, [OWN, Secret(VALUE)])
        assert quote_error(answer(400, text.encode()), CONTRACT, [OWN, Secret(VALUE)]) == ""
        assert not repeats(text, [OWN])


@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60),
    st.text(max_size=20),
    st.lists(st.sampled_from([html.escape, quote, lambda text: json.dumps(text)[1:-1]]), max_size=3),
)
def test_any_value_is_found_through_three_escapes(value, around, escapes):
    text = f"{around}{value}{around}"
    for escape in escapes:
        text = escape(text)
    assert repeats(text, [Secret(value)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "forbidden: the key lacks the permission `User Management`",
        "100% of ci_deployer: \\u00zz &nosuch; %zz \\",
        json.dumps({"error": {"code": "conflict", "message": "the ID ci_some_value exists"}}),
    ],
)
def test_what_repeats_no_value_may_be_quoted(text):
    assert not repeats(text, [OWN, Secret(VALUE)])


@pytest.mark.parametrize("secret", ["a", "Zq", "+-+", "q-q-q", "Zq3xV"])
def test_a_short_value_is_found_too(secret):
    assert repeats(f"bad key {secret}.", [Secret(secret)])
    assert repeats(f"bad key {escape_all(secret, '%{:02X}')}.", [Secret(secret)])
    assert not repeats("---", [Secret(secret)])


@pytest.mark.parametrize("text", [f"&#{'9' * 5000};", f"%{'25' * 100}41"])
def test_what_nobody_can_read_for_sure_is_not_quoted(text):
    assert repeats(text, [OWN])
    assert quote_error(answer(400, text.encode()), CONTRACT, [OWN]) == ""


@given(st.text(max_size=200))
def test_any_text_is_searched(text):
    assert repeats(text, [OWN]) in (True, False)
