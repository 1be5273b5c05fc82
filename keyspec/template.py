"""Templates of requests: data with `{placeholder}`s, and what stands in their place.

A placeholder standing alone keeps the type of its value; inside a longer text it becomes text. A member of a
mapping whose lone placeholder has no value is left out: that is how an edit sends only what changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Mark:
    """A placeholder in a template: at which path, by which name, and whether it is the whole text."""

    path: tuple[str | int, ...]
    name: str
    alone: bool


def find_marks(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[Mark]:
    """Give every placeholder of a template, in order; a brace that is none of one has the name "{"."""
    if isinstance(node, str):
        for found in _PLACEHOLDER.finditer(node):
            yield Mark(path, found[1], alone=found[0] == node)
        if re.search(r"[{}]", _PLACEHOLDER.sub("", node)):
            yield Mark(path, "{", alone=False)
    elif isinstance(node, dict):
        for name, part in node.items():
            yield from find_marks(part, (*path, name))
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from find_marks(part, (*path, index))


def fill(node: Any, values: Mapping[str, object]) -> Any:
    """Give a template with its placeholders replaced."""
    if isinstance(node, dict):
        return {name: fill(part, values) for name, part in node.items() if not _is_absent(part, values)}
    if isinstance(node, list):
        return [fill(part, values) for part in node if not _is_absent(part, values)]
    if not isinstance(node, str):
        return node
    if alone := _PLACEHOLDER.fullmatch(node):
        return values[alone[1]]
    return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), node)


def fill_path(template: str, values: Mapping[str, object]) -> str:
    """Give a URL path; every value becomes exactly one percent-encoded segment, or a part of one."""
    return _PLACEHOLDER.sub(lambda found: quote_segment(str(values[found[1]])), template)


def quote_segment(text: str) -> str:
    """Percent-encode text so that it stays one segment of a path: `/` and a segment of only dots too.

    Raises ValueError for text that no URL can carry: empty text, or half a surrogate pair.
    """
    if not text:
        message = "a segment of a path cannot be empty"
        raise ValueError(message)
    if not text.strip("."):
        return text.replace(".", "%2E")
    return quote(text, safe="")


def _is_absent(node: Any, values: Mapping[str, object]) -> bool:
    alone = _PLACEHOLDER.fullmatch(node) if isinstance(node, str) else None
    return alone is not None and values.get(alone[1]) is None
