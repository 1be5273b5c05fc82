"""The dialect `cipherinsights-v1`: the default contract, as a hub would serve it.

Base `/api/v1`, credential in `x-api-key`, JSON in camelCase, errors as
`{"error": {"code", "message"}}`.

Rules:

* Reading keys and roles needs User Management or Audit, changing keys User Management, and the
  OpenAPI document any live, unlocked key: it is a description, not data.
* An edit, a lock and an unlock answer 200 without a body, as the vendor's data endpoints do.
* One table of operations is both the routing and the description.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from keyspec.devhub.cipherinsights_body import parse_draft, parse_edit, parse_import
from keyspec.devhub.cipherinsights_list import build_parameters, parse_listing, render_page
from keyspec.devhub.cipherinsights_schema import PLACEHOLDER_TEXTS, SECURITY, build_schemas, render_key, render_role
from keyspec.devhub.exchange import JSON_TYPE, Answer, Call, answer_json
from keyspec.devhub.hub import Hub
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.model import ADMINISTERS_KEYS, READS_KEYS, Caller
from keyspec.devhub.openapi import Description, build_document
from keyspec.devhub.operations import Operation
from keyspec.devhub.query import KEY_COLUMNS, ROLE_COLUMNS
from keyspec.devhub.rest import answer_call
from keyspec.devhub.wirelog import Secrets

BASE = "/api/v1"
HEADER = "x-api-key"


class CipherInsights:
    """The dialect of the default contract."""

    base = BASE
    secrets = Secrets(
        fields=frozenset({"apiKey"}), headers=frozenset({HEADER, "authorization", "cookie", "proxy-authorization"})
    )
    fragment = b'{"rows":[{"keyId":"ci_deployer","description":"'

    def identify(self, hub: Hub, call: Call) -> Caller | None:
        """Return the holder of the value in the header."""
        return hub.recognise(call.headers.get(HEADER))

    def answer(self, hub: Hub, call: Call, caller: Caller | None) -> Answer:
        """Do what a request asks for; raises Refusal."""
        return answer_call(hub, call, caller, base=BASE, operations=OPERATIONS, credential=HEADER)

    def answer_error(self, status: int, code: str, message: str, *, headers: Iterable[tuple[str, str]] = ()) -> Answer:
        """Answer with an error."""
        return answer_json(status, {"error": {"code": code, "message": message}}, headers=headers)


def describe_api(knobs: Knobs) -> dict[str, Any]:
    """Build the OpenAPI document of this dialect."""
    description = Description(
        title="Analytics Hub (devhub)",
        version="1.0.0",
        summary="API keys and roles, as the contract cipherinsights-v1 has them",
        base=BASE,
        schemas=build_schemas(import_takes_id=knobs.import_takes_id),
        security=SECURITY,
        error=(JSON_TYPE, "Error"),
        error_headers={405: "Allow", 429: "Retry-After"},
        common=(401, 405, 413, 429),
        placeholder_texts=PLACEHOLDER_TEXTS,
    )
    return build_document(OPERATIONS, description, knobs)


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
        parameters=partial(build_parameters, KEY_COLUMNS),
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
        parameters=partial(build_parameters, ROLE_COLUMNS),
        errors=(400, 403),
    ),
    Operation("openapi", "GET", "/openapi.json", "This document", _openapi, (200, "Document")),
)
