"""The live grid for people: one line a row, roles broken within their column where the terminal is narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keyspec.display import display
from keyspec.duration import format_duration
from keyspec.grid import COLUMNS
from keyspec.render.console import Page, cells, make_page, pad
from keyspec.render.phrases import say_count, say_key, say_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyspec.grid import GridPage, GridRow

_ROLES: Final = COLUMNS.index("roles")
_LEAST_ROLE_CELLS: Final = 16
_MOST_CELLS: Final = 64
"""No column is wider, but for the roles'; what is longer sticks out of it, in its own row alone."""
_GAP: Final = "  "


def render_grid(grid: GridPage, *, color: bool, width: int) -> str:
    """Write a page of the grid, with its headings and which rows of how many it shows."""
    page = make_page(color=color, width=width)
    table = [_say_row(row) for row in grid.rows]
    widest = [max(map(cells, column)) for column in zip(COLUMNS, *table, strict=True)]
    sizes = [size if at == _ROLES else min(size, _MOST_CELLS) for at, size in enumerate(widest)]
    spare = page.width - sum(sizes) - len(_GAP) * (len(sizes) - 1)
    sizes[_ROLES] = max(min(sizes[_ROLES], sizes[_ROLES] + spare), min(sizes[_ROLES], _LEAST_ROLE_CELLS))
    lines = [page.paint(_join(COLUMNS, sizes), "bold")]
    for texts in table:
        lines += _row_lines(texts, sizes)
    return "\n".join([*lines, "", _say_rows(grid)]) + "\n"


def _say_row(row: GridRow) -> tuple[str, ...]:
    return (
        display(row.hub, limit=None),
        say_key(row.key_id),
        "?" if row.roles is None else say_names(row.roles),
        "?" if row.reauth_timeout_s is None else format_duration(row.reauth_timeout_s),
        {None: "?", True: "locked", False: "no"}[row.locked],
        "yes" if row.declared else "no",
    )


def _row_lines(texts: Sequence[str], sizes: Sequence[int]) -> list[str]:
    column = Page(color=False, width=sizes[_ROLES])
    first, *others = column.wrap(texts[_ROLES], indent=0).split("\n")
    start = sum(sizes[:_ROLES]) + len(_GAP) * _ROLES
    cut = [*texts[:_ROLES], first, *texts[_ROLES + 1 :]]
    return [_join(cut, sizes), *(" " * start + other for other in others)]


def _join(texts: Sequence[str], sizes: Sequence[int]) -> str:
    return display(_GAP.join(pad(text, size) for text, size in zip(texts, sizes, strict=True)).rstrip(), limit=None)


def _say_rows(grid: GridPage) -> str:
    if not grid.rows:
        return f"No rows on page {grid.page}: {say_count(grid.total, 'key')} found."
    last = grid.first + len(grid.rows) - 1
    pages = f", page {grid.page} of {grid.pages}" if grid.pages > 1 else ""
    return f"{grid.first} to {last} of {say_count(grid.total, 'key')}{pages}."
