"""`dotenv:PATH#NAME`: one line of a dotenv file for each value, for `sh` and python-dotenv alike.

    PATH                the lines; a file of its own for nobody, 0600 from the first value on
    PATH.tmp            the next PATH, being written: whoever holds its lock is the only one who changes PATH
    PATH.NAME.keyspec   the mark or record of one name
    PATH.NAME.prev      its value before this one
    PATH.NAME.tmp       whatever else is being written of it

Notes, locks and versions are those of the `file:` store, one note a name: runs that change different names meet only
at PATH.tmp, where each waits its turn, so no line is lost. PATH is read under that lock and put in place by a rename.
A kill between any two steps leaves the old PATH or the new one, whole.

A name without a value (`NAME=`) is a place for one. A value that is set aside leaves its line empty, so that the next
one comes to the same place; `delete` takes the line away. Who writes PATH by other means meanwhile is not waited for.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from keyspec import disk
from keyspec.errors import StoreConflict, StoreError
from keyspec.stores.dotenvtext import NAME, decode_value, empty_line, find_lines, put_value
from keyspec.stores.entryfiles import SUFFIXES, unlink
from keyspec.stores.file import FileStore

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from keyspec.desired import Entry
    from keyspec.stores.dotenvtext import Line
    from keyspec.stores.entryfiles import EntryFiles

MAX_FILE_BYTES: Final = 16 * 1024 * 1024

_SIGN_BYTES: Final = 2


def open_dotenv() -> FileStore:
    """Make the store of `dotenv:` references."""
    return FileStore(DotenvLines())


def list_files(entry: Entry) -> tuple[str, ...]:
    """Give the paths of all files that may hold anything of an entry, relative ones as its spec file is."""
    path, name = _split(entry)
    whole = disk.beside(entry.file, path)
    return (whole, whole + disk.TEMPORARY_SUFFIX, *(f"{whole}.{name}{suffix}" for suffix in SUFFIXES))


class DotenvLines:
    """Values that are lines of a file (`entryfiles.Values`)."""

    readable: Final = True

    def __init__(self) -> None:
        # The file that was read last, and its lines, set as one: looking at many names parses it once.
        self._last: tuple[bytes, Mapping[str, tuple[Line, ...]]] = (b"", {})

    def locate(self, entry: Entry) -> disk.Trail:
        """Give the way to the folder of the file, and `PATH.NAME`, what the files beside it begin with."""
        path, name = _split(entry)
        trail = disk.find_trail(entry.file, path)
        return replace(trail, name=f"{trail.name}.{name}")

    def check(self, place: EntryFiles | None) -> None:
        """Raise unless PATH can be written anew."""
        if place is None:
            return
        file, _ = _names(place)
        with disk.create_temporary(place.folder, file + disk.TEMPORARY_SUFFIX) as descriptor:
            disk.fill(descriptor, b"\n")

    def may_stand(self, place: EntryFiles, names: Container[str]) -> bool:
        """Tell whether the file is among these names."""
        return _names(place)[0] in names

    def see(self, place: EntryFiles) -> tuple[int, ...] | None:
        """Give too little of the line's digest to tell anything of the value; None for an empty one."""
        data, line = self._read_line(place)
        if line is None or not (text := _value_text(data, line)):
            return None
        return len(text), *hashlib.sha256(text).digest()[:_SIGN_BYTES]

    def read(self, place: EntryFiles) -> bytes | None:
        """Give the value; None if there is none."""
        data, line = self._read_line(place)
        if line is None or not (text := _value_text(data, line)):
            return None
        if (value := decode_value(text)) is None:
            what = "it is written in a way that sh and python-dotenv may read differently"
            raise StoreError(f"{place.entry.reference} cannot be read: {what}")
        return value

    def put(self, place: EntryFiles, value: bytes, lock: int) -> None:  # noqa: ARG002 - links nothing, so no second names
        """Write the value into its line."""
        file, name = _names(place)
        with disk.create_temporary(place.folder, file + disk.TEMPORARY_SUFFIX) as descriptor:
            data, line = self._read_line(place)
            if line is not None and (text := _value_text(data, line)):
                if not hmac.compare_digest(decode_value(text) or b"", value):
                    raise StoreConflict(f"{place.entry.reference}: another value stands there")
                return
            try:
                changed = put_value(data, line, name, value)
            except ValueError as error:
                raise StoreError(f"{place.entry.reference} cannot be written: {error}") from None
            _put_in_place(place, descriptor, changed)

    def set_aside(self, place: EntryFiles) -> None:
        """Copy the value to `PATH.NAME.prev`, then empty its line."""
        file, name = _names(place)
        temporary = file + disk.TEMPORARY_SUFFIX
        with disk.create_temporary(place.folder, temporary) as descriptor:
            data, line = self._read_line(place)
            if line is None or not (text := _value_text(data, line)):
                return
            disk.fill(descriptor, decode_value(text) or text)
            os.replace(temporary, place.previous, src_dir_fd=place.folder, dst_dir_fd=place.folder)
        disk.sync_folder(place.folder)
        with disk.create_temporary(place.folder, temporary) as descriptor:
            data, line = self._read_line(place)
            if line is None or _value_text(data, line) != text:
                raise StoreConflict(f"{place.entry.reference}: it has changed since it was looked at")
            _put_in_place(place, descriptor, empty_line(data, line, name))

    def remove(self, place: EntryFiles) -> None:
        """Take the line away, and the file with its last one."""
        file, _ = _names(place)
        with disk.create_temporary(place.folder, file + disk.TEMPORARY_SUFFIX) as descriptor:
            data, line = self._read_line(place)
            if line is None:
                return
            rest = data[: line.begin] + data[line.end :]
            if rest:
                _put_in_place(place, descriptor, rest)
            else:
                unlink(place, file)

    def _read_line(self, place: EntryFiles) -> tuple[bytes, Line | None]:
        """Give the file, and the one line in it for this name."""
        file, name = _names(place)
        try:
            data = disk.read_at(place.folder, file, limit=MAX_FILE_BYTES)
        except FileNotFoundError:
            return b"", None
        known, found = self._last
        if known != data:
            found = find_lines(data)
            self._last = (data, found)
        lines = found.get(name, ())
        if len(lines) > 1:
            raise StoreError(f"{place.entry.reference}: {name} stands there {len(lines)} times; leave one of them")
        return data, lines[0] if lines else None


def _split(entry: Entry) -> tuple[str, str]:
    path, _, name = entry.reference.rest.rpartition("#")
    if not path or not NAME.fullmatch(name):
        what = "write dotenv:PATH#NAME, with a NAME of letters, digits and `_` that begins with no digit"
        raise StoreError(f"{entry.reference} names no line of a dotenv file: {what}")
    return path, name


def _names(place: EntryFiles) -> tuple[str, str]:
    """Give the name of the file in its folder, and the name that gets the value."""
    name = place.entry.reference.rest.rpartition("#")[2]
    return place.name.removesuffix(f".{name}"), name


def _value_text(data: bytes, line: Line) -> bytes:
    """Give a value as it is written; nothing for an empty one, quoted or not."""
    text = data[line.value_begin : line.value_end]
    return b"" if decode_value(text) == b"" else text


def _put_in_place(place: EntryFiles, descriptor: int, data: bytes) -> None:
    file, _ = _names(place)
    disk.fill(descriptor, data)
    temporary = file + disk.TEMPORARY_SUFFIX
    os.replace(temporary, file, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    disk.sync_folder(place.folder)
