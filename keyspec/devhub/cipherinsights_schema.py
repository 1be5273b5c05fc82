"""The names of the dialect `cipherinsights-v1`: its fields and schemas.

Rule: `FIELDS` is the only place where a domain name meets its camelCase name.
"""

from collections.abc import Mapping
from typing import Any

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

FIELDS: Mapping[str, str] = {
    "key_id": "keyId",
    "description": "description",
    "roles": "roles",
    "reauthentication_timeout": "reauthenticationTimeout",
    "locked": "locked",
    "name": "name",
    "permissions": "permissions",
    "value": "apiKey",
}
_EXTRA_FIELDS: Mapping[str, Any] = {"createdAt": "2026-01-01T00:00:00Z", "owner": {"name": "nobody"}, "tags": []}

SECURITY: Mapping[str, Any] = {"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}}
PLACEHOLDER_TEXTS: Mapping[str, str] = {"keyId": "The ID of a key, percent-encoded"}


def render_key(key: Key, knobs: Knobs) -> Schema:
    """Put a key into the dialect's words."""
    rendered = {
        "keyId": key.key_id,
        "description": key.description,
        "roles": list(key.roles),
        "reauthenticationTimeout": key.reauthentication_timeout,
        "locked": key.locked,
    }
    return {**rendered, **_EXTRA_FIELDS} if knobs.extra_fields else rendered


def render_role(role: Role, knobs: Knobs) -> Schema:
    """Put a role into the dialect's words."""
    rendered = {"name": role.name, "description": role.description, "permissions": list(role.permissions)}
    return {**rendered, **_EXTRA_FIELDS} if knobs.extra_fields else rendered


def build_schemas(*, import_takes_id: bool) -> dict[str, Schema]:
    """Build the schemas that the document refers to."""
    imported = {**_new_key_fields(), "keyId": build_new_id(taken=import_takes_id), "apiKey": build_new_value()}
    created = {**_key_fields(), "apiKey": build_text(description="The value, this once")}
    error = build_object({"code": build_text(), "message": build_text()}, ["code", "message"])
    return {
        "Key": build_object(_key_fields(), _key_fields()),
        "CreatedKey": build_object(created, created),
        "KeyRow": _row(_key_fields()),
        "KeyPage": _page("KeyRow"),
        "Role": build_object(_role_fields(), _role_fields()),
        "RoleRow": _row(_role_fields()),
        "RolePage": _page("RoleRow"),
        "NewKey": build_closed(_new_key_fields(), ["roles"]),
        "ImportedKey": build_closed(imported, ["roles", "apiKey"]),
        "KeyEdit": build_closed(_editable_fields()),
        "Error": build_object({"error": error}, ["error"]),
        "Document": dict(ANY_DOCUMENT),
    }


def _key_fields() -> Schema:
    return {
        "keyId": build_text(),
        "description": build_text(),
        "roles": build_list(build_text(), uniqueItems=True),
        "reauthenticationTimeout": {"type": "integer", "minimum": 1, "description": "Seconds"},
        "locked": {"type": "boolean"},
    }


def _role_fields() -> Schema:
    return {"name": build_text(), "description": build_text(), "permissions": build_permissions()}


def _editable_fields() -> Schema:
    timeout = {"type": "integer", "minimum": 1, "maximum": LONGEST_TIMEOUT_S, "description": "Seconds"}
    return {"description": build_new_description(), "roles": build_new_roles(), "reauthenticationTimeout": timeout}


def _new_key_fields() -> Schema:
    fields = _editable_fields()
    fields["reauthenticationTimeout"]["default"] = DEFAULT_TIMEOUT_S
    return {"keyId": build_new_id(), **fields}


def _page(schema: str) -> Schema:
    rows = build_list(refer(schema))
    return build_object({"rows": rows, "totalCount": build_count(), "filteredCount": build_count()}, ["rows"])


def _row(properties: Schema) -> Schema:
    description = "All of these fields, or those that the parameter `columns` names"
    return {**build_object(properties, []), "description": description}
