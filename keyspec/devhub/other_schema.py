"""The names of the dialect `other`: its fields, schemas and problems.

Rules:

* A problem is `{type, title, status, detail}` of RFC 9457; its type is a name, there is nothing to fetch.
* Role IDs are in an order of their own, not in that of the names, as nobody outside can know it.
"""

from collections.abc import Mapping
from typing import Any

from keyspec.devhub.etag import IF_MATCH, IF_MATCH_PATTERN
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.model import DEFAULT_TIMEOUT_S, LONGEST_TIMEOUT_S, Key, Role
from keyspec.devhub.shapes import (
    ANY_DOCUMENT,
    Schema,
    build_closed,
    build_count,
    build_list,
    build_new_description,
    build_new_id,
    build_new_roles,
    build_new_value,
    build_object,
    build_permissions,
    build_text,
    refer,
)

MS = 1000
LONGEST_TTL_MS = LONGEST_TIMEOUT_S * MS
STATES: Mapping[bool, str] = {False: "enabled", True: "disabled"}
PROBLEM_TYPE = "application/problem+json"

_PROBLEMS = "https://hub.example/problems/"
_EXTRA_FIELDS: Mapping[str, Any] = {"created_at": "2026-01-01T00:00:00Z", "owner": {"name": "nobody"}, "tags": []}

SECURITY: Mapping[str, Any] = {"bearer": {"type": "http", "scheme": "bearer"}}
PLACEHOLDER_TEXTS: Mapping[str, str] = {"key_id": "The ID of a key, percent-encoded"}
IF_MATCH_PARAMETER: Mapping[str, Any] = {
    "name": IF_MATCH,
    "in": "header",
    "required": False,
    "description": "Only if the key is of one of these versions",
    "schema": build_text(pattern=IF_MATCH_PATTERN),
}


def render_key(key: Key, role_ids: Mapping[str, str], knobs: Knobs) -> Schema:
    """Put a key into the dialect's words; `role_ids` by name."""
    rendered = {
        "id": key.key_id,
        "note": key.description,
        "role_ids": sorted(role_ids[name] for name in key.roles if name in role_ids),
        "ttl_ms": key.reauthentication_timeout * MS,
        "status": STATES[key.locked],
        "version": key.version,
    }
    return {**rendered, **_EXTRA_FIELDS} if knobs.extra_fields else rendered


def render_role(role: Role, knobs: Knobs) -> Schema:
    """Put a role into the dialect's words."""
    rendered = {
        "id": role.role_id,
        "name": role.name,
        "note": role.description,
        "permissions": list(role.permissions),
    }
    return {**rendered, **_EXTRA_FIELDS} if knobs.extra_fields else rendered


def render_problem(status: int, code: str, message: str) -> Schema:
    """Put an error into the dialect's words."""
    return {
        "type": _PROBLEMS + code.replace("_", "-"),
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": message,
    }


def build_schemas(*, import_takes_id: bool) -> dict[str, Schema]:
    """Build the schemas that the document refers to."""
    secret = {"value": build_new_value()}
    imported = {
        **_new_key_fields(),
        "id": build_new_id(taken=import_takes_id),
        "secret": build_closed(secret, secret),
    }
    told = {"value": build_text(description="The value, this once")}
    created = {**_key_fields(), "secret": build_object(told, told)}
    return {
        "Key": build_object(_key_fields(), _key_fields()),
        "CreatedKey": build_object(created, created),
        "KeyAnswer": _build_answer(refer("Key")),
        "CreatedKeyAnswer": _build_answer(refer("CreatedKey")),
        "KeyPage": _build_page("Key"),
        "Role": build_object(_role_fields(), _role_fields()),
        "RolePage": _build_page("Role"),
        "Meta": build_object({"next": {"type": ["string", "null"]}, "total": build_count()}, ["next"]),
        "NewKey": build_closed(_new_key_fields(), ["role_ids"]),
        "ImportedKey": build_closed(imported, ["role_ids", "secret"]),
        "KeyEdit": build_closed({**_editable_fields(), "status": build_text(enum=list(STATES.values()))}),
        "Problem": build_object(_problem_fields(), _problem_fields()),
        "Document": dict(ANY_DOCUMENT),
    }


def _key_fields() -> Schema:
    return {
        "id": build_text(),
        "note": build_text(),
        "role_ids": build_list(build_text(), uniqueItems=True),
        "ttl_ms": {"type": "integer", "minimum": MS, "description": "Milliseconds"},
        "status": build_text(enum=list(STATES.values())),
        "version": {"type": "integer", "minimum": 1, "description": "What ETag has in quotes"},
    }


def _role_fields() -> Schema:
    return {"id": build_text(), "name": build_text(), "note": build_text(), "permissions": build_permissions()}


def _problem_fields() -> Schema:
    return {
        "type": build_text(format="uri"),
        "title": build_text(),
        "status": {"type": "integer", "minimum": 200, "maximum": 599},
        "detail": build_text(),
    }


def _editable_fields() -> Schema:
    ttl = {"type": "integer", "minimum": MS, "maximum": LONGEST_TTL_MS, "multipleOf": MS}
    return {"note": build_new_description(), "role_ids": build_new_roles(), "ttl_ms": ttl}


def _new_key_fields() -> Schema:
    fields = _editable_fields()
    fields["ttl_ms"]["default"] = DEFAULT_TIMEOUT_S * MS
    return {"id": build_new_id(), **fields}


def _build_answer(data: Schema) -> Schema:
    return build_object({"data": data}, ["data"])


def _build_page(schema: str) -> Schema:
    return build_object({"data": build_list(refer(schema)), "meta": refer("Meta")}, ["data", "meta"])
