"""`keyspec init`: a commented starter spec, optionally with the keys of a live hub."""

from __future__ import annotations

import rich_click as click

from keyspec.commands.options import command as declare
from keyspec.commands.options import option
from keyspec.commands.screen import write_beside


@declare(
    "init", examples=("keyspec init", "keyspec init specs --hub lab --url https://hub.example.com --auth env:LAB_KEY")
)
@click.argument("folder", type=click.Path(), default=".")
@option("--hub", only="init", default="lab", show_default=True, metavar="NAME", help="What the spec calls the hub.")
@option("--url", only="init", metavar="URL", help="Read the keys of this hub and declare them as they are.")
@option(
    "--auth",
    only="init",
    default="env:HUB_KEY",
    show_default=True,
    metavar="REF",
    help="Where keyspec finds its own key: env:NAME or file:PATH.",
)
@option(
    "--auth-key-id",
    only="init",
    default="keyspec_ci",
    show_default=True,
    metavar="ID",
    help="The ID of that key on the hub.",
)
def command(folder: str, url: str | None, auth: str, auth_key_id: str, hub: str) -> int:
    """Write a commented starter spec, keyspec.yaml, with its JSON Schema and a .gitignore for its store.

    With --url the keys of that hub are read and declared as they are, so that a plan is empty. No file
    is overwritten; a .gitignore gets one more line.
    """
    from keyspec.beginning import begin_spec
    from keyspec.display import display

    for line in begin_spec(folder, url=url, auth=auth, auth_key_id=auth_key_id, hub=hub):
        write_beside(f"keyspec: {display(line, limit=None)}\n")
    return 0
