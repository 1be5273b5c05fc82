"""Which hubs are meant: selectors over hub names and labels, and the globs keyspec uses everywhere.

    selector   term ("," term)*              every term must hold
    term       NAME | GLOB                   of the hub's name
               LABEL "=" VALUE               the hub has this label with exactly this value
               LABEL "!=" VALUE              it has not; so it holds for a hub without the label

A list of selectors means any of them. A glob is `fnmatch`'s (`*`, `?`, `[ab]`, `[!ab]`), always case-sensitive;
label values are never globs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LABEL_TERM: Final = re.compile(r"(?P<label>[^=!]*)(?P<operator>!=|=)(?P<value>.*)", re.DOTALL)
_NAME_TERM: Final = re.compile(r"[A-Za-z0-9._*?\[\]!-]+")


@dataclass(frozen=True, slots=True)
class NameTerm:
    """Holds for hubs whose name matches a glob; a plain name is a glob that matches itself."""

    pattern: str

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:  # noqa: ARG002 - one shape for both terms
        """Tell whether the term holds for a hub."""
        return glob_matches(self.pattern, name)


@dataclass(frozen=True, slots=True)
class LabelTerm:
    """Holds for hubs whose label has a value, or, negated, for all others."""

    label: str
    value: str
    negated: bool

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:  # noqa: ARG002 - one shape for both terms
        """Tell whether the term holds for a hub."""
        return (labels.get(self.label) == self.value) is not self.negated


@dataclass(frozen=True, slots=True)
class Selector:
    """Terms that must all hold; `str()` gives the text it was read from."""

    text: str
    terms: tuple[NameTerm | LabelTerm, ...]

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Tell whether a hub is meant."""
        return all(term.matches(name, labels) for term in self.terms)

    def __str__(self) -> str:
        return self.text


def parse_selector(text: str) -> Selector:
    """Read one selector; blanks around names, labels and values do not count.

    Raises ValueError, with a message that does not repeat the text.
    """
    return Selector(text, tuple(_parse_term(term.strip()) for term in text.split(",")))


def matches_any(selectors: Iterable[Selector], name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether any selector means the hub; no selector means none."""
    return any(selector.matches(name, labels) for selector in selectors)


def glob_matches(pattern: str, text: str) -> bool:
    """Tell whether a glob matches the whole text, case-sensitively."""
    return _compile_glob(pattern).match(text) is not None


def is_glob(text: str) -> bool:
    """Tell whether text holds anything a glob treats specially."""
    return any(character in text for character in "*?[")


@lru_cache(maxsize=4096)
def _compile_glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def _parse_term(term: str) -> NameTerm | LabelTerm:
    if not term:
        message = "a selector is empty, or has nothing before or after a comma"
        raise ValueError(message)
    label_term = _LABEL_TERM.fullmatch(term)
    if label_term is not None:
        return _parse_label_term(label_term)
    if _NAME_TERM.fullmatch(term) is None:
        message = "not a selector: write a hub name, a glob over hub names, label=value or label!=value"
        raise ValueError(message)
    return NameTerm(term)


def _parse_label_term(match: re.Match[str]) -> LabelTerm:
    label, value = match["label"].strip(), match["value"].strip()
    if not label or not value:
        message = "a selector needs a label before and a value after = or !="
        raise ValueError(message)
    if value.startswith("="):
        message = "a selector compares with = or !=, not with =="
        raise ValueError(message)
    return LabelTerm(label, value, negated=match["operator"] == "!=")
