"""`keyspec validate`: the spec, checked without touching a hub, a store or an environment variable."""

from __future__ import annotations

from typing import Any

import rich_click as click

from keyspec.commands.options import file_option, option, output_options
from keyspec.commands.screen import Screen


@click.command("validate")
@file_option
@option("--trusted", metavar="FILE", help="Hold the spec to this trusted file, too.")
@output_options
def command(files: tuple[str, ...], trusted: str | None, **output: Any) -> int:
    r"""Check the spec: every problem of every file in one run.

    Touches no hub, no store and no environment variable. Exit code 0, or 5 with each problem as
    file:line:column: code: message, or 4 if the trusted file does not allow all of it.

    \b
    Examples:
      keyspec validate
      keyspec validate -f keyspec.yaml -f teams/
    """
    from keyspec.reconcile import Options, load_desired

    screen = Screen(**output)
    desired = load_desired(Options(files=files, trusted=trusted))
    screen.note(f"valid: {len(desired.hubs)} hubs, {len(desired.declared_ids)} keys")
    if screen.form == "json":
        screen.write('{"valid": true, "problems": []}\n')
    return 0
