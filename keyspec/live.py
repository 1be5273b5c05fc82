"""What a hub answered, as values: pages, keys, roles, a created key.

A payload is believed only in its types: a field of the wrong type is an error that names the row and the field; a
field that is missing or null is None, which means "cannot compare"; fields nobody knows are ignored. Messages
quote a key's ID through `display()` and nothing else of a payload; of an answer to a create, nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from keyspec.conversion import find_roles, name_type, read_state, read_timeout
from keyspec.display import display
from keyspec.errors import HubError
from keyspec.model import Handle, Key, Role, as_set
from keyspec.place import make_reader
from keyspec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from keyspec.contract import Contract
    from keyspec.conversion import RoleId, State
    from keyspec.keyplaces import KeyPlaces
    from keyspec.place import Place
    from keyspec.placeholders import ListName

T = TypeVar("T")

_VALUE: Final = re.compile(r"[!-~]{1,4096}")
_STATES: Final[Mapping[bool | None, State | None]] = {None: None, False: "active", True: "locked"}
_CURSOR_LENGTH: Final = 8192
_ETAG: Final = re.compile(r"[!-~]{1,1024}")
_HANDLE_LENGTH: Final = 1024
_HANDLE_BITS: Final = 64
RoleNames = Mapping["RoleId", str]
"""The names of roles by their IDs, where keys hold IDs."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list as the hub sent it; `total` is None where the hub tells none, `next` where it ends."""

    rows: Sequence[Any]
    total: int | None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """The answer to a create. The value is there whatever else is strange.

    `key_error` says what is strange: the key cannot be read (`key` is None), or it is another one than asked for.
    """

    value: Secret
    key: Key | None
    key_error: str | None = None


@dataclass(frozen=True, slots=True)
class LiveHub:
    """What one hub holds now, by ID and by name.

    `keys` is None where the hub could not be read, and `error` says why; `roles` is None there too, and where the
    contract has no `list_roles`.
    """

    name: str
    keys: Mapping[str, Key] | None
    roles: Mapping[str, Role] | None = None
    error: str | None = None


def read_page(contract: Contract, operation: ListName, payload: Any) -> Page:
    """Read the rows and the total of a page, and the cursor of the next one.

    Raises:
        HubError: if it is no page.
    """
    shape = contract.list_read(operation)
    rows = _take(shape.rows, payload)
    if not isinstance(rows, list):
        raise HubError(f"the answer has no list of rows at `{shape.rows.text}`, but {name_type(rows)}")
    total = None if shape.total is None else _take(shape.total, payload)
    if total is not None and (type(total) is not int or total < 0):
        raise HubError(f"the total of the list is {name_type(total)}, not a whole number of rows")
    place = contract.paging_of(operation).next
    return Page(rows, total, None if place is None else _read_cursor(_take(place, payload)))


def read_keys(contract: Contract, rows: Iterable[Any], names: RoleNames | None = None) -> tuple[Key, ...]:
    """Read the keys of one page, in its order.

    Raises:
        HubError: naming the row and the field that is not what it should be.
    """
    read = _make_key_reader(contract.key, names)
    return tuple(_read_row(read, row, number) for number, row in enumerate(rows, start=1))


def read_key(contract: Contract, payload: Any, names: RoleNames | None = None) -> Key:
    """Read the answer to `get_key`; HubError as in `read_keys`."""
    operation = contract.operations.get_key
    row = payload if operation is None else _take(operation.key, payload)
    return _read_row(_make_key_reader(contract.key, names), row, None)


def read_imported_id(contract: Contract, payload: Any) -> str:
    """Read the ID that an imported key has; HubError if the answer does not tell it."""
    operation = contract.operations.import_key
    if operation is None:
        raise LookupError(f"the contract `{contract.name}` has no operation `import_key`")
    read_id = make_reader(contract.key.id)
    return _read_row(lambda row: _check_id(contract.key, read_id(row)), _take(operation.key, payload), None)


def read_imported_handle(contract: Contract, payload: Any) -> Handle | None:
    """Read what the hub calls an imported key; None if the answer does not tell; HubError if it is none."""
    operation = contract.operations.import_key
    if operation is None:
        return None
    read = make_reader(contract.key.handle)
    return _read_row(lambda row: _check_handle(read(row)), _take(operation.key, payload), None)


def known_handles(keys: Iterable[Key]) -> frozenset[str]:
    """Give the handles of a hub's keys as they stand in paths; HubError if two keys have the same."""
    owners: dict[str, str] = {}
    for key in keys:
        if key.handle is not None and (other := owners.setdefault(str(key.handle), key.key_id)) != key.key_id:
            raise HubError(f"the keys `{display(other)}` and `{display(key.key_id)}` have the same handle")
    return frozenset(owners)


def with_etag(key: Key, etag: str | None) -> Key:
    """Give a key with the ETag header it came with; one that no header could carry back is none."""
    return replace(key, etag=etag if etag is not None and _ETAG.fullmatch(etag) else None)


def read_roles(contract: Contract, rows: Iterable[Any]) -> tuple[Role, ...]:
    """Read the roles of one page, in its order; HubError names the row and the field."""
    places = contract.role
    if places is None:
        raise LookupError(f"the contract `{contract.name}` does not tell where a role's fields stand")
    read_name, read_permissions = make_reader(places.name), make_reader(places.permissions)
    by_id = contract.key.roles_by_id
    read_id = make_reader(places.id if by_id else None)

    def read(row: dict[str, Any]) -> Role:
        name = _check_text("name", read_name(row))
        if not name:
            raise ValueError("`name` is missing or empty")
        role_id = read_id(row)
        if by_id and not _is_role_id(role_id):
            raise ValueError(f"the ID of role `{display(name)}` is {name_type(role_id)}, not text or a whole number")
        return Role(name, _check_names("permissions", read_permissions(row)), role_id)

    return tuple(_read_row(read, row, number) for number, row in enumerate(rows, start=1))


def name_roles(roles: Iterable[Role]) -> RoleNames:
    """Give the names of roles by their IDs; HubError if two roles have the same."""
    names: dict[RoleId, str] = {}
    for role in roles:
        if role.role_id is not None and names.setdefault(role.role_id, role.name) != role.name:
            raise HubError(f"the roles `{display(names[role.role_id])}` and `{display(role.name)}` have the same ID")
    return names


def read_created(contract: Contract, payload: Any, key_id: str, names: RoleNames | None = None) -> Created:
    """Read the value first, then the key, from the answer to the create of `key_id`.

    Raises:
        HubError: only if there is no usable value; the message holds nothing of the answer.
    """
    operation = contract.operations.create_key
    if operation is None:
        raise LookupError(f"the contract `{contract.name}` has no operation `create_key`")
    if operation.value is None:
        raise HubError("the contract does not tell where the value stands")
    text = _take(operation.value, payload)
    if not isinstance(text, str):
        raise HubError(f"the answer has no value at `{operation.value.text}`")
    if not _VALUE.fullmatch(text):
        raise HubError("the answer's value is not 1 to 4096 printable ASCII characters without blanks")
    key, error = _read_created_key(contract, operation.key, payload, text, names)
    if key is not None and key.key_id != key_id:
        error = f"the hub made a key with another ID than `{display(key_id)}`"
    return Created(Secret(text), key, error)


def _read_created_key(
    contract: Contract, place: Place, payload: Any, value: str, names: RoleNames | None
) -> tuple[Key | None, str | None]:
    try:
        key = _make_key_reader(contract.key, names)(_check_row(place.read(payload)))
    except ValueError:
        return None, "the created key cannot be read: a field is missing or of the wrong type"
    handle = "" if key.handle is None else str(key.handle)
    if any(value in text for text in (key.key_id, key.description or "", handle, *(key.roles or ()))):
        return None, "the created key cannot be read: a field of it repeats the value"
    return key, None


def _read_row(read: Callable[[dict[str, Any]], T], row: Any, number: int | None) -> T:
    try:
        return read(_check_row(row))
    except ValueError as error:
        where = "the answer" if number is None else f"row {number} of the page"
        raise HubError(f"{where}: {error}") from None


def _check_row(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError(f"it is {name_type(row)}, not an object")  # noqa: TRY004 - like every wrong field
    return row


def _make_key_reader(places: KeyPlaces, names: RoleNames | None) -> Callable[[dict[str, Any]], Key]:
    read_id, read_description = make_reader(places.id), make_reader(places.description)
    read_held, read_time = _make_roles_reader(places, names), _make_timeout_reader(places)
    read_standing = _make_state_reader(places)
    read_etag = make_reader(places.etag)
    read_handle = None if places.handle is None else make_reader(places.handle)

    def read(row: dict[str, Any]) -> Key:
        key_id = _check_id(places, read_id(row))
        try:
            return Key(
                key_id,
                _check_text("description", read_description(row)),
                read_held(row),
                read_time(row),
                read_standing(row),
                _check_etag(read_etag(row)),
                None if read_handle is None else _check_handle(read_handle(row)),
            )
        except ValueError as error:
            raise ValueError(f"key `{display(key_id)}`: {error}") from None

    return read


def _make_roles_reader(
    places: KeyPlaces, names: RoleNames | None
) -> Callable[[dict[str, Any]], tuple[str, ...] | None]:
    """Give what reads a key's roles; the same lists of one page are one tuple."""
    take = make_reader(None if places.roles is None else places.roles.at)
    known: dict[tuple[Any, ...], tuple[str, ...]] = {}
    if not places.roles_by_id:
        return lambda row: _check_names("roles", take(row), known)

    def read(row: dict[str, Any]) -> tuple[str, ...] | None:
        value = take(row)
        if value is None:
            return None
        if type(value) is not list or not all(map(_is_role_id, value)):
            raise ValueError("`roles` is not a list of IDs")
        ids = tuple(value)
        if (found := known.get(ids)) is None:
            try:
                found = known[ids] = as_set(find_roles(ids, names or {}))
            except LookupError as error:
                raise ValueError(f"no role of this hub has the ID `{display(str(error.args[0]))}`") from None
        return found

    return read


def _make_timeout_reader(places: KeyPlaces) -> Callable[[dict[str, Any]], int | None]:
    take = make_reader(None if places.reauth_timeout is None else places.reauth_timeout.at)
    unit = places.unit

    def read(row: dict[str, Any]) -> int | None:
        try:
            return read_timeout(unit, take(row))
        except ValueError as error:
            raise ValueError(f"`reauth_timeout` {error}") from None

    return read


def _make_state_reader(places: KeyPlaces) -> Callable[[dict[str, Any]], State | None]:
    words = places.state
    if words is None:
        take = make_reader(places.locked)
        return lambda row: _STATES[_check_flag(take(row))]
    take = make_reader(words.at)
    return lambda row: read_state(take(row), active=words.active, locked=words.locked)


def _check_id(places: KeyPlaces, key_id: Any) -> str:
    if type(key_id) is not str or not key_id:
        raise ValueError(f"the key's ID at `{places.id.text}` is {name_type(key_id)}, not text")
    return key_id


def _is_role_id(value: Any) -> bool:
    return type(value) is int or (type(value) is str and bool(value))


def _check_etag(value: Any) -> str | None:
    text = str(value) if type(value) is int else value
    if text is None or (type(text) is str and _ETAG.fullmatch(text)):
        return text
    raise ValueError("`etag` is not what a header can carry")


def _check_handle(value: Any) -> Handle | None:
    if value is None:
        return None
    if type(value) is int and value.bit_length() <= _HANDLE_BITS:
        return value
    if type(value) is str and 0 < len(value) <= _HANDLE_LENGTH and value.isprintable():
        return value
    raise ValueError("`handle` is neither short text nor a whole number")


def _read_cursor(value: Any) -> str | None:
    text = str(value) if type(value) is int else value
    if text is None or text == "":
        return None
    if type(text) is not str or len(text) > _CURSOR_LENGTH:
        raise HubError(f"the cursor of the next page is {name_type(value)}, not short text")
    return text


def _check_text(field: str, value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    raise ValueError(f"`{field}` is {name_type(value)}, not text")


def _check_names(
    field: str, value: Any, known: dict[tuple[Any, ...], tuple[str, ...]] | None = None
) -> tuple[str, ...] | None:
    if value is None:
        return None
    if type(value) is not list or not all(type(name) is str and name for name in value):
        raise ValueError(f"`{field}` is not a list of names")
    if known is None:
        return as_set(value)
    names = tuple(value)
    if (found := known.get(names)) is None:
        found = known[names] = as_set(names)
    return found


def _check_flag(value: Any) -> bool | None:
    if value is None or type(value) is bool:
        return value
    raise ValueError(f"`locked` is {name_type(value)}, not true or false")


def _take(place: Place, payload: Any) -> Any:
    try:
        return place.read(payload)
    except ValueError as error:
        raise HubError(str(error)) from None
