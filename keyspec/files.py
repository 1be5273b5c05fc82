"""The files a user names: spec files with everything they include, contracts, and files that keyspec writes.

    -f PATH (file, or folder) ──► document ── include: ["teams/*.yaml"] ──► document ── ...

Rules of reading a spec:

- A folder means its files `*.yaml` and `*.yml`, sorted by name; not the hidden ones, not those of folders in it.
- Include patterns start from the folder of the including file and stay below it: no absolute path, no `..`, no link
  that leads out. `*`, `?` and `[...]` stay within one name, `**` stands for any folders. A name that begins with a
  dot is matched only by a pattern that does. Links to folders are entered where they are named, not by `**`.
- A file reached twice, by a cycle or by two names, is read once; one that is named stays named.
- Named files come first, as named, then the included ones, in the order of the patterns, sorted within one.
- Every problem of every file is found in one run; a file that is not a spec is not followed.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import translate
from typing import TYPE_CHECKING, Final

from keyspec.disk import Trail, beside, check_regular, explain, open_folder, read_file, stat_at, write_whole
from keyspec.document import MAX_BYTES, Document, locate, parse_document
from keyspec.errors import Problem, SpecError, UsageError
from keyspec.overlay import find_base, lay_over
from keyspec.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.merge import Reading

__all__ = ["beside", "gather_documents", "gather_spec", "read_contract", "read_document", "read_spec", "write_file"]

SPEC_SUFFIXES: Final = (".yaml", ".yml")
_SPEC_HINTS: Final = {"folder": "include its files: {}/*.yaml", "too-large": "split it: see `include`"}
PRINTED_HINTS: Final = {
    "folder": "name its files one by one, or by a pattern of your shell",
    "too-large": "plan less at once: with -l or -k, or with --shard",
}
"""What to do about files that keyspec has printed or saved itself."""
_REGULAR: Final = "keyspec reads regular files only, no stdin and no pipe: write it to a file first"
_MOST_EXTENDED: Final = 16
_BUILT_IN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to read: `source` is the include entry that asks for it, None if it was named."""

    path: str
    source: Source | None = None


@dataclass(slots=True)
class _Gathering:
    """What was read so far; `seen` holds the real paths."""

    found: list[tuple[Document, bool]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def read(self, wanted: _Wanted) -> Document | None:
        try:
            document = read_document(wanted.path, source=wanted.source)
        except SpecError as error:
            self.problems += error.problems
            return None
        self.found.append((document, wanted.source is None))
        return document

    def is_new(self, wanted: _Wanted) -> bool:
        real = os.path.realpath(wanted.path)
        new = real not in self.seen
        self.seen.add(real)
        return new


def read_spec(paths: Iterable[str]) -> tuple[Reading, ...]:
    """Read the spec files named, and all they include; each file once, positions with the paths as given.

    Raises:
        SpecError: with every problem of every file.
    """
    readings, problems = gather_spec(paths)
    if problems:
        raise SpecError(problems)
    return readings


def gather_spec(paths: Iterable[str]) -> tuple[tuple[Reading, ...], tuple[Problem, ...]]:
    """Read a spec as `read_spec` does, giving what could be read and what is wrong with the rest."""
    from keyspec.merge import Reading

    found, problems = gather_documents(paths)
    return tuple(Reading(document, named=named) for document, named in found), problems


def gather_documents(paths: Iterable[str]) -> tuple[tuple[tuple[Document, bool], ...], tuple[Problem, ...]]:
    """Read the files of a spec and judge none; with each document, whether it was named rather than included.

    For shell completion, which has no time for what validates: `merge` is imported by the others alone.
    """
    gathering = _Gathering()
    named = [wanted for path in paths for wanted in _expand_named(path, gathering.problems)]
    waiting = deque(wanted for wanted in named if gathering.is_new(wanted))
    while waiting:
        document = gathering.read(waiting.popleft())
        if document is None:
            continue
        for wanted in _find_included(document, gathering.problems):
            if gathering.is_new(wanted):
                waiting.append(wanted)
    return tuple(gathering.found), tuple(gathering.problems)


def read_document(path: str, *, source: Source | None = None) -> Document:
    """Read one YAML file; `source` is the place that names it.

    Raises:
        SpecError: with every problem found.
    """
    return parse_document(read_data(path, source=source), path)


def read_contract(
    contract: str, *, file: str, source: Source | None = None, above: frozenset[str] = frozenset()
) -> Document:
    """Read a contract: one of keyspec's own by name, or a file by its path relative to `file`.

    What holds a slash or ends in .yaml or .yml is a path. One that extends another is given with the other under it;
    `above` are the files that extend this one.

    Raises:
        SpecError: with every problem found.
    """
    document = _parse_contract(*read_contract_data(contract, file=file, source=source))
    if (extended := find_base(document)) is None:
        return document
    from keyspec.contract import parse_contract

    if (real := os.path.realpath(document.file)) in above:
        raise SpecError([Problem("extends-itself", "this contract extends itself", extended[1])])
    if len(above) >= _MOST_EXTENDED:
        what = f"this is the contract number {_MOST_EXTENDED + 1} of a chain in which each extends the next"
        raise SpecError([Problem("too-deep", what, extended[1], "extend the last one, or a copy of it")])
    base = read_contract(extended[0], file=document.file, source=extended[1], above=above | {real})
    parse_contract(base)
    return lay_over(base, document)


def _parse_contract(data: bytes, path: str) -> Document:
    try:
        return parse_document(data, path)
    except SpecError as error:
        hint = "a contract begins with `keyspec-contract: 1`"
        told = (replace(each, hint=hint) if each.code == "not-a-mapping" else each for each in error.problems)
        raise SpecError(told) from None


def read_contract_data(contract: str, *, file: str, source: Source | None = None) -> tuple[bytes, str]:
    """Read the bytes of a contract as `read_contract` finds it, and tell the name of its file."""
    if "/" in contract or contract.endswith(SPEC_SUFFIXES):
        path = beside(file, contract)
        return read_data(path, source=source), path
    from importlib.resources import files

    folder = files("keyspec") / "contracts"
    resource = folder / f"{contract}.yaml"
    if not _BUILT_IN.fullmatch(contract) or not resource.is_file():
        known = ", ".join(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml")))
        hint = f"known are {known}; a path holds a slash or ends in .yaml"
        raise SpecError([Problem("unknown-contract", f"there is no contract `{contract}`", source, hint)])
    return resource.read_bytes(), f"keyspec/contracts/{contract}.yaml"


def write_file(path: str, data: bytes, *, private: bool) -> None:
    """Write a file whole or not at all, never through a link; a private one is 0600 from its creation on.

    The temporary file is `PATH.tmp`; an existing file that is not private keeps its mode.

    Raises:
        UsageError: the file cannot be written.
    """
    place = _find_place(path)
    try:
        write_whole(place, data, private=private)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {explain(error)}") from error


def check_place(path: str) -> None:
    """Look whether a file could be written, before there is anything to write.

    Raises:
        UsageError: it could not; `write_file` may still fail where this does not.
    """
    place = _find_place(path)
    try:
        with open_folder(place) as folder:
            if (there := stat_at(folder, place.name)) is not None:
                check_regular(there)
            if not os.access(".", os.W_OK, dir_fd=folder):
                raise PermissionError(errno.EACCES, "not writable")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {explain(error)}") from error


def _find_place(path: str) -> Trail:
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or "\0" in path:
        raise UsageError(f"{path} cannot be written: it names no file")
    return Trail(folder or ".", (), name)


def read_data(
    path: str, *, source: Source | None = None, limit: int = MAX_BYTES, hints: Mapping[str, str] = _SPEC_HINTS
) -> bytes:
    """Read a file of at most `limit` bytes; `source` is the place that names it, `hints` are by a problem's code.

    Raises:
        SpecError: the file cannot be read.
    """
    try:
        return read_file(path, limit=limit, follow_links=True)
    except (OSError, ValueError) as error:
        raise SpecError([_tell_unreadable(path, error, source, limit, hints)]) from error


def _tell_unreadable(
    path: str,
    error: OSError | ValueError,
    source: Source | None,
    limit: int = MAX_BYTES,
    hints: Mapping[str, str] = _SPEC_HINTS,
) -> Problem:
    place = source or Source(path, 1, 1)
    name = f"`{path}`" if source else "the file"
    match error:
        case FileNotFoundError():
            return Problem("file-missing", f"{name} does not exist", place, _REGULAR if path == "-" else None)
        case IsADirectoryError():
            return Problem("file-unreadable", f"{name} is a folder", place, hints["folder"].format(path))
        case OSError(errno=errno.EOVERFLOW):
            what = f"{name} is larger than {limit // 1024**2} MiB"
            return Problem("too-large", what, place, hints["too-large"])
        case OSError(errno=errno.EINVAL | errno.ENXIO):
            return Problem("file-unreadable", f"{name} cannot be read: {explain(error)}", place, _REGULAR)
        case OSError():
            return Problem("file-unreadable", f"{name} cannot be read: {explain(error)}", place)
        case _:
            return Problem("file-unreadable", f"{name} cannot be read: no file can have this name", place)


def _expand_named(path: str, problems: list[Problem]) -> Iterator[_Wanted]:
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if _is_spec_file(entry))
    except NotADirectoryError:
        yield _Wanted(path)
        return
    except (OSError, ValueError) as error:
        problems.append(_tell_unreadable(path, error, None))
        return
    if not names:
        hint = "a folder means its files *.yaml and *.yml"
        problems.append(Problem("file-missing", "the folder holds no spec file", Source(path, 1, 1), hint))
    for name in names:
        yield _Wanted(posixpath.join(path, name))


def _is_spec_file(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(SPEC_SUFFIXES) and not entry.name.startswith(".") and not _is_folder(entry)


def _find_included(document: Document, problems: list[Problem]) -> Iterator[_Wanted]:
    """Give the files a document includes; what is no text is left to the validation of its shape."""
    patterns = document.root.get("include")
    if document.root.get("keyspec") != 1 or not isinstance(patterns, list):
        return
    folder = posixpath.dirname(document.file)
    for index, pattern in enumerate(patterns):
        if not isinstance(pattern, str) or not pattern:
            continue
        source = locate(document, ("include", index))
        problem, matches = _match_below(folder, pattern, source)
        if problem is not None:
            problems.append(problem)
        for match in matches:
            yield _Wanted(posixpath.join(folder, match), source)


def _match_below(folder: str, pattern: str, source: Source) -> tuple[Problem | None, tuple[str, ...]]:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    # `**/**` says no more than `**`, and would be walked as often as there are ways to split a path.
    parts = [part for part, before in zip(parts, ("", *parts), strict=False) if (part, before) != ("**", "**")]
    if pattern.startswith("/") or ".." in parts or "\0" in pattern:
        what = f"`{pattern}` leads out of the folder of this file"
        hint = "include files that lie below it, by a relative path without `..`"
        return Problem("include-outside", what, source, hint), ()
    matches = tuple(dict.fromkeys(_walk(folder, "", tuple(parts))))
    if not matches:
        hint = "patterns start from the folder of this file; `**` stands for any folders"
        return Problem("include-unmatched", f"`{pattern}` matches no file", source, hint), ()
    if outside := [match for match in matches if not _is_below(folder, match)]:
        what = f"`{outside[0]}` is a link that leads out of the folder of this file"
        return Problem("include-outside", what, source, "put the file itself there"), ()
    return None, matches


def _walk(folder: str, below: str, parts: tuple[str, ...]) -> Iterator[str]:
    """Give the files below `folder/below` that the parts of a pattern match, sorted, as paths from `folder`."""
    if not parts:
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _walk(folder, below, rest or ("*",))
    matches = re.compile(translate("*" if part == "**" else part)).match
    for entry in _list_folder(posixpath.join(folder, below)):
        if not matches(entry.name) or (entry.name.startswith(".") and not part.startswith(".")):
            continue
        path = posixpath.join(below, entry.name)
        if part == "**":
            if not entry.is_symlink() and _is_folder(entry):
                yield from _walk(folder, path, parts)
        elif rest:
            if _is_folder(entry):
                yield from _walk(folder, path, rest)
        elif part == entry.name or not _is_folder(entry):
            yield path


def _list_folder(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path or ".") as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # a link to itself, or to where nobody may look
        return entry.is_dir()
    return False


def _is_below(folder: str, path: str) -> bool:
    real = os.path.realpath(folder)
    return posixpath.commonpath((real, os.path.realpath(posixpath.join(folder, path)))) == real
