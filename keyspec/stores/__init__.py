"""Where key values live: one small contract, kept by every store, found by the scheme of a reference.

Rules every store keeps, whatever happens to the process:

- A note (`Mark` or `Record`) is changed by compare-and-set: of two writers that saw the same version, one wins and
  the other gets `StoreConflict`. Putting again what already stands there changes nothing and gives its version.
- No value is ever overwritten: it is put where none stands, set aside, or deleted.
- Beside a note that is put with its value, the value is there first when there was a note before, so a value beside a
  mark is that create's. Where nothing was before, the note comes first: a value never stands without a note.
- Versions are opaque; `ABSENT` is the version of nothing.
- Errors are `StoreError`s that name the entry, never a value.
- Stores may be used by many threads at once; one entry is only ever changed by one thread of a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from keyspec.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.desired import Entry
    from keyspec.record import Content, Kept
    from keyspec.secret import Secret

ABSENT: Final = "absent"
"""The version of an entry where nothing stands, in every store."""

ENTRY_POINTS: Final = "keyspec.stores"
"""The group of entry points; each names a function without arguments that makes the store of a scheme."""

_BUILT_IN: Final = {
    "age": "keyspec.stores.age:open_age",
    "aws-sm": "keyspec.stores.aws_sm:open_aws_sm",
    "dotenv": "keyspec.stores.dotenv:open_dotenv",
    "exec": "keyspec.stores.exec:open_exec",
    "file": "keyspec.stores.file:FileStore",
    "keyring": "keyspec.stores.keyring:open_keyring",
    "vault": "keyspec.stores.vault:open_vault",
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store can do.

    `locks`: a mark is alive while its process is, so it needs no lease. `versions`: older values are kept by the
    store itself.
    """

    readable: bool
    compare_and_set: bool
    versions: bool
    locks: bool


class Store(Protocol):
    """The contract of a store; the rules are those of the module."""

    @property
    def capabilities(self) -> Capabilities:
        """Tell what the store can do."""

    def preflight(self, entry: Entry) -> None:
        """Raise StoreError unless the entry can be written and read here; leaves nothing behind."""

    def look(self, entry: Entry) -> Kept:
        """Give what stands at an entry, without the value."""

    def look_all(self, entries: Iterable[Entry]) -> Mapping[Entry, Kept | StoreError]:
        """Give what stands at many entries, as `look` does; an entry that cannot be read gets its error."""

    def read(self, entry: Entry) -> Secret | None:
        """Give the value; None if there is none."""

    def put_if_absent(self, entry: Entry, content: Content) -> str:
        """Put content where nothing stands and give its version; a mark is alive from here on.

        Raises StoreConflict if a note is there, StoreForeign if something without a note is; a store may take the very
        value that it is given for its own.
        """

    def replace(self, entry: Entry, expected_version: str, content: Content) -> str:
        """Put content where `expected_version` stands and give the new version; a mark is alive from here on.

        Content without a value leaves the one that stands there. Raises StoreConflict if another version stands
        there, or another value.
        """

    def set_aside(self, entry: Entry, expected_version: str) -> str:
        """Move the value, if there is one, to where an older one is kept, and give the new version."""

    def clear(self, entry: Entry, expected_version: str) -> None:
        """Take away a note that has no value beside it."""

    def delete(self, entry: Entry, expected_version: str) -> None:
        """Take away the note, the value, and the older value."""

    def release(self, entry: Entry) -> None:
        """Give up what this process holds on an entry: a mark still there is a dead one from here on."""


def open_store(scheme: str) -> Store:
    """Make the store of a scheme; keep it for the run, it holds what keeps marks alive.

    Raises:
        StoreError: no store has this scheme, or it cannot be loaded.
    """
    from importlib.metadata import EntryPoint, entry_points

    if scheme in _BUILT_IN:
        point = EntryPoint(scheme, _BUILT_IN[scheme], ENTRY_POINTS)
    else:
        found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
        if scheme not in found:
            known = ", ".join(f"{name}:" for name in sorted({*_BUILT_IN, *found}))
            raise StoreError(f"there is no store for {scheme}: references; known are {known}")
        point = found[scheme]
    try:
        store: Store = point.load()()
    except (ImportError, AttributeError) as error:
        raise StoreError(f"the store for {scheme}: references cannot be loaded: {error}") from error
    return store
