from __future__ import annotations

import json

import pytest
from fakes.hub import load_default_contract
from fakes.numbered import numbered_contract

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


@pytest.mark.parametrize(
    ("operation", "values", "sent"),
    [
        ("get_key", {"handle": 7}, ("GET", "/v1/tokens/7", "")),
        ("get_key", {"handle": "../x?y#z"}, ("GET", "/v1/tokens/..%2Fx%3Fy%23z", "")),
        ("get_key", {"handle": ".."}, ("GET", "/v1/tokens/%2E%2E", "")),
        ("edit_key", {"handle": 7, "key_id": "ci", "roles": ["A"], "reauth_timeout": 5}, ("PUT", "/v1/tokens/7", '{"name":"ci","grants":["A"],"hold":5}')),
        ("lock_key", {"handle": 7}, ("POST", "/v1/tokens/suspend", '{"nums":[7]}')),
        ("lock_key", {"handle": "7"}, ("POST", "/v1/tokens/suspend", '{"nums":["7"]}')),
        ("delete_key", {"handle": "a&num=b"}, ("DELETE", "/v1/tokens?num=a%26num%3Db", "")),
    ],
)  # fmt: skip
def test_a_handle_is_one_segment_one_parameter_or_an_item_of_its_own_type(operation, values, sent):
    request = build_request(numbered_contract(), operation, values)
    assert (request.method, request.target, encode_body(request).decode()) == sent


@pytest.mark.parametrize(
    ("operation", "change", "values"),
    [
        ("delete_key", ('num: "{handle}"', 'num: "{handle}"'), {}),
        ("lock_key", ('nums: ["{handle}"]', 'nums: ["{handle}"]'), {"handle": None}),
        ("delete_key", ('num: "{handle}"', 'name: "{key_id}"'), {"handle": None, "key_id": None}),
        ("lock_key", ('nums: ["{handle}"]', 'names: ["{key_id}"]'), {}),
    ],
)
def test_a_request_that_names_no_key_is_never_built(operation, change, values):
    with pytest.raises(ValueError, match=f"{operation}.*has no value for: (handle|key_id)"):
        build_request(numbered_contract(change), operation, values)


def test_bulk_forms_and_queries_take_the_id_of_one_key():
    by_id = numbered_contract(
        ('method: POST\n    path: /tokens/suspend\n    body: {nums: ["{handle}"]}', 'method: POST\n    path: /tokens/suspend\n    body: {select: {ids: ["{key_id}"]}, why: keyspec}'),
        ('query: {num: "{handle}"}', 'query: {id: "{key_id}", force: true}'),
    )  # fmt: skip
    locked = build_request(by_id, "lock_key", {"key_id": "ci"})
    assert encode_body(locked).decode() == '{"select":{"ids":["ci"]},"why":"keyspec"}'
    assert build_request(by_id, "delete_key", {"key_id": "a/b c"}).target == "/v1/tokens?id=a%2Fb%20c&force=true"
