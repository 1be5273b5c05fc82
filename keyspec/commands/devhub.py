"""`keyspec devhub`: local hubs in the foreground, to try things on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from keyspec.commands.options import option

if TYPE_CHECKING:
    from keyspec.devhub import DevHub


@click.command("devhub")
@option("--hubs", "count", type=click.IntRange(1, 256), default=1, show_default=True, help="How many hubs.")
@option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The first hub's port; the others follow. 0: free ones."
)
@option(
    "--database", type=click.Path(), metavar="FOLDER", help="Keep each hub in FOLDER/NAME.sqlite; default: in memory."
)
@option("--admin-key-id", default="keyspec_ci", show_default=True, metavar="ID", help="The ID of each hub's first key.")
@option("--admin-key", metavar="ENV:NAME", help="A variable that holds its value, as env:NAME; default: a new value.")
@option("--knob", "knobs", multiple=True, metavar="NAME=VALUE", help="A knob of the hubs, see below. Repeatable.")
def command(
    count: int, port: int, database: str | None, admin_key_id: str, admin_key: str | None, knobs: tuple[str, ...]
) -> int:
    r"""Run local hubs to try things on, until Ctrl-C.

    Prints one line for each hub: its name, its URL and, where it was made here, the value of its
    first key. Needs the extra keyspec[devhub].

    \b
    Knobs:
      latency_ms=50             every answer takes that much longer
      requests_per_second=5     more are answered 429 with Retry-After
      page_cap=10               no page has more rows
      max_limit=1000            a larger limit is refused
      ids_reusable=off          a deleted ID is spent
      import_takes_id=off       an import makes an ID of its own
      omit_total=on  extra_fields=on  portal=off
      fault=POST /api_keys 3 after:drop
                                METHOD PATH WHICH before|after:KIND, where KIND is drop, reset,
                                status:NNN[:retry-after=S], html, truncate, cut, hang:S,
                                redirect:URL or empty; WHICH is 3, 2-4 or *

    \b
    Examples:
      keyspec devhub --port 8801
      keyspec devhub --hubs 3 --knob page_cap=10 --knob 'fault=POST /api_keys 1 after:drop'
    """
    from keyspec.commands.extras import need_devhub
    from keyspec.errors import UsageError

    need_devhub()
    from keyspec.devhub import DevHub, KnobError, parse_knobs, serve

    try:
        known = parse_knobs(list(knobs))
    except KnobError as error:
        raise UsageError("; ".join(str(problem) for problem in error.problems)) from error
    value = _read_value(admin_key)

    def announce(hub: DevHub) -> None:
        click.echo(f"{hub.name} {hub.url}" + ("" if value else f" {hub.admin_value}"))

    names = [f"hub{number}" if count > 1 else "devhub" for number in range(1, count + 1)]
    serve(
        (
            DevHub(
                name,
                database=f"{database}/{name}.sqlite" if database else None,
                admin_key_id=admin_key_id,
                admin_value=value,
                knobs=known,
                port=port + index if port else 0,
            )
            for index, name in enumerate(names)
        ),
        announce=announce,
    )
    return 0


def _read_value(reference: str | None) -> str | None:
    if reference is None:
        return None
    import os

    from keyspec.secret import parse_reference
    from keyspec.settings import resolve_reference

    return resolve_reference(parse_reference(reference), file="", environ=os.environ).reveal()
