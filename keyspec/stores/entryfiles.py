"""The files of one entry in their open folder: looking at them, and the single steps of changing the note.

How the value itself stands there is a matter of `Values`: the whole of a file, plain or sealed (`wholefile`), or a
line of one (`dotenv`). A note's file never changes once it has its name, so whoever has it open and finds it still
there has seen all of it. Nothing here follows a link, or puts a file over another one but a note over a note.
"""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from keyspec import disk
from keyspec.errors import StoreConflict
from keyspec.stores import ABSENT

if TYPE_CHECKING:
    from collections.abc import Container

    from keyspec.desired import Entry
    from keyspec.disk import Trail

NOTE_SUFFIX: Final = ".keyspec"
PREVIOUS_SUFFIX: Final = ".prev"
NEXT_SUFFIX: Final = ".next"
SUFFIXES: Final = (NOTE_SUFFIX, PREVIOUS_SUFFIX, NEXT_SUFFIX, disk.TEMPORARY_SUFFIX)
"""What belongs to an entry beside the file itself."""

MAX_VALUE_BYTES: Final = 4096

_MAX_NOTE_BYTES: Final = 1024 * 1024
_LOOKS: Final = 100


class Values(Protocol):
    """How the values of a store stand in their folders; the note beside each is the store's own affair.

    Whoever puts, sets aside or removes a value holds the lock of its note or, where there is none, of the temporary
    file. Raises OSError or StoreError.
    """

    @property
    def readable(self) -> bool:
        """Whether a value can be read back."""

    def locate(self, entry: Entry) -> Trail:
        """Give the way to an entry's folder, and the name that the files beside its value begin with."""

    def check(self, place: EntryFiles | None) -> None:
        """Raise unless values can be put here and read back; None for a folder that is not there yet."""

    def may_stand(self, place: EntryFiles, names: Container[str]) -> bool:
        """Tell whether a folder that holds these names may hold the value."""

    def see(self, place: EntryFiles) -> tuple[int, ...] | None:
        """Give what changes when the value does, and tells nothing of it; None if there is none."""

    def read(self, place: EntryFiles) -> bytes | None:
        """Give the value; None if there is none."""

    def put(self, place: EntryFiles, value: bytes, lock: int) -> None:
        """Put the value where none stands; StoreConflict if another one does, the same one is left as it is.

        `lock` is the note's: a dead process's temporary file may be a second name of it.
        """

    def set_aside(self, place: EntryFiles) -> None:
        """Move the value that is there over the older one."""

    def remove(self, place: EntryFiles) -> None:
        """Take the value away, if it is there."""


@dataclass(frozen=True, slots=True)
class EntryFiles:
    """An entry's open folder, and the names in it."""

    entry: Entry
    folder: int
    name: str
    values: Values

    @property
    def note(self) -> str:
        """The name of the mark or record."""
        return self.name + NOTE_SUFFIX

    @property
    def previous(self) -> str:
        """The name of the value before this one."""
        return self.name + PREVIOUS_SUFFIX

    @property
    def temporary(self) -> str:
        """The name of whatever is being written."""
        return self.name + disk.TEMPORARY_SUFFIX


@dataclass(frozen=True, slots=True)
class Found:
    """What stood at an entry at one moment: the note's bytes, a sign of the value; whether the note was locked."""

    note: bytes | None
    value: tuple[int, ...] | None
    locked: bool = False

    @property
    def version(self) -> str:
        """What compare-and-set goes by: it changes with the note and with the value."""
        if self.note is None and self.value is None:
            return ABSENT
        return hashlib.sha256(repr((self.note, self.value)).encode()).hexdigest()


def look(place: EntryFiles) -> Found:
    """See note and value of the same moment: the note was there, or not, before and after the value was looked at."""
    for _ in range(_LOOKS):
        if (found := _look_once(place)) is not None:
            return found
    raise OSError(errno.EAGAIN, "it never stands still")


def check_version(place: EntryFiles, found: Found, expected_version: str) -> None:
    """Raise StoreConflict unless this version was found."""
    if found.version != expected_version:
        raise StoreConflict(f"{place.entry.reference}: it has changed since it was looked at")


def lock_note(place: EntryFiles) -> int:
    """Take the lock of the note that is there, and give it as an open file; StoreConflict if it cannot be had."""
    while True:
        try:
            note = _open_note(place, os.O_RDWR)
        except FileNotFoundError:
            raise StoreConflict(f"{place.entry.reference}: the note is gone") from None
        try:
            disk.check_regular(os.fstat(note))
            if not disk.wait_lock(note):
                raise StoreConflict(f"{place.entry.reference}: another run is at work here")
            if disk.is_at(note, place.folder, place.note):
                return os.dup(note)
        finally:
            os.close(note)


def create_note(place: EntryFiles, note: bytes) -> int | None:
    """Put a note where none is and give its lock; None if another writer was first."""
    with disk.create_temporary(place.folder, place.temporary) as descriptor:
        disk.fill(descriptor, note)
        try:
            link(place, place.note)
        except FileExistsError:
            return None
        lock = os.dup(descriptor)
    disk.sync_folder(place.folder)
    return lock


def replace_note(place: EntryFiles, note: bytes, lock: int) -> int:
    """Put a note over the one whose lock is held, and give its lock; the old one stays the caller's."""
    with disk.create_temporary(place.folder, place.temporary, held=lock) as descriptor:
        disk.fill(descriptor, note)
        os.replace(place.temporary, place.note, src_dir_fd=place.folder, dst_dir_fd=place.folder)
        return os.dup(descriptor)


def link(place: EntryFiles, name: str) -> None:
    """Give what was written the name it is for; FileExistsError if something bears it."""
    folder = place.folder
    os.link(place.temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)


def unlink(place: EntryFiles, name: str) -> None:
    """Take a file away, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=place.folder)


def try_write(place: EntryFiles, held: int | None) -> None:
    """Write something that goes away again; a dead process's temporary file goes with it."""
    with disk.create_temporary(place.folder, place.temporary, held=held) as descriptor:
        disk.fill(descriptor, b"\n")


def _look_once(place: EntryFiles) -> Found | None:
    try:
        note = _open_note(place, os.O_RDONLY)
    except FileNotFoundError:
        value = place.values.see(place)
        return Found(None, value) if disk.stat_at(place.folder, place.note) is None else None
    try:
        data = disk.read_open(note, limit=_MAX_NOTE_BYTES)
        found = Found(data, place.values.see(place), locked=not disk.try_lock(note, shared=True))
        return found if disk.is_at(note, place.folder, place.note) else None
    finally:
        os.close(note)


def _open_note(place: EntryFiles, flags: int) -> int:
    return os.open(place.note, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.folder)
