"""`keyspec contract probe`: a contract tried on a sandbox hub, with a key that is thrown away."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from keyspec.commands.completing import complete_hubs, complete_paths
from keyspec.commands.options import ALLOWED, OUTPUT, SCOPE, file_option, option, output_options, trusted_option
from keyspec.commands.options import command as declare
from keyspec.commands.screen import with_screen

if TYPE_CHECKING:
    from keyspec.commands.screen import Screen
    from keyspec.desired import DesiredHub
    from keyspec.fitting import NewFile
    from keyspec.probe import Probed


def _read_timeout(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    from keyspec.duration import parse_duration

    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@declare(
    "probe",
    examples=(
        "keyspec contract probe --hub lab --out lab.yaml",
        "keyspec contract probe --hub lab --out lab.yaml --role Auditor --yes",
    ),
)
@file_option
@option(
    "--hub",
    required=True,
    metavar="NAME",
    panel=SCOPE,
    help="The hub to probe; its label env is sandbox.",
    shell_complete=complete_hubs,
)
@trusted_option
@option(
    "--role",
    only="contract probe",
    metavar="ROLE",
    panel=SCOPE,
    help="The role of the throw-away key, instead of the weakest.",
)
@option(
    "--timeout",
    only="contract probe",
    metavar="DURATION",
    callback=_read_timeout,
    panel=SCOPE,
    help="Its reauthentication timeout; default: 5s, or the next that the hub takes.",
)
@option("-y", "--yes", is_flag=True, panel=ALLOWED, help="Do not ask. Without a terminal to ask at it is needed.")
@option(
    "--out",
    only="contract probe",
    required=True,
    metavar="FILE",
    panel=OUTPUT,
    help="Write the contract there; an existing file is left alone.",
    shell_complete=complete_paths,
)
@output_options
@with_screen
def command(
    *, screen: Screen, hub: str, role: str | None, timeout: int | None, yes: bool, out: str, **given: Any
) -> int:
    """Try a hub's contract with a throw-away key, and write what was seen as a contract that extends it.

    Only on a hub with the label env=sandbox, and after a yes to the list of all requests. The key has the
    weakest role; it is made, read, edited, locked until it is denied, unlocked, imported a second time and
    deleted. Its value is never shown or kept. What a run that died has left is deleted by the next one.
    Exit code: 0; 1 if the hub cannot be asked, no key could be made, something is left, or the file cannot be
    written; 3 if you decline, or a key that is not the probe's changed or is gone, which stops the probe;
    4 if the hub is no sandbox, or the trusted file refuses; 5 if the spec is invalid; 130 if interrupted.
    """
    from keyspec.commands.fitted import spec_options
    from keyspec.commands.running import start
    from keyspec.display import display
    from keyspec.errors import UsageError
    from keyspec.findings import find_unverified
    from keyspec.fitting import choose_hub, open_new
    from keyspec.foreseen import foresee
    from keyspec.journal import open_journal
    from keyspec.loader import load_desired
    from keyspec.probing import prepare, probe_hub
    from keyspec.render.probe import render_foreseen
    from keyspec.report import ExitCode
    from keyspec.settings import is_terminal

    if not yes and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("there is no terminal to ask at: say --yes to probe without a question")
    with open_new(out) as file:
        options = spec_options(given["files"], given["trusted"])
        target = choose_hub(load_desired(options), hub)
        screen.warn(find_unverified((target,)))
        with start(screen, options, hubs=1) as session, open_journal(os.environ) as journal:
            setting = prepare(target, session, journal, role=role, timeout_s=timeout)
            for url in journal.others(target.hub.url):
                screen.note(f"an earlier probe may have left keys on {display(url)}: probe that hub again")
            if not (yes and screen.quiet):
                screen.say(render_foreseen(setting, foresee(setting), width=screen.width))
            if not yes and not screen.ask(f"Send these requests to hub {hub}?"):
                screen.note("nothing was sent but reads")
                return ExitCode.PARTIAL
            probed = probe_hub(setting, target, session, journal)
        return _end(probed, target, file, screen)


def _end(probed: Probed, target: DesiredHub, file: NewFile, screen: Screen) -> int:
    """Write what was seen as a contract, show it, and say what is left."""
    from keyspec.errors import KeyspecError
    from keyspec.findings import find_unverified
    from keyspec.render.probe import render_probed, render_probed_json, say_harmed, say_left
    from keyspec.report import ExitCode

    wanted, failed, out = probed.created and not probed.interrupted and not probed.harmed, None, file.path
    try:
        if wanted:
            file.write(_make_overlay(probed, target, out))
    except KeyspecError as error:
        failed = error
    written = wanted and failed is None
    if screen.form == "json":
        screen.write(render_probed_json(probed, out if written else None, find_unverified((target,))))
    else:
        screen.write(render_probed(probed, color=screen.colored, width=screen.width))
    for line in (*say_harmed(probed), *say_left(probed)):
        screen.say(f"keyspec: {line}\n")
    if failed is not None:
        screen.say(f"keyspec: {failed}\n")
    if written:
        screen.note(f"wrote {out}: read it, then name it as the hub's `contract:`")
    if probed.interrupted:
        screen.say("keyspec: interrupted\n")
    if probed.harmed:
        return ExitCode.PARTIAL
    if probed.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if probed.whole and failed is None else ExitCode.FAILED


def _make_overlay(probed: Probed, target: DesiredHub, out: str) -> str:
    from datetime import UTC, datetime

    from keyspec.files import SPEC_SUFFIXES, beside
    from keyspec.render.probe import render_overlay
    from keyspec.version import __version__

    base = target.hub.contract
    if "/" in base or base.endswith(SPEC_SUFFIXES):
        path = os.path.relpath(beside(target.connection, base), os.path.dirname(out) or ".")  # noqa: PTH120 - as text
        base = path if "/" in path else f"./{path}"
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return render_overlay(target.contract, probed, base, made_at=made_at, version=__version__)
