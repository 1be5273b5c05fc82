"""Between how a hub writes a key's fields and what they mean: timeouts in units, states by name, roles by ID.

Reading, a value of the wrong type is a ValueError, and one that no whole number of seconds or no known state says is
None: it cannot be compared. Writing, what the hub's form cannot say is a ValueError, told when the plan is made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from keyspec.template import fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Unit = Literal["s", "ms", "min", "h", "text", "iso"]
State = Literal["active", "locked"]
RoleId = str | int

MAX_TIMEOUT_S: Final = 2**63 - 1
_FACTORS_S: Final[Mapping[str, int]] = {"s": 1, "min": 60, "h": 3600}
_TEXT_UNITS_S: Final[Mapping[str, int]] = {"h": 3600, "m": 60, "s": 1}
_MS: Final = 1000
_TEXT: Final = re.compile(r"([0-9]{1,12})([smhd]?)", re.ASCII)
_TEXT_S: Final[Mapping[str, int]] = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_ISO: Final = re.compile(
    r"P(?:([0-9]{1,9})D)?(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,12})S)?)?", re.ASCII
)
_NAMES: Final[Mapping[str, str]] = {"min": "minutes", "h": "hours"}
_TYPES: Final = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}


def read_timeout(unit: Unit, value: Any) -> int | None:
    """Give the seconds that a hub's value says; None where it says none, or no whole number of them.

    Raises:
        ValueError: if it is of the wrong type.
    """
    if value is None:
        return None
    if unit in ("text", "iso"):
        if type(value) is not str:
            raise ValueError(f"is {name_type(value)}, not a duration as text")
        seconds = _read_text(value) if unit == "text" else _read_iso(value)
    else:
        if type(value) is not int or value < 0:
            raise ValueError(f"is {name_type(value)}, not a whole number of {_say_unit(unit)}")
        seconds = (value // _MS if value % _MS == 0 else None) if unit == "ms" else value * _FACTORS_S[unit]
    if seconds is not None and seconds > MAX_TIMEOUT_S:
        raise ValueError(f"is a number beyond {MAX_TIMEOUT_S} seconds")
    return seconds


def write_timeout(unit: Unit, seconds: int) -> int | str:
    """Give the hub's value for some seconds; what is written is read back as the same number.

    Raises:
        ValueError: if the unit cannot say it.
    """
    if unit == "ms":
        return seconds * _MS
    if unit == "text":
        sign, factor = next(each for each in _TEXT_UNITS_S.items() if seconds % each[1] == 0)
        return f"{seconds // factor}{sign}" if seconds else "0s"
    if unit == "iso":
        return _write_iso(seconds)
    if seconds % _FACTORS_S[unit]:
        raise ValueError(f"{seconds} seconds are no whole number of {_NAMES[unit]}")
    return seconds // _FACTORS_S[unit]


def read_state(value: Any, *, active: Iterable[Any], locked: Iterable[Any]) -> State | None:
    """Give the state that a hub's word means; None for a word that the contract does not name."""
    if any(_is_same(value, known) for known in active):
        return "active"
    return "locked" if any(_is_same(value, known) for known in locked) else None


def find_roles(ids: Iterable[RoleId], known: Mapping[RoleId, str]) -> tuple[str, ...]:
    """Give the names of roles by their IDs.

    Raises:
        LookupError: with the first ID that is not known.
    """
    found = []
    for role_id in ids:
        if role_id not in known:
            raise LookupError(role_id)
        found.append(known[role_id])
    return tuple(found)


def write_roles(send: Any, roles: Iterable[str], ids: Mapping[str, RoleId] | None) -> list[Any]:
    """Give roles as they stand in a body; `ids` is None where they stand by name.

    Raises:
        ValueError: if a role's ID is wanted and not known.
    """
    sent: list[Any] = []
    for role in roles:
        if ids is not None and role not in ids:
            raise ValueError(f"the ID of role `{role}` is not known on this hub")
        sent.append(fill(send, {"role": role if ids is None else ids[role]}))
    return sent


def name_type(value: Any) -> str:
    """Name the type of a JSON value as people say it."""
    return "an object" if isinstance(value, dict) else _TYPES.get(type(value), "nothing")


def _say_unit(unit: Unit) -> str:
    return {"s": "seconds", "ms": "milliseconds"}.get(unit) or _NAMES[unit]


def _is_same(value: Any, known: Any) -> bool:
    return type(value) is type(known) and bool(value == known)


def _read_text(text: str) -> int | None:
    match = _TEXT.fullmatch(text)
    return None if match is None else int(match[1]) * _TEXT_S[match[2]]


def _read_iso(text: str) -> int | None:
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _write_iso(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "H"), (minutes, "M"), (rest, "S"))
    return "PT" + ("".join(f"{number}{sign}" for number, sign in parts if number) or "0S")
