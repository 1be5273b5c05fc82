"""When two references mean the same entry of a store, told from their text alone.

    scheme   identity                                  belongs to it too
    file     the path                                  PATH.keyspec, .next, .prev, .tmp
    age      the path                                  the same
    dotenv   PATH.NAME, what the files beside it       the same of PATH.NAME; PATH and PATH.tmp, shared by its names
             are called after
    keyring  the text                                  NAME.keyspec, .prev, .tmp
    others   the text

Paths are normalised as text, start from the folder of the spec file and are compared without case: `file:`, `age:`
and `dotenv:` share one name space, the disk.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from keyspec.desired import Entry
    from keyspec.secret import Reference

T = TypeVar("T")

SUFFIXES: Final = (".keyspec", ".next", ".prev", ".tmp")
"""What belongs to an entry beside the entry itself, where a scheme has such names."""

_TEMPORARY: Final = ".tmp"
_DISK: Final = "path:"


def entry_identity(reference: Reference, file: str) -> str:
    """Give the text that two references have in common if they mean the same entry; both are expanded."""
    identify = _IDENTITIES.get(reference.scheme)
    return str(reference) if identify is None else identify(reference.rest, file)


def entry_container(reference: Reference, file: str) -> str | None:
    """Give the identity of the file that an entry shares with others of its kind; None if it shares none."""
    if reference.scheme != "dotenv":
        return None
    return _identify_path(reference.rest.rpartition("#")[0], file)


def find_clashes(entries: Iterable[tuple[Entry, T]]) -> Iterator[tuple[T, T]]:
    """Give the owners of entries that are not apart, the later one first: the same, or one a part of the other.

    The first owner of an identity stands for all of them, so each later one is given once, in the order it came.
    """
    taken: dict[str, T] = {}
    shared: dict[str, T] = {}
    files: set[str] = set()
    for entry, owner in entries:
        identity = entry_identity(entry.reference, entry.file)
        if identity in taken:
            yield owner, taken[identity]
            continue
        taken[identity] = owner
        if (container := entry_container(entry.reference, entry.file)) is not None:
            shared.setdefault(container, owner)
        else:
            files.add(identity)
    for identity, owner in taken.items():
        if (base := _find_base(identity)) in taken:
            yield owner, taken[base]
        if identity in shared:
            yield owner, shared[identity]
        elif identity in files and (whole := identity.removesuffix(_TEMPORARY)) in shared:
            yield owner, shared[whole]
    for whole, owner in shared.items():
        if (base := _find_base(whole)) in taken:
            yield owner, taken[base]


def _find_base(identity: str) -> str:
    """Give the identity of the entry that this one would be a part of; nothing if there is no such."""
    apart = identity.endswith(SUFFIXES) and identity.startswith((_DISK, "keyring:"))
    return identity.rpartition(".")[0] if apart else ""


def _identify_path(path: str, file: str) -> str:
    return _DISK + posixpath.normpath(posixpath.join(posixpath.dirname(file), path)).casefold()


def _identify_line(rest: str, file: str) -> str:
    path, _, name = rest.rpartition("#")
    return f"{_identify_path(path, file)}.{name.casefold()}"


_IDENTITIES: Final[Mapping[str, Callable[[str, str], str]]] = {
    "age": _identify_path,
    "dotenv": _identify_line,
    "file": _identify_path,
}
