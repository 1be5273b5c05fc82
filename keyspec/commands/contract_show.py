"""`keyspec contract show`: the REST contracts in use, or one by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from keyspec.commands.completing import complete_paths
from keyspec.commands.fitted import hub_options, spec_options
from keyspec.commands.options import OUTPUT, option, output_options
from keyspec.commands.options import command as declare
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen
    from keyspec.fitting import Usage


@declare(
    "show",
    examples=(
        "keyspec contract show",
        "keyspec contract show --hub lab --format json",
        "keyspec contract show cipherinsights-v1 --yaml > ours.yaml",
    ),
)
@click.argument("contract", required=False, metavar="[NAME|FILE]", shell_complete=complete_paths)
@hub_options
@option("--yaml", only="contract show", is_flag=True, panel=OUTPUT, help="Write the contract file itself.")
@output_options
@with_screen
def command(
    *,
    screen: Screen,
    contract: str | None,
    files: tuple[str, ...],
    trusted: str | None,
    hub: str | None,
    yaml: bool,
) -> int:
    """Show the contracts that describe the REST API of your hubs.

    Shows those that the spec's hubs use, one of them with --hub, or the contract that is named: one of
    keyspec's own, or a file. Asks no hub. Exit code: 0; 5 if the spec or the contract is invalid.
    """
    from keyspec.errors import UsageError
    from keyspec.fitting import choose_hub, load_named, load_used
    from keyspec.loader import load_desired
    from keyspec.render.contracts import render_contracts, render_contracts_json

    if contract is not None:
        usages: tuple[Usage, ...] = (load_named(contract),)
    else:
        desired = load_desired(spec_options(files, trusted))
        if hub is not None:
            desired = desired.only_hubs(frozenset({choose_hub(desired, hub).name}))
        usages = load_used(desired)
    if yaml:
        if len(usages) > 1:
            raise UsageError(f"the hubs use {len(usages)} contracts; name one, or say --hub")
        screen.write(usages[0].data.decode())
        return 0
    shown = [(usage.document.file, usage.hubs, usage.document.root) for usage in usages]
    if screen.form == "json":
        screen.write(render_contracts_json(shown))
    else:
        screen.write(render_contracts(shown, color=screen.colored, width=screen.width))
    return 0
