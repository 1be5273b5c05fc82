"""`keyspec plan`: what differs on every hub, and what apply would do about it. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyspec.commands.completing import complete_paths
from keyspec.commands.options import (
    OUTPUT,
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


@declare(
    "plan",
    examples=(
        "keyspec plan",
        "keyspec plan -l env=prod -k 'ci_*'",
        "keyspec plan --allow-delete",
        "keyspec plan --exit-code --format json",
        "keyspec plan --out fleet.plan",
    ),
)
@spec_options
@shard_options
@parallel_option
@allow_options
@option(
    "--out",
    only="plan",
    metavar="FILE",
    panel=OUTPUT,
    shell_complete=complete_paths,
    help="Save the plan, unless it is refused, for `keyspec apply FILE`.",
)
@option("--exit-code", is_flag=True, panel=OUTPUT, help="Exit 2 if any step is pending, held ones too.")
@output_options
@with_screen
def command(*, screen: Screen, out: str | None, exit_code: bool, **given: Any) -> int:
    """Show what differs on every hub.

    Reads the hubs and sends nothing but reads. Exit code: 0; 2 with --exit-code if steps are pending;
    1 if a hub is unreadable or refused; 4 if a guard or the trusted file refuses the plan; 5 if the spec
    is invalid.
    """
    from keyspec.commands.running import make_options, save_plan, show_plan, start
    from keyspec.files import check_place
    from keyspec.findings import find_unverified
    from keyspec.loader import load_desired
    from keyspec.reconcile import plan_desired
    from keyspec.report import ExitCode, plan_exit_code

    options = make_options(**given)
    desired = load_desired(options)
    screen.warn(find_unverified(desired.hubs.values()))
    if out is not None:
        check_place(out)
    with start(screen, options, hubs=len(desired.hubs)) as session:
        made_at = session.now()  # what is read is as old as its reading began
        planned = plan_desired(desired, options, session)
    show_plan(planned.plan, screen, refusals=planned.refusals)
    if planned.refusals:
        return ExitCode.REFUSED
    if out is not None:
        save_plan(planned, out, made_at, screen)
    return plan_exit_code(planned.plan, exit_code=exit_code)
