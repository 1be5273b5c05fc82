"""`keyspec contract check`: a contract held against an OpenAPI document, and against what a hub answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from keyspec.commands.completing import complete_paths
from keyspec.commands.fitted import hub_options, openapi_option, spec_options
from keyspec.commands.options import SCOPE, option, output_options
from keyspec.commands.options import command as declare
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyspec.commands.screen import Screen
    from keyspec.openapi.verdict import Comparison
    from keyspec.plan import Finding


@declare(
    "check",
    examples=(
        "keyspec contract check --hub lab",
        "keyspec contract check --hub lab --live",
        "keyspec contract check cipherinsights-v1 --openapi hub.json",
    ),
)
@click.argument("contract", required=False, metavar="[NAME|FILE]", shell_complete=complete_paths)
@hub_options
@openapi_option
@option("--live", only="contract check", is_flag=True, panel=SCOPE, help="Read the hub's lists, too.")
@output_options
@with_screen
def command(
    *,
    screen: Screen,
    contract: str | None,
    files: tuple[str, ...],
    trusted: str | None,
    hub: str | None,
    openapi: str | None,
    live: bool,
) -> int:
    """Hold a contract against what the hub says of its API, and say what is found, missing or different.

    The contract is the one named, else that of --hub, else those of the spec. The document is --openapi,
    else the hub's own. With --live the first pages of the hub's lists are read, too; nothing but reads is
    sent. What is alike shares a line, unless -v. Exit code: 0 if all is found; 1 if something is missing
    or different, or the hub cannot be asked; 4 if the trusted file refuses the spec; 5 if the spec, the
    contract or the document is invalid.
    """
    from keyspec.commands.running import start
    from keyspec.findings import find_unverified
    from keyspec.fitting import ask_hub, choose_hub, compare_usage, load_api, load_named, load_used
    from keyspec.loader import load_desired

    usages = () if contract is None else (load_named(contract),)
    api = None if openapi is None else load_api(openapi)
    if usages and api is not None and not live:
        return _show(screen, [compare_usage(usages[0], api)])
    options = spec_options(files, trusted)
    desired = load_desired(options)
    if api is not None and not live and hub is None:
        return _show(screen, [compare_usage(usage, api) for usage in load_used(desired)])
    chosen = choose_hub(desired, hub)
    warnings = tuple(find_unverified((chosen,)))
    screen.warn(warnings)
    usage = usages[0] if usages else load_used(desired.only_hubs(frozenset({chosen.name})))[0]
    with start(screen, options, hubs=1) as session:
        compared = ask_hub(usage, chosen, api, session, live=live)
    return _show(screen, compared, warnings)


def _show(screen: Screen, compared: Sequence[Comparison], warnings: Sequence[Finding] = ()) -> int:
    from keyspec.render.contracts import render_comparisons, render_comparisons_json
    from keyspec.report import ExitCode

    if screen.form == "json":
        screen.write(render_comparisons_json(compared, warnings))
    else:
        text = render_comparisons(compared, color=screen.colored, width=screen.width, folded=not screen.verbose)
        screen.write(text)
    if all(row.verdict == "found" for each in compared for row in each.rows):
        return ExitCode.OK
    screen.note("correct a copy of the contract (keyspec contract show --yaml), or draft one (keyspec contract draft)")
    return ExitCode.FAILED
