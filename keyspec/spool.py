"""Where a value waits whose store failed after the hub had made it: one private file a value, in the state folder.

    <state folder>/spool/<digest of hub, key and store>.json      0600, in a folder 0700

The next apply empties the spool before anything else. A spool on a runner that vanishes is gone: then the store's
mark tells that the value reached nobody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyspec.errors import StoreError
from keyspec.files import write_file
from keyspec.fingerprint import digest_of
from keyspec.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path
    from collections.abc import Iterator

FORMAT = "keyspec-spool/1"


@dataclass(frozen=True, slots=True)
class Spooled:
    """One value that waits for its store; `reference` is the expanded reference of its entry."""

    hub: str
    key_id: str
    reference: str
    value: Secret


@dataclass(frozen=True, slots=True)
class Spool:
    """The folder of waiting values; it is made when the first one comes."""

    folder: Path

    def put(self, spooled: Spooled) -> Path:
        """Keep a value, and give the file it waits in."""
        path = self._path(spooled)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = {
            "format": FORMAT,
            "hub": spooled.hub,
            "key_id": spooled.key_id,
            "reference": spooled.reference,
            "value": spooled.value.reveal(),
        }
        write_file(str(path), json.dumps(content).encode(), private=True)
        return path

    def find(self, hub: str, key_id: str, reference: str) -> Spooled | None:
        """Give the value that waits for an entry."""
        path = self._path(Spooled(hub, key_id, reference, Secret("-")))
        return _read(path) if path.is_file() and not path.is_symlink() else None

    def remove(self, spooled: Spooled) -> None:
        """Take a value out, once its store has it."""
        self._path(spooled).unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return next(self.files(), None) is None

    def files(self) -> Iterator[Path]:
        """Give the files that wait, in the order of their names."""
        yield from sorted(self.folder.glob("*.json"))

    def _path(self, spooled: Spooled) -> Path:
        name = digest_of([spooled.hub, spooled.key_id, spooled.reference]).removeprefix("sha256:")
        return self.folder / f"{name}.json"


def _read(path: Path) -> Spooled:
    try:
        content = json.loads(path.read_bytes())
        spooled = Spooled(content["hub"], content["key_id"], content["reference"], Secret(content["value"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the spool file {path.name} cannot be read") from error
    if content["format"] != FORMAT:
        raise StoreError(f"the spool file {path.name} was written by another version of keyspec")
    return spooled
