from __future__ import annotations

import pytest
from apis import api_of

from keyspec.openapi.credential import find_credential, list_credentials


def credential_of(security=None, parameters=(), **schemes):
    more = {} if security is None else {"security": security}
    api = api_of({"/keys": {"get": {"parameters": list(parameters)}}}, components={"securitySchemes": schemes}, **more)
    return find_credential(api, api.operations[0])


@pytest.mark.parametrize(
    ("scheme", "auth"),
    [
        ({"type": "apiKey", "in": "header", "name": "X-Api-Key"}, {"header": "x-api-key"}),
        ({"type": "http", "scheme": "Bearer"}, {"scheme": "bearer"}),
        ({"type": "http", "scheme": "basic"}, {"scheme": "basic"}),
        ({"type": "mutualTLS"}, {"scheme": "certificate"}),
    ],
)
def test_a_scheme_is_what_a_contract_calls_it(scheme, auth):
    found = credential_of([{"a": []}], a=scheme)
    assert (found.auth, found.lack) == (auth, None)


@pytest.mark.parametrize(
    ("scheme", "auth", "lack"),
    [
        ({"type": "oauth2"}, {"scheme": "bearer"}, "a token must be had elsewhere"),
        ({"type": "openIdConnect"}, {"scheme": "bearer"}, "a token must be had elsewhere"),
        ({"type": "apiKey", "in": "cookie", "name": "s"}, "none", "is in the cookie, and a contract sends a header"),
        (
            {"type": "apiKey", "in": "header", "name": "authorization"},
            {"header": "authorization"},
            "what stands before",
        ),
    ],
)
def test_what_a_contract_cannot_say_is_said(scheme, auth, lack):
    found = credential_of([{"a": []}], a=scheme)
    assert found.auth == auth
    assert lack in found.lack


def test_the_best_of_several_ways_is_taken_and_others_than_the_operations_are_not():
    bearer, key = {"type": "http", "scheme": "bearer"}, {"type": "apiKey", "in": "header", "name": "x-key"}
    assert credential_of([{"a": []}, {"b": []}], a=bearer, b=key).auth == {"header": "x-key"}
    assert credential_of([{"a": []}], a=bearer, b=key).auth == {"scheme": "bearer"}
    assert credential_of(None, a=bearer, b=key).auth == {"header": "x-key"}


def test_without_a_scheme_a_header_parameter_may_tell():
    found = credential_of(parameters=[{"name": "X-API-Token", "in": "header"}, {"name": "x-other", "in": "header"}])
    assert found.auth == "none"
    assert credential_of(parameters=[{"name": "Api-Key", "in": "header"}]).auth == {"header": "api-key"}
    assert credential_of(a={"type": "digest"}).lack == "how the hub knows who asks"


def test_all_ways_are_listed():
    api = api_of(
        {}, components={"securitySchemes": {"a": {"type": "http", "scheme": "basic"}, "b": {"type": "mutualTLS"}}}
    )
    assert [each.auth["scheme"] for each in list_credentials(api, None)] == ["basic", "certificate"]
