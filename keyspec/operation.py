"""The operations of a contract, as shapes: method, path, query, body, the statuses that mean done, and paging.

Rules kept here: operations that only read are GET; a path has no dot segments; a status that means done is a success.
"""

from __future__ import annotations

import math
import re
from dataclasses import field
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictStr
from pydantic import WithJsonSchema as Schema
from pydantic.dataclasses import dataclass

from keyspec.keyplaces import CONFIG, PlaceText
from keyspec.place import parse_place

_PATH_PATTERN: Final = r"^(/[A-Za-z0-9_~.:{}-]*)+$"
_BASE_PATTERN: Final = r"^(/[A-Za-z0-9_~.:-]+)*$"
_WRITES: Final = ("PATCH", "POST", "PUT", "DELETE")
_WHOLE: Final = parse_place("@")

PagingStyle = Literal["page-index", "page-number", "row-offset", "cursor", "link", "none"]


def _check_read(method: object) -> object:
    if method != "GET":
        raise ValueError("an operation that reads is GET, in any contract: planning sends nothing else")
    return method


def _check_write(method: object) -> object:
    if method not in _WRITES:
        raise ValueError("an operation that writes is PATCH, POST, PUT or DELETE")
    return method


def _check_status(status: object) -> object:
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 299:  # noqa: PLR2004 - success
        raise ValueError("a status that means done is a whole number from 200 to 299")
    return status


def _check_query(query: dict[str, Any]) -> dict[str, Any]:
    for name, value in query.items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(part, str | int) for part in values):
            raise ValueError(f"the query parameter `{name}` is text, a whole number, true, false or a list of these")
    return query


def _check_path(path: str) -> str:
    if not re.match(_PATH_PATTERN, path) or "\n" in path or not {".", ".."}.isdisjoint(path.split("/")):
        raise ValueError("a path begins with / and holds letters, digits, . _ ~ : - and placeholders, no dot segments")
    return path


def _check_base(base: str) -> str:
    if base:
        _check_path(base)
    if base.endswith("/") or "{" in base:
        raise ValueError("the base of all paths ends with no / and holds no placeholder")
    return base


def _check_body(body: dict[str, Any]) -> dict[str, Any]:
    if not _is_finite(body):
        raise ValueError("a body holds what JSON can say: no .inf and no .nan")
    return body


def _is_finite(node: Any) -> bool:
    if isinstance(node, dict):
        return all(map(_is_finite, node.values()))
    if isinstance(node, list):
        return all(map(_is_finite, node))
    return not isinstance(node, float) or math.isfinite(node)


Path = Annotated[StrictStr, AfterValidator(_check_path), Schema({"type": "string", "pattern": _PATH_PATTERN})]
Base = Annotated[StrictStr, AfterValidator(_check_base), Schema({"type": "string", "pattern": _BASE_PATTERN})]
Statuses = Annotated[
    tuple[Annotated[int, BeforeValidator(_check_status), Field(ge=200, le=299)], ...], Field(min_length=1)
]
Query = Annotated[dict[StrictStr, Any], AfterValidator(_check_query)]
Body = Annotated[dict[StrictStr, Any], AfterValidator(_check_body)]


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Paging:
    """How lists are cut.

    page-index    `{page}` counts from 0 in multiples of `{limit}`
    page-number   `{page}` counts from 1
    row-offset    `{offset}` counts rows
    cursor        `{cursor}` is what stood at `next` in the answer before, and absent at first
    link          the answer's Link header names the next page
    none          one request holds all
    """

    style: PagingStyle = "page-index"
    size: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 100
    next: PlaceText | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Read:
    """An operation that changes nothing. A placeholder standing alone keeps its type; others become text."""

    method: Annotated[Literal["GET"], BeforeValidator(_check_read)]
    path: Path
    query: Query = field(default_factory=dict)
    statuses: Statuses


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class KeyRead(Read):
    """The read of one key; `key` is where it stands in the answer."""

    key: PlaceText = _WHOLE


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class ListRead(Read):
    """A list, page by page; `total` is where the count of all rows stands, if anywhere.

    A `paging` of its own replaces the contract's whole.
    """

    rows: PlaceText
    total: PlaceText | None = None
    paging: Paging | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Write:
    """An operation that changes a key; members of the body that are not to be sent are left out."""

    method: Annotated[Literal["POST", "PUT", "PATCH", "DELETE"], BeforeValidator(_check_write)]
    path: Path
    query: Query = field(default_factory=dict)
    body: Body | None = None
    statuses: Statuses


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Import(Write):
    """The write that brings a key with its value; `key` is where the key stands in the answer."""

    key: PlaceText = _WHOLE


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Create(Write):
    """The write whose answer holds a key's value, this once; without a place for it nothing can be created."""

    value: PlaceText | None = None
    key: PlaceText = _WHOLE


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Delete(Write):
    """The write that takes a key away."""

    if_match: StrictBool = False


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Edit(Write):
    """A write to a key that stays: `whole` fills every placeholder from the live key and what changes."""

    sends: Literal["changed", "whole"] = "changed"
    if_match: StrictBool = False
