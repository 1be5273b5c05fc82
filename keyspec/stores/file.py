"""`file:PATH`: exactly the value in a file of its own, 0600, and what is known of it in a note beside it.

    PATH           the value, no newline      PATH.tmp    whatever is being written; removed by the next writer
    PATH.keyspec   the mark or record         PATH.prev   the value before this one
                                              PATH.next   reserved: a rotation's next value

    put a mark      tmp, locked ─link─► PATH.keyspec       atomic: fails if one is there; the lock stays
    put the value   tmp         ─link─► PATH               atomic: never over anything
    its record      tmp, locked ─rename─► PATH.keyspec     the mark's lock is held until the record stands

A kill between any two of these leaves a state that the next run understands: beside a mark, a value is that
create's; without one, the value never arrived.

A note is changed only by whoever holds its file's lock. The lock is taken before the file gets its name and follows
the file, not the name, so there is no moment at which a note bears its name and is not locked by its writer. A mark
stays locked until it is released, replaced or cleared, or its process dies: that is what makes it alive.
"""

from __future__ import annotations

import os
import posixpath
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyspec import disk
from keyspec.errors import StoreConflict, StoreError, StoreForeign
from keyspec.record import Content, Kept, Mark, dump_note, load_note
from keyspec.secret import Secret
from keyspec.stores import ABSENT, Capabilities
from keyspec.stores.entryfiles import (
    MAX_VALUE_BYTES,
    SUFFIXES,
    EntryFiles,
    Found,
    check_version,
    create_note,
    lock_note,
    look,
    replace_note,
    try_write,
    unlink,
)
from keyspec.stores.wholefile import PlainText, WholeFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyspec.desired import Entry
    from keyspec.stores.entryfiles import Values

NOTHING: Final = Kept(None, has_value=False, version=ABSENT)


@dataclass(slots=True)
class _Claim:
    """The lock of a note, for as long as the entry is changed; `keep` says that it is held on to afterwards."""

    lock: int
    keep: bool

    def pass_on(self, lock: int) -> None:
        """Go on with the lock of the note that took the place of this one."""
        os.close(self.lock)
        self.lock = lock


class FileStore:
    """The store of `file:` references; it holds the locks of the marks that this process put.

    With other `values` it is the store of whatever keeps a note in a file beside its value.
    """

    def __init__(self, values: Values | None = None) -> None:
        self._values: Final = values or WholeFile(PlainText())
        # Descriptors by path, taken out while an entry is changed. Only single operations of a dict: threads are safe.
        self._held: dict[str, int] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Tell what the store can do."""
        return Capabilities(readable=self._values.readable, compare_and_set=True, versions=False, locks=True)

    def preflight(self, entry: Entry) -> None:
        """Raise StoreError unless the entry can be written and read here; leaves nothing behind."""
        with _explained(entry, "cannot be kept here"):
            trail = self._values.locate(entry)
            if (above := _find_existing(trail)) != trail:
                _check_may_create(above, trail.folders[len(above.folders)])
                self._values.check(None)
                return
            with self._open(entry) as place:
                look(place)
                for suffix in SUFFIXES:
                    if (found := disk.stat_at(place.folder, place.name + suffix)) is not None:
                        disk.check_regular(found)
                try_write(place, self._held.get(_path(trail)))
                self._values.check(place)

    def look(self, entry: Entry) -> Kept:
        """Give what stands at an entry, without the value; this process's own marks are `busy` too."""
        with _explained(entry, "cannot be looked at"):
            try:
                with self._open(entry) as place:
                    return _judge(look(place))
            except FileNotFoundError:
                return NOTHING

    def look_all(self, entries: Iterable[Entry]) -> dict[Entry, Kept | StoreError]:
        """Give what stands at many entries, listing each folder once."""
        found: dict[Entry, Kept | StoreError] = {}
        folders: dict[tuple[str, tuple[str, ...]], list[Entry]] = {}
        for entry in entries:
            try:
                trail = self._values.locate(entry)
            except OSError as error:
                found[entry] = _tell(entry, "cannot be looked at", error)
                continue
            except StoreError as error:
                found[entry] = error
                continue
            found[entry] = NOTHING
            folders.setdefault((trail.anchor, trail.folders), []).append(entry)
        for group in folders.values():
            found.update(self._look_folder(group))
        return found

    def read(self, entry: Entry) -> Secret | None:
        """Give the value; None if there is none."""
        with _explained(entry, "cannot be read"):
            try:
                with self._open(entry) as place:
                    data = self._values.read(place)
            except FileNotFoundError:
                return None
        if data is None:
            return None
        if not data or not data.isascii():
            raise StoreError(f"{entry.reference} cannot be read: what stands there is no value of a key")
        return Secret(data.decode())

    def put_if_absent(self, entry: Entry, content: Content) -> str:
        """Put content where nothing stands and give its version; a mark is alive from here on."""
        value = _to_bytes(entry, content)
        with _explained(entry, "cannot be written"), self._open(entry, create=True) as place:
            found = look(place)
            if found.note is None and found.value is not None and not (value and self._values.read(place) == value):
                raise StoreForeign(f"{entry.reference}: a file is there that keyspec did not write")
            if found.note is not None or (lock := create_note(place, dump_note(content.note))) is None:
                return self._put_again(place, content)
            claim = _Claim(lock, keep=isinstance(content.note, Mark))
            try:
                if value is not None:
                    self._values.put(place, value, lock)
                return look(place).version
            except BaseException:
                claim.keep = False
                unlink(place, place.note)
                raise
            finally:
                self._settle(entry, claim)

    def replace(self, entry: Entry, expected_version: str, content: Content) -> str:
        """Put content where `expected_version` stands and give the new version; a mark is alive from here on."""
        if expected_version == ABSENT:
            return self.put_if_absent(entry, content)
        value = _to_bytes(entry, content)
        with _explained(entry, "cannot be written"), self._open(entry) as place, self._claim(place) as claim:
            found = look(place)
            note = dump_note(content.note)
            if found.note != note:
                check_version(place, found, expected_version)
            if value is not None:
                self._values.put(place, value, claim.lock)
            if found.note != note:
                claim.pass_on(replace_note(place, note, claim.lock))
                disk.sync_folder(place.folder)
            claim.keep = isinstance(content.note, Mark)
            return look(place).version

    def set_aside(self, entry: Entry, expected_version: str) -> str:
        """Move the value, if there is one, to `PATH.prev`, and give the new version."""
        if expected_version == ABSENT:
            return ABSENT
        with _explained(entry, "cannot be set aside"), self._open(entry) as place:
            if look(place).note is None:
                with disk.create_temporary(place.folder, place.temporary):
                    return _move_aside(place, expected_version)
            with self._claim(place):
                return _move_aside(place, expected_version)

    def clear(self, entry: Entry, expected_version: str) -> None:
        """Take away a note that has no value beside it."""
        with _explained(entry, "cannot be cleared"), self._open(entry) as place, self._claim(place) as claim:
            found = look(place)
            check_version(place, found, expected_version)
            if found.value is not None:
                raise StoreConflict(f"{entry.reference}: a value stands beside the note")
            _remove(place, claim)

    def delete(self, entry: Entry, expected_version: str) -> None:
        """Take away the value, the older value, and at last the note."""
        if expected_version == ABSENT:
            return
        with _explained(entry, "cannot be deleted"), self._open(entry) as place, self._claim(place) as claim:
            check_version(place, look(place), expected_version)
            self._values.remove(place)
            unlink(place, place.previous)
            disk.sync_folder(place.folder)
            _remove(place, claim)

    def release(self, entry: Entry) -> None:
        """Give up the lock of an entry's mark."""
        with suppress(OSError, StoreError):  # what names no entry was never held
            if (lock := self._held.pop(_path(self._values.locate(entry)), None)) is not None:
                os.close(lock)

    def _look_folder(self, group: list[Entry]) -> Iterator[tuple[Entry, Kept | StoreError]]:
        try:
            with self._open(group[0]) as first:
                names = frozenset(os.listdir(first.folder))  # noqa: PTH208 - by descriptor, so without links
                for entry in group:
                    place = EntryFiles(entry, first.folder, self._values.locate(entry).name, self._values)
                    if place.note in names or self._values.may_stand(place, names):
                        yield entry, _look_or_tell(place)
        except FileNotFoundError:
            return
        except OSError as error:
            yield from ((entry, _tell(entry, "cannot be looked at", error)) for entry in group)

    def _put_again(self, place: EntryFiles, content: Content) -> str:
        """Put content where a note is: no more than looking, if it is the same."""
        found = look(place)
        if found.note == dump_note(content.note):
            return self.replace(place.entry, found.version, content)
        if found.note is not None and load_note(found.note) is None:
            raise StoreForeign(f"{place.entry.reference}: a note is there that keyspec did not write")
        raise StoreConflict(f"{place.entry.reference}: another writer was first")

    @contextmanager
    def _claim(self, place: EntryFiles) -> Iterator[_Claim]:
        """Hold the lock of the note that is there: the one this process has, else a new one."""
        lock = self._held.pop(_path(self._values.locate(place.entry)), None)
        claim = _Claim(lock_note(place) if lock is None else lock, keep=lock is not None)
        try:
            if not disk.is_at(claim.lock, place.folder, place.note):
                claim.keep = False
                raise StoreConflict(f"{place.entry.reference}: the note is gone")
            yield claim
        finally:
            self._settle(place.entry, claim)

    def _settle(self, entry: Entry, claim: _Claim) -> None:
        if claim.keep:
            self._held[_path(self._values.locate(entry))] = claim.lock
        else:
            os.close(claim.lock)

    @contextmanager
    def _open(self, entry: Entry, *, create: bool = False) -> Iterator[EntryFiles]:
        trail = self._values.locate(entry)
        with disk.open_folder(trail, create=create) as folder:
            yield EntryFiles(entry, folder, trail.name, self._values)


def list_files(entry: Entry) -> tuple[str, ...]:
    """Give the paths of all files that belong to an entry, relative ones as its spec file is."""
    path = disk.beside(entry.file, entry.reference.rest)
    return tuple(path + suffix for suffix in ("", *SUFFIXES))


def _path(trail: disk.Trail) -> str:
    return posixpath.join(trail.folder, trail.name)


@contextmanager
def _explained(entry: Entry, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _tell(entry, what, error) from error


def _tell(entry: Entry, what: str, error: OSError) -> StoreError:
    return StoreError(f"{entry.reference} {what}: {disk.explain(error)}")


def _judge(found: Found) -> Kept:
    note = load_note(found.note) if found.note is not None else None
    has_value = found.value is not None
    foreign = note is None and (has_value or found.note is not None)
    return Kept(note, has_value, found.version, busy=found.locked and isinstance(note, Mark), foreign=foreign)


def _look_or_tell(place: EntryFiles) -> Kept | StoreError:
    try:
        return _judge(look(place))
    except OSError as error:
        return _tell(place.entry, "cannot be looked at", error)
    except StoreError as error:
        return error


def _move_aside(place: EntryFiles, expected_version: str) -> str:
    found = look(place)
    check_version(place, found, expected_version)
    if found.value is not None:
        if (older := disk.stat_at(place.folder, place.previous)) is not None:
            disk.check_regular(older)
        place.values.set_aside(place)
        disk.sync_folder(place.folder)
    return Found(found.note, None).version


def _remove(place: EntryFiles, claim: _Claim) -> None:
    """Take away a note, and what a dead writer left."""
    try_write(place, claim.lock)
    unlink(place, place.note)
    claim.keep = False
    disk.sync_folder(place.folder)


def _find_existing(trail: disk.Trail) -> disk.Trail:
    """Give the longest part of a trail whose folder exists."""
    for depth in range(len(trail.folders), 0, -1):
        part = disk.Trail(trail.anchor, trail.folders[:depth], trail.name)
        with suppress(FileNotFoundError), disk.open_folder(part):
            return part
    return disk.Trail(trail.anchor, (), trail.name)


def _check_may_create(trail: disk.Trail, name: str) -> None:
    """Make a folder where `name` will be, and take it away again.

    Under another name: `name` itself could come into another thread's use before it is taken away.
    """
    trial = name + disk.TEMPORARY_SUFFIX
    with disk.open_folder(trail) as folder, suppress(FileExistsError):
        os.mkdir(trial, 0o700, dir_fd=folder)
        os.rmdir(trial, dir_fd=folder)


def _to_bytes(entry: Entry, content: Content) -> bytes | None:
    if content.value is None:
        return None
    text = content.value.reveal()
    if not text.isascii() or not text.isprintable() or len(text) > MAX_VALUE_BYTES:
        raise StoreError(f"{entry.reference} cannot be written: this is no value of a key")
    return text.encode()
