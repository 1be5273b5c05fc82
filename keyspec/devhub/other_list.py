"""The parameters of lists in the dialect `other`, and the pages they make.

    limit=100       rows on a page, 1 to the hub's greatest (100)
    cursor=TEXT     where the page before ended: its `meta.next`; absent for the first page

Rules:

* Rows are in the order of their ID or name. `meta.next` is null on the last page, and only there:
  no page but the first one of an empty list is empty.
* With `page_cap` a page has fewer rows than asked, and its cursor says so: nothing is skipped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from keyspec.devhub.cursor import make_cursor, read_cursor
from keyspec.devhub.hub import Hub
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.operations import ParameterObjects
from keyspec.devhub.parameters import cap_limit, describe_limit, describe_parameter, group_parameters, read_limit
from keyspec.devhub.query import Query
from keyspec.devhub.shapes import build_text

_SINGLE = frozenset({"limit", "cursor"})


@dataclass(frozen=True, slots=True)
class Listing:
    """Which page of which rows; the query asks for one row more, to know whether there is a next one."""

    rows: str
    limit: int
    query: Query


def parse_listing(parameters: Iterable[tuple[str, str]], rows: str, hub: Hub) -> Listing:
    """Read the parameters of a list; raises Refusal."""
    given = group_parameters(parameters, single=_SINGLE)
    limit = cap_limit(read_limit(given, hub.knobs), hub.knobs)
    after = read_cursor(given["cursor"][0], rows, hub.seal) if "cursor" in given else None
    return Listing(rows, limit, Query(limit=limit + 1, after=after))


def render_page(
    found: Sequence[tuple[str, dict[str, Any]]], total: int, listing: Listing, hub: Hub
) -> dict[str, dict[str, Any] | list[dict[str, Any]]]:
    """Put a page into the dialect's words: what was found, each with its name in the order of the list."""
    shown = found[: listing.limit]
    more = len(found) > len(shown)
    meta: dict[str, Any] = {"next": make_cursor(listing.rows, shown[-1][0], hub.seal) if more else None}
    if not hub.knobs.omit_total:
        meta["total"] = total
    return {"data": [row for _, row in shown], "meta": meta}


def build_parameters(knobs: Knobs) -> ParameterObjects:
    """Describe the parameters of a list as OpenAPI parameter objects."""
    cursor = build_text(pattern="^[A-Za-z0-9_-]+$")
    return (describe_limit(knobs), describe_parameter("cursor", "`meta.next` of the page before, as it is", cursor))
