"""Which operations of a document administer API keys, and what each is for.

    /v1/api-keys/{id}:disable      ──> the thing `api key` below /v1, one of it, to be locked
    └┬┘ └──┬───┘ └┬─┘ └──┬──┘
    below  thing  item  verb

Operations on the same thing below the same path are a `Resource`. What is done is told by the words of the path, then
by the method, then by the words of operationId and summary; what locks, unlocks or deletes has to say so unmistakably
(`plain`). Who answers best to a purpose gets it, the order of the document says nothing. The resource of the keys is
the one whose name, operations and rows look most like API keys; keys that cipher or sign are not meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from keyspec.openapi.places import find_rows
from keyspec.openapi.plain import Doubt, names_key, read_deed, takes_id
from keyspec.openapi.vocabulary import (
    BULK,
    CRYPTIC,
    FILLERS,
    FOREIGN,
    LEAST_POINTS,
    METHODS,
    NOUNS,
    PAIRS,
    QUALIFIERS,
    ROLE_NOUNS,
    VERBS,
    WORTH,
)
from keyspec.openapi.words import holds_any, split_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.openapi.document import Api, ApiOperation
    from keyspec.openapi.vocabulary import Purpose

_SUFFIX: Final = re.compile(r"\.(json|xml|ya?ml)$")
_OF_ALL: Final = ("list_keys", "create_key", "import_key")
_GRAVE: Final = ("lock_key", "unlock_key", "delete_key", "revoke_key", "set_state")


@dataclass(frozen=True, slots=True)
class Aim:
    """What one operation is about: below which path, which thing, the parameter that names one of it, its verbs."""

    below: tuple[str, ...]
    thing: tuple[str, ...]
    item: str | None
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The operation that has a purpose, its item parameter (in the path or the query), and why it was taken."""

    operation: ApiOperation
    item: str | None
    reason: str
    points: int = 0


@dataclass(frozen=True, slots=True)
class Resource:
    """Operations on one thing, by what they are for, and what may be for it; `lack` says why it cannot be the keys."""

    path: str
    thing: tuple[str, ...]
    points: int
    found: Mapping[Purpose, Found]
    lack: str | None = None
    doubts: Mapping[Purpose, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a document has for keyspec: the keys, the lists of roles by their noun, the document itself.

    `near` says why nothing else is the keys.
    """

    keys: Resource | None
    roles: Mapping[str, Found]
    openapi: Found | None
    near: tuple[str, ...] = ()


@dataclass(slots=True)
class _Group:
    members: list[tuple[Aim, ApiOperation]] = field(default_factory=list)


def survey_api(api: Api) -> Survey:
    """Find what administers API keys."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], _Group] = {}
    for operation in api.operations:
        aim = read_aim(operation)
        if aim is not None:
            groups.setdefault((aim.below, aim.thing), _Group()).members.append((aim, operation))
    resources = [resource for key, group in sorted(groups.items()) if (resource := _read_resource(*key, group))]
    fit = [resource for resource in resources if resource.lack is None]
    fit.sort(key=lambda each: (-each.points, len(each.path), each.path))
    keys = fit[0] if fit else None
    near = tuple(f"{each.path}: {each.lack}" for each in resources if each.lack is not None)
    base = keys.found["list_keys"].operation.base if keys else None
    own = [operation for operation in api.operations if base in (None, operation.base)]
    return Survey(keys, dict(_find_roles(own)), _find_openapi(own), near)


def read_aim(operation: ApiOperation) -> Aim | None:
    """Read what an operation is about from its path; None if it names no thing."""
    return read_path(operation.path)


def read_path(path: str) -> Aim | None:
    """Read what a path is about."""
    segments = [part for segment in path.strip("/").split("/") for part in _split_segment(segment)]
    items: list[str] = []
    verbs: tuple[str, ...] = ()
    while segments:
        segment = segments.pop()
        if "{" in segment:
            items.append(segment.strip("{}"))
            continue
        words = split_words(_SUFFIX.sub("", segment))
        thing = tuple(word for word in words if word not in VERBS and word not in FILLERS)
        verbs = (*(word for word in words if word in VERBS), *verbs)
        if thing:
            return Aim(tuple(segments), thing, items[0] if len(items) == 1 else None, verbs) if len(items) < 2 else None  # noqa: PLR2004 - one names one
    return None


def _split_segment(segment: str) -> list[str]:
    """Take a custom method (`keys:import`, google.aip.dev/136) apart from what it is done to."""
    return [part for part in segment.split(":") if part]


def _read_resource(below: tuple[str, ...], thing: tuple[str, ...], group: _Group) -> Resource | None:
    name = _count_name(below, thing, group)
    if not name:
        return None
    found: dict[Purpose, Found] = {}
    for aim, operation in group.members:
        for purpose, each in _read_purpose(aim, operation):
            best = found.get(purpose)
            if best is None or _rank(each) < _rank(best):
                found[purpose] = each
    lack = _find_lack(below, found, group)
    if lack is None:
        base = found["list_keys"].operation.base
        found = {purpose: each for purpose, each in found.items() if each.operation.base == base}
    points = name + sum(worth for purpose, worth in WORTH.items() if purpose in found)
    return Resource(
        min(operation.path for _, operation in group.members), thing, points, found, lack, _list_doubts(group)
    )


def _count_name(below: tuple[str, ...], thing: tuple[str, ...], group: _Group) -> int:
    """Tell how much the name of a thing sounds like API keys; 0 is not at all."""
    around = {word for segment in below if "{" not in segment for word in split_words(segment)}
    if holds_any(thing, FOREIGN) or holds_any(around, CRYPTIC):
        return 0
    told = [
        split_words(text)
        for _, operation in group.members
        for text in (operation.name, operation.summary, *operation.tags)
    ]
    points, plain = _count_words(thing)
    if (plain or not points) and any(holds_any(words, CRYPTIC) for words in told):
        return 0
    named = any(pair in PAIRS for words in told for pair in pairwise(words))
    return points or (LEAST_POINTS if named else 0)


def _count_words(thing: tuple[str, ...]) -> tuple[int, bool]:
    """Tell how much a name sounds like API keys, and whether nothing in it says which keys."""
    if thing[-1] not in NOUNS:
        return 0, True
    more = max((QUALIFIERS.get(word, 0) for word in thing), default=0)
    return NOUNS[thing[-1]] + more, not more


def _find_lack(below: tuple[str, ...], found: Mapping[Purpose, Found], group: _Group) -> str | None:
    if filled := [segment for segment in below if "{" in segment]:
        return f"stands below {', '.join(filled)}, which a contract cannot fill"
    if "list_keys" not in found:
        silent = [each.label for aim, each in group.members if each.method == "GET" and not aim.item and not aim.verbs]
        return f"`{silent[0]}` does not say what rows it answers" if silent else "nothing lists them"
    if not any(purpose in found for purpose in WORTH):
        return "they can be listed, and not changed"
    return None


def _read_purpose(aim: Aim, operation: ApiOperation) -> Iterator[tuple[Purpose, Found]]:
    """Tell what an operation is for, by its path's verb if it has one, else by its method and its words."""
    item = aim.item or _find_query_item(aim, operation)
    told = _read_deed(aim, operation, item) or _read_other(aim, operation, item)
    if isinstance(told, Doubt) or told is None:
        return
    purpose, why, points = told
    if purpose == "list_keys" and (operation.method != "GET" or item or find_rows(operation.success) is None):
        return
    whole = item is not None or purpose in _OF_ALL or takes_id(operation.body, aim.thing)
    if whole or purpose in BULK.values():
        yield purpose, Found(operation, item, why, points)


def _read_deed(aim: Aim, operation: ApiOperation, item: str | None) -> tuple[Purpose, str, int] | Doubt | None:
    """Tell what locks, unlocks or deletes, by the path rather than by the operationId."""
    deed = read_deed(aim, operation, item) if operation.method != "GET" else None
    if deed is None or isinstance(deed, Doubt):
        return deed
    return deed.purpose, deed.why, 10 if aim.verbs else 6


def _read_other(aim: Aim, operation: ApiOperation, item: str | None) -> tuple[Purpose, str, int] | None:
    """Tell what else an operation is for."""
    method = operation.method
    if aim.verbs:
        purpose, why, points = VERBS[aim.verbs[-1]], f"`{aim.verbs[-1]}` in the path", 10
        if method == "GET" and purpose not in ("list_keys", "get_key"):
            return None
    elif (method, item is not None) in METHODS:
        purpose, points = METHODS[method, item is not None]
        why = f"{method} of {'one' if item else 'all'}"
        if method != "GET" and (spoken := _find_spoken(operation)) and spoken[0] != purpose:
            purpose, why, points = spoken[0], f"`{spoken[1]}` in its {spoken[2]}", points - 1
    else:
        return None
    stays = purpose not in ("edit_key", "set_state") or item is None or names_key(item, aim.thing, in_path=True)
    return (purpose, why, points) if purpose is not None and stays else None


def _list_doubts(group: _Group) -> dict[Purpose, tuple[str, ...]]:
    """List, by purpose, the operations that may have it, and do not say so unmistakably."""
    found: dict[Purpose, tuple[str, ...]] = {}
    for aim, operation in sorted(group.members, key=lambda each: each[1].label):
        told = _read_deed(aim, operation, aim.item or _find_query_item(aim, operation))
        for purpose in told.purposes if isinstance(told, Doubt) else ():
            found[purpose] = (*found.get(purpose, ()), operation.label)
    return found


def _find_spoken(operation: ApiOperation) -> tuple[Purpose | None, str, str] | None:
    """Find what an operation's name says it does, or else, of a POST, its summary.

    Of several words only importing counts: nothing is imported by the way. What locks, unlocks or deletes is no matter
    of words alone.
    """
    texts = [(operation.name, "operationId")] + [(operation.summary, "summary")] * (operation.method == "POST")
    for text, where in texts:
        told = {VERBS[word]: word for word in reversed(split_words(text)) if word in VERBS}
        if "import_key" in told:
            return "import_key", told["import_key"], where
        if len(told) == 1:
            spoken, word = next(iter(told.items()))
            return None if spoken in _GRAVE else (spoken, word, where)
    return None


def _find_query_item(aim: Aim, operation: ApiOperation) -> str | None:
    """Find the query parameter that names one, where the path has none."""
    for parameter in operation.parameters:
        if parameter.where == "query" and parameter.required and names_key(parameter.name, aim.thing):
            return parameter.name
    return None


def _rank(found: Found) -> tuple[int, int, str, str]:
    return (-found.points, len(found.operation.path), found.operation.path, found.operation.method)


def _find_roles(operations: Iterable[ApiOperation]) -> Iterator[tuple[str, Found]]:
    """Find the lists of what keys may be given, the shortest path of each noun."""
    for operation in sorted(operations, key=lambda each: (-len(each.path), each.path)):
        aim = read_aim(operation) if operation.method == "GET" and "{" not in operation.path else None
        if aim is None or aim.thing[-1] not in ROLE_NOUNS or any(VERBS[verb] != "list_keys" for verb in aim.verbs):
            continue
        rows = find_rows(operation.success)
        if rows is not None and rows.shape.may_be("object"):
            yield aim.thing[-1], Found(operation, None, f"GET of all `{aim.thing[-1]}`")


def _find_openapi(operations: Iterable[ApiOperation]) -> Found | None:
    """Find where the hub offers its own description, as JSON."""
    for operation in sorted(operations, key=lambda each: (len(each.path), each.path)):
        words = split_words(operation.path)
        told = words[:2] == ("open", "api") or holds_any(words, ("swagger",)) or words[:2] == ("api", "doc")
        other = operation.path.endswith((".yaml", ".yml", ".html")) or "{" in operation.path
        if operation.method == "GET" and told and not other:
            return Found(operation, None, "by its path")
    return None
