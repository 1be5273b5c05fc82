from __future__ import annotations

import json

import pytest
from fakes.hub import load_default_contract

from keyspec.request import build_request, encode_body
from keyspec.secret import Secret

CONTRACT = load_default_contract()


@pytest.mark.parametrize(
    ("operation", "values", "sent"),
    [
        (
            "list_keys",
            {"limit": 100, "page": 2},
            ("GET", "/api/v1/api_keys?limit=100&offset=2&sorts=keyId%20asc&reportTotalCount=true", ""),
        ),
        ("get_key", {"key_id": "a/b"}, ("GET", "/api/v1/api_keys/a%2Fb", "")),
        (
            "create_key",
            {"key_id": "ci", "description": "", "roles": ("A", "B"), "reauth_timeout": 60},
            (
                "POST",
                "/api/v1/api_keys",
                '{"keyId":"ci","description":"","roles":["A","B"],"reauthenticationTimeout":60}',
            ),
        ),
        (
            "import_key",
            {"key_id": "ci", "roles": ("A",), "value": Secret("v4lue")},
            ("POST", "/api/v1/api_keys/import", '{"keyId":"ci","roles":["A"],"apiKey":"v4lue"}'),
        ),
        ("edit_key", {"key_id": "ci", "roles": ("A",)}, ("PUT", "/api/v1/api_keys/ci", '{"roles":["A"]}')),
        (
            "edit_key",
            {"key_id": "ci", "description": None, "reauth_timeout": 5},
            ("PUT", "/api/v1/api_keys/ci", '{"reauthenticationTimeout":5}'),
        ),
        ("lock_key", {"key_id": ".."}, ("POST", "/api/v1/api_keys/%2E%2E/lock", "")),
        ("unlock_key", {"key_id": "ü"}, ("POST", "/api/v1/api_keys/%C3%BC/unlock", "")),
        ("delete_key", {"key_id": "ci"}, ("DELETE", "/api/v1/api_keys/ci", "")),
        ("openapi", {}, ("GET", "/api/v1/openapi.json", "")),
    ],
)
def test_the_default_contract_sends_exactly_this(operation, values, sent):
    request = build_request(CONTRACT, operation, values)
    assert (request.method, request.target, encode_body(request).decode()) == sent


def test_a_field_that_an_operation_cannot_carry_is_never_dropped_in_silence():
    with pytest.raises(ValueError, match=r"edit_key.*cannot carry: state"):
        build_request(CONTRACT, "edit_key", {"key_id": "ci", "state": "locked"})


def test_a_request_shows_no_value():
    request = build_request(CONTRACT, "import_key", {"key_id": "ci", "roles": ("A",), "value": Secret("v4lue")})
    assert "v4lue" not in repr(request) + str(request.json)
    assert json.loads(encode_body(request))["apiKey"] == "v4lue"
