"""The bodies of writes in the dialect `other`: drafts and edits by their snake_case names.

Rules:

* `id` and `secret` are no fields of an edit: neither can change. `status` is no field of a draft: a
  key is made enabled.
* Roles are named by ID. One that no role has (any more) is a 422.
* The hub counts seconds, so milliseconds come in thousands.
"""

from keyspec.devhub.body import (
    Fields,
    read_fields,
    read_integer,
    read_object,
    read_text,
    read_texts,
    refuse_field,
)
from keyspec.devhub.hub import Hub
from keyspec.devhub.model import DEFAULT_TIMEOUT_S, Draft, Edit
from keyspec.devhub.other_schema import LONGEST_TTL_MS, MS, STATES

_NEW = frozenset({"id", "note", "role_ids", "ttl_ms"})
_IMPORTED = _NEW | {"secret"}
_EDITABLE = frozenset({"note", "role_ids", "ttl_ms", "status"})


def parse_draft(body: bytes, hub: Hub) -> Draft:
    """Read the body of a create."""
    return _read_draft(read_fields(body, _NEW), hub)


def parse_import(body: bytes, hub: Hub) -> tuple[Draft, str]:
    """Read the body of an import: a draft and a value."""
    fields = read_fields(body, _IMPORTED)
    secret = read_object(fields, "secret", {"value"})
    if secret is None:
        raise refuse_field("secret", "is required")
    value = read_text(secret, "value")
    if value is None:
        raise refuse_field("secret.value", "is required")
    if not hub.knobs.import_takes_id:
        fields.pop("id", None)
    return _read_draft(fields, hub), value


def parse_edit(body: bytes, hub: Hub) -> Edit:
    """Read the body of an edit; a field that is left out stays as it is."""
    return _read_edit(read_fields(body, _EDITABLE), hub)


def _read_draft(fields: Fields, hub: Hub) -> Draft:
    edit = _read_edit(fields, hub)
    if edit.roles is None:
        raise refuse_field("role_ids", "is required")
    timeout = edit.reauthentication_timeout
    return Draft(
        key_id=read_text(fields, "id"),
        description=edit.description or "",
        roles=edit.roles,
        reauthentication_timeout=DEFAULT_TIMEOUT_S if timeout is None else timeout,
    )


def _read_edit(fields: Fields, hub: Hub) -> Edit:
    role_ids = read_texts(fields, "role_ids", "IDs")
    return Edit(
        description=read_text(fields, "note"),
        reauthentication_timeout=_read_ttl(fields),
        locked=_read_status(fields),
        roles=None if role_ids is None else hub.name_roles(role_ids),
    )


def _read_ttl(fields: Fields) -> int | None:
    milliseconds = read_integer(fields, "ttl_ms", "milliseconds")
    if milliseconds is None:
        return None
    if milliseconds % MS or not MS <= milliseconds <= LONGEST_TTL_MS:
        raise refuse_field("ttl_ms", f"is not a multiple of {MS} from {MS} to {LONGEST_TTL_MS}")
    return milliseconds // MS


def _read_status(fields: Fields) -> bool | None:
    status = read_text(fields, "status")
    if status is None:
        return None
    for locked, name in STATES.items():
        if name == status:
            return locked
    raise refuse_field("status", f"is none of {', '.join(STATES.values())}")
