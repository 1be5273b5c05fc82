"""`keyspec validate`: the spec, checked without touching a hub, a store or an environment variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyspec.commands.options import command as declare
from keyspec.commands.options import file_option, output_options, trusted_option
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen


@declare(
    "validate",
    examples=(
        "keyspec validate",
        "keyspec validate -f keyspec.yaml -f teams/",
        "keyspec validate --trusted trusted.yaml --format json",
    ),
)
@file_option
@trusted_option
@output_options
@with_screen
def command(*, screen: Screen, files: tuple[str, ...], trusted: str | None) -> int:
    """Check the spec: every problem of every file in one run.

    Touches no hub, no store and no environment variable. Exit code: 0; 5 with each problem as
    file:line:column: code: message; 4 if the trusted file does not allow all of it.
    """
    from keyspec.findings import find_unverified
    from keyspec.loader import load_desired
    from keyspec.render.phrases import say_count
    from keyspec.session import Options

    desired = load_desired(Options(files=files, trusted=trusted))
    screen.note(f"valid: {say_count(len(desired.hubs), 'hub')}, {say_count(len(desired.declared_ids), 'key')}")
    warnings = tuple(find_unverified(desired.hubs.values()))
    screen.warn(warnings)
    screen.show_as_data((), warnings)
    return 0
