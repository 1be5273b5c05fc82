"""Which operations lock, unlock or delete one key, and say so unmistakably.

    POST /keys/{id}/lock, POST /keys/{id}:lock      the verb is the last segment
    PATCH /keys/{id}, operationId lockKey           the verb, and the key as its object
    DELETE /keys/{id}                               a delete, and never anything else

What is merely likely is a `Doubt`: a wrong guess here takes keys away that nobody meant. Summaries decide nothing, two
verbs are none, and a key is named by what can be nothing but its ID: `userId` and `excludedKeyIds` are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyspec.openapi.vocabulary import BULK, FILLERS, VERBS
from keyspec.openapi.words import split_words

if TYPE_CHECKING:
    from keyspec.openapi.document import ApiOperation
    from keyspec.openapi.schemas import Shape
    from keyspec.openapi.survey import Aim
    from keyspec.openapi.vocabulary import Purpose

_DEEDS: Final[frozenset[Purpose]] = frozenset({"lock_key", "unlock_key", "delete_key"})
_REVOKE: Final = "revoke_key"
_CHANGES: Final = ("POST", "PUT", "PATCH")
_IDS: Final = frozenset({"id", "uuid"})
_NAMES: Final = _IDS | {"uid", "guid", "identifier", "name"}


@dataclass(frozen=True, slots=True)
class Deed:
    """What an operation certainly does, and why."""

    purpose: Purpose
    why: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """What an operation may do."""

    purposes: frozenset[Purpose]


def names_key(name: str, thing: tuple[str, ...], *, in_path: bool = False) -> bool:
    """Tell whether a name can be nothing but that of a key's ID; in a path, a key is named by other words, too."""
    words = split_words(name)
    if not words or not thing:
        return False
    head, last = words[:-1], words[-1]
    own = last in (thing[-1], "key")
    if last not in (_NAMES if in_path else _IDS) and not (in_path and own):
        return False
    nouns = {*thing, "api", "key"}
    return not head or (set(head) <= nouns and (own or head[-1] in (thing[-1], "key")))


def find_ids(body: Shape | None, thing: tuple[str, ...]) -> str | None:
    """Find the list of IDs of the keys that are meant: the only list there is, and nothing beside it that widens it."""
    fields = {} if body is None else dict(body.fields())
    lists = [name for name, shape in fields.items() if "array" in shape.kinds]
    if len(lists) != 1 or not (names_key(lists[0], thing) or lists[0] == "keys"):
        return None
    items = fields.pop(lists[0]).items()
    if (items is not None and not items.may_be("string")) or any(map(_may_widen, fields.values())):
        return None
    return lists[0]


def _may_widen(shape: Shape) -> bool:
    return "boolean" in shape.kinds or "default" in shape.bounds


def takes_id(body: Shape | None, thing: tuple[str, ...]) -> bool:
    """Tell whether a body has a field for the ID of one key."""
    fields = () if body is None else body.fields()
    return any(names_key(name, thing) and shape.may_be("string") for name, shape in fields)


def _takes_list(body: Shape | None) -> bool:
    return body is not None and any("array" in shape.kinds for _, shape in body.fields())


def read_deed(aim: Aim, operation: ApiOperation, item: str | None) -> Deed | Doubt | None:
    """Tell what an operation does to a key's life, or may do; None if that is something else."""
    named = [VERBS[word] for word in split_words(operation.name) if word in VERBS]
    told = frozenset([VERBS[verb] for verb in aim.verbs] or named[:1])
    deletes = operation.method == "DELETE"
    may: set[Purpose] = {purpose for purpose in told if purpose in _DEEDS}
    if _REVOKE in told:
        may = {"lock_key", "delete_key"}
    if deletes:
        may = {"unlock_key" if aim.verbs and "lock_key" in told else "delete_key"}
    if not may:
        return None
    sure = _find_delete(aim, operation, {*told, *named}) if deletes else _find_change(aim, operation, {*told, *named})
    if sure is None:
        return Doubt(frozenset(may))
    purpose, why = sure
    if item is None and find_ids(operation.body, aim.thing):
        return Deed(BULK[purpose], why)
    one = takes_id(operation.body, aim.thing) if item is None else _is_one(operation, item, aim.thing)
    return Deed(purpose, why) if one and not _takes_list(operation.body) else Doubt(frozenset(may))


def _is_one(operation: ApiOperation, item: str, thing: tuple[str, ...]) -> bool:
    """Tell whether a parameter names one key; one of the query was taken for that only by its name."""
    return f"{{{item}}}" not in operation.path or names_key(item, thing, in_path=True)


def _find_delete(aim: Aim, operation: ApiOperation, told: set[Purpose | None]) -> tuple[Purpose, str] | None:
    if told - {"delete_key", _REVOKE}:
        return None
    if not aim.verbs:
        return "delete_key", f"DELETE of {'one' if '{' in operation.path else 'a key'}"
    plain = _is_last(operation, aim.verbs) and VERBS[aim.verbs[0]] == "delete_key"
    return ("delete_key", f"`{aim.verbs[0]}` in the path") if plain else None


def _find_change(aim: Aim, operation: ApiOperation, told: set[Purpose | None]) -> tuple[Purpose, str] | None:
    purpose = next(iter(told)) if len(told) == 1 else None
    if purpose is None or purpose not in _DEEDS or operation.method not in _CHANGES:
        return None
    if aim.verbs:
        return (purpose, f"`{aim.verbs[0]}` in the path") if _is_last(operation, aim.verbs) else None
    verb, *others = split_words(operation.name)
    words = [word for word in others if word not in FILLERS]
    plain = VERBS.get(verb) == purpose and words and names_key(" ".join(words), aim.thing, in_path=True)
    return (purpose, f"`{verb}` in its operationId") if plain else None


def _is_last(operation: ApiOperation, verbs: tuple[str, ...]) -> bool:
    last = operation.path.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return len(verbs) == 1 and last.lower() == verbs[0]
