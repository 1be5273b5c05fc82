"""The dialect `other`: the same hub as somebody else would have built its API.

Base `/admin/v2`, `Authorization: Bearer VALUE`, JSON in snake_case, lists by cursor, roles by ID,
timeouts in milliseconds, `application/problem+json`.

    GET    /keys               200 {"data": [Key], "meta": {"next", "total"}}
    POST   /keys               202 {"data": Key and "secret": {"value"}}
    POST   /keys:import        202 {"data": Key}
    GET    /keys/{key_id}      200 {"data": Key}
    PATCH  /keys/{key_id}      202 no body; edits, enables and disables
    DELETE /keys/{key_id}      204
    GET    /roles              200 {"data": [Role], "meta": {"next", "total"}}
    GET    /openapi.json       200

    Key    {"id", "note", "role_ids", "ttl_ms", "status": "enabled" | "disabled", "version"}
    Role   {"id", "name", "note", "permissions"}

Rules:

* What is read of one key tells its version as `ETag` too, and so does an edit. `If-Match` is
  obeyed on GET, PATCH and DELETE of a key, and no other header is a condition.
* A patch is one deed: all of its fields change, or none.
* Who may do what is as in `cipherinsights`: permissions are the hub's.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from keyspec.devhub.etag import read_if_match, render_etag
from keyspec.devhub.exchange import Answer, Call, answer_json
from keyspec.devhub.hub import Hub
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.model import ADMINISTERS_KEYS, READS_KEYS, Caller, Key
from keyspec.devhub.openapi import Description, build_document
from keyspec.devhub.operations import Operation, ParameterObjects
from keyspec.devhub.other_body import parse_draft, parse_edit, parse_import
from keyspec.devhub.other_list import build_parameters, parse_listing, render_page
from keyspec.devhub.other_schema import (
    IF_MATCH_PARAMETER,
    PLACEHOLDER_TEXTS,
    PROBLEM_TYPE,
    SECURITY,
    build_schemas,
    render_key,
    render_problem,
    render_role,
)
from keyspec.devhub.rest import answer_call
from keyspec.devhub.wirelog import Secrets

BASE = "/admin/v2"
HEADER = "authorization"
SCHEME = "Bearer"


class Other:
    """The dialect that the default contract does not fit."""

    base = BASE
    secrets = Secrets(
        fields=frozenset({"secret", "value"}),
        headers=frozenset({HEADER, "x-api-key", "cookie", "proxy-authorization"}),
    )
    fragment = b'{"data":[{"id":"ci_deployer","note":"'

    def identify(self, hub: Hub, call: Call) -> Caller | None:
        """Return the holder of the bearer token."""
        scheme, _, value = call.headers.get(HEADER, "").partition(" ")
        return hub.recognise(value.strip(" ")) if scheme.lower() == SCHEME.lower() else None

    def answer(self, hub: Hub, call: Call, caller: Caller | None) -> Answer:
        """Do what a request asks for; raises Refusal."""
        return answer_call(hub, call, caller, base=BASE, operations=OPERATIONS, credential=f"{HEADER}: {SCHEME}")

    def answer_error(self, status: int, code: str, message: str, *, headers: Iterable[tuple[str, str]] = ()) -> Answer:
        """Answer with a problem; one of credentials says which scheme is expected."""
        challenge = [("www-authenticate", SCHEME)] if status == 401 else []  # noqa: PLR2004 - RFC 9110, 11.6.1
        problem = render_problem(status, code, message)
        return answer_json(status, problem, headers=[*headers, *challenge], media_type=PROBLEM_TYPE)


def describe_api(knobs: Knobs) -> dict[str, Any]:
    """Build the OpenAPI document of this dialect."""
    description = Description(
        title="Analytics Hub (devhub), the other way",
        version="2.0.0",
        summary="API keys and roles, as no hub that is known has them",
        base=BASE,
        schemas=build_schemas(import_takes_id=knobs.import_takes_id),
        security=SECURITY,
        error=(PROBLEM_TYPE, "Problem"),
        error_headers={401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"},
        common=(401, 405, 413, 429, 503),
        placeholder_texts=PLACEHOLDER_TEXTS,
    )
    return build_document(OPERATIONS, description, knobs)


def _list_keys(hub: Hub, call: Call, _: Mapping[str, str]) -> Answer:
    listing = parse_listing(call.parameters, "keys", hub)
    page = hub.list_keys(listing.query)
    role_ids = hub.identify_roles(name for key in page.rows for name in key.roles)
    rows = [(key.key_id, render_key(key, role_ids, hub.knobs)) for key in page.rows]
    return answer_json(200, render_page(rows, page.total, listing, hub))


def _list_roles(hub: Hub, call: Call, _: Mapping[str, str]) -> Answer:
    listing = parse_listing(call.parameters, "roles", hub)
    page = hub.list_roles(listing.query)
    rows = [(role.name, render_role(role, hub.knobs)) for role in page.rows]
    return answer_json(200, render_page(rows, page.total, listing, hub))


def _get_key(hub: Hub, call: Call, bound: Mapping[str, str]) -> Answer:
    key = hub.get_key(bound["key_id"], read_if_match(call.headers))
    return answer_json(200, {"data": _render(hub, key)}, headers=_tag(key))


def _create_key(hub: Hub, call: Call, _: Mapping[str, str]) -> Answer:
    key, value = hub.create_key(parse_draft(call.body, hub))
    return answer_json(202, {"data": {**_render(hub, key), "secret": {"value": value}}})


def _import_key(hub: Hub, call: Call, _: Mapping[str, str]) -> Answer:
    return answer_json(202, {"data": _render(hub, hub.import_key(*parse_import(call.body, hub)))})


def _edit_key(hub: Hub, call: Call, bound: Mapping[str, str]) -> Answer:
    versions = read_if_match(call.headers)
    return Answer(202, headers=_tag(hub.edit_key(bound["key_id"], parse_edit(call.body, hub), versions)))


def _delete_key(hub: Hub, call: Call, bound: Mapping[str, str]) -> Answer:
    hub.delete_key(bound["key_id"], read_if_match(call.headers))
    return Answer(204)


def _openapi(hub: Hub, _: Call, __: Mapping[str, str]) -> Answer:
    return answer_json(200, describe_api(hub.knobs))


def _render(hub: Hub, key: Key) -> dict[str, Any]:
    return render_key(key, hub.identify_roles(key.roles), hub.knobs)


def _tag(key: Key) -> tuple[tuple[str, str]]:
    return (("etag", render_etag(key.version)),)


def _describe_match(_: Knobs) -> ParameterObjects:
    return (IF_MATCH_PARAMETER,)


_KEY = "/keys/{key_id}"
_WRITE = ADMINISTERS_KEYS
OPERATIONS = (
    Operation(
        "list_keys",
        "GET",
        "/keys",
        "List keys",
        _list_keys,
        (200, "KeyPage"),
        READS_KEYS,
        parameters=build_parameters,
        errors=(400, 403),
    ),
    Operation(
        "create_key",
        "POST",
        "/keys",
        "Create a key; its value is in this answer and never again",
        _create_key,
        (202, "CreatedKeyAnswer"),
        _WRITE,
        body="NewKey",
        errors=(400, 403, 409, 422),
    ),
    Operation(
        "import_key",
        "POST",
        "/keys:import",
        "Add a key whose value exists",
        _import_key,
        (202, "KeyAnswer"),
        _WRITE,
        body="ImportedKey",
        errors=(400, 403, 409, 422),
    ),
    Operation(
        "get_key",
        "GET",
        _KEY,
        "Show a key",
        _get_key,
        (200, "KeyAnswer"),
        READS_KEYS,
        parameters=_describe_match,
        headers=("ETag",),
        errors=(400, 403, 404, 412),
    ),
    Operation(
        "edit_key",
        "PATCH",
        _KEY,
        "Change some fields of a key, enable or disable it",
        _edit_key,
        (202, None),
        _WRITE,
        parameters=_describe_match,
        body="KeyEdit",
        headers=("ETag",),
        errors=(400, 403, 404, 412, 422),
    ),
    Operation(
        "delete_key",
        "DELETE",
        _KEY,
        "Delete a key for good",
        _delete_key,
        (204, None),
        _WRITE,
        parameters=_describe_match,
        errors=(400, 403, 404, 412),
    ),
    Operation(
        "list_roles",
        "GET",
        "/roles",
        "List roles",
        _list_roles,
        (200, "RolePage"),
        READS_KEYS,
        parameters=build_parameters,
        errors=(400, 403),
    ),
    Operation("openapi", "GET", "/openapi.json", "This document", _openapi, (200, "Document")),
)
