"""The live grid over hubs, as `keyspec list` shows it: rows, and which of them in which order.

A row is one key on one hub. What a hub does not tell is None and sorts last, whichever the direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COLUMNS: Final = ("hub", "key", "roles", "timeout", "locked", "declared")
"""The columns, as they are shown and as `--sort` names them."""


@dataclass(frozen=True, slots=True)
class GridRow:
    """One key on one hub; `declared` is whether the spec declares it for this hub."""

    hub: str
    key_id: str
    roles: tuple[str, ...] | None
    reauth_timeout_s: int | None
    locked: bool | None
    declared: bool


@dataclass(frozen=True, slots=True)
class GridPage:
    """The rows of one page, of `total` that were found; `page` and `first`, the first row's number, count from 1."""

    rows: tuple[GridRow, ...]
    total: int
    page: int
    pages: int
    first: int


_SORT_KEYS: Final[dict[str, Callable[[GridRow], Any]]] = {
    "hub": lambda row: row.hub,
    "key": lambda row: row.key_id,
    "roles": lambda row: row.roles,
    "timeout": lambda row: row.reauth_timeout_s,
    "locked": lambda row: row.locked,
    "declared": lambda row: row.declared,
}


def select_rows(
    grid: Iterable[GridRow],
    *,
    search: str = "",
    sort: Iterable[str] = (),
    rows: int | None = None,
    page: int = 1,
) -> GridPage:
    """Search, sort and page a grid.

    `search` is looked for, without regard to case, in hub, key and roles. `sort` names columns, the first counts most;
    a leading `-` turns one round; what is still equal stands by hub and key. `rows` is the size of a page, None for
    one page of all. A page beyond the last is empty.

    Raises:
        UsageError: no such column, or a page or size below 1.
    """
    if page < 1 or (rows is not None and rows < 1):
        raise UsageError("--page and --rows count from 1")
    found = _sort([row for row in grid if _matches(row, search.casefold())], tuple(sort))
    size = rows or max(len(found), 1)
    first = (page - 1) * size
    pages = max(1, -(-len(found) // size))
    return GridPage(rows=tuple(found[first : first + size]), total=len(found), page=page, pages=pages, first=first + 1)


def _matches(row: GridRow, folded: str) -> bool:
    return not folded or any(folded in text.casefold() for text in (row.hub, row.key_id, *(row.roles or ())))


def _sort(found: list[GridRow], sort: tuple[str, ...]) -> list[GridRow]:
    found.sort(key=lambda row: (row.hub, row.key_id))
    for name in reversed(sort):
        value_of = _SORT_KEYS.get(name.removeprefix("-"))
        if value_of is None:
            raise UsageError(f"no column {name.removeprefix('-')!r} to sort by: {', '.join(COLUMNS)}")
        told = [row for row in found if value_of(row) is not None]
        untold = [row for row in found if value_of(row) is None]
        told.sort(key=value_of, reverse=name.startswith("-"))
        found = told + untold
    return found
