"""What plan, apply and list do alike: options to a run, a session with progress, plans and reports shown."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from keyspec.errors import KeyspecError
from keyspec.ownership import Policy
from keyspec.report import ExitCode, HubResult, Report, StepResult, apply_exit_code
from keyspec.session import Options, Session
from keyspec.settings import harden_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyspec.commands.screen import Screen
    from keyspec.reconcile import Planned


def make_options(  # noqa: PLR0913 - one for each option
    *,
    files: tuple[str, ...],
    hubs: tuple[str, ...],
    keys: tuple[str, ...],
    trusted: str | None,
    parallel: int,
    allow_delete: bool = False,
    allow_unlock: bool = False,
    allow_reimport: bool = False,
    take_over: tuple[str, ...] = (),
    allow_exec: tuple[str, ...] = (),
) -> Options:
    """Give the options of a run from those of a command."""
    policy = Policy(
        allow_delete=allow_delete,
        allow_unlock=allow_unlock,
        allow_reimport=allow_reimport,
        take_over=take_over,
        keys=keys,
    )
    return Options(files=files, hubs=hubs, policy=policy, trusted=trusted, parallel=parallel, allow_exec=allow_exec)


@contextmanager
def start(screen: Screen, options: Options, *, hubs: int) -> Iterator[Session]:
    """Begin a session that counts hubs and steps on the screen, and close its connections in the end."""
    harden_process()
    session = Session(
        on_read=lambda _: screen.count("hubs read", hubs),
        on_step=screen.count_step,
        allow_exec=options.allow_exec,
    )
    try:
        yield session
    finally:
        session.connections.close()


def show_plan(planned: Planned, screen: Screen) -> None:
    """Write a plan, with what refuses it."""
    if screen.form == "text":
        screen.write(_say_plan(planned, screen, color=screen.colored))
        return
    from keyspec.render.json import render_plan_json

    screen.write(render_plan_json(planned.plan))
    if planned.refusals:
        screen.show_problems(planned.refusals, as_data=False)


def review_plan(planned: Planned, screen: Screen, *, asking: bool) -> None:
    """Show the plan of an apply before it is done: to whoever is asked, and to everybody if it is refused.

    Beside JSON, whose stdout is for the report, a plan to be confirmed stands on stderr. Quiet leaves out a plan that
    nobody is asked about.
    """
    if planned.refusals:
        show_plan(planned, screen)
    elif screen.form == "json":
        if asking:
            screen.say(_say_plan(planned, screen, color=screen.colored_beside))
    elif asking or not screen.quiet:
        show_plan(planned, screen)
        screen.write("\n")


def decline(planned: Planned, screen: Screen) -> ExitCode:
    """Tell that nothing was applied, because somebody said so."""
    if screen.form == "json":
        results = tuple(
            StepResult(step, "held") if step.held else StepResult(step, "skipped", "not confirmed")
            for step in planned.plan.steps
        )
        hubs = tuple(HubResult(hub.name, verified=None) for hub in planned.plan.hubs)
        show_report(Report(planned.plan, results, hubs), screen)
    screen.note("nothing was applied")
    return ExitCode.PARTIAL


def show_report(report: Report, screen: Screen) -> None:
    """Write what became of a plan; if it cannot be written, the exit code still says what was done."""
    if screen.form == "json":
        from keyspec.render.json import render_report_json

        text = render_report_json(report)
    else:
        from keyspec.render.outcome import render_report

        text = render_report(report, color=screen.colored, width=screen.width, verbose=screen.verbose)
    try:
        screen.write(text)
    except KeyspecError as error:
        if apply_exit_code(report) is ExitCode.FAILED:
            raise
        screen.say(f"keyspec: the steps were done, but {error}\n")


def _say_plan(planned: Planned, screen: Screen, *, color: bool) -> str:
    from keyspec.render.text import render_plan

    return render_plan(
        planned.plan,
        refusals=planned.refusals,
        color=color,
        width=screen.width,
        verbose=screen.verbose,
    )
