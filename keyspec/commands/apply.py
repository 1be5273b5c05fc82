"""`keyspec apply`: plan, show, confirm, apply, verify."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from keyspec.commands.completing import complete_paths
from keyspec.commands.options import (
    ALLOWED,
    allow_options,
    option,
    output_options,
    parallel_option,
    shard_options,
    spec_options,
)
from keyspec.commands.options import command as declare
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen
    from keyspec.desired import Desired
    from keyspec.planfile import SavedPlan
    from keyspec.session import Options


@declare(
    "apply",
    examples=(
        "keyspec apply",
        "keyspec apply --yes -l env=lab",
        "keyspec apply --yes --allow-delete -k ci_old",
        "keyspec apply --yes --format json",
        "keyspec apply --yes fleet.plan",
    ),
)
@click.argument("planfile", required=False, shell_complete=complete_paths)
@spec_options
@shard_options
@parallel_option
@option("-y", "--yes", is_flag=True, panel=ALLOWED, help="Do not ask. Without a terminal to ask at it is needed.")
@allow_options
@output_options
@with_screen
def command(*, screen: Screen, planfile: str | None, yes: bool, **given: Any) -> int:
    """Make the hubs as the spec says: plan, show, confirm, apply, verify.

    With PLANFILE, which `keyspec plan --out` saved, exactly its steps are done, as far as the spec at hand
    still asks for them; a key that has changed since is a conflict and left alone. Steps that are held are
    shown and not done. Exit code: 0 if every other step is applied or already so, and verified; 1 if
    nothing was applied and a step failed or a hub is unreadable or refused; 3 for anything between, and
    if you decline; 4 if a guard, the trusted file or the saved plan refuses; 5 if the spec is invalid;
    130 if interrupted.
    """
    from keyspec.commands.running import decline, make_options, review_plan, show_report, start, tell_left_out
    from keyspec.errors import UsageError
    from keyspec.findings import find_unverified
    from keyspec.fleet import Interrupts
    from keyspec.loader import load_desired, load_saved
    from keyspec.reconcile import apply_run, check_waves, plan_desired, plan_saved
    from keyspec.report import ExitCode, apply_exit_code
    from keyspec.settings import is_terminal

    if not yes and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("there is no terminal to ask at: say --yes to apply without a question")
    options = make_options(**given)
    saved = None if planfile is None else load_saved(planfile)
    desired = load_desired(options)
    check_waves(desired, options)
    screen.warn(find_unverified(desired.hubs.values()))
    with start(screen, options, hubs=_count_hubs(desired, saved, options)) as session:
        if saved is None or planfile is None:
            planned = plan_desired(desired, options, session)
        else:
            planned = plan_saved(saved, planfile, desired, options=options, session=session)
        review_plan(planned, screen, asking=not yes)
        if planned.refusals:
            return ExitCode.REFUSED
        todo = len(planned.doable)
        for told in tell_left_out(planned, desired) if saved is not None else ():
            screen.note(told)
        if todo and not yes and not screen.ask(f"Apply {todo} {'step' if todo == 1 else 'steps'}?"):
            return decline(planned, screen)
        screen.expect(todo)
        with Interrupts(session.cancel) as interrupts:  # what was done is told, whatever comes in between
            report = apply_run(planned, options, session, asked=not yes, interrupts=interrupts)
            show_report(report, screen)
    return apply_exit_code(report)


def _count_hubs(desired: Desired, saved: SavedPlan | None, options: Options) -> int:
    """Count the hubs that will be read: of a saved plan, those with steps for the keys selected."""
    if saved is None:
        return len(desired.hubs)
    selected = (step for step in saved.plan.steps if not step.held and options.policy.selects(step.key_id))
    return len({step.hub for step in selected if step.hub in desired.hubs})
