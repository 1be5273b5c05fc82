"""The files of one `file:` entry in their open folder: looking at them, and the single steps of changing them.

A note's file never changes once it has its name, so whoever has it open and finds it still there has seen all of it.
Nothing here follows a link, or puts a file over another one but a note over a note and an older value.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyspec import disk
from keyspec.errors import StoreConflict
from keyspec.stores import ABSENT

if TYPE_CHECKING:
    from keyspec.desired import Entry

NOTE_SUFFIX: Final = ".keyspec"
PREVIOUS_SUFFIX: Final = ".prev"
NEXT_SUFFIX: Final = ".next"
SUFFIXES: Final = (NOTE_SUFFIX, PREVIOUS_SUFFIX, NEXT_SUFFIX, disk.TEMPORARY_SUFFIX)
"""What belongs to an entry beside the file itself."""

MAX_VALUE_BYTES: Final = 4096

_MAX_NOTE_BYTES: Final = 1024 * 1024
_LOOKS: Final = 100


@dataclass(frozen=True, slots=True)
class EntryFiles:
    """An entry's open folder, and the names in it."""

    entry: Entry
    folder: int
    name: str

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
    """What stood at an entry at one moment: the note's bytes, the file of the value; whether the note was locked."""

    note: bytes | None
    value: os.stat_result | None
    locked: bool = False

    @property
    def version(self) -> str:
        """What compare-and-set goes by: it changes with the note and with the file of the value."""
        if self.note is None and self.value is None:
            return ABSENT
        value = (self.value.st_ino, self.value.st_size, self.value.st_mtime_ns) if self.value else None
        return hashlib.sha256(repr((self.note, value)).encode()).hexdigest()


def look(place: EntryFiles) -> Found:
    """See note and value of the same moment: the note was there, or not, before and after the value was looked at."""
    for _ in range(_LOOKS):
        if (found := _look_once(place)) is not None:
            if found.value is not None:
                disk.check_regular(found.value)
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
            _link(place, place.note)
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


def put_value(place: EntryFiles, value: bytes, lock: int) -> None:
    """Put the value where none stands; the same one is left as it is."""
    if disk.stat_at(place.folder, place.name) is None:
        with disk.create_temporary(place.folder, place.temporary, held=lock) as descriptor:
            disk.fill(descriptor, value)
            with suppress(FileExistsError):
                _link(place, place.name)
    if not hmac.compare_digest(disk.read_at(place.folder, place.name, limit=MAX_VALUE_BYTES), value):
        raise StoreConflict(f"{place.entry.reference}: another value stands there")
    disk.sync_folder(place.folder)


def move_aside(place: EntryFiles, expected_version: str) -> str:
    """Move the value, if there is one, over the older one, and give the new version."""
    found = look(place)
    check_version(place, found, expected_version)
    if found.value is not None:
        if (older := disk.stat_at(place.folder, place.previous)) is not None:
            disk.check_regular(older)
        os.replace(place.name, place.previous, src_dir_fd=place.folder, dst_dir_fd=place.folder)
        disk.sync_folder(place.folder)
    return Found(found.note, None).version


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
        value = disk.stat_at(place.folder, place.name)
        return Found(None, value) if disk.stat_at(place.folder, place.note) is None else None
    try:
        data = disk.read_open(note, limit=_MAX_NOTE_BYTES)
        found = Found(data, disk.stat_at(place.folder, place.name), locked=not disk.try_lock(note, shared=True))
        return found if disk.is_at(note, place.folder, place.note) else None
    finally:
        os.close(note)


def _open_note(place: EntryFiles, flags: int) -> int:
    return os.open(place.note, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.folder)


def _link(place: EntryFiles, name: str) -> None:
    folder = place.folder
    os.link(place.temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
