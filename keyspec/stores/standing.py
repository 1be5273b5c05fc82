"""What stands at an entry of a store that is asked over a network, and what may be put there: decisions, no I/O.

A service's own version number counts every change of a secret, also those of other fields in it. So an entry's version
is a digest of the entry alone: its note, and whether its value is there. Notes tell themselves apart, by the nonce of
a mark or of a fingerprint, so a version that has gone does not come back.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyspec.errors import StoreConflict, StoreError, StoreForeign
from keyspec.record import Content, Kept, Note, dump_note, load_note
from keyspec.secret import Secret
from keyspec.stores import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keyspec.desired import Entry

MAX_VALUE_BYTES: Final = 4096

NOTE_SUFFIX: Final = ".keyspec"
PREVIOUS_SUFFIX: Final = ".prev"
NEXT_SUFFIX: Final = ".next"
SUFFIXES: Final = (NOTE_SUFFIX, PREVIOUS_SUFFIX, NEXT_SUFFIX)
"""What a field of a secret may not end in: these belong to the field without them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The text of a note, and whether a value is there; `alien` says that the value is somebody else's."""

    note: str | None
    has_value: bool
    alien: bool = False

    @property
    def version(self) -> str:
        """What compare-and-set goes by."""
        if self == NOTHING:
            return ABSENT
        return hashlib.sha256(json.dumps([self.note, self.has_value, self.alien]).encode()).hexdigest()

    @property
    def foreign(self) -> bool:
        """Whether something stands there that keyspec did not write."""
        return self.alien or (self.has_value if self.note is None else load_note(self.note.encode()) is None)

    def to_kept(self) -> Kept:
        """Give it as stores do."""
        note = None if self.note is None else load_note(self.note.encode())
        return Kept(note, self.has_value, self.version, foreign=self.foreign)


NOTHING: Final = Standing(None, has_value=False)


def write_note(note: Note) -> str:
    """Give a note as the text that `Standing` compares."""
    return dump_note(note).decode().rstrip("\n")


def needs_put(
    entry: Entry, found: Standing, expected: str, content: Content, *, holds: Callable[[Secret], bool]
) -> bool:
    """Tell whether content is yet to be put, or stands there already; `holds` compares the value that is there.

    Raises:
        StoreConflict: another version or another value stands there.
        StoreForeign: nothing was expected, and something without a note is there.
    """
    same = found.note == write_note(content.note) and not found.alien
    if not same:
        if expected == ABSENT and found.foreign:
            raise StoreForeign(f"{entry.reference}: something is there that keyspec did not write")
        check_ours(entry, found, expected)
    if content.value is None:
        return not same
    if found.has_value and not holds(content.value):
        raise StoreConflict(f"{entry.reference}: another value stands there")
    return not (same and found.has_value)


def check_version(entry: Entry, found: Standing, expected: str) -> None:
    """Raise StoreConflict unless this version was found."""
    if found.version != expected:
        raise StoreConflict(f"{entry.reference}: it has changed since it was looked at")


def check_ours(entry: Entry, found: Standing, expected: str) -> None:
    """Raise StoreConflict unless this version was found, and is keyspec's."""
    check_version(entry, found, expected)
    if found.foreign:
        raise StoreConflict(f"{entry.reference}: it was not written by keyspec")


def check_clearable(entry: Entry, found: Standing, expected: str) -> None:
    """Raise StoreConflict unless this version was found, and it has no value."""
    check_ours(entry, found, expected)
    if found.has_value:
        raise StoreConflict(f"{entry.reference}: a value stands beside the note")


def check_value(entry: Entry, content: Content) -> None:
    """Raise StoreError if what is to be put can be no value of a key."""
    if content.value is None:
        return
    text = content.value.reveal()
    if not text.isascii() or not text.isprintable() or len(text) > MAX_VALUE_BYTES:
        raise StoreError(f"{entry.reference} cannot be written: this is no value of a key")


def read_value(entry: Entry, text: object) -> Secret:
    """Give what a service keeps as a value.

    Raises:
        StoreError: it can be no value of a key.
    """
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable():
        raise StoreError(f"{entry.reference} cannot be read: what stands there is no value of a key")
    return Secret(text)


@contextmanager
def explained(entry: Entry, what: str) -> Iterator[None]:
    """Name the entry, and what cannot be done with it, in errors that do not yet; conflicts stay as they are."""
    try:
        yield
    except (StoreConflict, StoreForeign):
        raise
    except StoreError as error:
        if str(error).startswith(str(entry.reference)):
            raise
        raise StoreError(f"{entry.reference} {what}: {error}") from error
