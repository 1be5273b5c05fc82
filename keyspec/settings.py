"""What the process gets from around it: secrets by reference, the terminal, the user's folder for state.

Rules kept here: a value is read as late as possible and at once becomes a `Secret`; no message holds one. One
trailing newline belongs to the editor, not to the value; what cannot stand in an HTTP header is no value. Who may
read the file of a secret is not judged: orchestrators mount secrets readable by all of their container.
"""

from __future__ import annotations

import os
import posixpath
import re
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from keyspec.disk import beside, explain, read_beside, read_file
from keyspec.errors import UnresolvedError, UsageError
from keyspec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.secret import Reference

SCHEMES: Final = ("env", "file")
"""The schemes of references that need no store."""

MAX_CHARACTERS: Final = 4096

_NEWLINE: Final = len("\r\n")
_NOT_PRINTABLE: Final = re.compile(r"[^ -~]")
_PR_SET_DUMPABLE: Final = 4


def resolve_reference(
    reference: Reference, *, file: str, environ: Mapping[str, str], follow_links: bool = True
) -> Secret:
    """Give the secret that `env:NAME` or `file:PATH` names; a path starts from the folder of `file`.

    Without `follow_links` no link is followed, in the folders neither: for references held to a trusted file, which
    are compared as text.

    Raises:
        UnresolvedError: naming the variable or path, never the value.
    """
    if reference.scheme == "env":
        return _to_secret(_read_variable(reference.rest, environ), f"the variable {reference.rest}")
    if reference.scheme == "file":
        path = beside(file, reference.rest)
        return _to_secret(_read_text(reference, file, follow_links=follow_links), f"the file {path}")
    known = ", ".join(f"{scheme}:" for scheme in SCHEMES)
    raise UnresolvedError(f"{reference.scheme}: cannot be read here; known are {known}")


def is_terminal(stream: IO[str] | None) -> bool:
    """Tell whether a stream is a terminal; a closed or missing one is not."""
    with suppress(ValueError, OSError):
        return stream is not None and stream.isatty()
    return False


def terminal_width(stream: IO[str] | None, environ: Mapping[str, str]) -> int | None:
    """Give the columns of a terminal: `COLUMNS`, else what the terminal says; None if nobody can tell."""
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdecimal() and int(columns[:6]):
        return int(columns[:6])
    if stream is None or not is_terminal(stream):
        return None
    with suppress(ValueError, OSError):
        return os.get_terminal_size(stream.fileno()).columns or None
    return None


def state_folder(environ: Mapping[str, str]) -> str:
    """Give the user's folder for keyspec's state: `$XDG_STATE_HOME/keyspec`, else `~/.local/state/keyspec`.

    A relative `XDG_STATE_HOME` is ignored, as the XDG Base Directory Specification wants.

    Raises:
        UsageError: the environment names no home.
    """
    if posixpath.isabs(state := environ.get("XDG_STATE_HOME", "")):
        return posixpath.join(state, "keyspec")
    if posixpath.isabs(home := environ.get("HOME", "")):
        return posixpath.join(home, ".local", "state", "keyspec")
    raise UsageError("there is no folder for state: set HOME or XDG_STATE_HOME to an absolute path")


def harden_process() -> None:
    """Keep this process's memory to itself: no core dumps and, on Linux, no reading by the user's other processes.

    Core dumps that are piped to a program ignore the size limit (core(5)), so it takes both.
    """
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _read_variable(name: str, environ: Mapping[str, str]) -> str:
    if (text := environ.get(name)) is None:
        raise UnresolvedError(f"the variable {name} is not set; set it in the environment of keyspec")
    return text


def _read_text(reference: Reference, file: str, *, follow_links: bool) -> str:
    path = beside(file, reference.rest)
    limit = MAX_CHARACTERS + _NEWLINE
    try:
        if follow_links:
            data = read_file(path, limit=limit, follow_links=True)
        else:
            data = read_beside(file, reference.rest, limit=limit)
    except (OSError, ValueError) as error:
        why = explain(error) if isinstance(error, OSError) else "no file can have this name"
        raise UnresolvedError(f"the file {path} cannot be read: {why}") from error
    return data.decode("latin-1")  # any byte is a character; those beyond ASCII are refused


def _to_secret(text: str, what: str) -> Secret:
    value = text.removesuffix("\n")
    if value != text:
        value = value.removesuffix("\r")
    if not value:
        raise UnresolvedError(f"{what} is empty")
    if len(value) > MAX_CHARACTERS:
        raise UnresolvedError(f"{what} holds more than {MAX_CHARACTERS} characters, which is no key's value")
    if _NOT_PRINTABLE.search(value):
        raise UnresolvedError(f"{what} holds line breaks, control characters or letters beyond ASCII")
    if value != value.strip():
        raise UnresolvedError(f"{what} begins or ends with a blank")
    return Secret(value)
