"""Where things stand in an answer: rows, keys and fields found by their names, and the places that a contract says.

A path is a tuple of names; a place is how a contract writes it, in dots or as JMESPath.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.schemas import walk
from keyspec.openapi.words import split_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyspec.openapi.schemas import Path, Shape

_NOT_FOLLOWED: Final = "this expression cannot be followed in a document, only in an answer"
_USUAL: Final = ("row", "data", "item", "result", "record", "entry", "content", "value", "list", "element")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rows:
    """The path of the list in the answer (empty: the answer itself), and the shape of one row."""

    path: Path
    shape: Shape


def place_of(path: Path, *, each: Path = ()) -> str:
    """Write a path as a place; `each` leads on into the items of a list. An empty path is the whole."""
    text = ".".join(map(_quote, path)) or "@"
    return f"{text}[].{'.'.join(map(_quote, each))}" if each else text


def find_rows(answer: Shape | None, noun: str = "") -> Rows | None:
    """Find the list of an answer: itself, or a member that lists objects, named as what it lists or as is usual."""
    if answer is None:
        return None
    if answer.kinds == {"array"}:
        items = answer.items()
        return None if items is None else Rows((), items)
    found = [
        (path, items) for path, shape in walk(answer, depth=3) if "array" in shape.kinds and (items := shape.items())
    ]
    objects = [(path, items) for path, items in found if items.kinds == {"object"}]
    if not (choice := objects or found):
        return None
    path, items = min(choice, key=lambda each: _rank(each[0], noun))
    return Rows(path, items)


def find_field(shape: Shape, known: Sequence[tuple[str, ...]], kind: str) -> Path | None:
    """Find the field whose words stand first among those known, the least deep of several."""
    found = [
        (known.index(words), len(path), path)
        for path, member in walk(shape)
        if (words := split_words(path[-1])) in known and member.may_be(kind)
    ]
    return min(found)[2] if found else None


def find_key(answer: Shape | None, key_id: Path) -> Path | None:
    """Find the object in an answer that is the key, by the path of its ID; an empty path is the answer itself."""
    if answer is None:
        return None
    if answer.at(key_id) is not None:
        return ()
    return next((path for path, shape in walk(answer, depth=2) if shape.at(key_id) is not None), None)


def follow_place(shape: Shape, text: str) -> tuple[Shape | None, bool]:
    """Give what stands at a place of a contract, None if nothing does, and whether it is a list of these.

    Raises ValueError for an expression that only an answer can be asked.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        node = jmespath.compile(text).parsed
    except JMESPathError:
        raise ValueError(_NOT_FOLLOWED) from None
    return _follow(shape, node), "projection" in node["type"]


def _follow(shape: Shape | None, node: Any) -> Shape | None:
    """Follow a node of a JMESPath expression; a function is as if it gave what it is given first."""
    if shape is None:
        return None
    children = node["children"]
    match node["type"]:
        case "field":
            return shape.field(node["value"])
        case "identity" | "current":
            return shape
        case "subexpression" | "index_expression" | "pipe":
            found: Shape | None = shape
            for child in children:
                found = _follow(found, child)
            return found
        case "projection" | "value_projection" | "filter_projection":
            listed = _follow(shape, children[0])
            return None if listed is None else _follow(listed.items(), children[1])
        case "flatten" | "function_expression" if children:
            return _follow(shape, children[0])
        case "index":
            return shape.items()
        case _:
            raise ValueError(_NOT_FOLLOWED)


def _quote(name: str) -> str:
    """Write a name as it may stand in a dotted path, or as JMESPath's quoted identifier."""
    if _PLAIN.fullmatch(name):
        return name
    return json.dumps(name)


def _rank(path: Path, noun: str) -> tuple[int, int, Path]:
    words = split_words(path[-1])
    usual = min((_USUAL.index(word) for word in words if word in _USUAL), default=len(_USUAL))
    return len(path), -1 if words[-1:] == (noun,) else usual, path
