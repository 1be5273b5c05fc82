"""`keyring:SERVICE/NAME`: the keyring of the desktop, by the keyring library.

    SERVICE, NAME            the value            SERVICE, NAME.prev    the value before this one
    SERVICE, NAME.keyspec    the mark or record   SERVICE, NAME.tmp     a trial, for the length of a preflight

A keyring only gets, sets and deletes: nothing in it compares, and nothing dies with a process. So the capabilities say
`compare_and_set=False`, and marks live by their lease. In its place, every change compares under a lock that all runs
of this user on this machine take (`keyring.lock` in the folder for state), and reads back what it wrote: between runs
of keyspec that is as good; another program is told only if it writes before a change or after it.

A kill between any two writes leaves what the next run understands, for they come in the order of the `file:` store:
where nothing was, the note first; where a note was, the value first.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec import disk
from keyspec.errors import StoreError, UsageError
from keyspec.secret import Secret
from keyspec.settings import state_folder
from keyspec.stores import ABSENT, Capabilities
from keyspec.stores.standing import (
    Standing,
    check_clearable,
    check_ours,
    check_value,
    check_version,
    needs_put,
    read_value,
    write_note,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.desired import Entry
    from keyspec.record import Content, Kept

NOTE_SUFFIX: Final = ".keyspec"
PREVIOUS_SUFFIX: Final = ".prev"
TRIAL_SUFFIX: Final = ".tmp"
LOCK_NAME: Final = "keyring.lock"

# How often a lock is waited for: other runs may be many, and asking a keyring is slow.
_TURNS: Final = 30


def open_keyring() -> KeyringStore:
    """Make the store of `keyring:` references."""
    return KeyringStore(os.environ)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an entry is in the keyring."""

    entry: Entry
    service: str
    name: str

    def get(self, suffix: str = "") -> str | None:
        """Give a text of the entry."""
        with _explained(self.entry) as keyring:
            text: str | None = keyring.get_password(self.service, self.name + suffix)
            return text

    def put(self, text: str, suffix: str = "") -> None:
        """Write a text of the entry, and read it back."""
        with _explained(self.entry) as keyring:
            keyring.set_password(self.service, self.name + suffix, text)
        if self.get(suffix) != text:
            raise StoreError(f"{self.entry.reference}: the keyring does not give back what was put")

    def remove(self, suffix: str = "") -> None:
        """Take a text of the entry away, if it is there."""
        if self.get(suffix) is not None:
            with _explained(self.entry) as keyring:
                keyring.delete_password(self.service, self.name + suffix)

    def look(self) -> Standing:
        """See note and value."""
        return Standing(self.get(NOTE_SUFFIX), self.get() is not None)

    def holds(self, value: Secret) -> bool:
        """Tell whether this value stands there."""
        standing = self.get()
        return bool(standing) and value.same_as(Secret(standing or "-"))


class KeyringStore:
    """The store of `keyring:` references; `environ` names the folder of its lock."""

    capabilities: Final = Capabilities(readable=True, compare_and_set=False, versions=False, locks=False)

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ: Final = environ

    def preflight(self, entry: Entry) -> None:
        """Raise StoreError unless the entry can be written and read here; leaves nothing behind."""
        with self._open(entry) as place:
            place.look()
            place.put("trial", TRIAL_SUFFIX)
            place.remove(TRIAL_SUFFIX)

    def look(self, entry: Entry) -> Kept:
        """Give what stands at an entry, without the value."""
        with self._open(entry) as place:
            return place.look().to_kept()

    def look_all(self, entries: Iterable[Entry]) -> dict[Entry, Kept | StoreError]:
        """Give what stands at many entries; a keyring has no way to ask for many at once."""
        return {entry: self._look_or_tell(entry) for entry in entries}

    def read(self, entry: Entry) -> Secret | None:
        """Give the value; None if there is none."""
        if (text := _locate(entry).get()) is None:
            return None
        return read_value(entry, text)

    def put_if_absent(self, entry: Entry, content: Content) -> str:
        """Put content where nothing stands and give its version."""
        return self.replace(entry, ABSENT, content)

    def replace(self, entry: Entry, expected_version: str, content: Content) -> str:
        """Put content where `expected_version` stands and give the new version."""
        check_value(entry, content)
        with self._open(entry) as place:
            found = place.look()
            if needs_put(entry, found, expected_version, content, holds=place.holds):
                _put(place, found, content)
            return place.look().version

    def set_aside(self, entry: Entry, expected_version: str) -> str:
        """Move the value, if there is one, to `NAME.prev`, and give the new version."""
        with self._open(entry) as place:
            found = place.look()
            check_version(entry, found, expected_version)
            if (text := place.get()) is not None:
                place.put(text, PREVIOUS_SUFFIX)
                place.remove()
            return Standing(found.note, has_value=False).version

    def clear(self, entry: Entry, expected_version: str) -> None:
        """Take away a note that has no value beside it."""
        with self._open(entry) as place:
            check_clearable(entry, place.look(), expected_version)
            place.remove(NOTE_SUFFIX)

    def delete(self, entry: Entry, expected_version: str) -> None:
        """Take away the value, the older value, and at last the note."""
        if expected_version == ABSENT:
            return
        with self._open(entry) as place:
            check_ours(entry, place.look(), expected_version)
            for suffix in ("", PREVIOUS_SUFFIX, NOTE_SUFFIX):
                place.remove(suffix)

    def release(self, entry: Entry) -> None:
        """Do nothing: a mark lives by its lease."""

    def _look_or_tell(self, entry: Entry) -> Kept | StoreError:
        try:
            return self.look(entry)
        except StoreError as error:
            return error

    @contextmanager
    def _open(self, entry: Entry) -> Iterator[_Place]:
        """Give an entry's place, while no other run is at the keyring."""
        place = _locate(entry)
        try:
            lock = self._open_lock()
        except (OSError, UsageError) as error:
            why = disk.explain(error) if isinstance(error, OSError) else str(error)
            raise StoreError(f"{entry.reference}: the lock for keyrings cannot be made: {why}") from error
        try:
            if not any(disk.wait_lock(lock) for _ in range(_TURNS)):
                raise StoreError(f"{entry.reference}: another run keeps the lock for keyrings")
            yield place
        finally:
            os.close(lock)

    def _open_lock(self) -> int:
        path = state_folder(self._environ)
        os.makedirs(path, mode=0o700, exist_ok=True)  # noqa: PTH103 - the text of a path, as everywhere here
        with disk.open_folder(disk.Trail(path, (), LOCK_NAME)) as folder:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(LOCK_NAME, flags, 0o600, dir_fd=folder)


def _put(place: _Place, found: Standing, content: Content) -> None:
    """Put the value before the note where a note was, else after it."""
    note = write_note(content.note)
    if found.note is None:
        place.put(note, NOTE_SUFFIX)
    if content.value is not None and not found.has_value:
        try:
            place.put(content.value.reveal())
        except BaseException:
            if found.note is None:
                place.remove(NOTE_SUFFIX)
            raise
    if found.note not in (None, note):
        place.put(note, NOTE_SUFFIX)


def _locate(entry: Entry) -> _Place:
    service, _, name = entry.reference.rest.partition("/")
    if not service or not name:
        raise StoreError(f"{entry.reference} names no entry of a keyring: write keyring:SERVICE/NAME")
    return _Place(entry, service, name)


@contextmanager
def _explained(entry: Entry) -> Iterator[Any]:
    """Give the library; what it raises may quote anything, so only its kind is told."""
    try:
        import keyring
    except ImportError as error:
        raise StoreError("keyring: stores need more than the core of keyspec; install keyspec[keyring]") from error
    try:
        yield keyring
    except keyring.errors.NoKeyringError:
        raise StoreError(f"{entry.reference}: there is no keyring on this machine") from None
    except keyring.errors.KeyringLocked:
        raise StoreError(f"{entry.reference}: the keyring is locked") from None
    except Exception as error:  # noqa: BLE001 - backends raise whatever their system does
        raise StoreError(f"{entry.reference}: the keyring failed ({type(error).__name__})") from None
