"""Which paths Git would take into a commit: values must not lie there (`store-in-repo`).

Judged by the `git` program, which alone knows all its rules: an ignored file that is tracked counts as not ignored.
Where it is missing, or does not answer, everything inside a work tree counts as not ignored. Its environment is
clean, so that no `GIT_*` variable points it elsewhere, and it starts no program that the repository's configuration
names. Whose the repository is does not matter: in containers it is often another user's.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
from typing import TYPE_CHECKING, Final

from keyspec.stores import dotenv, file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keyspec.desired import Entry

_TIMEOUT_S: Final = 60
_PASSED_ON: Final = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR")
_COMMAND: Final = (
    *("git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*"),
    *("check-ignore", "--stdin", "-z", "--verbose", "--non-matching"),
)
_FIELDS: Final = 4
_FILES: Final[Mapping[str, Callable[[Entry], tuple[str, ...]]]] = {
    "dotenv": dotenv.list_files,
    "file": file.list_files,
}
"""Stores that hold values in the clear, and the files they do it in."""


def find_entries_in_git(entries: Iterable[Entry], environ: Mapping[str, str]) -> frozenset[Entry]:
    """Give the `file:` and `dotenv:` entries of which any file lies inside a work tree and is not ignored."""
    entries = tuple(entry for entry in entries if entry.reference.scheme in _FILES)
    files = {entry: _FILES[entry.reference.scheme](entry) for entry in entries}
    unignored = unignored_in_git((path for paths in files.values() for path in paths), environ)
    return frozenset(entry for entry, paths in files.items() if not unignored.isdisjoint(paths))


def unignored_in_git(paths: Iterable[str], environ: Mapping[str, str]) -> frozenset[str]:
    """Give those paths that lie inside a Git work tree and are not ignored; they need not exist."""
    trees: dict[str, list[tuple[str, str]]] = {}
    folders: dict[str, tuple[str, str | None]] = {}
    for path in paths:
        folder, name = posixpath.split(path)
        if folder not in folders:
            real = os.path.realpath(folder)
            folders[folder] = (real, _find_work_tree(real))
        real, tree = folders[folder]
        if tree is not None:
            trees.setdefault(tree, []).append((path, posixpath.join(real, name)))
    unignored: set[str] = set()
    for tree, inside in trees.items():
        ignored = _list_ignored(tree, {real for _, real in inside}, environ)
        unignored.update(path for path, real in inside if os.fsencode(real) not in ignored)
    return frozenset(unignored)


def _find_work_tree(folder: str) -> str | None:
    while True:
        if os.path.lexists(posixpath.join(folder, ".git")):
            return folder
        above = posixpath.dirname(folder)
        if above == folder:
            return None
        folder = above


def _list_ignored(tree: str, paths: Iterable[str], environ: Mapping[str, str]) -> frozenset[bytes]:
    asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
    clean = {name: environ[name] for name in _PASSED_ON if name in environ}
    try:
        done = subprocess.run(
            _COMMAND, cwd=tree, env=clean, input=asked, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    if done.returncode not in (0, 1):
        return frozenset()
    fields = done.stdout.split(b"\0")[:-1]
    rows = zip(*[iter(fields)] * _FIELDS, strict=True) if len(fields) % _FIELDS == 0 else ()
    return frozenset(path for source, _line, pattern, path in rows if source and not pattern.startswith(b"!"))
