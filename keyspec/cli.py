"""The command line: a table of commands, each imported only when it is used, and the one place where errors end.

exit code   when
130         interrupted           5   SpecError
64          wrong usage           4   RefusedError
1           any other error       otherwise what the command returns
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from keyspec.commands.options import CONTEXT
from keyspec.commands.screen import Screen, write_beside, write_out
from keyspec.errors import KeyspecError, ProblemsError, SpecError, UsageError
from keyspec.report import ExitCode
from keyspec.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS: Final[Mapping[str, str]] = {
    "init": "Write a commented starter spec.",
    "validate": "Check the spec without touching a hub.",
    "plan": "Show what differs on every hub.",
    "apply": "Make the hubs as the spec says.",
    "report merge": "Join what the shards of one run have printed.",
    "list": "Show the live keys of all hubs as one grid.",
    "doctor": "Say what is reachable and what is missing.",
    "contract show": "Show the REST contracts that your hubs are asked by.",
    "contract check": "Hold a contract against a hub's OpenAPI document.",
    "contract draft": "Draft a contract from an OpenAPI document.",
    "contract probe": "Try a contract on a sandbox hub, with a throw-away key.",
    "openapi": "Download a hub's OpenAPI document.",
    "schema": "Print a JSON Schema.",
    "completion": "Print a shell's completion script.",
    "devhub": "Run local hubs to try things on.",
    "demo": "Walk through plan and apply on local hubs.",
}

GROUPS: Final[Mapping[str, str]] = {
    "report": "Work on plans and reports that were printed as JSON.",
    "contract": "See, check and draft the contracts that describe a hub's REST API.",
}
"""The first words of commands that have two."""

_GC_THRESHOLD: Final = 100_000
"""How many new objects wake the collector: a spec of 100,000 keys is millions, and none of them is garbage."""


class _Commands(click.RichGroup):
    """A group whose commands live in modules of their own; `within` are the words before theirs."""

    within = ""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        names = (name.removeprefix(self.within) for name in COMMANDS if name.startswith(self.within))
        return list(dict.fromkeys(name.partition(" ")[0] for name in names))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self.within + cmd_name
        if name in GROUPS:
            group = _Commands(name=cmd_name, help=GROUPS[name], context_settings=CONTEXT, no_args_is_help=True)
            group.within = f"{name} "
            return group
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"keyspec.commands.{name.replace(' ', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            ctx.fail(f"there is no command `{self.within}{args[0]}`{_guess(args[0], known)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings=CONTEXT,
    no_args_is_help=True,
    epilog="Start with `keyspec demo`, or with `keyspec init` in an empty folder.",
)
@click.version_option(__version__, "--version", prog_name="keyspec", message="%(prog)s %(version)s")
def main() -> None:
    """Declare the API keys of your Analytics Hubs in YAML, see the plan, apply it.

    keyspec reads what your hubs hold, compares it with the spec, shows every step it would take,
    and takes exactly those.
    """


def run(args: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code; once that is settled, no signal changes it."""
    import gc
    import signal
    import threading

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a runner that stops a job means the same as Ctrl-C
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    code = int(ExitCode.INTERRUPTED)
    try:
        code = call(args)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:  # another one, while the first was told or the process about to end
        os._exit(code)
    if threading.active_count() > 1:  # Python would stop the threads left behind anywhere, in libraries not made for it
        os._exit(code)
    sys.exit(code)


def call(args: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = main.main(args=args, prog_name="keyspec", standalone_mode=False)
        write_out("")
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", ExitCode.INTERRUPTED)
    except click.ClickException as error:
        return _say_usage(error)
    except UsageError as error:
        return _say(str(error), ExitCode.USAGE)
    except ProblemsError as error:
        Screen().show_problems(error.problems)
        return ExitCode.INVALID if isinstance(error, SpecError) else ExitCode.REFUSED
    except KeyspecError as error:
        return _say(str(error), ExitCode.FAILED)
    except SystemExit as error:  # how rich-click ends without arguments, and when nobody reads the help
        return ExitCode.USAGE if error.code == click.UsageError.exit_code else ExitCode.OK
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback, no content
        return _say(_tell_unexpected(error), ExitCode.FAILED)
    return int(code or 0)


def _say(text: str, code: ExitCode) -> ExitCode:
    from keyspec.display import display

    write_beside(f"keyspec: {display(text, limit=2000)}\n")
    return code


def _say_usage(error: click.ClickException) -> ExitCode:
    """Say what is wrong with a command line, and where to look."""
    ctx = getattr(error, "ctx", None)
    text = error.format_message().rstrip(".")
    if isinstance(error, click.NoSuchOption) and ctx is not None:
        known = [name for param in ctx.command.params for name in param.opts if name.startswith("--")]
        text = f"`{ctx.command_path}` has no option {error.option_name}{_guess(error.option_name, known)}"
    _say(text, ExitCode.USAGE)
    return _say(f"see `{ctx.command_path if ctx else 'keyspec'} --help`", ExitCode.USAGE)


def _guess(word: str, known: Sequence[str] | Mapping[str, str]) -> str:
    from difflib import get_close_matches

    names = {name.strip("-"): name for name in known}
    text = word.strip("-")
    begun = [name for name in names if len(text) > 1 and name.startswith(text)]
    near = begun or get_close_matches(text, names, n=1)
    return f"; did you mean `{names[near[0]]}`?" if near else ""


def _tell_unexpected(error: Exception) -> str:
    """Name an error nobody foresaw by its type and place alone: its text may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename.rsplit('/')[-1]}:{trace.tb_lineno}" if trace else "?"
    return f"unexpected {type(error).__name__} at {place}; please report it with the command you ran"
