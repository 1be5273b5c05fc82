"""What plan, apply and list do alike: options to a run, a session with progress, a plan shown."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from keyspec.ownership import Policy
from keyspec.reconcile import Options, Session
from keyspec.settings import harden_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyspec.commands.screen import Screen
    from keyspec.reconcile import Planned
    from keyspec.report import Report


def make_options(
    *,
    files: tuple[str, ...],
    hubs: tuple[str, ...],
    keys: tuple[str, ...],
    trusted: str | None,
    parallel: int,
    allow_delete: bool = False,
    allow_unlock: bool = False,
    take_over: tuple[str, ...] = (),
) -> Options:
    """Give the options of a run from those of a command."""
    policy = Policy(allow_delete=allow_delete, allow_unlock=allow_unlock, take_over=take_over, keys=keys)
    return Options(files=files, hubs=hubs, policy=policy, trusted=trusted, parallel=parallel)


@contextmanager
def start(screen: Screen, *, hubs: int) -> Iterator[Session]:
    """Begin a session that counts hubs and steps on the screen, and close its connections in the end."""
    harden_process()
    session = Session(
        on_read=lambda _: screen.count("hubs read", hubs),
        on_step=screen.count_step,
    )
    try:
        yield session
    finally:
        session.connections.close()


def show_plan(planned: Planned, screen: Screen) -> None:
    """Write a plan, with what refuses it."""
    if screen.form == "json":
        from keyspec.render.json import render_plan_json

        screen.write(render_plan_json(planned.plan))
        if planned.refusals:
            from keyspec.render.text import render_problems

            screen.error(render_problems(planned.refusals, color=False))
        return
    from keyspec.render.text import render_plan

    text = render_plan(
        planned.plan,
        refusals=planned.refusals,
        color=screen.colored,
        width=screen.width,
        verbose=screen.verbose,
    )
    screen.write(text)


def show_report(report: Report, screen: Screen) -> None:
    """Write what became of a plan."""
    if screen.form == "json":
        from keyspec.render.json import render_report_json

        screen.write(render_report_json(report))
        return
    from keyspec.render.outcome import render_report

    screen.write(render_report(report, color=screen.colored, width=screen.width, verbose=screen.verbose))
