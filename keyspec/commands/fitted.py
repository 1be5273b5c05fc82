"""The options that `contract show`, `check` and `draft` and `openapi` share, and how they load a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from keyspec.commands.completing import complete_hubs, complete_paths
from keyspec.commands.options import SCOPE, file_option, option, trusted_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyspec.session import Options

F = TypeVar("F", bound="Callable[..., Any]")


def hub_options(function: F) -> F:
    """Add what names one hub of a spec: -f, --trusted, --hub."""
    for add in (trusted_option, hub_option, file_option):
        function = add(function)
    return function


def hub_option(function: F) -> F:
    """Add --hub."""
    return option(
        "--hub", metavar="NAME", panel=SCOPE, help="The hub of the spec to ask.", shell_complete=complete_hubs
    )(function)


def openapi_option(function: F) -> F:
    """Add --openapi."""
    return option(
        "--openapi",
        metavar="FILE",
        panel=SCOPE,
        help="An OpenAPI 3 document, JSON or YAML, instead of the hub's own.",
        shell_complete=complete_paths,
    )(function)


def spec_options(files: tuple[str, ...], trusted: str | None) -> Options:
    """Give the options of a run that reads a whole spec and asks one hub."""
    from keyspec.session import Options

    return Options(files=files, trusted=trusted)
