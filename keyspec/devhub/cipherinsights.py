"""The dialect `cipherinsights-v1`: the default contract, as a hub would serve it.

Base `/api/v1`, credential in `x-api-key`, JSON in camelCase, errors as
`{"error": {"code", "message"}}`.

Rules:

* First who you are (401), then where you go (404, 405), whether you may (403), what you say
  (400, 413, 422), and what is there (404, 409).
* Reading keys and roles needs User Management or Audit, changing keys User Management, and the
  OpenAPI document any live, unlocked key: it is a description, not data.
* An edit, a lock and an unlock answer 200 without a body, as the vendor's data endpoints do.
* One table of operations is both the routing and the description.
"""

from collections.abc import Mapping
from typing import Any

from keyspec.devhub.cipherinsights_body import parse_draft, parse_edit, parse_import
from keyspec.devhub.cipherinsights_list import build_parameters, parse_listing, render_page
from keyspec.devhub.cipherinsights_schema import (
    ERROR_TEXTS,
    PLACEHOLDER_TEXTS,
    SECURITY,
    build_schemas,
    render_key,
    render_role,
)
from keyspec.devhub.dialect import split_base
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.exchange import Answer, Call, answer_json, answer_page
from keyspec.devhub.hub import Hub
from keyspec.devhub.knobs import Knobs, Portal
from keyspec.devhub.model import ADMINISTERS_KEYS, READS_KEYS, Caller
from keyspec.devhub.openapi import Description, build_document
from keyspec.devhub.operations import Operation, find_operation
from keyspec.devhub.query import KEY_COLUMNS, ROLE_COLUMNS
from keyspec.devhub.wirelog import Secrets

BASE = "/api/v1"
HEADER = "x-api-key"
PORTAL_PAGE = "<!doctype html><title>Analytics Hub</title><h1>Analytics Hub</h1><p>The portal.</p>\n"

STATUS: Mapping[Reason, int] = {
    Reason.BAD_PARAMETER: 400,
    Reason.NOT_JSON: 400,
    Reason.UNAUTHENTICATED: 401,
    Reason.FORBIDDEN: 403,
    Reason.NO_SUCH_PATH: 404,
    Reason.NO_SUCH_KEY: 404,
    Reason.METHOD_NOT_ALLOWED: 405,
    Reason.KEY_EXISTS: 409,
    Reason.KEY_ID_SPENT: 409,
    Reason.VALUE_EXISTS: 409,
    Reason.TOO_LARGE: 413,
    Reason.INVALID_FIELD: 422,
    Reason.UNKNOWN_ROLE: 422,
    Reason.TOO_MANY_REQUESTS: 429,
    Reason.BROKEN: 500,
}


class CipherInsights:
    """The dialect of the default contract."""

    base = BASE
    secrets = Secrets(
        fields=frozenset({"apiKey"}), headers=frozenset({HEADER, "authorization", "cookie", "proxy-authorization"})
    )

    def identify(self, hub: Hub, call: Call) -> Caller | None:
        """Return the holder of the value in the header."""
        return hub.recognise(call.headers.get(HEADER))

    def answer(self, hub: Hub, call: Call, caller: Caller | None) -> Answer:
        """Do what a request asks for; raises Refusal."""
        path = split_base(BASE, call.path)
        if path is None:
            return answer_outside(hub.knobs)
        if caller is None:
            raise Refusal(Reason.UNAUTHENTICATED, "this needs the value of a live, unlocked key in x-api-key")
        try:
            operation, bound = find_operation(OPERATIONS, call.method, call.segments[BASE.count("/") :])
        except Refusal as refusal:
            if refusal.reason is Reason.NO_SUCH_PATH and hub.knobs.portal is Portal.EVERYWHERE:
                return answer_page(200, PORTAL_PAGE)
            raise
        if operation.permissions and not operation.permissions & caller.permissions:
            message = f"this needs the permission {' or '.join(sorted(operation.permissions))}"
            raise Refusal(Reason.FORBIDDEN, message)
        return operation.handler(hub, call, bound)

    def refuse(self, refusal: Refusal) -> Answer:
        """Answer with the status of the reason and the error body."""
        error = {"code": refusal.reason.value, "message": refusal.message}
        return answer_json(STATUS[refusal.reason], {"error": error}, headers=refusal.headers)


def answer_outside(knobs: Knobs) -> Answer:
    """Answer a path that is none of the API's: with a page of the portal, unless that is off."""
    if knobs.portal is Portal.OFF:
        raise Refusal(Reason.NO_SUCH_PATH, "there is nothing here")
    return answer_page(200, PORTAL_PAGE)


def describe_api(knobs: Knobs) -> dict[str, Any]:
    """Build the OpenAPI document of this dialect."""
    description = Description(
        title="Analytics Hub (devhub)",
        version="1.0.0",
        summary="API keys and roles, as the contract cipherinsights-v1 has them",
        base=BASE,
        schemas=build_schemas(import_takes_id=knobs.import_takes_id),
        security=SECURITY,
        error_schema="Error",
        error_texts=ERROR_TEXTS,
        common=(401, 405, 413, 429),
        placeholder_texts=PLACEHOLDER_TEXTS,
    )
    return build_document(OPERATIONS, description)


def _list_keys(hub: Hub, call: Call, _: Mapping[str, str]) -> Answer:
    listing = parse_listing(call.parameters, KEY_COLUMNS, hub.knobs)
    page = hub.list_keys(listing.query)
    return answer_json(200, render_page(page, listing, lambda key: render_key(key, hub.knobs)))


def _list_roles(hub: Hub, call: Call, _: Mapping[str, str]) -> Answer:
    listing = parse_listing(call.parameters, ROLE_COLUMNS, hub.knobs)
    page = hub.list_roles(listing.query)
    return answer_json(200, render_page(page, listing, lambda role: render_role(role, hub.knobs)))


def _get_key(hub: Hub, _: Call, bound: Mapping[str, str]) -> Answer:
    return answer_json(200, render_key(hub.get_key(bound["keyId"]), hub.knobs))


def _create_key(hub: Hub, call: Call, _: Mapping[str, str]) -> Answer:
    key, value = hub.create_key(parse_draft(call.body))
    return answer_json(201, {**render_key(key, hub.knobs), "apiKey": value})


def _import_key(hub: Hub, call: Call, _: Mapping[str, str]) -> Answer:
    draft, value = parse_import(call.body, takes_id=hub.knobs.import_takes_id)
    return answer_json(201, render_key(hub.import_key(draft, value), hub.knobs))


def _edit_key(hub: Hub, call: Call, bound: Mapping[str, str]) -> Answer:
    hub.edit_key(bound["keyId"], parse_edit(call.body))
    return Answer(200)


def _lock_key(hub: Hub, _: Call, bound: Mapping[str, str]) -> Answer:
    hub.set_lock(bound["keyId"], locked=True)
    return Answer(200)


def _unlock_key(hub: Hub, _: Call, bound: Mapping[str, str]) -> Answer:
    hub.set_lock(bound["keyId"], locked=False)
    return Answer(200)


def _delete_key(hub: Hub, _: Call, bound: Mapping[str, str]) -> Answer:
    hub.delete_key(bound["keyId"])
    return Answer(204)


def _openapi(hub: Hub, _: Call, __: Mapping[str, str]) -> Answer:
    return answer_json(200, describe_api(hub.knobs))


_KEY = "/api_keys/{keyId}"
_WRITE = ADMINISTERS_KEYS
OPERATIONS = (
    Operation(
        "list_keys",
        "GET",
        "/api_keys",
        "List keys",
        _list_keys,
        (200, "KeyPage"),
        READS_KEYS,
        parameters=build_parameters(KEY_COLUMNS),
        errors=(400, 403),
    ),
    Operation("get_key", "GET", _KEY, "Show a key", _get_key, (200, "Key"), READS_KEYS, errors=(403, 404)),
    Operation(
        "create_key",
        "POST",
        "/api_keys",
        "Create a key; its value is in this answer and never again",
        _create_key,
        (201, "CreatedKey"),
        _WRITE,
        body="NewKey",
        errors=(400, 403, 409, 422),
    ),
    Operation(
        "import_key",
        "POST",
        "/api_keys/import",
        "Add a key whose value exists",
        _import_key,
        (201, "Key"),
        _WRITE,
        body="ImportedKey",
        errors=(400, 403, 409, 422),
    ),
    Operation(
        "edit_key",
        "PUT",
        _KEY,
        "Change some fields of a key",
        _edit_key,
        (200, None),
        _WRITE,
        body="KeyEdit",
        errors=(400, 403, 404, 422),
    ),
    Operation("lock_key", "POST", f"{_KEY}/lock", "Lock a key", _lock_key, (200, None), _WRITE, errors=(403, 404)),
    Operation(
        "unlock_key", "POST", f"{_KEY}/unlock", "Unlock a key", _unlock_key, (200, None), _WRITE, errors=(403, 404)
    ),
    Operation(
        "delete_key", "DELETE", _KEY, "Delete a key for good", _delete_key, (204, None), _WRITE, errors=(403, 404)
    ),
    Operation(
        "list_roles",
        "GET",
        "/roles",
        "List roles",
        _list_roles,
        (200, "RolePage"),
        READS_KEYS,
        parameters=build_parameters(ROLE_COLUMNS),
        errors=(400, 403),
    ),
    Operation("openapi", "GET", "/openapi.json", "This document", _openapi, (200, "Document")),
)
