"""`keyspec doctor`: what is reachable and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyspec.commands.options import command as declare
from keyspec.commands.options import output_options, parallel_option, spec_options
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen


@declare("doctor", examples=("keyspec doctor", "keyspec doctor -l prod_eu --format json"))
@spec_options
@parallel_option
@output_options
@with_screen
def command(*, screen: Screen, **given: Any) -> int:
    """Say what is reachable and what is missing: hubs, stores, extras, the spool.

    Sends nothing but reads, tries every store without leaving anything there, and never shows a value.
    Exit code: 0; 1 if something a run needs does not work; 5 if the spec is invalid.
    """
    from keyspec.commands.running import make_options, start
    from keyspec.doctor import examine
    from keyspec.findings import find_unverified
    from keyspec.loader import load_desired
    from keyspec.render.checks import render_checks, render_checks_json
    from keyspec.report import ExitCode

    options = make_options(**given)
    desired = load_desired(options)
    screen.warn(find_unverified(desired.hubs.values()))
    with start(screen, options, hubs=len(desired.hubs)) as session:
        checks = examine(desired, options, session)
    if screen.form == "json":
        screen.write(render_checks_json(checks))
    else:
        screen.write(render_checks(checks, color=screen.colored, width=screen.width))
    return ExitCode.FAILED if any(check.verdict == "failed" for check in checks) else ExitCode.OK
