"""How a list is cut into pages: by the parameters it takes, and by what its answer holds.

`offset` counts rows, unless its description speaks of pages, or the list takes the parameters of CipherInsights, whose
documentation does; `page` counts from 1, unless it may be 0 or is called an index. A cursor needs a place in the answer
where the next one stands; a `Link` header counts only where no parameter is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.schemas import walk
from keyspec.openapi.words import holds_any, split_words

if TYPE_CHECKING:
    from keyspec.openapi.document import ApiOperation, Parameter
    from keyspec.openapi.schemas import Path, Shape

_USUAL_SIZE: Final = 100
_MOST_SIZE: Final = 10_000
_LIMITS: Final = (
    *(("limit",), ("page", "size"), ("per", "page"), ("size",), ("max", "result"), ("page", "limit"), ("top",)),
    *(("take",), ("max", "item"), ("row",), ("count",), ("first",), ("max",), ("num", "row"), ("page", "count")),
)
_OFFSETS: Final = (("offset",), ("skip",), ("start",), ("start", "index"), ("start", "at"), ("from",))
_PAGES: Final = (("page",), ("page", "number"), ("page", "index"), ("page", "no"), ("page", "num"), ("p",), ("pg",))
_CURSORS: Final = (
    *(("cursor",), ("page", "token"), ("next", "token"), ("continuation", "token"), ("next", "cursor")),
    *(("after",), ("continuation",), ("marker",), ("page", "cursor"), ("scroll", "id"), ("start", "cursor"), ("next",)),
)
_NEXTS: Final = (
    *(("next", "cursor"), ("next", "page", "token"), ("next", "token"), ("continuation", "token"), ("next",)),
    *(("next", "page"), ("end", "cursor"), ("cursor",), ("next", "marker"), ("continuation",), ("after",)),
)
_TOTALS: Final = (
    *(("total", "count"), ("total",), ("total", "item"), ("total", "element"), ("total", "row"), ("total", "result")),
    *(("total", "record"), ("record", "total"), ("count", "total"), ("total", "size"), ("total", "number")),
)
_DIRECTED: Final = re.compile(r"\)([ :,])\(asc\|desc\)")
_VENDOR: Final = "reportTotalCount"
_URLS: Final = ("uri", "url", "uri-reference")
_ZERO: Final = frozenset({"zero", "0"})
_PARTS: Final = frozenset({"filtered", "page", "matching"})


@dataclass(frozen=True, slots=True)
class Cut:
    """How a list is cut: `paging` and the query as a contract has them, where the total stands, and why.

    `lack` says why a contract cannot say it, `doubt` why it may be cut in another way.
    """

    paging: dict[str, Any]
    query: dict[str, Any]
    total: Path | None
    reason: str
    lack: str | None = None
    doubt: str | None = None


def find_cut(operation: ApiOperation, *, key_id: Path | None) -> Cut:
    """Find how a list is cut; `key_id` is the field that its rows can be sorted by."""
    parameters = {parameter.name: parameter for parameter in operation.parameters if parameter.where == "query"}
    answer = operation.success
    limit = _pick(parameters, _LIMITS)
    query: dict[str, Any] = {limit.name: "{limit}"} if limit else {}
    size = _find_size(limit)
    total = None if answer is None else _pick_field(answer, _TOTALS, ("integer", "number"))
    rest = {name: parameter for name, parameter in parameters.items() if parameter is not limit}
    style, more, reason, lack = _find_style(rest, operation, sized=limit is not None)
    query.update(more.pop("query", {}))
    query.update(_find_helps(rest, key_id))
    paging = {"style": style, **more, **({"size": size} if limit else {})}
    doubt = None
    if style == "none" and answer is not None and (following := _pick_field(answer, _NEXTS, ("string",), urls=True)):
        doubt = f"`{'.'.join(following)}` in the answer tells of further pages, and nothing says how they are asked for"
    return Cut(paging, query, total, reason, lack, doubt)


def _find_style(
    parameters: dict[str, Parameter], operation: ApiOperation, *, sized: bool
) -> tuple[str, dict[str, Any], str, str | None]:
    """Give the style, what else belongs to it, why, and why a contract cannot say it."""
    lack = None
    if cursor := _pick(parameters, _CURSORS):
        answer = operation.success
        following = None if answer is None else _pick_field(answer, _NEXTS, ("string",))
        if following is not None:
            more = {"next": following, "query": {cursor.name: "{cursor}"}}
            return "cursor", more, f"the parameter `{cursor.name}`, and `{'.'.join(following)}` in the answer", None
        lack = f"`{cursor.name}` looks like a cursor, and the answer has no place of the next one"
    if offset := _pick(parameters, _OFFSETS):
        why = _find_counted(offset, parameters)
        if why is None:
            return "row-offset", {"query": {offset.name: "{offset}"}}, f"the parameter `{offset.name}`", None
        if sized:
            return "page-index", {"query": {offset.name: "{page}"}}, f"`{offset.name}` counts pages: {why}", None
    if page := (_pick(parameters, _PAGES) or offset):
        style, why = _find_first_page(page)
        lack = None if sized else f"`{page.name}` counts pages, and nothing says how large they should be"
        return style, {"query": {page.name: "{page}"}}, f"the parameter `{page.name}`, {why}", lack
    if any("link" in each.headers for each in operation.successes):
        return "link", {}, "the answer has a Link header", None
    return "none", {}, "no parameter that cuts it is known", lack


def _find_counted(offset: Parameter, parameters: dict[str, Parameter]) -> str | None:
    """Tell why an offset counts pages; None if it counts rows."""
    words = split_words(offset.text)
    if "page" in words and not holds_any(words, ("row", "record", "item", "entry", "result")):
        return "its description says so"
    if _VENDOR in parameters:
        return f"CipherInsights documents it so, and `{_VENDOR}` is CipherInsights'"
    return None


def _find_first_page(page: Parameter) -> tuple[str, str]:
    """Tell whether pages count from 0 or from 1."""
    for name in ("minimum", "default"):
        if name in page.shape.bounds:
            first = page.shape.bounds[name]
            if first in (0, 1):
                return ("page-number", f"{name} 1") if first else ("page-index", f"{name} 0")
    words = split_words(f"{page.name} {page.text}")
    if holds_any(words, _ZERO) or split_words(page.name)[-1:] == ("index",):
        return "page-index", "which counts from 0 by its name or description"
    return "page-number", "which counts from 1 as a rule"


def _find_size(limit: Parameter | None) -> int:
    """Give the rows to ask for: a hundred, or the most that is allowed."""
    if limit is None:
        return _USUAL_SIZE
    whole = [value for value in limit.shape.values if type(value) is int and 1 <= value <= _MOST_SIZE]
    if whole:
        return max((value for value in whole if value <= _USUAL_SIZE), default=min(whole))
    most, least = limit.shape.bounds.get("maximum"), limit.shape.bounds.get("minimum")
    size = most if type(most) is int and 1 <= most < _USUAL_SIZE else _USUAL_SIZE
    return least if type(least) is int and size < least <= _MOST_SIZE else size


def _find_helps(parameters: dict[str, Parameter], key_id: Path | None) -> dict[str, Any]:
    """Find what asks for the total."""
    helps: dict[str, Any] = {}
    for name, parameter in parameters.items():
        words = split_words(name)
        if "boolean" in parameter.shape.kinds and "total" in words and not holds_any(words, _PARTS):
            helps[name] = True
        elif words[-1:] in (("sort",), ("order",)) and key_id and (value := _find_order(parameter, key_id[-1])):
            helps[name] = value
    return helps


def _find_order(parameter: Parameter, name: str) -> str | None:
    """Find the value that sorts by a field: pages of what is not sorted may repeat rows."""
    for shape in (parameter.shape, parameter.shape.items()):
        if shape is None:
            continue
        for value in (name, *(f"{name}{sign}asc" for sign in " :,")):
            if value in shape.values:
                return value
        directed = _DIRECTED.search(shape.pattern)
        if directed and re.search(rf"[(|]{re.escape(name)}[|)]", shape.pattern):
            return f"{name}{directed[1]}asc"
    return None


def _pick(parameters: dict[str, Parameter], known: tuple[Path, ...]) -> Parameter | None:
    """Give the parameter whose name stands first among those known."""
    found = [
        (known.index(words), name)
        for name, parameter in parameters.items()
        if (words := split_words(name)) in known and parameter.shape.may_be("integer", "number", "string")
    ]
    return parameters[min(found)[1]] if found else None


def _pick_field(answer: Shape, known: tuple[Path, ...], kinds: tuple[str, ...], *, urls: bool = False) -> Path | None:
    """Give the path of the field whose name stands first among those known; a URL is no cursor."""
    found = [
        (known.index(words), len(path), path)
        for path, shape in walk(answer)
        if (words := _name_total(path[-1], shape)) in known
        and shape.may_be(*kinds)
        and (urls or shape.format not in _URLS)
        and "array" not in shape.kinds
    ]
    return min(found)[2] if found else None


def _name_total(name: str, shape: Shape) -> tuple[str, ...]:
    """Give the words of a field; a mere count is a total where its description says so."""
    words = split_words(name)
    return ("total", "count") if words == ("count",) and "total" in split_words(shape.text) else words
