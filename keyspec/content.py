"""From a key and what changes of it to what the placeholders of an operation are filled with.

An operation that `sends: whole` gets every field it carries, from the live key and the changes; all others get what
changes alone. Timeouts, states and roles are given in the contract's form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from keyspec.conversion import write_roles, write_timeout
from keyspec.operation import Delete, Edit
from keyspec.placeholders import FIELDS, NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.contract import Contract
    from keyspec.conversion import RoleId
    from keyspec.model import FieldValue, Key
    from keyspec.placeholders import OperationName

ChangeName = Literal["edit_key", "lock_key", "unlock_key", "delete_key"]
"""The operations on a key that is there."""


def needs_key(contract: Contract, name: ChangeName) -> bool:
    """Tell whether an operation sends more of a live key than its ID."""
    operation = contract.operation(name)
    whole = isinstance(operation, Edit) and operation.sends == "whole"
    return whole or needs_etag(contract, name)


def needs_etag(contract: Contract, name: ChangeName) -> bool:
    """Tell whether an operation sends If-Match."""
    operation = contract.operation(name)
    return isinstance(operation, Edit | Delete) and operation.if_match


def fill_name(contract: Contract, name: OperationName, key: Key) -> dict[str, object]:
    """Give what an operation names a live key by; raises as `fill_change`."""
    carried = contract.carried(name)
    if "handle" in carried and key.handle is None:
        raise ValueError(f"`{name}` names a key by its handle, which the hub does not tell of this one")
    names = {"key_id": key.key_id, "handle": key.handle}
    return {mark: names[mark] for mark in NAMES if mark in carried}


def fill_change(
    contract: Contract,
    name: ChangeName,
    key: Key,
    changes: Mapping[str, FieldValue],
    ids: Mapping[str, RoleId] | None = None,
) -> dict[str, object]:
    """Give the values of an operation on a live key; `ids` are those of the hub's roles, by name.

    Raises:
        LookupError: if the contract has no such operation.
        ValueError: if the contract's form cannot say one of them, or the handle, or a field of the whole key, is not
            known.
    """
    operation = contract.operation(name)
    named = fill_name(contract, name, key)
    if not isinstance(operation, Edit):
        return named
    sent = dict(changes)
    carried = contract.carried(name)
    if operation.sends == "whole":
        for field in FIELDS:
            if field in carried and field not in sent:
                sent[field] = key.field(field)
                if sent[field] is None:
                    raise ValueError(f"`{name}` sends the whole key, and its {field} cannot be read")
    elif name in ("lock_key", "unlock_key") and "state" not in carried:
        del sent["state"]
    return named | _convert(contract, sent, ids)


def fill_new(
    contract: Contract, name: Literal["create_key", "import_key"], key: Key, ids: Mapping[str, RoleId] | None = None
) -> dict[str, object]:
    """Give the values of a create or import; it asks for an active key. Raises as `fill_change`."""
    sent: dict[str, FieldValue] = {field: key.field(field) for field in FIELDS if field != "state"}
    if "state" in contract.carried(name):
        sent["state"] = "active"
    values: dict[str, object] = {"key_id": key.key_id, **_convert(contract, sent, ids)}
    if name == "import_key" and not contract.capabilities.import_takes_id:
        del values["key_id"]
    return values


def _convert(
    contract: Contract, fields: Mapping[str, FieldValue], ids: Mapping[str, RoleId] | None
) -> dict[str, object]:
    return {name: None if value is None else _convert_one(contract, name, value, ids) for name, value in fields.items()}


def _convert_one(contract: Contract, name: str, value: Any, ids: Mapping[str, RoleId] | None) -> object:
    match name:
        case "roles":
            place = contract.key.roles
            if place is None or (place.by == "name" and place.send == "{role}"):
                return value
            return write_roles(place.send, value, (ids or {}) if place.by == "id" else None)
        case "reauth_timeout":
            return write_timeout(contract.key.unit, value)
        case "state":
            return contract.key.word(value)
    return value
