"""The command line: a table of commands, each imported only when it is used, and the one place where errors end.

exit code   when
130         interrupted           5   SpecError
64          wrong usage           4   RefusedError
1           any other error       otherwise what the command returns
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from keyspec import __version__
from keyspec.errors import KeyspecError, RefusedError, SpecError, UsageError
from keyspec.report import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS: Final[Mapping[str, str]] = {
    "init": "write a commented starter spec",
    "validate": "check the spec without touching a hub",
    "plan": "show what differs on every hub",
    "apply": "make the hubs as the spec says",
    "list": "show the live keys of all hubs as one grid",
    "schema": "print a JSON Schema",
    "completion": "print a shell's completion script",
    "devhub": "run local hubs to try things on",
    "demo": "walk through plan and apply on local hubs",
}


class _Commands(click.RichGroup):
    """A group whose commands live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"keyspec.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from difflib import get_close_matches

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], COMMANDS, n=1)
            if near and "Did you mean" not in error.message:
                raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from error
            raise


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `keyspec demo`, or `keyspec init` in an empty folder.",
)
@click.version_option(__version__, "--version", prog_name="keyspec", message="%(prog)s %(version)s")
def main() -> None:
    """Declare the API keys of your Analytics Hubs in YAML, see the plan, apply it.

    keyspec reads what your hubs hold, compares it with the spec, shows every step it would take,
    and takes exactly those.
    """


def run(args: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(call(args))


def call(args: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code."""
    try:
        code = main.main(args=args, prog_name="keyspec", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", ExitCode.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except UsageError as error:
        return _say(str(error), ExitCode.USAGE)
    except SpecError as error:
        return _say_problems(error, ExitCode.INVALID)
    except RefusedError as error:
        return _say_problems(error, ExitCode.REFUSED)
    except KeyspecError as error:
        return _say(str(error), ExitCode.FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except (Exception, RecursionError) as error:  # noqa: BLE001 - the last line of defence: no traceback, no content
        return _say(_tell_unexpected(error), ExitCode.FAILED)
    return int(code or 0)


def _say(text: str, code: ExitCode) -> ExitCode:
    from keyspec.display import display

    click.echo(f"keyspec: {display(text, limit=2000)}", err=True)
    return code


def _say_problems(error: SpecError | RefusedError, code: ExitCode) -> ExitCode:
    from keyspec.render.console import wants_color
    from keyspec.render.text import render_problems

    color = wants_color("auto", is_terminal=sys.stderr.isatty(), environ=os.environ)
    click.echo(render_problems(error.problems, color=color), err=True, nl=False, color=color)
    noun = "problem" if len(error.problems) == 1 else "problems"
    click.echo(f"keyspec: {len(error.problems)} {noun}", err=True)
    return code


def _tell_unexpected(error: BaseException) -> str:
    """Name an error nobody foresaw by its type and place alone: its text may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "?"  # noqa: PTH119
    return f"unexpected {type(error).__name__} at {place}; please report it with the command you ran"
