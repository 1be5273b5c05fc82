"""The bodies of writes in the dialect `cipherinsights-v1`: drafts and edits by their camelCase names.

Rule: `keyId` and `apiKey` are no fields of an edit: neither can change. `locked` is no field of a
draft: a key is made unlocked.
"""

from keyspec.devhub.body import Fields, read_fields, read_integer, read_text, read_texts, refuse_field
from keyspec.devhub.model import DEFAULT_TIMEOUT_S, Draft, Edit

_EDITABLE = frozenset({"description", "roles", "reauthenticationTimeout"})
_NEW = _EDITABLE | {"keyId"}
_IMPORTED = _NEW | {"apiKey"}


def parse_draft(body: bytes) -> Draft:
    """Read the body of a create."""
    return _read_draft(read_fields(body, _NEW))


def parse_import(body: bytes, *, takes_id: bool) -> tuple[Draft, str]:
    """Read the body of an import: a draft and a value."""
    fields = read_fields(body, _IMPORTED)
    value = read_text(fields, "apiKey")
    if value is None:
        raise refuse_field("apiKey", "is required")
    if not takes_id:
        fields.pop("keyId", None)
    return _read_draft(fields), value


def parse_edit(body: bytes) -> Edit:
    """Read the body of an edit; a field that is left out stays as it is."""
    return _read_edit(read_fields(body, _EDITABLE))


def _read_draft(fields: Fields) -> Draft:
    edit = _read_edit(fields)
    if edit.roles is None:
        raise refuse_field("roles", "is required")
    timeout = edit.reauthentication_timeout
    return Draft(
        key_id=read_text(fields, "keyId"),
        description=edit.description or "",
        roles=edit.roles,
        reauthentication_timeout=DEFAULT_TIMEOUT_S if timeout is None else timeout,
    )


def _read_edit(fields: Fields) -> Edit:
    return Edit(
        description=read_text(fields, "description"),
        roles=read_texts(fields, "roles", "names"),
        reauthentication_timeout=read_integer(fields, "reauthenticationTimeout", "seconds"),
    )
