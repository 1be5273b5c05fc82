"""The names of the dialect `cipherinsights-v1`: its fields, schemas and error texts.

Rules:

* `FIELDS` is the only place where a domain name meets its camelCase name.
* What may be sent is closed (`additionalProperties: false`), what is answered is open: a hub grows.
* Limits in schemas are those that the domain enforces, taken from there.
"""

from collections.abc import Mapping
from typing import Any

from keyspec.devhub.knobs import Knobs
from keyspec.devhub.model import (
    DEFAULT_TIMEOUT_S,
    KEY_ID_PATTERN,
    LONGEST_DESCRIPTION,
    LONGEST_TIMEOUT_S,
    PERMISSIONS,
    VALUE_PATTERN,
    Key,
    Role,
)

Schema = dict[str, Any]

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
ERROR_TEXTS: Mapping[int, str] = {
    400: "A parameter is wrong, or the body is not JSON",
    401: "No value, or not that of a live, unlocked key",
    403: "The roles of the key do not permit this",
    404: "There is no such key",
    405: "The path takes other methods",
    409: "The ID or the value is taken",
    413: "The body is too large",
    422: "A field of the body is wrong",
    429: "Too many requests; Retry-After says when to come back",
}


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
    value = {"type": "string", "pattern": f"^{VALUE_PATTERN}$", "writeOnly": True}
    imported = {**_new_key_fields(), "apiKey": value}
    if not import_takes_id:
        imported["keyId"] = {"description": "Ignored: this hub makes the ID of an imported key"}
    return {
        "Key": _object(_key_fields(), required=list(_key_fields())),
        "CreatedKey": _object(
            {**_key_fields(), "apiKey": {"type": "string", "description": "The value, this once"}},
            required=[*_key_fields(), "apiKey"],
        ),
        "KeyRow": _row(_key_fields()),
        "KeyPage": _page("KeyRow"),
        "Role": _object(_role_fields(), required=list(_role_fields())),
        "RoleRow": _row(_role_fields()),
        "RolePage": _page("RoleRow"),
        "NewKey": _closed(_new_key_fields(), required=["roles"]),
        "ImportedKey": _closed(imported, required=["roles", "apiKey"]),
        "KeyEdit": _closed(_editable_fields(), required=[]),
        "Error": _object({"error": _object({"code": _text(), "message": _text()}, ["code", "message"])}, ["error"]),
        "Document": {"type": "object", "description": "An OpenAPI 3.1 document"},
    }


def _key_fields() -> Schema:
    timeout = {"type": "integer", "minimum": 1, "description": "Seconds"}
    return {
        "keyId": _text(),
        "description": _text(),
        "roles": {"type": "array", "items": _text(), "uniqueItems": True},
        "reauthenticationTimeout": timeout,
        "locked": {"type": "boolean"},
    }


def _role_fields() -> Schema:
    permissions = {"type": "array", "items": {"type": "string", "enum": list(PERMISSIONS)}}
    return {"name": _text(), "description": _text(), "permissions": permissions}


def _editable_fields() -> Schema:
    timeout = {"type": "integer", "minimum": 1, "maximum": LONGEST_TIMEOUT_S, "description": "Seconds"}
    return {
        "description": {"type": "string", "maxLength": LONGEST_DESCRIPTION},
        "roles": {"type": "array", "items": _text(), "minItems": 1},
        "reauthenticationTimeout": timeout,
    }


def _new_key_fields() -> Schema:
    key_id = {"type": "string", "pattern": f"^{KEY_ID_PATTERN}$", "description": "Made by the hub where left out"}
    fields = _editable_fields()
    fields["reauthenticationTimeout"]["default"] = DEFAULT_TIMEOUT_S
    return {"keyId": key_id, **fields}


def _page(schema: str) -> Schema:
    count = {"type": "integer", "minimum": 0}
    rows = {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}
    return _object({"rows": rows, "totalCount": count, "filteredCount": count}, ["rows"])


def _row(properties: Schema) -> Schema:
    description = "All of these fields, or those that the parameter `columns` names"
    return {**_object(properties, []), "description": description}


def _object(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required}


def _closed(properties: Schema, required: list[str]) -> Schema:
    return {**_object(properties, required), "additionalProperties": False}


def _text() -> Schema:
    return {"type": "string"}
