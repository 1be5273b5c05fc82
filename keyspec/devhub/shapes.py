"""The pieces of JSON Schema of which the schemas of any dialect are made.

Rules:

* What may be sent is closed (`additionalProperties: false`), what is answered is open: a hub grows.
* Limits are those that the domain enforces, taken from there. How a field is called is the dialect's affair.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from keyspec.devhub.model import KEY_ID_PATTERN, LONGEST_DESCRIPTION, PERMISSIONS, VALUE_PATTERN

Schema = dict[str, Any]

ANY_DOCUMENT: Mapping[str, Any] = {"type": "object", "description": "An OpenAPI 3.1 document"}


def build_object(properties: Mapping[str, Any], required: Iterable[str]) -> Schema:
    """Build an object that may have more members than these."""
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def build_closed(properties: Mapping[str, Any], required: Iterable[str] = ()) -> Schema:
    """Build an object that has no members but these."""
    return {**build_object(properties, required), "additionalProperties": False}


def build_list(items: Mapping[str, Any], **rules: Any) -> Schema:
    """Build a list."""
    return {"type": "array", "items": dict(items), **rules}


def refer(schema: str) -> Schema:
    """Refer to a schema of the document."""
    return {"$ref": f"#/components/schemas/{schema}"}


def build_text(**rules: Any) -> Schema:
    """Build a text."""
    return {"type": "string", **rules}


def build_count() -> Schema:
    """Build a number of things."""
    return {"type": "integer", "minimum": 0}


def build_new_id(*, taken: bool = True) -> Schema:
    """Build the ID that a new key shall have; unless it is `taken`, anything."""
    if not taken:
        return {"description": "Ignored: this hub makes the ID of an imported key"}
    return build_text(pattern=f"^{KEY_ID_PATTERN}$", description="Made by the hub where left out")


def build_new_description() -> Schema:
    """Build the description that a key may have."""
    return build_text(maxLength=LONGEST_DESCRIPTION)


def build_new_roles() -> Schema:
    """Build the roles that a key may have."""
    return build_list(build_text(), minItems=1)


def build_new_value() -> Schema:
    """Build the value that an imported key may have."""
    return build_text(pattern=f"^{VALUE_PATTERN}$", writeOnly=True)


def build_permissions() -> Schema:
    """Build the permissions of a role."""
    return build_list(build_text(enum=list(PERMISSIONS)))
