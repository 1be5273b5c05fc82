"""`keyspec report merge`: what the shards of one run have printed, as one plan or one report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from keyspec.commands.completing import complete_paths
from keyspec.commands.options import OUTPUT, option, output_options
from keyspec.commands.options import command as declare
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen


@declare(
    "merge",
    examples=(
        "keyspec report merge shards/*.json",
        "keyspec report merge plan-1.json plan-2.json --format json --exit-code",
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_paths)
@option("--exit-code", is_flag=True, panel=OUTPUT, help="Of plans: exit 2 if any step is pending, held ones too.")
@output_options
@with_screen
def command(*, screen: Screen, files: tuple[str, ...], exit_code: bool, **_given: Any) -> int:
    """Join what the shards of one run have printed.

    Each FILE holds what `keyspec plan` or `keyspec apply` printed with --shard and --format json. Every
    shard must be there, once. Exit code: that of a single run over all hubs; 4 if the files do not belong
    together, one is missing, or a shard was refused; 5 if one is no plan and no report.
    """
    from keyspec.commands.running import show_plan, show_report
    from keyspec.findings import UNVERIFIED
    from keyspec.join import join_plans, join_reports
    from keyspec.loader import load_parts
    from keyspec.report import Report, apply_exit_code, plan_exit_code

    parts = load_parts(files)
    if isinstance(parts[0].told, Report):
        report = join_reports(parts)
        screen.warn(found for found in report.plan.findings if found.code in UNVERIFIED)
        show_report(report, screen)
        return apply_exit_code(report)
    plan = join_plans(parts)
    screen.warn(found for found in plan.findings if found.code in UNVERIFIED)
    show_plan(plan, screen)
    return plan_exit_code(plan, exit_code=exit_code)
