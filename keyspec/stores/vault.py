"""`vault:MOUNT/PATH#FIELD`: a value in one field of a secret of a KV version 2 engine, its note beside it.

    {"FIELD":         "<the value>",
     "FIELD.keyspec": {"<the note, one line of JSON>": ""},       a name, no value
     "FIELD.prev":    "<the value before this one>"}

Value and note are one write with check-and-set, so nothing can happen between them. The note is kept as a *name*
because `subkeys` gives a secret's names without its values: who only plans needs `read` on `MOUNT/subkeys/*` and no
more, and no value is sent where none is wanted. `custom_metadata`, the other place, is one for all fields, written
apart from the data and without check-and-set, 512 bytes at most: two runs could both believe that theirs is the mark.

Fields are changed one by one (PATCH): other fields' values are neither read nor written. Check-and-set counts changes
of all of a secret's fields, so one that loses looks again: only a change of its own field is a conflict. An older
value is a field too, since Vault keeps but ten versions of a secret, and its other fields soon use those up.

There is no lock: a mark is alive while its lease lasts. A write whose answer is lost is looked for; should it arrive
later, its check-and-set finds another version.
"""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from keyspec.errors import StoreConflict, StoreError
from keyspec.stores import ABSENT, Capabilities
from keyspec.stores.kv2 import TIMEOUT_S, Kv2, Names, Place, Unsure, connect
from keyspec.stores.standing import (
    NOTE_SUFFIX,
    NOTHING,
    PREVIOUS_SUFFIX,
    SUFFIXES,
    Standing,
    check_clearable,
    check_ours,
    check_value,
    check_version,
    explained,
    needs_put,
    read_value,
    write_note,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keyspec.desired import Entry
    from keyspec.record import Content, Kept
    from keyspec.secret import Secret

_ATTEMPTS: Final = 60
"""How often a write may lose against writes of other fields of the same secret."""

_UNSURE: Final = 2
"""How often a write may be sent whose outcome is unknown."""

_PAUSE_S: Final = 0.02
_PARALLEL: Final = 8

_Change = tuple[dict[str, Any], Standing]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a secret."""

    place: Place
    name: str

    @property
    def note(self) -> str:
        """The field of the note."""
        return self.name + NOTE_SUFFIX

    @property
    def previous(self) -> str:
        """The field of the value before this one."""
        return self.name + PREVIOUS_SUFFIX

    def judge(self, names: Names | None) -> Standing:
        """Tell what stands here."""
        tree = names.tree if names and names.tree else {}
        return Standing(_read_note(tree[self.note]) if self.note in tree else None, has_value=self.name in tree)


@dataclass(slots=True)
class VaultStore:
    """The store of `vault:` references; it connects when it is first used."""

    environ: Mapping[str, str]
    timeout_s: float = TIMEOUT_S
    _kv: Kv2 | None = None
    _mounts: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    capabilities = Capabilities(readable=True, compare_and_set=True, versions=True, locks=False)

    def preflight(self, entry: Entry) -> None:
        """Raise StoreError unless the token may read and write the entry, and the server answers for it."""
        with explained(entry, "cannot be kept here"):
            kv, target = self._find(entry)
            kv.check_token(target.place)
            kv.names(target.place)

    def look(self, entry: Entry) -> Kept:
        """Give what stands at an entry; no value is sent."""
        with explained(entry, "cannot be looked at"):
            kv, target = self._find(entry)
            return target.judge(kv.names(target.place)).to_kept()

    def look_all(self, entries: Iterable[Entry]) -> dict[Entry, Kept | StoreError]:
        """Give what stands at many entries, asking for each secret once."""
        secrets: dict[str, list[Entry]] = {}
        for entry in entries:
            secrets.setdefault(entry.reference.rest.rpartition("#")[0], []).append(entry)
        with ThreadPoolExecutor(_PARALLEL) as workers:
            return {entry: kept for found in workers.map(self._look_secret, secrets.values()) for entry, kept in found}

    def read(self, entry: Entry) -> Secret | None:
        """Give the value; None if there is none."""
        with explained(entry, "cannot be read"):
            kv, target = self._find(entry)
            values = kv.values(target.place)
        return read_value(entry, values[target.name]) if target.name in values else None

    def put_if_absent(self, entry: Entry, content: Content) -> str:
        """Put content where nothing stands and give its version."""
        return self.replace(entry, ABSENT, content)

    def replace(self, entry: Entry, expected_version: str, content: Content) -> str:
        """Put content where `expected_version` stands and give the new version."""
        check_value(entry, content)
        note = write_note(content.note)

        def decide(target: Field, found: Standing) -> _Change | None:
            if not needs_put(entry, found, expected_version, content, holds=lambda value: self._holds(entry, value)):
                return None
            names: dict[str, Any] = {note: ""}
            if found.note not in (None, note):
                names[str(found.note)] = None
            change: dict[str, Any] = {target.note: names}
            if content.value is not None:
                change[target.name] = content.value.reveal()
            return change, Standing(note, found.has_value or content.value is not None)

        return self._change(entry, decide)

    def set_aside(self, entry: Entry, expected_version: str) -> str:
        """Move the value, if there is one, to `FIELD.prev`, and give the new version."""

        def decide(target: Field, found: Standing) -> _Change | None:
            check_version(entry, found, expected_version)
            change: dict[str, Any] = {target.note: None} if found.foreign else {}
            if found.has_value:
                change |= {target.name: None, target.previous: self._read_text(entry)}
            return (change, NOTHING if found.foreign else Standing(found.note, has_value=False)) if change else None

        return self._change(entry, decide)

    def clear(self, entry: Entry, expected_version: str) -> None:
        """Take away a note that has no value beside it."""

        def decide(target: Field, found: Standing) -> _Change | None:
            check_clearable(entry, found, expected_version)
            return ({target.note: None}, NOTHING) if found != NOTHING else None

        self._change(entry, decide)

    def delete(self, entry: Entry, expected_version: str) -> None:
        """Take away the note, the value and the older value, also out of those versions that hold nothing else."""
        if expected_version == ABSENT:
            return

        def decide(target: Field, found: Standing) -> _Change:
            check_ours(entry, found, expected_version)
            return {target.name: None, target.note: None, target.previous: None}, NOTHING

        self._change(entry, decide)
        with explained(entry, "is deleted, but stays in older versions"):
            self._destroy(*self._find(entry))

    def release(self, entry: Entry) -> None:
        """Do nothing: a mark's lease tells how long it is alive."""

    def _find(self, entry: Entry) -> tuple[Kv2, Field]:
        path, name = _parse(entry)
        with self._lock:
            if self._kv is None:
                self._kv = connect(self.environ, self.timeout_s)
            kv, mounts = self._kv, tuple(self._mounts)
        for mount in mounts:
            if path.startswith(f"{mount}/"):
                return kv, Field(Place(mount, path.removeprefix(f"{mount}/")), name)
        place = kv.find(path)
        with self._lock:
            self._mounts.add(place.mount)
        return kv, Field(place, name)

    def _look_secret(self, entries: list[Entry]) -> list[tuple[Entry, Kept | StoreError]]:
        """Look at entries of one secret."""
        found: list[tuple[Entry, Kept | StoreError]] = []
        asked: tuple[Names | None] | None = None
        for entry in entries:
            try:
                with explained(entry, "cannot be looked at"):
                    kv, target = self._find(entry)
                    asked = asked or (kv.names(target.place),)
                    found.append((entry, target.judge(asked[0]).to_kept()))
            except StoreError as error:
                found.append((entry, error))
        return found

    def _holds(self, entry: Entry, value: Secret) -> bool:
        there = self.read(entry)
        return there is not None and there.same_as(value)

    def _read_text(self, entry: Entry) -> str:
        kv, target = self._find(entry)
        text = kv.values(target.place).get(target.name)
        if not isinstance(text, str):
            raise StoreConflict(f"{entry.reference}: what stands there is no text; move it by hand")
        return text

    def _change(self, entry: Entry, decide: Callable[[Field, Standing], _Change | None]) -> str:
        """Look, decide, write; again while other fields of the secret change in between. Give the new version."""
        wanted: Standing | None = None
        unsure = 0
        with explained(entry, "cannot be written"):
            kv, target = self._find(entry)
            for attempt in range(_ATTEMPTS):
                names = kv.names(target.place)
                found = target.judge(names)
                if found == wanted:
                    return found.version
                if (decided := decide(target, found)) is None:
                    return found.version
                change, after = decided
                try:
                    if kv.write(target.place, names, change):
                        return after.version
                except Unsure:
                    wanted, unsure = after, unsure + 1
                    if unsure == _UNSURE:
                        return self._settle(kv, target, after)
                time.sleep(random.uniform(0, _PAUSE_S * min(attempt + 1, 10)))  # noqa: S311 - who waits how long
            raise StoreError("other writers change the same secret all the time")

    def _settle(self, kv: Kv2, target: Field, after: Standing) -> str:
        """See whether a write was done that was sent as often as it may be."""
        if target.judge(kv.names(target.place)) == after:
            return after.version
        raise Unsure("the answer to a write was lost more than once, and it is not there")

    def _destroy(self, kv: Kv2, target: Field) -> None:
        """Destroy those older versions that hold nothing but this entry, and show by its note whose they are."""
        newest = kv.names(target.place)
        ours = {target.name, target.note, target.previous}
        versions = []
        for version in range(newest.version - 1 if newest else 0, 0, -1):
            older = kv.names(target.place, version)
            if older is None:
                break
            if older.tree and target.note in older.tree and ours.issuperset(older.tree):
                versions.append(version)
        kv.destroy(target.place, versions)


def open_vault() -> VaultStore:
    """Make the store for this process's environment."""
    return VaultStore(os.environ)


def _parse(entry: Entry) -> tuple[str, str]:
    path, mark, name = entry.reference.rest.rpartition("#")
    segments = path.split("/")
    if not mark or not name or len(segments) < 2 or not {"", ".", ".."}.isdisjoint(segments):  # noqa: PLR2004 - mount, path
        raise StoreError("write vault:MOUNT/PATH#FIELD")
    if name.endswith(SUFFIXES):
        raise StoreError(f"a field ends in none of {', '.join(SUFFIXES)}: these belong to the field without them")
    return path, name


def _read_note(names: Any) -> str:
    """Give the one name that is the note; what is anything else can be no note, and reads as none."""
    return str(next(iter(names))) if isinstance(names, dict) and len(names) == 1 else ""
