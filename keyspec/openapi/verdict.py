"""One thing that a contract says, and what the document or the hub says to it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from keyspec.openapi.words import split_words

if TYPE_CHECKING:
    from collections.abc import Iterable

Verdict = Literal["found", "missing", "differs"]
Part = Literal["credential", "operation", "parameter", "request", "status", "answer", "live"]

_SOME: Final = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A verdict: on which operation, on which part of it, by which name; the note says what there is instead."""

    operation: str
    part: Part
    name: str
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A contract, by name and file, and all that a document or a hub says to it."""

    contract: str
    file: str
    against: str
    rows: tuple[Row, ...]

    def count(self, verdict: Verdict) -> int:
        """Count the rows of a verdict."""
        return sum(row.verdict == verdict for row in self.rows)


def find_near(name: str, known: Iterable[str]) -> str | None:
    """Find the name that is most like one: the same words, nearly the same letters, or all words of the shorter."""
    names = {each: split_words(each) for each in sorted(islice(known, _SOME))}
    words = split_words(name)
    same = [each for each, others in names.items() if others == words]
    close = get_close_matches(name, names, n=1)
    part = [
        each for each, others in names.items() if others and words and (_holds(others, words) or _holds(words, others))
    ]
    return next(iter((*same, *close, *part)), None)


def _holds(words: Iterable[str], others: Iterable[str]) -> bool:
    return set(others) <= set(words)
