"""`keyspec contract draft`: a first contract from what a hub says of its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyspec.commands.completing import complete_paths
from keyspec.commands.fitted import hub_options, openapi_option, spec_options
from keyspec.commands.options import OUTPUT, option, output_options
from keyspec.commands.options import command as declare
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen
    from keyspec.openapi.document import Api
    from keyspec.plan import Finding
    from keyspec.session import Options


@declare(
    "draft",
    examples=("keyspec contract draft --openapi hub.json --out contract.yaml", "keyspec contract draft --hub lab"),
)
@hub_options
@openapi_option
@option(
    "--out",
    only="contract draft",
    metavar="FILE",
    panel=OUTPUT,
    help="Write the contract there; an existing file is left alone.",
    shell_complete=complete_paths,
)
@output_options
@with_screen
def command(
    *,
    screen: Screen,
    files: tuple[str, ...],
    trusted: str | None,
    hub: str | None,
    openapi: str | None,
    out: str | None,
) -> int:
    """Draft a contract from an OpenAPI document: guesses, each with its reason, and holes where there is none.

    The document is --openapi, else the hub's own, by the operation `openapi` of the contract it has now.
    The draft is YAML; as JSON it has its reasons and holes beside it. Exit code: 0; 1 if the document
    describes no administration of API keys, or the hub does not give it; 4 if the trusted file refuses
    the spec; 5 if the spec or the document is invalid.
    """
    from keyspec.errors import KeyspecError
    from keyspec.fitting import load_api, write_draft
    from keyspec.openapi.draft import Absence, draft_contract
    from keyspec.openapi.drafttext import render_draft, say_draft
    from keyspec.render.contracts import render_draft_json

    warnings: tuple[Finding, ...] = ()
    if openapi is not None:
        api = load_api(openapi)
    else:
        api, warnings = _fetch(screen, hub, spec_options(files, trusted))
    draft = draft_contract(api)
    if isinstance(draft, Absence):
        raise KeyspecError(f"{api.file} describes no administration of API keys: {'; '.join(draft.reasons)}")
    if out is not None:
        write_draft(out, render_draft(draft))
        against = f" --openapi {openapi}" if openapi else f" --hub {hub}" if hub else ""
        screen.note(f"wrote {out}: {say_draft(draft)}")
        screen.note(f"next: read it, then: keyspec contract check {out}{against}")
    if screen.form == "json":
        screen.write(render_draft_json(draft, warnings))
    elif out is None:
        screen.write(render_draft(draft))
    return 0


def _fetch(screen: Screen, hub: str | None, options: Options) -> tuple[Api, tuple[Finding, ...]]:
    """Download the hub's own document, with what there is to warn of."""
    from keyspec.commands.running import start
    from keyspec.findings import find_unverified
    from keyspec.fitting import choose_hub, fetch_api
    from keyspec.loader import load_desired

    chosen = choose_hub(load_desired(options), hub)
    warnings = tuple(find_unverified((chosen,)))
    screen.warn(warnings)
    with start(screen, options, hubs=1) as session:
        return fetch_api(chosen, session), warnings
