"""`keyspec schema`: the JSON Schemas of keyspec's formats."""

from __future__ import annotations

import rich_click as click

from keyspec.commands.options import command as declare
from keyspec.commands.screen import write_out


@declare("schema", examples=("keyspec schema > keyspec.schema.json", "keyspec schema plan"))
@click.argument("what", type=click.Choice(["spec", "plan", "contract", "trusted"]), default="spec", metavar="[FORMAT]")
def command(what: str) -> int:
    """Print a JSON Schema (draft 2020-12).

    FORMAT is spec (the default), plan, contract or trusted.
    """
    from keyspec.schemas import render_schema

    write_out(render_schema(what))
    return 0
