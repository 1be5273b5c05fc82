"""A value that is the whole of a file, as it is (`PlainText`) or sealed: seen, put, set aside, removed.

A file gets its name by a link, so never over another one, and bears it only once it is whole.
"""

from __future__ import annotations

import hmac
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from keyspec import disk
from keyspec.errors import StoreConflict
from keyspec.stores.entryfiles import MAX_VALUE_BYTES, link, unlink

if TYPE_CHECKING:
    from collections.abc import Container

    from keyspec.desired import Entry
    from keyspec.stores.entryfiles import EntryFiles


class Coding(Protocol):
    """How a value is written into a file; errors are StoreErrors."""

    @property
    def readable(self) -> bool:
        """Whether what was written can be read."""

    @property
    def max_bytes(self) -> int:
        """How long a file may be."""

    def check(self) -> None:
        """Raise StoreError unless a value can be written and, where `readable`, read."""

    def encode(self, value: bytes) -> bytes:
        """Give the bytes of the file."""

    def decode(self, data: bytes) -> bytes:
        """Give the value; StoreError if it cannot be read."""


@dataclass(frozen=True, slots=True)
class PlainText:
    """The file holds exactly the value."""

    readable: bool = True
    max_bytes: int = MAX_VALUE_BYTES

    def check(self) -> None:
        """Do nothing: there is nothing to go wrong."""

    def encode(self, value: bytes) -> bytes:
        """Give the value."""
        return value

    def decode(self, data: bytes) -> bytes:
        """Give the value."""
        return data


@dataclass(frozen=True, slots=True)
class WholeFile:
    """Values that are files of their own, named as their references say (`entryfiles.Values`)."""

    coding: Coding

    @property
    def readable(self) -> bool:
        """Whether a value can be read back."""
        return self.coding.readable

    def locate(self, entry: Entry) -> disk.Trail:
        """Give the way to the file."""
        return disk.find_trail(entry.file, entry.reference.rest)

    def check(self, place: EntryFiles | None) -> None:  # noqa: ARG002 - what can go wrong here is no matter of the place
        """Raise unless values can be written and read back."""
        self.coding.check()

    def may_stand(self, place: EntryFiles, names: Container[str]) -> bool:
        """Tell whether the file is among these names."""
        return place.name in names

    def see(self, place: EntryFiles) -> tuple[int, ...] | None:
        """Give what tells this file from any other that bears its name."""
        if (found := disk.stat_at(place.folder, place.name)) is None:
            return None
        disk.check_regular(found)
        return found.st_ino, found.st_size, found.st_mtime_ns

    def read(self, place: EntryFiles) -> bytes | None:
        """Give the value; None if there is no file."""
        try:
            data = disk.read_at(place.folder, place.name, limit=self.coding.max_bytes)
        except FileNotFoundError:
            return None
        return self.coding.decode(data)

    def put(self, place: EntryFiles, value: bytes, lock: int) -> None:
        """Link the value to its name."""
        if not self._put_new(place, value, lock):
            self._check_same(place, value)
        disk.sync_folder(place.folder)

    def set_aside(self, place: EntryFiles) -> None:
        """Rename the file over the older one."""
        os.replace(place.name, place.previous, src_dir_fd=place.folder, dst_dir_fd=place.folder)

    def remove(self, place: EntryFiles) -> None:
        """Unlink the file."""
        unlink(place, place.name)

    def _put_new(self, place: EntryFiles, value: bytes, lock: int) -> bool:
        if disk.stat_at(place.folder, place.name) is not None:
            return False
        with disk.create_temporary(place.folder, place.temporary, held=lock) as descriptor:
            disk.fill(descriptor, self.coding.encode(value))
            with suppress(FileExistsError):
                link(place, place.name)
                return True
        return False

    def _check_same(self, place: EntryFiles, value: bytes) -> None:
        what = f"{place.entry.reference}: another value stands there"
        if not self.coding.readable:
            raise StoreConflict(f"{what}, or this one: it cannot be read here")
        if not hmac.compare_digest(self.read(place) or b"", value):
            raise StoreConflict(what)
