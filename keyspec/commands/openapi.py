"""`keyspec openapi`: a hub's own description of its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyspec.commands.completing import complete_paths
from keyspec.commands.fitted import hub_options, spec_options
from keyspec.commands.options import OUTPUT, option, output_options
from keyspec.commands.options import command as declare
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen


@declare("openapi", examples=("keyspec openapi --hub lab", "keyspec openapi --hub lab --out hub.json"))
@hub_options
@option(
    "--out",
    only="openapi",
    metavar="FILE",
    panel=OUTPUT,
    help="Write the document there, as the hub sent it.",
    shell_complete=complete_paths,
)
@output_options
@with_screen
def command(*, screen: Screen, files: tuple[str, ...], trusted: str | None, hub: str | None, out: str | None) -> int:
    """Download the OpenAPI document of a hub, by the operation `openapi` of its contract.

    Without --hub the spec must have one hub only. Exit code: 0; 1 if the hub does not give it; 4 if the
    trusted file refuses the spec; 5 if the spec is invalid.
    """
    from pydantic_core import from_json

    from keyspec.commands.running import start
    from keyspec.errors import KeyspecError
    from keyspec.files import write_file
    from keyspec.findings import find_unverified
    from keyspec.fitting import choose_hub, fetch_document
    from keyspec.jsontext import encode_json
    from keyspec.loader import load_desired

    options = spec_options(files, trusted)
    chosen = choose_hub(load_desired(options), hub)
    screen.warn(find_unverified((chosen,)))
    with start(screen, options, hubs=1) as session:
        data = fetch_document(chosen, session)
    if out is None:
        try:
            text = encode_json(from_json(data), indent=2)
        except ValueError:
            raise KeyspecError(
                "the document holds a number that is too large to be shown; --out writes it as it is"
            ) from None
        screen.write(text + "\n")
        return 0
    write_file(out, data, private=False)
    against = f"--openapi {out}" + (f" --hub {hub}" if hub else "")
    screen.note(f"wrote {out}; hold your contract against it with: keyspec contract check {against}")
    return 0
