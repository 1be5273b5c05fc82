"""`keyspec list`: the live keys of all hubs as one grid."""

from __future__ import annotations

from typing import Any

import rich_click as click

from keyspec.commands.options import option, output_options, parallel_option, spec_options
from keyspec.commands.screen import Screen


@click.command("list")
@spec_options
@option("--search", default="", metavar="TEXT", help="Only rows with this text in hub, key or roles.")
@option(
    "--sort",
    multiple=True,
    metavar="COLUMN",
    help="By hub, key, roles, timeout, locked or declared; -COLUMN turns round. Repeatable.",
)
@option("--rows", type=click.IntRange(1), metavar="N", help="So many rows a page; default: all.")
@option("--page", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Which page.")
@parallel_option
@output_options
def command(search: str, sort: tuple[str, ...], rows: int | None, page: int, **given: Any) -> int:
    r"""Show the live keys of all hubs as one grid.

    Exit code 0, or 1 if a hub cannot be read.

    \b
    Examples:
      keyspec list
      keyspec list --search ci_ --sort -timeout --rows 25
      keyspec list -l env=prod --format json
    """
    from keyspec.commands.running import make_options, start
    from keyspec.grid import select_rows
    from keyspec.reconcile import list_run, load_desired

    screen = Screen(**{name: given.pop(name) for name in ("form", "color", "verbose", "quiet")})
    options = make_options(**given)
    desired = load_desired(options)
    with start(screen, hubs=len(desired.hubs)) as session:
        found, unreadable = list_run(desired, options, session)
    grid = select_rows(found, search=search, sort=sort, rows=rows, page=page)
    if screen.form == "json":
        from keyspec.render.json import render_grid_json

        screen.write(render_grid_json(grid))
    else:
        from keyspec.render.table import render_grid

        screen.write(render_grid(grid, color=screen.colored, width=screen.width))
    for live in unreadable:
        screen.error(f"keyspec: {live.error}\n")
    return 1 if unreadable else 0
