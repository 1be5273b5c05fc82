"""`keyspec schema`: the JSON Schemas of keyspec's formats."""

from __future__ import annotations

import rich_click as click


@click.command("schema")
@click.argument("what", type=click.Choice(["spec", "plan", "contract", "trusted"]), default="spec")
def command(what: str) -> int:
    r"""Print a JSON Schema (draft 2020-12): of the spec, a plan, a contract or a trusted file.

    \b
    Examples:
      keyspec schema > keyspec.schema.json
      keyspec schema plan
    """
    from keyspec.schemas import render_schema

    click.echo(render_schema(what), nl=False)
    return 0
