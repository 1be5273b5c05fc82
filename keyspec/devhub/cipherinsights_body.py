"""The bodies of writes in the dialect `cipherinsights-v1`: bytes in, drafts and edits out.

Rules:

* What is no JSON is a 400, what is JSON of the wrong shape a 422 that names the field.
* Unknown fields are refused, so `keyId` and `apiKey` in an edit are: neither can change. `locked`
  is no field of a draft: a key is made unlocked.
* A number is an integer if JSON Schema says so: `60.0` is, `true` is not.
* Whether a role exists or an ID is well-formed is for the domain to say.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.model import DEFAULT_TIMEOUT_S, Draft, Edit

_EDITABLE = frozenset({"description", "roles", "reauthenticationTimeout"})
_NEW = _EDITABLE | {"keyId"}
_IMPORTED = _NEW | {"apiKey"}


def parse_draft(body: bytes) -> Draft:
    """Read the body of a create."""
    return _read_draft(_read_fields(body, _NEW))


def parse_import(body: bytes, *, takes_id: bool) -> tuple[Draft, str]:
    """Read the body of an import: a draft and a value."""
    fields = _read_fields(body, _IMPORTED)
    value = _read_text(fields, "apiKey")
    if value is None:
        raise _invalid("apiKey", "is required")
    if not takes_id:
        fields.pop("keyId", None)
    return _read_draft(fields), value


def parse_edit(body: bytes) -> Edit:
    """Read the body of an edit; a field that is left out stays as it is."""
    fields = _read_fields(body, _EDITABLE)
    return Edit(
        description=_read_text(fields, "description"),
        roles=_read_roles(fields),
        reauthentication_timeout=_read_timeout(fields),
    )


def _read_draft(fields: Mapping[str, Any]) -> Draft:
    roles = _read_roles(fields)
    timeout = _read_timeout(fields)
    if roles is None:
        raise _invalid("roles", "is required")
    return Draft(
        key_id=_read_text(fields, "keyId"),
        description=_read_text(fields, "description") or "",
        roles=roles,
        reauthentication_timeout=DEFAULT_TIMEOUT_S if timeout is None else timeout,
    )


def _read_fields(body: bytes, known: Collection[str]) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(Reason.NOT_JSON, "the body is not JSON") from error
    if not isinstance(content, dict):
        raise Refusal(Reason.INVALID_FIELD, "the body is not a JSON object")
    for name in content:
        if name not in known:
            raise _invalid(name, f"is no field here; there are {', '.join(sorted(known))}")
    return content


def _read_text(fields: Mapping[str, Any], name: str) -> str | None:
    if name not in fields:
        return None
    return _check_text(name, fields[name])


def _read_roles(fields: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "roles" not in fields:
        return None
    roles = fields["roles"]
    if not isinstance(roles, list):
        raise _invalid("roles", "is not a list of names")
    return tuple(_check_text("roles", role) for role in roles)


def _read_timeout(fields: Mapping[str, Any]) -> int | None:
    name = "reauthenticationTimeout"
    if name not in fields:
        return None
    timeout = fields[name]
    if isinstance(timeout, float) and timeout.is_integer():
        return int(timeout)
    if isinstance(timeout, bool) or not isinstance(timeout, int):
        raise _invalid(name, "is not a whole number of seconds")
    return timeout


def _check_text(name: str, text: Any) -> str:
    if not isinstance(text, str):
        raise _invalid(name, "is not text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _invalid(name, "holds half of a surrogate pair") from error
    return text


def _invalid(name: str, problem: str) -> Refusal:
    return Refusal(Reason.INVALID_FIELD, f"{name[:40]!a} {problem}", field=name)
