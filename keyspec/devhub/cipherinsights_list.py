"""The parameters of lists in the dialect `cipherinsights-v1`, and the pages they make.

    limit=100               rows on a page, 1 to the hub's greatest (100)
    offset=0                which page, counted in pages of `limit`
    sorts=keyId asc         repeated: the first one counts most; without it by ID or name
    search=text             rows with this text in the ID, name or description, ASCII case ignored
    filter=locked eq true   repeated, all must hold: FIELD eq|ne|lt|gt|contains VALUE;
                            of lists (roles, permissions) only `contains`, which means membership
    columns=keyId,locked    only these fields, separated by commas or repeated
    reportTotalCount=true   adds `totalCount`, all rows there are
    reportFilteredCount=true  adds `filteredCount`, all rows that match

Rules:

* A wrong value, an unknown parameter and a repetition that means nothing are each a 400: a hub
  that ignored `page=2` would serve the first page again and call it the third.
* With `page_cap` a page has fewer rows than asked, and `offset` still counts pages of the limit
  that was asked for: whoever goes on with the old limit skips rows. Hubs do this.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from keyspec.devhub.cipherinsights_schema import FIELDS
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.hub import Page
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.query import COMPARISONS, Columns, Comparison, Filter, Kind, Query, Sort

DEFAULT_LIMIT = 100
_GREATEST_OFFSET = 10**9
_FLAGS = {"true": True, "false": False}
_REPEATED = frozenset({"sorts", "filter", "columns"})
_SINGLE = frozenset({"limit", "offset", "search", "reportTotalCount", "reportFilteredCount"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """A query with what shall be shown of its result; no columns means all."""

    query: Query
    columns: tuple[str, ...]
    report_total: bool
    report_filtered: bool


def parse_listing(parameters: Iterable[tuple[str, str]], columns: Columns, knobs: Knobs) -> Listing:
    """Read the parameters of a list; raises Refusal."""
    given = _group_parameters(parameters)
    limit = _read_number(given, "limit", DEFAULT_LIMIT, least=1, greatest=knobs.max_limit)
    page = _read_number(given, "offset", 0, least=0, greatest=_GREATEST_OFFSET)
    query = Query(
        limit=limit if knobs.page_cap is None else min(limit, knobs.page_cap),
        start=page * limit,
        sorts=tuple(_read_sort(text, columns) for text in given.get("sorts", ())),
        filters=tuple(_read_filter(text, columns) for text in given.get("filter", ())),
        search="".join(given.get("search", ())),
    )
    names = [name.strip() for text in given.get("columns", ()) for name in text.split(",")]
    shown = tuple(FIELDS[_find_column("columns", name, columns)] for name in names)
    total = _read_flag(given, "reportTotalCount") and not knobs.omit_total
    return Listing(query, shown, total, _read_flag(given, "reportFilteredCount") and not knobs.omit_total)


def render_page(page: Page[T], listing: Listing, render: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """Put a page into the dialect's words."""
    rows = [render(row) for row in page.rows]
    if listing.columns:
        rows = [{name: row[name] for name in listing.columns} for row in rows]
    rendered: dict[str, Any] = {"rows": rows}
    if listing.report_total:
        rendered["totalCount"] = page.total
    if listing.report_filtered:
        rendered["filteredCount"] = page.matching
    return rendered


def build_parameters(columns: Columns) -> tuple[Mapping[str, Any], ...]:
    """Describe the parameters of a list as OpenAPI parameter objects."""
    names = "|".join(FIELDS[name] for name in columns)
    comparisons = "|".join(member.value for member in Comparison)
    offset = {"type": "integer", "minimum": 0, "maximum": _GREATEST_OFFSET, "default": 0}
    return (
        _describe("limit", "Rows on a page", {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT}),
        _describe("offset", "Which page, counted in pages of `limit`", offset),
        _describe("sorts", "Order, the first counts most", _texts(f"^({names}) (asc|desc)$")),
        _describe("filter", "Conditions, all must hold", _texts(f"^({names}) ({comparisons}) ")),
        _describe("search", "Text in any text field", {"type": "string"}),
        _describe("columns", "Only these fields, separated by commas", _texts(f"^({names})$"), explode=False),
        _describe("reportTotalCount", "Adds totalCount", {"type": "boolean", "default": False}),
        _describe("reportFilteredCount", "Adds filteredCount", {"type": "boolean", "default": False}),
    )


def _group_parameters(parameters: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for name, text in parameters:
        if name not in _REPEATED | _SINGLE:
            raise _bad(name[:40], "there is no such parameter")
        if "\0" in text or "\ufffd" in text:
            raise _bad(name, "this is not text")
        given.setdefault(name, []).append(text)
        if name in _SINGLE and len(given[name]) > 1:
            raise _bad(name, "given twice")
    return given


def _read_number(given: Mapping[str, list[str]], name: str, default: int, *, least: int, greatest: int) -> int:
    if name not in given:
        return min(default, greatest)
    text = given[name][0]
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= greatest:
        raise _bad(name, f"a whole number from {least} to {greatest}")
    return int(text)


def _read_flag(given: Mapping[str, list[str]], name: str) -> bool:
    text = given.get(name, ["false"])[0]
    if text not in _FLAGS:
        raise _bad(name, "true or false")
    return _FLAGS[text]


def _read_sort(text: str, columns: Columns) -> Sort:
    found = re.fullmatch(r"(\S+) (asc|desc)", text)
    if not found:
        raise _bad("sorts", "a field, a blank, and asc or desc")
    return Sort(_find_column("sorts", found[1], columns), descending=found[2] == "desc")


def _read_filter(text: str, columns: Columns) -> Filter:
    found = re.fullmatch(r"(\S+) (eq|ne|lt|gt|contains) (.*)", text, re.DOTALL)
    if not found:
        raise _bad("filter", "a field, then eq, ne, lt, gt or contains, then a value, with a blank between them")
    column = _find_column("filter", found[1], columns)
    comparison = Comparison(found[2])
    if comparison not in COMPARISONS[columns[column]]:
        raise _bad("filter", f"{found[1]} cannot be compared by {found[2]}")
    return Filter(column, comparison, _read_operand(found[3], columns[column]))


def _read_operand(text: str, kind: Kind) -> str | int:
    if kind is Kind.FLAG and text in _FLAGS:
        return int(_FLAGS[text])
    if kind is Kind.INTEGER and re.fullmatch(r"[0-9]{1,10}", text):
        return int(text)
    if kind in {Kind.FLAG, Kind.INTEGER}:
        raise _bad("filter", "true or false" if kind is Kind.FLAG else "a whole number")
    return text


def _find_column(parameter: str, name: str, columns: Columns) -> str:
    for column in columns:
        if FIELDS[column] == name:
            return column
    raise _bad(parameter, f"there is no such field; there are {', '.join(FIELDS[c] for c in columns)}")


def _texts(pattern: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "pattern": pattern}}


def _describe(name: str, text: str, schema: Mapping[str, Any], *, explode: bool = True) -> dict[str, Any]:
    described = {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
    return {**described, "style": "form", "explode": explode} if schema["type"] == "array" else described


def _bad(name: str, expected: str) -> Refusal:
    return Refusal(Reason.BAD_PARAMETER, f"the parameter {name!a} is wrong: {expected}", field=name)
