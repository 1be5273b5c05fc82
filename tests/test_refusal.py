from __future__ import annotations

import pytest
from fakes.hub import CREDENTIAL, load_default_contract
from hypothesis import given
from hypothesis import strategies as st

from keyspec.refusal import explain_answer, quote_error
from keyspec.transport import Answer

CONTRACT = load_default_contract()


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
    assert quote_error(answer(400, body), CONTRACT, CREDENTIAL) == quoted


@given(st.binary(max_size=300), st.integers(300, 599))
def test_any_error_body_is_survived(body, status):
    assert len(quote_error(answer(status, body), CONTRACT, CREDENTIAL)) <= 250


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize("escape", ["{}", '{{"error": {{"message": "key {} unknown"}}}}'])
def test_keyspecs_own_key_is_never_quoted(status, escape):
    body = escape.format(CREDENTIAL).encode()
    assert CREDENTIAL[:6] not in quote_error(answer(status, body), CONTRACT, CREDENTIAL)


def test_html_is_never_quoted():
    assert quote_error(answer(502, b"<html>", "text/html"), CONTRACT, "") == ""
