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

* What is described of a parameter is all that is taken, but for two things: a number may begin with
  zeros, and columns may have blanks around them.
* With `page_cap` a page has fewer rows than asked, and `offset` still counts pages of the limit
  that was asked for: whoever goes on with the old limit skips rows. Hubs do this.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from keyspec.devhub.cipherinsights_schema import FIELDS
from keyspec.devhub.hub import Page
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.operations import ParameterObjects
from keyspec.devhub.parameters import (
    TEXT_PATTERN,
    Parameters,
    cap_limit,
    describe_limit,
    describe_parameter,
    group_parameters,
    read_limit,
    read_number,
    refuse_parameter,
)
from keyspec.devhub.query import COMPARISONS, Columns, Comparison, Filter, Kind, Query, Sort
from keyspec.devhub.shapes import build_list, build_text

_GREATEST_OFFSET = 10**9
_FLAGS = {"true": True, "false": False}
_ANY_TEXT = r"[^\u0000\ufffd]*"
_OPERANDS: Mapping[Kind, str] = {
    Kind.TEXT: _ANY_TEXT,
    Kind.NAMES: _ANY_TEXT,
    Kind.INTEGER: "[0-9]{1,10}",
    Kind.FLAG: "(true|false)",
}
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
    given = group_parameters(parameters, single=_SINGLE, repeated=_REPEATED)
    limit = read_limit(given, knobs)
    page = read_number(given, "offset", 0, least=0, greatest=_GREATEST_OFFSET)
    query = Query(
        limit=cap_limit(limit, knobs),
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


def build_parameters(columns: Columns, knobs: Knobs) -> ParameterObjects:
    """Describe the parameters of a list as OpenAPI parameter objects."""
    offset = {"type": "integer", "minimum": 0, "maximum": _GREATEST_OFFSET, "default": 0}
    shown = build_list(build_text(enum=[FIELDS[name] for name in columns]), minItems=1)
    flag = {"type": "boolean", "default": False}
    repeated = {"style": "form", "explode": True}
    return (
        describe_limit(knobs),
        describe_parameter("offset", "Which page, counted in pages of `limit`", offset),
        describe_parameter("sorts", "Order, the first counts most", _describe_sorts(columns)) | repeated,
        describe_parameter("filter", "Conditions, all must hold", _describe_filters(columns)) | repeated,
        describe_parameter("search", "Text in any text field", build_text(pattern=TEXT_PATTERN)),
        describe_parameter("columns", "Only these fields", shown) | repeated | {"explode": False},
        describe_parameter("reportTotalCount", "Adds totalCount", flag),
        describe_parameter("reportFilteredCount", "Adds filteredCount", flag),
    )


def _read_flag(given: Parameters, name: str) -> bool:
    text = given.get(name, ["false"])[0]
    if text not in _FLAGS:
        raise refuse_parameter(name, "true or false")
    return _FLAGS[text]


def _read_sort(text: str, columns: Columns) -> Sort:
    found = re.fullmatch(r"(\S+) (asc|desc)", text)
    if not found:
        raise refuse_parameter("sorts", "a field, a blank, and asc or desc")
    return Sort(_find_column("sorts", found[1], columns), descending=found[2] == "desc")


def _read_filter(text: str, columns: Columns) -> Filter:
    found = re.fullmatch(r"(\S+) (eq|ne|lt|gt|contains) (.*)", text, re.DOTALL)
    if not found:
        raise refuse_parameter(
            "filter", "a field, then eq, ne, lt, gt or contains, then a value, with a blank between them"
        )
    column = _find_column("filter", found[1], columns)
    comparison = Comparison(found[2])
    if comparison not in COMPARISONS[columns[column]]:
        raise refuse_parameter("filter", f"{found[1]} cannot be compared by {found[2]}")
    return Filter(column, comparison, _read_operand(found[3], columns[column]))


def _read_operand(text: str, kind: Kind) -> str | int:
    if kind is Kind.FLAG and text in _FLAGS:
        return int(_FLAGS[text])
    if kind is Kind.INTEGER and re.fullmatch(r"[0-9]{1,10}", text):
        return int(text)
    if kind in {Kind.FLAG, Kind.INTEGER}:
        raise refuse_parameter("filter", "true or false" if kind is Kind.FLAG else "a whole number")
    return text


def _find_column(parameter: str, name: str, columns: Columns) -> str:
    for column in columns:
        if FIELDS[column] == name:
            return column
    raise refuse_parameter(parameter, f"there is no such field; there are {', '.join(FIELDS[c] for c in columns)}")


def _describe_sorts(columns: Columns) -> dict[str, Any]:
    return build_list(build_text(pattern=f"^({'|'.join(FIELDS[name] for name in columns)}) (asc|desc)$"))


def _describe_filters(columns: Columns) -> dict[str, Any]:
    forms = [
        f"{FIELDS[name]} ({'|'.join(member.value for member in Comparison if member in COMPARISONS[kind])}) {operand}"
        for name, kind in columns.items()
        for operand in (_OPERANDS[kind],)
    ]
    return build_list(build_text(pattern=f"^({'|'.join(forms)})$"))
