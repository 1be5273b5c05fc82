import json

import pytest

from keyspec.devhub.exchange import Call
from keyspec.devhub.wirelog import REDACTED, Secrets, WireLog, read_body

SECRETS = Secrets(frozenset({"apiKey"}), frozenset({"x-api-key"}))


def make_call(body=b"", **headers):
    return Call("POST", "/a%20b", "x=1", headers, body)


def test_values_are_left_out_at_any_depth():
    body = b'{"apiKey": "s3cret", "list": [{"apiKey": ["s3cret"], "keyId": "a"}]}'
    assert read_body(body, SECRETS.fields) == {"apiKey": REDACTED, "list": [{"apiKey": REDACTED, "keyId": "a"}]}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"value": "s3cret"}, {"value": REDACTED}),
        ({"secret": {"value": "s3cret"}}, {"secret": {"value": REDACTED}}),
        ({"secret": "s3cret"}, {"secret": REDACTED}),
        ({"secret": ["s3cret"]}, {"secret": REDACTED}),
        ({"secret": {"other": "s3cret", "value": "s3cret"}}, {"secret": REDACTED}),
        ({"secret": {"value": {"value": ["s3cret"]}}}, {"secret": {"value": {"value": REDACTED}}}),
        ({"secret": {"value": {"x": "s3cret"}}}, {"secret": {"value": REDACTED}}),
        ({"data": [{"id": "a", "secret": {}}]}, {"data": [{"id": "a", "secret": {}}]}),
    ],
)
def test_of_an_object_of_secrets_the_names_stay(sent, kept):
    assert read_body(json.dumps(sent).encode(), {"secret", "value"}) == kept


def test_what_is_no_json_is_kept_as_its_length():
    assert read_body(b"s3cret", SECRETS.fields) == "<6 bytes, not JSON>"
    assert read_body(b"[" * 100_000, SECRETS.fields) == "<100000 bytes, not JSON>"
    assert read_body(b"", SECRETS.fields) is None


def test_an_entry_is_there_from_its_arrival_on():
    log = WireLog(SECRETS)
    number = log.enter(make_call(b"{}", **{"x-api-key": "s3cret", "accept": "*/*"}))
    (arrived,) = log.list_exchanges()
    assert (arrived.path, arrived.status, arrived.headers["x-api-key"]) == ("/a%20b?x=1", None, REDACTED)
    assert arrived.headers["accept"] == "*/*"
    log.complete(number, status=200, key_id="a", fault=None)
    (done,) = log.list_exchanges()
    assert (done.status, done.key_id, done.body) == (200, "a", {})


def test_what_was_cleared_stays_away():
    log = WireLog(SECRETS)
    number = log.enter(make_call())
    log.clear()
    log.complete(number, status=200, key_id=None, fault=None)
    assert log.list_exchanges() == []


def test_requests_over_the_wire_are_logged_without_their_values(hub, api):
    api.post("/api_keys/import", json={"keyId": "ci", "roles": ["User"], "apiKey": "s3cret"})
    api.put("/api_keys/ci", json={"description": "x"})
    hub.edit_key("ci", description="by hand")
    imported, edited = hub.requests
    assert imported.body == {"keyId": "ci", "roles": ["User"], "apiKey": REDACTED}
    assert (edited.method, edited.path, edited.body, edited.status) == (
        "PUT",
        "/api/v1/api_keys/ci",
        {"description": "x"},
        200,
    )
    assert "s3cret" not in repr(hub.requests)
    assert hub.admin_value not in repr(hub.requests)
    hub.clear_requests()
    assert hub.requests == []


def test_the_secret_places_of_the_other_dialect_are_left_out(other, other_api):
    role_id = other.roles()["User"].role_id
    other_api.post("/keys:import", json={"id": "ci", "role_ids": [role_id], "secret": {"value": "s3cret"}})
    other_api.post("/keys:import", json={"id": "ci", "role_ids": [role_id], "secret": "s3cret"})
    imported, wrong = other.requests
    assert imported.body == {"id": "ci", "role_ids": [role_id], "secret": {"value": REDACTED}}
    assert (imported.headers["authorization"], imported.status, imported.key_id) == (REDACTED, 202, "keyspec_ci")
    assert (wrong.body["secret"], wrong.status) == (REDACTED, 422)
    assert "s3cret" not in repr(other.requests)
    assert other.admin_value not in repr(other.requests)
