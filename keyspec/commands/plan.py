"""`keyspec plan`: what differs on every hub, and what apply would do about it. Reads only."""

from __future__ import annotations

from typing import Any

import rich_click as click

from keyspec.commands.options import allow_options, option, output_options, parallel_option, spec_options
from keyspec.commands.screen import Screen


@click.command("plan")
@spec_options
@allow_options
@option("--exit-code", is_flag=True, help="Exit 2 if any step is pending, held ones too.")
@parallel_option
@output_options
def command(exit_code: bool, **given: Any) -> int:  # noqa: FBT001 - click's way
    r"""Show what differs on every hub.

    Reads the hubs and sends nothing but reads. Exit code 0, 2 with --exit-code if steps are pending,
    1 if a hub is unreadable or refused, 4 if a guard refuses the plan, 5 if the spec is invalid.

    \b
    Examples:
      keyspec plan
      keyspec plan -l env=prod -k 'ci_*'
      keyspec plan --exit-code --format json
    """
    from keyspec.commands.running import make_options, show_plan, start
    from keyspec.reconcile import load_desired, plan_desired
    from keyspec.report import ExitCode, plan_exit_code

    screen = Screen(**{name: given.pop(name) for name in ("form", "color", "verbose", "quiet")})
    options = make_options(**given)
    desired = load_desired(options)
    with start(screen, hubs=len(desired.hubs)) as session:
        planned = plan_desired(desired, options, session)
    show_plan(planned, screen)
    if planned.refusals:
        return ExitCode.REFUSED
    return plan_exit_code(planned.plan, exit_code=exit_code)
