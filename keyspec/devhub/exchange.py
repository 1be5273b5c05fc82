"""A request and an answer as values: what passes between the gate and a dialect.

Rules:

* A path is split at its slashes *before* it is decoded, so an ID may hold `%2F`.
* Header names are lower case. Of a repeated header the values are joined by commas, as HTTP
  allows, so a repeated credential is no credential.
* An answer without content has no body and no content type.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came: `path` as on the wire, without the query."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded segments of the path."""
        return tuple(unquote(part) for part in self.path.removeprefix("/").split("/"))

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """The decoded pairs of the query, in order, empty values kept."""
        return tuple(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    media_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers as text, by lower-case name."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def answer_json(
    status: int, content: Any, *, headers: Iterable[tuple[str, str]] = (), media_type: str = JSON_TYPE
) -> Answer:
    """Build an answer with a JSON body."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, media_type, tuple(headers))


def answer_page(status: int, page: str) -> Answer:
    """Build an answer with an HTML page."""
    return Answer(status, page.encode(), HTML_TYPE)
