"""`keyspec apply`: plan, show, confirm, apply, verify."""

from __future__ import annotations

import sys
from typing import Any

import rich_click as click

from keyspec.commands.options import allow_options, option, output_options, parallel_option, spec_options
from keyspec.commands.screen import Screen


@click.command("apply")
@spec_options
@allow_options
@option("-y", "--yes", is_flag=True, help="Do not ask.")
@parallel_option
@output_options
def command(yes: bool, **given: Any) -> int:  # noqa: FBT001 - click's way
    r"""Make the hubs as the spec says: plan, show, confirm, apply, verify.

    Steps that are held are shown and not done. Exit code 0 if every other step is applied or already
    so, and verified; 1 if nothing was applied and something failed; 3 for anything between; 4 if a
    guard refuses the plan; 5 if the spec is invalid.

    \b
    Examples:
      keyspec apply
      keyspec apply --yes -l env=lab
      keyspec apply --yes --allow-delete -k ci_old
    """
    from keyspec.commands.running import make_options, show_plan, show_report, start
    from keyspec.errors import UsageError
    from keyspec.reconcile import apply_run, load_desired, plan_desired
    from keyspec.report import ExitCode, apply_exit_code, plan_exit_code
    from keyspec.settings import is_terminal

    screen = Screen(**{name: given.pop(name) for name in ("form", "color", "verbose", "quiet")})
    if not yes and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("there is no terminal to ask at: say --yes to apply without a question")
    options = make_options(**given)
    desired = load_desired(options)
    with start(screen, hubs=len(desired.hubs)) as session:
        planned = plan_desired(desired, options, session)
        if screen.form == "text" or planned.refusals:
            show_plan(planned, screen)
        if planned.refusals:
            return ExitCode.REFUSED
        todo = sum(not step.held for step in planned.plan.steps)
        if todo and not yes and not screen.ask(f"Apply {todo} steps?"):
            screen.note("nothing was applied")
            return plan_exit_code(planned.plan, exit_code=False)
        screen.expect(todo)
        report = apply_run(planned, options, session, asked=not yes)
    show_report(report, screen)
    return apply_exit_code(report)
