"""`keyspec apply`: plan, show, confirm, apply, verify."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from keyspec.commands.options import (
    ALLOWED,
    allow_options,
    option,
    output_options,
    parallel_option,
    spec_options,
)
from keyspec.commands.options import command as declare
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen


@declare(
    "apply",
    examples=(
        "keyspec apply",
        "keyspec apply --yes -l env=lab",
        "keyspec apply --yes --allow-delete -k ci_old",
        "keyspec apply --yes --format json",
    ),
)
@spec_options
@parallel_option
@option("-y", "--yes", is_flag=True, panel=ALLOWED, help="Do not ask. Without a terminal to ask at it is needed.")
@allow_options
@output_options
@with_screen
def command(*, screen: Screen, yes: bool, **given: Any) -> int:
    """Make the hubs as the spec says: plan, show, confirm, apply, verify.

    Steps that are held are shown and not done. Exit code: 0 if every other step is applied or already so,
    and verified; 1 if nothing was applied and a step failed or a hub is unreadable or refused; 3 for
    anything between, and if you decline; 4 if a guard or the trusted file refuses the plan; 5 if the
    spec is invalid; 130 if interrupted.
    """
    from keyspec.commands.running import decline, make_options, review_plan, show_report, start
    from keyspec.errors import UsageError
    from keyspec.loader import load_desired
    from keyspec.reconcile import apply_run, plan_desired
    from keyspec.report import ExitCode, apply_exit_code
    from keyspec.settings import is_terminal

    if not yes and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("there is no terminal to ask at: say --yes to apply without a question")
    options = make_options(**given)
    desired = load_desired(options)
    with start(screen, options, hubs=len(desired.hubs)) as session:
        planned = plan_desired(desired, options, session)
        review_plan(planned, screen, asking=not yes)
        if planned.refusals:
            return ExitCode.REFUSED
        todo = sum(not step.held for step in planned.plan.steps)
        if todo and not yes and not screen.ask(f"Apply {todo} {'step' if todo == 1 else 'steps'}?"):
            return decline(planned, screen)
        screen.expect(todo)
        report = apply_run(planned, options, session, asked=not yes)
    show_report(report, screen)
    return apply_exit_code(report)
