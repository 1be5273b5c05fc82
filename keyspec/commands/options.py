"""The options that commands share; each is also read from the environment as `KEYSPEC_<NAME>`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

FORMATS = ("text", "json")


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """Declare an option that `KEYSPEC_<NAME>` gives too; the name is the long form's, in capitals."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    variable = "KEYSPEC_" + long.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, show_envvar=True, **settings)


def spec_options(function: F) -> F:
    """Add what names the spec and narrows it: -f, -l, -k, --trusted."""
    for add in (
        option("--trusted", metavar="FILE", help="Hold the spec to this trusted file."),
        option("-k", "--keys", multiple=True, metavar="GLOB", help="Only keys whose ID matches. Repeatable."),
        option("-l", "--hubs", multiple=True, metavar="SELECTOR", help="Only hubs that match. Repeatable."),
        file_option,
    ):
        function = add(function)
    return function


def file_option(function: F) -> F:
    """Add -f."""
    return option(
        "-f",
        "--file",
        "files",
        multiple=True,
        default=("keyspec.yaml",),
        show_default="keyspec.yaml",
        metavar="PATH",
        help="A spec file, or a folder of them. Repeatable.",
        shell_complete=_complete_files,
    )(function)


def output_options(function: F) -> F:
    """Add how things are shown: --format, --color, -v, -q."""
    for add in (
        option("-q", "--quiet", is_flag=True, help="Say nothing but data and errors."),
        option("-v", "--verbose", is_flag=True, help="Say more: every step on its own, every request."),
        option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            help="Colour. NO_COLOR is honoured.",
        ),
        option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="text",
            show_default=True,
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
            help="Use this key's store entry although keyspec did not write it. Repeatable.",
        ),
        option("--allow-unlock", is_flag=True, help="Do unlock steps; without it they are held."),
        option("--allow-delete", is_flag=True, help="Do delete steps; without it they are held."),
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
        help="How many hubs are worked on side by side.",
    )(function)


def _complete_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG001
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]
