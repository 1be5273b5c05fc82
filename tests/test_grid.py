from __future__ import annotations

from collections import Counter

import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from keyspec.errors import UsageError
from keyspec.grid import COLUMNS, GridRow, select_rows

A = GridRow("prod", "ci_a", ("Operator",), 60, locked=False, declared=True)
B = GridRow("prod", "ci_b", ("User",), None, locked=None, declared=False)
C = GridRow("lab", "ci_a", None, 300, locked=True, declared=True)
GRID = (A, B, C)
grids = st.lists(strategies.grid_rows, max_size=12)
sorts = st.lists(st.sampled_from([sign + name for name in COLUMNS for sign in ("", "-")]), max_size=3)


def test_rows_stand_by_hub_and_key():
    assert select_rows(GRID).rows == (C, A, B)


@pytest.mark.parametrize(
    ("sort", "rows"),
    [
        (("timeout",), (A, C, B)),
        (("-timeout",), (C, A, B)),
        (("roles",), (A, B, C)),
        (("-roles",), (B, A, C)),
        (("-declared", "hub"), (C, A, B)),
        (("key", "-hub"), (A, C, B)),
        (("locked",), (A, C, B)),
    ],
)
def test_the_first_column_counts_most_and_what_is_not_known_is_last(sort, rows):
    assert select_rows(GRID, sort=sort).rows == rows


@pytest.mark.parametrize(
    ("search", "rows"), [("CI_A", (C, A)), ("lab", (C,)), ("user", (B,)), ("", (C, A, B)), ("none", ())]
)
def test_search_looks_at_hub_key_and_roles_without_case(search, rows):
    assert select_rows(GRID, search=search).rows == rows


def test_a_page_knows_where_it_stands():
    page = select_rows(GRID, rows=2, page=2)
    assert (page.rows, page.total, page.page, page.pages, page.first) == ((B,), 3, 2, 2, 3)
    assert select_rows(GRID, rows=2, page=9).rows == ()
    assert select_rows(()).pages == 1


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"page": 0}, {"sort": ("value",)}, {"sort": ("--hub",)}])
def test_a_page_or_column_that_cannot_be_is_wrong_usage(wrong):
    with pytest.raises(UsageError):
        select_rows(GRID, **wrong)


@given(grids, sorts, st.integers(min_value=1, max_value=5))
def test_the_pages_together_are_the_grid_each_row_once(grid, sort, size):
    pages = select_rows(grid, rows=size).pages
    paged = [row for page in range(1, pages + 1) for row in select_rows(grid, sort=sort, rows=size, page=page).rows]
    assert tuple(paged) == select_rows(grid, sort=sort).rows
    assert Counter(paged) == Counter(grid)


@given(grids.flatmap(lambda grid: st.tuples(st.just(grid), st.permutations(grid))), sorts)
def test_the_order_of_input_does_not_matter_to_rows_that_differ_in_name(grids, sort):
    grid, shuffled = ({(row.hub, row.key_id): row for row in sorted(rows, key=repr)}.values() for rows in grids)
    assert select_rows(grid, sort=sort) == select_rows(shuffled, sort=sort)
