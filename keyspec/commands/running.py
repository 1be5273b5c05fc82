"""What plan, apply and list do alike: options to a run, a session with progress, plans and reports shown."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from keyspec.connect import make_room
from keyspec.display import display, name_some
from keyspec.errors import KeyspecError
from keyspec.findings import find_unverified
from keyspec.fleet import Interrupts
from keyspec.ownership import Policy
from keyspec.report import ExitCode, HubResult, Report, StepResult, apply_exit_code
from keyspec.session import Options, Session
from keyspec.settings import harden_process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.commands.screen import Screen
    from keyspec.desired import Desired
    from keyspec.errors import Problem
    from keyspec.plan import Plan
    from keyspec.reconcile import Planned
    from keyspec.shard import Shard

_MOST_NAMES: Final = 20
_HEARD: Final[Mapping[int, str]] = {
    1: "interrupted; what is under way is finished (again to stop waiting for hubs)",
    2: "not waiting for hubs any more, but for answers to what was sent",
}
"""What is said to an interrupt, by its number, where it ends nothing at once."""


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
    shard: Shard | None = None,
    wave: int | None = None,
) -> Options:
    """Give the options of a run from those of a command."""
    policy = Policy(
        allow_delete=allow_delete,
        allow_unlock=allow_unlock,
        allow_reimport=allow_reimport,
        take_over=take_over,
        keys=keys,
    )
    return Options(
        files=files,
        hubs=hubs,
        policy=policy,
        trusted=trusted,
        parallel=parallel,
        shard=shard,
        wave=wave,
        allow_exec=allow_exec,
    )


@contextmanager
def start(screen: Screen, options: Options, *, hubs: int) -> Iterator[Session]:
    """Begin a session whose hubs and steps are counted on the screen, and close its connections in the end."""
    harden_process()
    make_room()
    with screen.following() as progress:
        progress.expect("hubs", "read", hubs)
        session = Session(
            on_begin=progress.begin,
            on_end=progress.end,
            on_read=lambda _: progress.count(),
            on_step=lambda result: None if result.outcome == "held" else progress.count(),
            on_interrupt=lambda number: _acknowledge(number, screen),
            allow_exec=options.allow_exec,
        )
        try:
            yield session
        finally:
            with Interrupts(lambda _: None):  # how the session ended is known
                session.connections.close()
                _tell_ways(session, screen)


def _acknowledge(number: int, screen: Screen) -> None:
    if (said := _HEARD.get(number)) is not None:
        screen.say(f"keyspec: {said}\n")


def _tell_ways(session: Session, screen: Screen) -> None:
    """Say of the hubs that were asked which did not prove who they are and, if verbose, which proxies led there."""
    screen.warn(find_unverified(session.connections.opened))
    ways: dict[str, list[str]] = {}
    for hub in session.connections.opened if screen.verbose else ():
        if (proxy := session.connections.find_proxy(hub)) is not None:
            ways.setdefault(str(proxy), []).append(hub.name)
    for way, names in ways.items():
        screen.note(f"through the proxy {way}: {display(', '.join(names), limit=None)}")


def show_plan(plan: Plan, screen: Screen, *, refusals: Iterable[Problem] = ()) -> None:
    """Write a plan, with what refuses it."""
    refused = tuple(refusals)
    if screen.form == "text":
        screen.write(_say_plan(plan, refused, screen, color=screen.colored))
        return
    from keyspec.render.json import render_plan_json

    screen.write(render_plan_json(plan, refusals=refused))
    if refused:
        screen.show_problems(refused, as_data=False)


def save_plan(planned: Planned, path: str, made_at: float, screen: Screen) -> None:
    """Save a plan as a file; `made_at` is in seconds since the epoch."""
    from datetime import UTC, datetime

    from keyspec.files import write_file
    from keyspec.planfile import dump_plan

    created_at = datetime.fromtimestamp(made_at, UTC).isoformat(timespec="seconds")
    write_file(path, dump_plan(planned.plan, created_at=created_at), private=False)
    screen.note(f"saved; apply exactly this with: keyspec apply {path}")


def review_plan(planned: Planned, screen: Screen, *, asking: bool) -> None:
    """Show the plan of an apply before it is done: to whoever is asked, and to everybody if it is refused.

    Beside JSON, whose stdout is for the report, a plan to be confirmed stands on stderr. Quiet leaves out a plan that
    nobody is asked about.
    """
    if planned.refusals:
        show_plan(planned.plan, screen, refusals=planned.refusals)
    elif screen.form == "json":
        if asking:
            screen.say(_say_plan(planned.plan, (), screen, color=screen.colored_beside))
    elif asking or not screen.quiet:
        show_plan(planned.plan, screen)
        screen.write("\n")


def tell_left_out(planned: Planned, desired: Desired) -> Iterator[str]:
    """Say what of a saved plan no hub will be asked for, and why, and which hubs selected are not in it."""
    settled = [result for result in planned.settled.values() if not result.step.held]
    ways = Counter(result.outcome for result in settled)
    left = [
        (ways["failed"], "on hubs that cannot be read or planned"),
        (ways["skipped"], "waiting for something else"),
        (ways["held"], "held by now"),
        (len(planned.stale), "already so or in conflict"),
    ]
    if told := ", ".join(f"{count} {why}" for count, why in left if count):
        yield f"not to be done of the saved steps: {told}"
    there = {row.name for row in planned.plan.hubs}
    if missing := [name for name in desired.hubs if name not in there]:
        yield f"not in the saved plan: {display(name_some(missing, most=_MOST_NAMES), limit=None)}"


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


def _say_plan(plan: Plan, refusals: Iterable[Problem], screen: Screen, *, color: bool) -> str:
    from keyspec.render.text import render_plan

    return render_plan(plan, refusals=refusals, color=color, width=screen.width, verbose=screen.verbose)
