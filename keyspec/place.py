"""Where something stands in an answer: a field, a dotted path, `@` for the whole, or a JMESPath expression.

A plain path needs no library and answers None where a step is missing, as JMESPath does; jmespath is imported
only for what is more than that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_WHOLE: Final = "@"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a payload; `steps` is None where only JMESPath can read it."""

    text: str
    steps: tuple[str, ...] | None

    def read(self, payload: Any) -> Any:
        """Give what stands there, None if nothing does; ValueError if the payload cannot be searched."""
        if self.steps is None:
            return _search(self.text, payload)
        for step in self.steps:
            if not isinstance(payload, dict):
                return None
            payload = payload.get(step)
        return payload


def parse_place(text: object) -> Place:
    """Read a place.

    Raises ValueError, with a message for whoever wrote the contract.
    """
    if not isinstance(text, str) or not text:
        message = "a place is the name of a field, a dotted path, or a JMESPath expression, as text"
        raise ValueError(message)
    if text == _WHOLE:
        return Place(text, ())
    if _PLAIN.fullmatch(text):
        return Place(text, tuple(text.split(".")))
    _check_expression(text)
    return Place(text, None)


def make_reader(place: Place | None) -> Callable[[Any], Any]:
    """Give the fastest function that reads a place in one row after another; rows are mappings."""
    if place is None:
        return _read_nothing
    if place.steps is not None and len(place.steps) == 1:
        return _FieldReader(place.steps[0])
    return place.read


@dataclass(frozen=True, slots=True)
class _FieldReader:
    name: str

    def __call__(self, row: dict[str, Any]) -> Any:
        return row.get(self.name)


def _read_nothing(_row: object) -> None:
    return None


def _check_expression(text: str) -> None:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(text)
    except JMESPathError as error:
        message = "this is neither a dotted path nor a JMESPath expression"
        raise ValueError(message) from error


def _search(text: str, payload: Any) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(text, payload)
    except JMESPathError:
        message = f"the expression `{text}` cannot be applied to this answer"
        raise ValueError(message) from None
