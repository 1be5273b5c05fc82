"""Which field of a key's row means what: its ID, description, roles, timeout, and whether it is locked.

Names are judged by their words, types have to fit, and what lies deeper counts less. Two fields that keyspec must not
confuse are told apart here: how long a hub trusts a key (`timeout`, `ttl`), and when a key ends (`expires_in`), which
is nobody's reauthentication timeout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from keyspec.openapi.schemas import walk
from keyspec.openapi.words import holds_any, split_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keyspec.openapi.schemas import Path, Scalar, Shape

Unit = Literal["s", "ms", "min", "h", "text", "iso"]

_KEY_NOUNS: Final = frozenset({"api", "key", "token", "credential", "access", "auth", "secret", "service"})
_IDS: Final = {"id": 11, "uid": 9, "uuid": 8, "guid": 8, "identifier": 8}
_DESCRIPTIONS: Final = {"description": 12, "note": 10, "comment": 9, "purpose": 8, "label": 7, "remark": 7, "title": 6}
_NAMES: Final = {("display", "name"): 5, ("name",): 4, ("key", "name"): 4}
_ROLES: Final = {
    "role": 12,
    "scope": 10,
    "permission": 9,
    "grant": 8,
    "privilege": 7,
    "group": 6,
    "policy": 5,
    "authority": 4,
}
_TIMEOUTS: Final = {"reauth": 14, "reauthentication": 14, "reauthenticate": 14, "timeout": 11, "ttl": 9, "recheck": 9}
_SURE: Final = frozenset({"reauth", "reauthentication", "reauthenticate", "recheck"})
_ENDS: Final = frozenset({"expire", "expiry", "expiration", "expires", "lifetime", "validity", "valid", "end", "until"})
_UNITS: Final[Mapping[str, Unit]] = {
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "msec"), "ms"),
    **dict.fromkeys(("s", "sec", "second"), "s"),
    **dict.fromkeys(("min", "minute"), "min"),
    **dict.fromkeys(("h", "hr", "hour"), "h"),
}
_ACTIVE: Final = ("active", "enabled", "unlocked", "valid", "live", "usable", "ok", "open", "normal")
_LOCKED: Final = (
    "locked",
    "disabled",
    "suspended",
    "inactive",
    "blocked",
    "paused",
    "frozen",
    "deactivated",
)
"""Best first: the first that a hub knows is what it is sent. What is revoked, expired or deleted does not come back."""
_STATES: Final = frozenset({"status", "state", "lock", "activation"})
_FLAGS: Final = {
    **dict.fromkeys(
        ("locked", "disabled", "suspended", "blocked", "paused", "frozen", "deactivated", "inactive"), True
    ),
    **dict.fromkeys(("enabled", "active", "usable", "activated", "unlocked"), False),
}
"""Names of yes-or-no fields: what yes says about being locked."""
_DEEPER: Final = 4
_ISO: Final = re.compile(r"\^?P|ISO.?8601|\bPT\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Spot:
    """A field that was found, and why it was taken."""

    path: Path
    shape: Shape
    reason: str


@dataclass(frozen=True, slots=True)
class Roles:
    """The field of the roles; `inner` is the member of each that names it, empty where each is a text."""

    spot: Spot
    inner: Path
    by_id: bool


@dataclass(frozen=True, slots=True)
class Timeout:
    """The field of the timeout, in which unit, and why in that."""

    spot: Spot
    unit: Unit
    unit_reason: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The field that tells whether a key is locked, its values if not and if so; the first of each is to be sent."""

    spot: Spot
    active: tuple[Scalar, ...]
    locked: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class KeyFields:
    """The fields of a row of keys; `remarks` says what was not taken, by the field it could have been."""

    id: Spot | None
    description: Spot | None
    roles: Roles | None
    timeout: Timeout | None
    lock: Lock | None
    remarks: Mapping[str, str]


def find_key_fields(row: Shape, *, thing: Iterable[str], item: str | None) -> KeyFields:
    """Find the fields of a key; `thing` are the words for keys here, `item` the parameter that names one."""
    remarks: dict[str, str] = {}
    nouns = frozenset(thing) | _KEY_NOUNS
    wanted = split_words(item or "")
    key_id = _find(row, lambda path, _: _judge_id(path, nouns, wanted))
    if key_id is not None and not key_id.shape.may_be("string"):
        remarks["id"], key_id = f"`{'.'.join(key_id.path)}` is no text", None
    taken = key_id.path if key_id else ()
    description = _find(row, lambda path, shape: 0 if path == taken else _judge_description(path, shape))
    return KeyFields(
        key_id,
        description,
        find_roles(row, remarks),
        find_timeout(row, remarks),
        find_lock(row),
        remarks,
    )


def find_roles(shape: Shape, remarks: dict[str, str] | None = None) -> Roles | None:
    """Find the field that lists roles, and what each is told by."""
    spot = _find(shape, _judge_roles)
    if spot is None:
        if remarks is not None and (one := _find(shape, lambda path, _: _judge_roles(path, None))):
            remarks["roles"] = f"`{'.'.join(one.path)}` is no list"
        return None
    items = spot.shape.items()
    words = split_words(spot.path[-1])
    if items is None or items.may_be("string", "integer"):
        told = f"{items.format} {items.text} {spot.shape.text}" if items else ""
        numbers = items is not None and items.kinds == {"integer"}
        by_id = numbers or words[-1] == "id" or holds_any(split_words(told), ("id", "uuid"))
        return Roles(spot, (), by_id)
    inner = _find(items, lambda path, shape: _judge_inner(path, shape, items))
    if inner is None:
        return None
    return Roles(spot, inner.path, split_words(inner.path[-1])[-1] in ("id", "uuid"))


def find_timeout(shape: Shape, remarks: dict[str, str] | None = None) -> Timeout | None:
    """Find the field that says how long a key is trusted, and in which unit."""
    spot = _find(shape, _judge_timeout)
    if spot is None:
        if remarks is not None and (end := _find(shape, _judge_end)):
            remarks["reauth_timeout"] = f"`{'.'.join(end.path)}` says when a key ends, not how long it is trusted"
        return None
    unit, why = _read_unit(spot)
    if not holds_any(split_words(spot.path[-1]), _SURE):
        why += "; confirm that it is how long a key is trusted, not when it ends"
    return Timeout(spot, unit, why)


def find_lock(shape: Shape) -> Lock | None:
    """Find the field that says whether a key is locked: a status of known values, or yes or no."""
    spot = _find(shape, _judge_lock)
    if spot is None:
        return None
    if "boolean" in spot.shape.kinds:
        locked = _FLAGS[_name_flag(spot.path[-1])]
        return Lock(spot, (not locked,), (locked,))
    return Lock(spot, *sort_states(spot.shape.values))


def sort_states(values: Iterable[Scalar]) -> tuple[tuple[Scalar, ...], tuple[Scalar, ...]]:
    """Tell the values that mean unlocked and those that mean locked, the best to be sent first."""
    known = {value: split_words(str(value)) for value in values}
    sides = []
    for words in (_ACTIVE, _LOCKED):
        found = [
            (words.index(told[-1]), str(value), value) for value, told in known.items() if told and told[-1] in words
        ]
        sides.append(tuple(value for _, _, value in sorted(found)))
    return sides[0], sides[1]


def _find(shape: Shape, judge: Callable[[Path, Shape], int]) -> Spot | None:
    """Find the field that is judged best; a point for each level that it does not lie deeper."""
    best: tuple[int, int, Path] | None = None
    found = None
    for path, member in walk(shape):
        points = judge(path, member) - _DEEPER * (len(path) - 1)
        rank = (-points, len(path), path)
        if points > 0 and (best is None or rank < best):
            best, found = rank, member
    return None if best is None or found is None else Spot(best[2], found, "by its name")


def _judge_id(path: Path, nouns: frozenset[str], wanted: tuple[str, ...]) -> int:
    """Judge an ID; `wanted` are the words of the parameter that names one in a path: a name is an ID only there."""
    words = split_words(path[-1])
    if not words:
        return 0
    known = set(words[:-1]) <= nouns
    if known and words[-1] in _IDS:
        return _IDS[words[-1]] + (1 if words[:-1] else 0) + (3 if words == wanted else 0)
    if known and words[-1] == "name" and "name" in wanted:
        return 14
    return 0


def _judge_description(path: Path, shape: Shape) -> int:
    words = split_words(path[-1])
    if not words or not shape.may_be("string") or shape.values or "date-time" in shape.format:
        return 0
    if words in _NAMES:
        return _NAMES[words]
    return _DESCRIPTIONS.get(words[-1], 0) if set(words[:-1]) <= _KEY_NOUNS else 0


def _judge_roles(path: Path, shape: Shape | None) -> int:
    words = split_words(path[-1])
    if shape is not None and "array" not in shape.kinds:
        return 0
    head = words[-2:-1] if words[-1:] in (("id",), ("name",)) else words[-1:]
    return _ROLES.get(head[0], 0) if head else 0


def _judge_inner(path: Path, shape: Shape, items: Shape) -> int:
    """Judge the member that tells a role in a list of them; one of a role's own list is none."""
    words = split_words(path[-1])
    if len(path) > 1 or items is shape or not words or shape.values:
        return 0
    if words[-1] in ("id", "uuid") and (words[:-1] == () or words[0] in _ROLES) and shape.may_be("string", "integer"):
        return 6
    return 4 if shape.may_be("string") and (words[-1] == "name" or words[-1] in _ROLES) else 0


def _judge_timeout(path: Path, shape: Shape) -> int:
    words = split_words(path[-1])
    if not shape.may_be("integer", "number", "string") or "date" in shape.format:
        return 0
    points = max((_TIMEOUTS.get(word, 0) for word in words), default=0)
    if words[:4] == ("time", "to", "live"):
        points = 9
    return 0 if holds_any(words, _ENDS) and points < _TIMEOUTS["reauth"] else points


def _judge_end(path: Path, shape: Shape) -> int:
    fits = shape.may_be("integer", "number", "string")
    return 5 if fits and holds_any(split_words(path[-1]), _ENDS) else 0


def _judge_lock(path: Path, shape: Shape) -> int:
    words = split_words(path[-1])
    if "boolean" in shape.kinds:
        return 9 if _name_flag(path[-1]) in _FLAGS and len(words) <= 2 else 0  # noqa: PLR2004 - `is_locked`
    active, locked = sort_states(shape.values)
    if not active or not locked:
        return 0
    return 10 if holds_any(words, _STATES) else 6


def _name_flag(name: str) -> str:
    """Give the word that a yes-or-no field turns on."""
    words = split_words(name)
    return words[-1] if words else ""


def _read_unit(spot: Spot) -> tuple[Unit, str]:
    words = split_words(spot.path[-1])
    shape = spot.shape
    if shape.kinds == {"string"}:
        if shape.format == "duration" or _ISO.search(shape.text):
            return "iso", "a text, and ISO 8601 is named"
        return "text", "a text"
    for word in words[1:]:
        if word in _UNITS:
            return _UNITS[word], f"`{word}` in its name"
    for word in split_words(shape.text):
        if word in _UNITS and len(word) > 1:
            return _UNITS[word], f"`{word}` in its description"
    return "s", "no unit is named"
