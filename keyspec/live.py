"""What a hub answered, as values: pages, keys, roles, a created key.

A payload is believed only in its types: a field of the wrong type is an error that names the row and the field; a
field that is missing or null is None, which means "cannot compare"; fields nobody knows are ignored. Messages
quote a key's ID through `display()` and nothing else of a payload; of an answer to a create, nothing at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from keyspec.display import display
from keyspec.errors import HubError
from keyspec.model import Key, Role, as_set
from keyspec.place import make_reader
from keyspec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from keyspec.contract import Contract, KeyPlaces
    from keyspec.place import Place

T = TypeVar("T")

_VALUE: Final = re.compile(r"[!-~]{1,4096}")
_MAX_TIMEOUT_S: Final = 2**63 - 1
_STATES: Final[Mapping[bool | None, Literal["active", "locked"] | None]] = {None: None, False: "active", True: "locked"}
_TYPES: Final = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list as the hub sent it; `total` is None where the hub tells none."""

    rows: Sequence[Any]
    total: int | None


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


def read_page(contract: Contract, operation: Literal["list_keys", "list_roles"], payload: Any) -> Page:
    """Read the rows and the total of a page.

    Raises:
        HubError: if it is no page.
    """
    shape = contract.operations.list_keys if operation == "list_keys" else contract.operations.list_roles
    if shape is None:
        raise LookupError(f"the contract `{contract.name}` has no operation `{operation}`")
    rows = _take(shape.rows, payload)
    if not isinstance(rows, list):
        raise HubError(f"the answer has no list of rows at `{shape.rows.text}`, but {_name_type(rows)}")
    total = None if shape.total is None else _take(shape.total, payload)
    if total is not None and (type(total) is not int or total < 0):
        raise HubError(f"the total of the list is {_name_type(total)}, not a whole number of rows")
    return Page(rows, total)


def read_keys(contract: Contract, rows: Iterable[Any]) -> tuple[Key, ...]:
    """Read the keys of one page, in its order.

    Raises:
        HubError: naming the row and the field that is not what it should be.
    """
    read = _make_key_reader(contract.key)
    return tuple(_read_row(read, row, number) for number, row in enumerate(rows, start=1))


def read_key(contract: Contract, row: Any) -> Key:
    """Read one key; HubError as in `read_keys`."""
    return _read_row(_make_key_reader(contract.key), row, None)


def read_roles(contract: Contract, rows: Iterable[Any]) -> tuple[Role, ...]:
    """Read the roles of one page, in its order; HubError names the row and the field."""
    places = contract.role
    if places is None:
        raise LookupError(f"the contract `{contract.name}` does not tell where a role's fields stand")
    read_name, read_permissions = make_reader(places.name), make_reader(places.permissions)

    def read(row: dict[str, Any]) -> Role:
        name = _check_text("name", read_name(row))
        if not name:
            raise ValueError("`name` is missing or empty")
        return Role(name, _check_names("permissions", read_permissions(row)))

    return tuple(_read_row(read, row, number) for number, row in enumerate(rows, start=1))


def read_created(contract: Contract, payload: Any, key_id: str) -> Created:
    """Read the value first, then the key, from the answer to the create of `key_id`.

    Raises:
        HubError: only if there is no usable value; the message holds nothing of the answer.
    """
    operation = contract.operations.create_key
    if operation is None:
        raise LookupError(f"the contract `{contract.name}` has no operation `create_key`")
    text = _take(operation.value, payload)
    if not isinstance(text, str):
        raise HubError(f"the answer has no value at `{operation.value.text}`")
    if not _VALUE.fullmatch(text):
        raise HubError("the answer's value is not 1 to 4096 printable ASCII characters without blanks")
    key, error = _read_created_key(contract, payload, text)
    if key is not None and key.key_id != key_id:
        error = f"the hub made a key with another ID than `{display(key_id)}`"
    return Created(Secret(text), key, error)


def _read_created_key(contract: Contract, payload: Any, value: str) -> tuple[Key | None, str | None]:
    try:
        key = _make_key_reader(contract.key)(_check_row(payload))
    except ValueError:
        return None, "the created key cannot be read: a field is missing or of the wrong type"
    if any(value in text for text in (key.key_id, key.description or "", *(key.roles or ()))):
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
        raise ValueError(f"it is {_name_type(row)}, not an object")  # noqa: TRY004 - like every wrong field
    return row


def _make_key_reader(places: KeyPlaces) -> Callable[[dict[str, Any]], Key]:
    read_id, read_description = make_reader(places.id), make_reader(places.description)
    read_roles, read_timeout = make_reader(places.roles), make_reader(places.reauth_timeout)
    read_locked = make_reader(places.locked)
    known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def read(row: dict[str, Any]) -> Key:
        key_id = read_id(row)
        if type(key_id) is not str or not key_id:
            raise ValueError(f"the key's ID at `{places.id.text}` is {_name_type(key_id)}, not text")
        try:
            return Key(
                key_id,
                _check_text("description", read_description(row)),
                _check_names("roles", read_roles(row), known),
                _check_seconds(read_timeout(row)),
                _STATES[_check_flag(read_locked(row))],
            )
        except ValueError as error:
            raise ValueError(f"key `{display(key_id)}`: {error}") from None

    return read


def _check_text(field: str, value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    raise ValueError(f"`{field}` is {_name_type(value)}, not text")


def _check_names(
    field: str, value: Any, known: dict[tuple[str, ...], tuple[str, ...]] | None = None
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


def _check_seconds(value: Any) -> int | None:
    if value is None or (type(value) is int and 0 <= value <= _MAX_TIMEOUT_S):
        return value
    raise ValueError(f"`reauth_timeout` is {_name_type(value)}, not a whole number of seconds")


def _check_flag(value: Any) -> bool | None:
    if value is None or type(value) is bool:
        return value
    raise ValueError(f"`locked` is {_name_type(value)}, not true or false")


def _take(place: Place, payload: Any) -> Any:
    try:
        return place.read(payload)
    except ValueError as error:
        raise HubError(str(error)) from None


def _name_type(value: Any) -> str:
    return _TYPES.get(type(value), "nothing")
