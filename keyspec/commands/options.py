"""How commands are declared: their help, their examples, and the options they share.

Every option is also read from the environment: `--allow-delete` as `KEYSPEC_ALLOW_DELETE`, several values divided by
blanks; those of one command alone carry its name, as `KEYSPEC_DEVHUB_PORT`. A command's examples are data, so that a
test can read them as the commands they are.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final, TypeVar

import rich_click as click

from keyspec.commands.completing import complete_hubs, complete_keys, complete_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

F = TypeVar("F", bound="Callable[..., Any]")

FORMATS: Final = ("text", "json")
SCOPE: Final = "Which hubs and keys"
ALLOWED: Final = "What may be done"
OUTPUT: Final = "Output"

CONTEXT: Final[dict[str, Any]] = {
    "help_option_names": ["-h", "--help"],
    "rich_help_config": {
        "max_width": 100,
        "style_options_panel_box": "SIMPLE",
        "style_commands_panel_box": "SIMPLE",
        "style_options_panel_title_style": "bold",
        "style_commands_panel_title_style": "bold",
        "options_table_column_types": ["opt_short", "opt_long", "metavar", "help"],
        "options_table_help_sections": ["help", "default"],
        "enable_theme_env_var": False,
    },
}
"""The look of all help."""


class Command(click.RichCommand):
    """A command that knows its examples."""

    def __init__(self, *args: Any, examples: Iterable[str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)


def command(name: str, *, examples: Iterable[str], notes: str = "") -> Callable[[Callable[..., int]], Command]:
    """Declare a command: its help is the function's docstring, then `notes` as they stand, then the examples."""
    shown = tuple(examples)

    def declare(function: Callable[..., int]) -> Command:
        text = cleandoc(function.__doc__ or "")
        for block in (cleandoc(notes), "Examples:\n" + "\n".join(f"  $ {example}" for example in shown)):
            text += f"\n\n\b\n{block}" if block else ""
        declared = click.command(
            name,
            cls=Command,
            examples=shown,
            help=text,
            short_help=text.split("\n", maxsplit=1)[0],
            context_settings=CONTEXT,
        )(function)
        _tell_environment(declared)
        return declared

    return declare


def option(*names: str, only: str = "", **settings: Any) -> Callable[[F], F]:
    """Declare an option that the environment gives too; `only` is the one command that has it."""
    long = next(name for name in names if name.startswith("--"))
    variable = "_".join(("keyspec", *only.split(), *long.removeprefix("--").split("-"))).upper()
    return click.option(*names, envvar=variable, **settings)


def spec_options(function: F) -> F:
    """Add what names the spec and narrows it: -f, -l, -k, --trusted."""
    for add in (
        trusted_option,
        option(
            "-k",
            "--keys",
            multiple=True,
            metavar="GLOB",
            panel=SCOPE,
            help="Only keys whose ID matches. Repeatable.",
            shell_complete=complete_keys,
        ),
        option(
            "-l",
            "--hubs",
            multiple=True,
            metavar="SELECTOR",
            panel=SCOPE,
            help="Only hubs that match: a name, a glob, label=value, label!=value. Repeatable.",
            shell_complete=complete_hubs,
        ),
        option(
            "--allow-exec",
            multiple=True,
            metavar="PROGRAM",
            panel=ALLOWED,
            help="Run this program where the spec names it as a store. Repeatable.",
        ),
        file_option,
    ):
        function = add(function)
    return function


def shard_options(function: F) -> F:
    """Add what narrows a run to a part of a large fleet: --wave, --shard."""
    for add in (
        option(
            "--shard",
            metavar="N/M",
            panel=SCOPE,
            callback=_read_shard,
            help="Only part N of M of the hubs, told by their names; see `keyspec report merge`.",
        ),
        option(
            "--wave",
            type=click.IntRange(1),
            metavar="N",
            panel=SCOPE,
            help="Only the hubs of this wave of the rollout.",
        ),
    ):
        function = add(function)
    return function


def _read_shard(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Any:
    from keyspec.shard import parse_shard

    if value is None:
        return None
    try:
        return parse_shard(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def file_option(function: F) -> F:
    """Add -f."""
    return option(
        "-f",
        "--file",
        "files",
        multiple=True,
        default=("keyspec.yaml",),
        metavar="PATH",
        panel=SCOPE,
        help="A spec file, or a folder of them; default: keyspec.yaml. Repeatable.",
        shell_complete=complete_paths,
    )(function)


def trusted_option(function: F) -> F:
    """Add --trusted."""
    return option(
        "--trusted",
        metavar="FILE",
        panel=SCOPE,
        help="Refuse what this trusted file does not allow the spec.",
        shell_complete=complete_paths,
    )(function)


def output_options(function: F) -> F:
    """Add how things are shown: --format, --color, -v, -q."""
    for add in (
        option("-q", "--quiet", is_flag=True, panel=OUTPUT, help="Say nothing but results and errors."),
        option("-v", "--verbose", is_flag=True, panel=OUTPUT, help="Say more: fold nothing, leave nothing out."),
        option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            panel=OUTPUT,
            help="Colour; auto: on a terminal, unless NO_COLOR is set.",
        ),
        option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="text",
            show_default=True,
            panel=OUTPUT,
            help="What to write to stdout.",
        ),
    ):
        function = add(function)
    return function


def allow_options(function: F) -> F:
    """Add the allowances that let held steps go."""
    for add in (
        option(
            "--take-over",
            multiple=True,
            metavar="KEY",
            panel=ALLOWED,
            help="Use this key's store entry although keyspec did not write it. Repeatable.",
            shell_complete=complete_keys,
        ),
        option(
            "--allow-reimport",
            is_flag=True,
            panel=ALLOWED,
            help="Do imports of values that were there and are gone, or are locked elsewhere.",
        ),
        option("--allow-unlock", is_flag=True, panel=ALLOWED, help="Do unlock steps; without it they are held."),
        option("--allow-delete", is_flag=True, panel=ALLOWED, help="Do delete steps; without it they are held."),
    ):
        function = add(function)
    return function


def parallel_option(function: F) -> F:
    """Add --parallel."""
    return option(
        "--parallel",
        type=click.IntRange(1, 1024),
        default=32,
        show_default=True,
        metavar="N",
        panel=SCOPE,
        help="How many hubs are worked on side by side.",
    )(function)


def _tell_environment(declared: Command) -> None:
    options = [found for found in declared.params if isinstance(found, click.Option) and found.envvar]
    if options:
        first = options[0]
        declared.epilog = f"Each option is read from the environment, too: {first.opts[-1]} as {first.envvar}."
