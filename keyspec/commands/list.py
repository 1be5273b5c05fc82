"""`keyspec list`: the live keys of all hubs as one grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from keyspec.commands.options import command as declare
from keyspec.commands.options import option, output_options, parallel_option, spec_options
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen

_ROWS = "Which rows"


@declare(
    "list",
    examples=(
        "keyspec list",
        "keyspec list --search ci_ --sort=-timeout --rows 25",
        "keyspec list -l env=prod --format json",
    ),
)
@spec_options
@parallel_option
@option("--search", default="", metavar="TEXT", panel=_ROWS, help="Only rows with this text in hub, key or roles.")
@option(
    "--sort",
    multiple=True,
    metavar="COLUMN",
    panel=_ROWS,
    help="By hub, key, roles, timeout, locked or declared; -COLUMN turns round. Repeatable.",
)
@option("--rows", type=click.IntRange(1), metavar="N", panel=_ROWS, help="So many rows a page; default: all.")
@option("--page", type=click.IntRange(1), default=1, show_default=True, metavar="N", panel=_ROWS, help="Which page.")
@output_options
@with_screen
def command(*, screen: Screen, search: str, sort: tuple[str, ...], rows: int | None, page: int, **given: Any) -> int:
    """Show the live keys of all hubs as one grid.

    Sends nothing but reads. Exit code: 0; 1 if a hub cannot be read; 4 if the trusted file refuses the
    spec; 5 if the spec is invalid.
    """
    from keyspec.commands.running import make_options, start
    from keyspec.display import display
    from keyspec.findings import find_unverified
    from keyspec.grid import select_rows
    from keyspec.loader import load_desired
    from keyspec.reconcile import list_run
    from keyspec.report import ExitCode

    options = make_options(**given)
    select_rows((), sort=sort)  # a column that does not exist is said before any hub is asked
    desired = load_desired(options)
    screen.warn(find_unverified(desired.hubs.values()))
    with start(screen, options, hubs=len(desired.hubs)) as session:
        found, unreadable = list_run(desired, options, session)
    grid = select_rows(found, search=search, sort=sort, rows=rows, page=page)
    if screen.form == "json":
        from keyspec.render.json import render_grid_json

        screen.write(render_grid_json(grid, find_unverified(desired.hubs.values())))
    else:
        from keyspec.render.table import render_grid

        screen.write(render_grid(grid, color=screen.colored, width=screen.width))
    for live in unreadable:
        screen.say(f"keyspec: {display(live.name, limit=None)} is unreadable: {display(live.error, limit=2000)}\n")
    return ExitCode.FAILED if unreadable else ExitCode.OK
