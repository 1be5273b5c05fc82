"""`keyspec devhub`: local hubs in the foreground, to try things on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from keyspec.commands.options import command as declare
from keyspec.commands.options import option
from keyspec.commands.screen import write_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyspec.devhub import DevHub

_LAST_PORT = 65535
_DIALECTS = ("cipherinsights", "other")
_NOTES = """
Knobs:
  latency_ms=50            every answer takes that much longer
  requests_per_second=5    more are answered 429 with Retry-After
  page_cap=10              no page has more rows
  max_limit=1000           a larger limit is refused
  max_body_bytes=4096      a larger body is refused
  ids_reusable=false       a deleted ID is spent
  import_takes_id=false    an import makes an ID of its own
  lock_delay_ms=2000       a locked key is recognised that much longer
  omit_total=true          lists tell no total
  extra_fields=true        answers hold fields nobody knows
  portal=off               an unknown path is a plain 404
  fault=METHOD PATH WHICH WHEN:KIND
    WHICH is 3, 2-4 or *; WHEN is before or after
    KIND is drop, reset, status:NNN[:retry-after=S], html, truncate,
    cut, hang:S, redirect:URL or empty
"""


@declare(
    "devhub",
    notes=_NOTES,
    examples=(
        "keyspec devhub --port 8801",
        "keyspec devhub --hubs 3 --admin-key env:HUB_KEY --database hubs",
        "keyspec devhub --knob 'fault=POST /api_keys 1 after:drop'",
        "keyspec devhub --dialect other --knob 'fault=PATCH /keys/* 1 before:status:503'",
    ),
)
@option(
    "--hubs",
    "count",
    only="devhub",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="How many hubs.",
)
@option(
    "--port",
    only="devhub",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="The first hub's port, the others follow; default: free ones.",
)
@option(
    "--dialect",
    only="devhub",
    type=click.Choice(_DIALECTS),
    default=_DIALECTS[0],
    show_default=True,
    help="How their API speaks; other: bearer tokens, cursors, role IDs, PATCH, ETags.",
)
@option(
    "--database",
    only="devhub",
    type=click.Path(),
    metavar="FOLDER",
    help="Keep each hub in FOLDER/NAME.sqlite; default: in memory.",
)
@option(
    "--admin-key-id",
    only="devhub",
    default="keyspec_ci",
    show_default=True,
    metavar="ID",
    help="The ID of each hub's first key.",
)
@option(
    "--admin-key",
    only="devhub",
    metavar="REF",
    help="Where that key's value is found, env:NAME or file:PATH; default: a new value.",
)
@option(
    "--knob",
    "knobs",
    only="devhub",
    multiple=True,
    metavar="NAME=VALUE",
    help="How the hubs behave, see above. Repeatable.",
)
def command(
    *,
    count: int,
    port: int,
    dialect: str,
    database: str | None,
    admin_key_id: str,
    admin_key: str | None,
    knobs: tuple[str, ...],
) -> int:
    """Run local hubs to try things on, until Ctrl-C.

    Prints one line for each hub: its name, its URL and, where it was made here, the value of its
    first key. Needs the extra `devhub`: pip install 'keyspec[devhub]'.
    """
    from keyspec.commands.extras import need_devhub
    from keyspec.errors import UsageError

    need_devhub()
    from keyspec.devhub import KnobError, parse_knobs

    try:
        known = parse_knobs(list(knobs))
    except KnobError as error:
        raise UsageError("; ".join(str(problem) for problem in error.problems)) from error
    if port + count - 1 > _LAST_PORT:
        raise UsageError(f"--port {port} leaves no ports for {count} hubs: the last one is {_LAST_PORT}")
    value = _read_value(admin_key)
    settings = {"admin_key_id": admin_key_id, "admin_value": value, "knobs": known, "dialect": dialect}
    _serve(_describe_hubs(count, port=port, database=database, **settings), told=value is not None)
    return 0


def _describe_hubs(count: int, *, port: int, database: str | None, **settings: Any) -> Iterator[DevHub]:
    """Give hubs that differ in name, port and database only."""
    from keyspec.devhub import DevHub

    for number in range(1, count + 1):
        name = f"hub{number}" if count > 1 else "devhub"
        file = f"{database}/{name}.sqlite" if database else None
        yield DevHub(name, database=file, port=port + number - 1 if port else 0, **settings)


def _serve(hubs: Iterable[DevHub], *, told: bool) -> None:
    """Run hubs until Ctrl-C; print their first keys' values unless these were told."""
    from sqlite3 import DatabaseError

    from keyspec.devhub import serve
    from keyspec.disk import explain
    from keyspec.errors import UsageError

    def announce(hub: DevHub) -> None:
        write_out(f"{hub.name} {hub.url}" + ("\n" if told else f" {hub.admin_value}\n"))

    try:
        serve(hubs, announce=announce)
    except OSError as error:
        raise UsageError(f"no hub can listen there: {explain(error)}; choose another --port") from error
    except DatabaseError as error:
        raise UsageError(f"the database of a hub cannot be used: {error}; choose another --database") from error


def _read_value(reference: str | None) -> str | None:
    if reference is None:
        return None
    import os

    from keyspec.errors import UsageError
    from keyspec.secret import parse_reference
    from keyspec.settings import resolve_reference

    try:
        parsed = parse_reference(reference)
    except ValueError as error:
        raise UsageError(f"--admin-key: {error}") from error
    return resolve_reference(parsed, file="", environ=os.environ).reveal()
