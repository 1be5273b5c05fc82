"""Every request that a hub was sent, in order of arrival, fit to be asserted on.

Rules:

* Values of keys are replaced by `REDACTED` before anything is kept: in fields and headers that
  the dialect names as secret, at any depth and whatever they hold; of an object with secret fields
  only, the names stay. A body that is not JSON is kept as its length only.
* A request is entered when it has arrived and completed before its answer leaves, so a client that
  has its answer finds it here. `status` is None while there is no answer, and stays so if none
  is ever sent.
* Hands-on calls of the Python API are not requests and leave no trace.
"""

import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keyspec.devhub.exchange import Call

REDACTED = "<redacted>"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it.

    `path` carries its query, both as sent. `body` is the parsed JSON, or a remark in angle
    brackets, or None. `key_id` is the key that was recognised. `fault` is the line that struck.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int | None = None
    key_id: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Secrets:
    """The names under which a dialect carries values."""

    fields: frozenset[str]
    headers: frozenset[str]


class WireLog:
    """The requests of one hub; safe to read from other threads."""

    def __init__(self, secrets: Secrets) -> None:
        """Begin an empty log that knows what to leave out."""
        self._secrets = secrets
        self._lock = threading.Lock()
        self._entries: dict[int, Exchange] = {}
        self._next = 0

    def enter(self, call: Call) -> int:
        """Enter a request and return its number."""
        exchange = Exchange(
            method=call.method,
            path=call.target,
            headers=redact_headers(call.headers, self._secrets.headers),
            body=read_body(call.body, self._secrets.fields),
        )
        with self._lock:
            self._next += 1
            self._entries[self._next] = exchange
            return self._next

    def complete(self, number: int, *, status: int | None, key_id: str | None, fault: str | None) -> None:
        """Say what became of a request; one that was cleared meanwhile stays away."""
        with self._lock:
            exchange = self._entries.get(number)
            if exchange is not None:
                self._entries[number] = replace(exchange, status=status, key_id=key_id, fault=fault)

    def list_exchanges(self) -> list[Exchange]:
        """Return all requests so far."""
        with self._lock:
            return list(self._entries.values())

    def clear(self) -> None:
        """Forget all requests so far."""
        with self._lock:
            self._entries.clear()


def redact_headers(headers: Mapping[str, str], secret: Collection[str]) -> dict[str, str]:
    """Return the headers with the secret ones' values replaced."""
    return {name: REDACTED if name in secret else value for name, value in headers.items()}


def read_body(body: bytes, secret: Collection[str]) -> Any:
    """Return a body as JSON with the secret fields replaced, or a remark on its length."""
    if not body:
        return None
    try:
        return redact_fields(json.loads(body), secret)
    except (ValueError, RecursionError):
        return f"<{len(body)} bytes, not JSON>"


def redact_fields(content: Any, secret: Collection[str]) -> Any:
    """Return JSON content with the values of secret fields replaced, at any depth."""
    if isinstance(content, dict):
        return {
            name: REDACTED if name in secret and not _is_secret_object(item, secret) else redact_fields(item, secret)
            for name, item in content.items()
        }
    if isinstance(content, list):
        return [redact_fields(item, secret) for item in content]
    return content


def _is_secret_object(content: Any, secret: Collection[str]) -> bool:
    return isinstance(content, dict) and all(name in secret for name in content)
