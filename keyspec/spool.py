"""Where a value waits whose store failed after the hub had made it: one private file a value, in the state folder.

    <state folder>/spool/<digest of hub, key, store and spec folder>.json      0600, in a folder 0700
                                                                    .age       the same, sealed

Where age recipients are configured the file is sealed to them; if that fails, a private file is better than no value.

The next apply empties the spool before anything else. A spool on a runner that vanishes is gone: then the store's
mark tells that the value reached nobody. One folder serves every spec of the user, and two specs may name hub, key
and store alike, so the folder of the spec counts too, and the mark's nonce tells which create a value is of.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyspec.disk import sweep_folder
from keyspec.errors import StoreError
from keyspec.files import write_file
from keyspec.fingerprint import digest_of
from keyspec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keyspec.stores.wholefile import Coding

FORMAT: Final = "keyspec-spool/1"
PLAIN: Final = ".json"
SEALED: Final = ".age"
SUFFIXES: Final = (PLAIN, SEALED)


@dataclass(frozen=True, slots=True)
class Slot:
    """Whose value waits: `reference` is the expanded one of its entry, `file` the spec file that it starts from."""

    hub: str
    key_id: str
    reference: str
    file: str


@dataclass(frozen=True, slots=True)
class Spooled:
    """One value that waits for its store; `nonce` is that of its mark."""

    slot: Slot
    nonce: str
    value: Secret


@dataclass(frozen=True, slots=True)
class Spool:
    """The folder of waiting values; it is made when the first one comes."""

    folder: Path
    sealing: Coding | None = None

    def put(self, spooled: Spooled) -> Path:
        """Keep a value, and give the file it waits in."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = {
            "format": FORMAT,
            "hub": spooled.slot.hub,
            "key_id": spooled.slot.key_id,
            "reference": spooled.slot.reference,
            "nonce": spooled.nonce,
            "value": spooled.value.reveal(),
        }
        suffix, data = self._seal(json.dumps(content).encode())
        path = self._path(spooled.slot, suffix)
        write_file(str(path), data, private=True)
        return path

    def find(self, slot: Slot) -> Spooled | None:
        """Give the value that waits for an entry.

        Raises:
            StoreError: if its file cannot be read.
        """
        for suffix in SUFFIXES:
            path = self._path(slot, suffix)
            if path.is_file() and not path.is_symlink():
                return self._read(path, slot)
        return None

    def remove(self, slot: Slot) -> None:
        """Take a value out, once its store has it."""
        for suffix in SUFFIXES:
            self._path(slot, suffix).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a dead process left half-written: the store's mark tells that such a value reached nobody."""
        with suppress(OSError):
            sweep_folder(str(self.folder))

    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return next(self.files(), None) is None

    def files(self) -> Iterator[Path]:
        """Give the files that wait, in the order of their names."""
        yield from sorted(path for suffix in SUFFIXES for path in self.folder.glob(f"*{suffix}"))

    def _seal(self, data: bytes) -> tuple[str, bytes]:
        if self.sealing is None:
            return PLAIN, data
        try:
            return SEALED, self.sealing.encode(data)
        except StoreError:
            return PLAIN, data

    def _read(self, path: Path, slot: Slot) -> Spooled:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(f"the spool file {path.name} cannot be read") from error
        if path.suffix == SEALED:
            if self.sealing is None:
                raise StoreError(f"the spool file {path.name} is sealed; configure age as it was when it was written")
            data = self.sealing.decode(data)
        return _parse(data, path, slot)

    def _path(self, slot: Slot, suffix: str) -> Path:
        folder = os.path.dirname(os.path.abspath(slot.file))  # noqa: PTH100, PTH120 - as text, no link resolved
        name = digest_of([slot.hub, slot.key_id, slot.reference, folder]).removeprefix("sha256:")
        return self.folder / f"{name}{suffix}"


def _parse(data: bytes, path: Path, slot: Slot) -> Spooled:
    try:
        content = json.loads(data)
        spooled = Spooled(slot, content["nonce"], Secret(content["value"])) if content["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the spool file {path.name} cannot be read") from error
    if spooled is None:
        raise StoreError(f"the spool file {path.name} was written by another version of keyspec")
    return spooled
