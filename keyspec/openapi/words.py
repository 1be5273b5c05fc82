"""Identifiers as words: `apiKeyIDs`, `api_key_ids` and `API-Key-Ids` are the same three.

Plurals become singulars, and the usual compounds (`apikey`) fall apart, so that tables of words stay short.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

_MOST: Final = 400
"""So many characters of a text are looked at: a sentence says what it says soon."""
_PART: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PLURAL_ACRONYM: Final = re.compile(r"\b([A-Z]{2,})s\b|(?<=[a-z0-9_-])(ID)s\b")
_KEPT: Final = ("ss", "us", "is")
_LEAST_PLURAL: Final = 3
_COMPOUNDS: Final = {
    "accesskey": ("access", "key"),
    "accesstoken": ("access", "token"),
    "apikey": ("api", "key"),
    "apikeyid": ("api", "key", "id"),
    "apitoken": ("api", "token"),
    "authkey": ("auth", "key"),
    "authtoken": ("auth", "token"),
    "keyid": ("key", "id"),
    "keyname": ("key", "name"),
    "nextcursor": ("next", "cursor"),
    "nexttoken": ("next", "token"),
    "openapi": ("open", "api"),
    "pagenumber": ("page", "number"),
    "pagesize": ("page", "size"),
    "pagetoken": ("page", "token"),
    "perpage": ("per", "page"),
    "roleid": ("role", "id"),
    "rolename": ("role", "name"),
    "tokenid": ("token", "id"),
    "totalcount": ("total", "count"),
}


def split_words(text: str) -> tuple[str, ...]:
    """Give the words of an identifier or a sentence, in lower case and in the singular."""
    clear = _PLURAL_ACRONYM.sub(lambda found: found[1] or found[2], text[:_MOST])
    words: list[str] = []
    for part in _PART.findall(clear):
        word = _make_single(part.lower())
        words += _COMPOUNDS.get(word, (word,))
    return tuple(words)


def holds_any(words: Iterable[str], known: Container[str]) -> bool:
    """Tell whether one of the words is among those known."""
    return any(word in known for word in words)


def _make_single(word: str) -> str:
    if len(word) < _LEAST_PLURAL or not word.endswith("s") or word.endswith(_KEPT):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1]
