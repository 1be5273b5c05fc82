from __future__ import annotations

import re

import strategies
from hypothesis import given
from hypothesis import strategies as st

from keyspec.display import display
from keyspec.grid import GridRow, select_rows
from keyspec.render.table import render_grid

ROWS = (
    GridRow("prod_eu", "ci_deployer", ("Operator", "Sensor Administrator", "User"), 300, locked=False, declared=True),
    GridRow("lab_1", "old", None, None, locked=None, declared=False),
    GridRow("lab_1", "ci_locked", ("User",), 60, locked=True, declared=True),
)


def test_a_grid_reads_as_reviewed():
    assert render_grid(select_rows(ROWS), color=False, width=100) == (
        "hub      key          roles                                 timeout  locked  declared\n"
        "lab_1    ci_locked    User                                  1m       locked  yes\n"
        "lab_1    old          ?                                     ?        ?       no\n"
        "prod_eu  ci_deployer  Operator, Sensor Administrator, User  5m       no      yes\n"
        "\n"
        "1 to 3 of 3 keys.\n"
    )


def test_roles_break_within_their_column_on_a_narrow_terminal():
    assert render_grid(select_rows(ROWS, search="deployer"), color=False, width=68) == (
        "hub      key          roles                timeout  locked  declared\n"
        "prod_eu  ci_deployer  Operator, Sensor     5m       no      yes\n"
        "                      Administrator, User\n"
        "\n"
        "1 to 1 of 1 key.\n"
    )


def test_the_last_line_says_where_the_page_stands():
    page = select_rows(ROWS, rows=2, page=2)
    assert render_grid(page, color=False, width=100).endswith("3 to 3 of 3 keys, page 2 of 2.\n")
    beyond = select_rows(ROWS, rows=2, page=5)
    assert render_grid(beyond, color=False, width=100).endswith("No rows on page 5: 3 keys found.\n")


def test_names_that_pass_for_columns_are_quoted():
    rows = (
        GridRow("lab", "ci_a  User  1m  no", ("(none)", "?", "User"), 60, locked=False, declared=False),
        GridRow("lab", "?", None, 60, locked=True, declared=False),
    )
    text = render_grid(select_rows(rows), color=False, width=120)
    assert 'lab  "?"                   ?  ' in text
    assert 'lab  "ci_a  User  1m  no"  "(none)", "?", User  1m' in text


def test_a_name_without_end_is_cut_and_makes_no_other_row_wider():
    rows = [GridRow("lab", name, (name,), 60, locked=False, declared=False) for name in ("A" * 1_000_000, "ci_a")]
    _, first, *others, second, _, _ = render_grid(select_rows(rows), color=False, width=100).splitlines()
    assert re.match(r'lab  "A+… \([0-9]+ more characters\)"  A+…  1m ', first)
    assert max(map(len, (first, *others))) < 500
    assert second == f"lab  {'ci_a':<64}  {'ci_a':<16}  1m       no      no"


@given(st.lists(strategies.grid_rows, max_size=5), st.integers(min_value=1, max_value=120))
def test_nothing_from_outside_reaches_the_terminal_armed(rows, width):
    text = render_grid(select_rows(rows), color=False, width=width)
    assert all(display(line, limit=None) == line for line in text[:-1].split("\n"))
    colored = render_grid(select_rows(rows), color=True, width=width)
    assert re.sub("\x1b\\[[0-9;]+m", "", colored) == text
