"""What a request can carry: the schema of a body fitted with placeholders and constants.

A field is found where the key's row has it, else by its own name. What the document requires and keyspec has nothing
for is told by name: an operation that lacks it would be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.fields import find_key_fields
from keyspec.openapi.schemas import walk
from keyspec.openapi.words import holds_any, split_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.openapi.fields import KeyFields
    from keyspec.openapi.schemas import Path, Shape

_VALUES: Final = {"secret": 12, "value": 11, "token": 9, "plaintext": 9, "credential": 8, "password": 7, "key": 8}
_NO_VALUES: Final = frozenset(
    {"id", "name", "hint", "prefix", "suffix", "hash", "digest", "fingerprint", "last", "mask", "masked", "preview"}
)
_TYPES: Final = frozenset({"type", "kind", "algorithm", "format", "expire", "url", "uri", "count"})
_ONCE: Final = frozenset({"once", "never", "only", "again", "plaintext", "secret"})
_NEW_BONUS: Final = 6
_ONCE_BONUS: Final = 4


@dataclass(frozen=True, slots=True)
class Fit:
    """A body: what stands in it, the placeholders it carries, and what it lacks that the document requires."""

    body: dict[str, Any] | None
    carried: frozenset[str]
    lacking: tuple[str, ...]
    required: frozenset[str]


def find_value(answer: Shape | None, known: Iterable[Path]) -> tuple[Path, str] | None:
    """Find where an answer holds a key's value; `known` are paths that every row has, which hence hold none."""
    if answer is None:
        return None
    rows = frozenset(known)
    best: tuple[int, int, Path] | None = None
    for path, shape in walk(answer, depth=4):
        points = _judge_value(path, shape)
        if points and path not in rows:
            points += _NEW_BONUS if rows else 0
            points += _ONCE_BONUS if holds_any(split_words(shape.text), _ONCE) else 0
        rank = (-points, len(path), path)
        if points > _NEW_BONUS and (best is None or rank < best) and path not in rows:
            best = rank
    return None if best is None else (best[2], "no list shows it" if rows else f"by its name `{best[2][-1]}`")


def fit_body(
    shape: Shape,
    row: KeyFields,
    wanted: Iterable[str],
    constants: Mapping[Path, Any] | None = None,
    *,
    plain: bool = False,
) -> Fit:
    """Fill a body with the placeholders wanted, as far as it has their fields, and with constants at their paths.

    The key's ID stands wherever the document requires it. A `plain` body has no other constants, and the ID at its top.
    """
    places = {name: path for name in wanted if (path := find_place(shape, row, name)) is not None}
    key_id = find_place(shape, row, "key_id")
    if key_id is not None and _is_required(shape, key_id):
        places["key_id"] = key_id
    if plain and len(places.get("key_id", ())) > 1:
        del places["key_id"]
    content: dict[Path, Any] = dict(constants or {})
    for name, path in places.items():
        content.setdefault(path, f"{{{name}}}")
    lacking = _fill_required(shape, content, constant=not plain)
    body: dict[str, Any] = {}
    for path, value in sorted(content.items()):
        _put(body, path, value)
    required = frozenset(name for name, path in places.items() if _is_required(shape, path))
    return Fit(body or None, frozenset(places), lacking, required)


def find_place(shape: Shape, row: KeyFields, name: str) -> Path | None:
    """Find where a body takes what a placeholder stands for: as the row has it, else as its own names tell.

    Roles and a timeout are sent as rows have them, so what no row has cannot be sent.
    """
    if name == "value":
        found = find_value(shape, ())
        return None if found is None else found[0]
    known = _list_paths(row)[name]
    if known is not None and (at := _same_place(shape, known)) is not None:
        return at
    own = find_key_fields(shape, thing=(), item=None)
    path = _list_paths(own)[name]
    if path is None or not _may_send(shape.at(path)):
        return None
    match name:
        case "key_id":
            return path if split_words(path[-1])[-1] in ("id", "uuid") else None
        case "description":
            return None if path == find_place(shape, row, "key_id") else path
        case "reauth_timeout":
            same = row.timeout is not None and own.timeout is not None and row.timeout.unit == own.timeout.unit
            return path if same else None
        case "roles":
            same = row.roles is not None and own.roles is not None and row.roles.by_id == own.roles.by_id
            return path if same else None
        case "state":
            same = row.lock is not None and own.lock is not None and row.lock.locked[:1] == own.lock.locked[:1]
            return path if same else None
        case _:
            return path


def _list_paths(row: KeyFields) -> Mapping[str, Path | None]:
    return {
        "key_id": row.id.path if row.id else None,
        "description": row.description.path if row.description else None,
        "roles": row.roles.spot.path if row.roles else None,
        "reauth_timeout": row.timeout.spot.path if row.timeout else None,
        "state": row.lock.spot.path if row.lock else None,
    }


def _same_place(shape: Shape, path: Path) -> Path | None:
    """Find the path of a row in a body: the same, or the same name somewhere in it."""
    if _may_send(shape.at(path)):
        return path
    found = [(len(at), at) for at, member in walk(shape) if at[-1] == path[-1] and _may_send(member)]
    return min(found)[1] if found else None


def _may_send(shape: Shape | None) -> bool:
    return shape is not None and "readOnly" not in shape.flags


def _fill_required(shape: Shape, content: dict[Path, Any], *, constant: bool) -> tuple[str, ...]:
    """Put constants where the document allows one value or names a default; tell what is still lacking."""
    lacking = []
    parents = {(), *(path[:length] for path in content for length in range(1, len(path)))}
    for parent in sorted(parents):
        owner = shape.at(parent)
        for name in sorted(owner.required if owner else ()):
            path = (*parent, name)
            if any(at[: len(path)] == path for at in content):
                continue
            member = shape.at(path)
            if member is None or "readOnly" in member.flags:
                continue
            if constant and "default" in member.bounds:
                content[path] = member.bounds["default"]
            elif constant and len(member.values) == 1:
                content[path] = member.values[0]
            else:
                lacking.append(".".join(path))
    return tuple(lacking)


def _is_required(shape: Shape, path: Path) -> bool:
    return all(
        (owner := shape.at(path[:length])) is not None and path[length] in owner.required for length in range(len(path))
    )


def _put(body: Any, path: Path, value: Any) -> None:
    for name in path[:-1]:
        body = body.setdefault(name, {})
        if not isinstance(body, dict):
            return
    body.setdefault(path[-1], value)


def _judge_value(path: Path, shape: Shape) -> int:
    words = split_words(path[-1])
    if not words or not shape.may_be("string") or shape.values or "date" in shape.format:
        return 0
    if holds_any(words, _NO_VALUES) or words[-1] in _TYPES:
        return 0
    points = _VALUES.get(words[-1], 0)
    if points and len(path) > 1 and holds_any(split_words(path[-2]), ("secret", "credential", "key", "token")):
        points += 1
    return points - (len(path) - 1)
