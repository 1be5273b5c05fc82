"""`keyspec init`: a commented starter spec, optionally with the keys of a live hub."""

from __future__ import annotations

import rich_click as click

from keyspec.commands.options import option


@click.command("init")
@click.argument("folder", type=click.Path(), default=".")
@option("--url", metavar="URL", help="Read the keys of this hub and declare them.")
@option("--auth", default="env:HUB_KEY", show_default=True, metavar="REF", help="Where that hub's key is found.")
@option("--auth-key-id", default="keyspec_ci", show_default=True, metavar="ID", help="The ID of that key.")
@option("--hub", default="lab", show_default=True, metavar="NAME", help="What the spec calls the hub.")
def command(folder: str, url: str | None, auth: str, auth_key_id: str, hub: str) -> int:
    r"""Write a commented starter spec, keyspec.yaml, and the ignore line for its store.

    With --url the keys of that hub are read and declared as they are. No file is overwritten.

    \b
    Examples:
      keyspec init
      HUB_KEY=... keyspec init --url https://hub.example.com
    """
    from keyspec.beginning import begin_spec

    for line in begin_spec(folder, url=url, auth=auth, auth_key_id=auth_key_id, hub=hub):
        click.echo(line, err=True)
    return 0
