"""From a contract, an operation and values to the one request that says it. Nothing is sent here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from keyspec.contract import body_of
from keyspec.placeholders import NAMES, RULES
from keyspec.secret import Secret
from keyspec.template import fill, fill_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.contract import Contract
    from keyspec.placeholders import OperationName


@dataclass(frozen=True, slots=True)
class Request:
    """One request below a hub's URL; `path` is percent-encoded, `json` is None where there is no body.

    A Secret stands in `json` as it is, so a request can be printed; `encode_body` alone reveals it.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    json: object = None

    @property
    def target(self) -> str:
        """Path and query as they stand in a URL."""
        return f"{self.path}?{urlencode(self.query, quote_via=quote)}" if self.query else self.path


def build_request(contract: Contract, name: OperationName, values: Mapping[str, object]) -> Request:
    """Build the request of an operation; values that are None or missing are not sent.

    Raises:
        LookupError: if the contract has no such operation.
        ValueError: if the operation cannot carry one of the values, or has none for a path, or for what names the key.
    """
    operation = contract.operation(name)
    body = body_of(operation)
    sent = {value: part for value, part in values.items() if part is not None}
    if lost := sorted(sent.keys() - contract.carried(name)):
        message = f"the operation `{name}` of the contract `{contract.name}` cannot carry: {', '.join(lost)}"
        raise ValueError(message)
    if RULES[name].named and (gone := [mark for mark in NAMES if mark in contract.carried(name) and mark not in sent]):
        # Left out, a query or a body would speak of no key, or of all.
        message = f"the operation `{name}` of the contract `{contract.name}` has no value for: {', '.join(gone)}"
        raise ValueError(message)
    return Request(
        operation.method,
        contract.base + fill_path(operation.path, sent),
        tuple(_list_query(fill(operation.query, sent))),
        None if body is None else fill(body, sent),
    )


def encode_body(request: Request) -> bytes:
    """Give the body as JSON, the same bytes for the same request; empty without a body."""
    if request.json is None:
        return b""
    return json.dumps(request.json, separators=(",", ":"), default=_reveal, allow_nan=False).encode("ascii")


def _reveal(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a request cannot hold {type(value).__name__}")


def _list_query(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        for part in value if isinstance(value, list) else [value]:
            yield name, str(part).lower() if isinstance(part, bool) else str(part)
