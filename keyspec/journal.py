"""What `contract probe` may have left on a hub: told to the disk before the hub is asked for any of it.

    <state folder>/probe/<digest of the hub's URL>.json      0600, in a folder 0700; never a value

A journal names the hub by its URL, the keys by their IDs, and the mark: a text with a random part that a probe writes
into the description of whatever it makes, so that a key is known again to which the hub gave an ID of its own. What is
not journalled is not a probe's to touch.

One probe of a user runs at a time: it holds the lock of the folder, which dies with the process. So a journal that is
there when the lock is taken is a dead run's.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keyspec.disk import explain, read_file, try_lock
from keyspec.errors import KeyspecError
from keyspec.files import write_file
from keyspec.fingerprint import digest_of
from keyspec.settings import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.model import Key

FORMAT: Final = "keyspec-probe-journal/1"
_MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Left:
    """What may be left on one hub: keys with these IDs, and keys whose description begins with one of the marks.

    `pending`: the run has not ended, or not well, so that a request of it may still be on its way.
    """

    url: str
    key_ids: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    pending: bool = False

    def owns(self, key: Key) -> bool:
        """Tell whether a live key is a probe's."""
        return key.key_id in self.key_ids or (key.description or "").startswith(self.marks or "\0")

    def joined(self, other: Left) -> Left:
        """Give this and what another run left on the same hub."""
        ids = dict.fromkeys((*self.key_ids, *other.key_ids))
        marks = dict.fromkeys((*self.marks, *other.marks))
        return Left(self.url, tuple(ids), tuple(marks), self.pending or other.pending)


@dataclass(frozen=True, slots=True)
class Journal:
    """The folder of journals, one a hub."""

    folder: Path

    def path(self, url: str) -> Path:
        """Give the file of a hub's journal."""
        return self.folder / f"{digest_of([url.rstrip('/')]).removeprefix('sha256:')}.json"

    def read(self, url: str) -> Left:
        """Give what may be left on a hub; KeyspecError if its journal cannot be read."""
        path = self.path(url)
        return _read(path) if path.exists() else Left(url)

    def others(self, url: str) -> Iterator[str]:
        """Give the URLs of other hubs on which something may be left."""
        for path in sorted(self.folder.glob("*.json")):
            if path != self.path(url):
                yield _read(path).url

    def write(self, left: Left) -> None:
        """Keep what may be left on a hub; UsageError if it cannot be written."""
        content: dict[str, Any] = {"format": FORMAT, "url": left.url, "key_ids": left.key_ids, "marks": left.marks}
        content["pending"] = left.pending
        write_file(str(self.path(left.url)), json.dumps(content, indent=2).encode() + b"\n", private=True)

    def remove(self, url: str) -> None:
        """Forget a hub on which nothing is left."""
        self.path(url).unlink(missing_ok=True)


@contextmanager
def open_journal(environ: Mapping[str, str]) -> Iterator[Journal]:
    """Give the user's journal, with the lock of its folder held.

    Raises:
        KeyspecError: another probe holds it, or the folder cannot be made.
    """
    folder = Path(state_folder(environ)) / "probe"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyspecError(f"{folder} cannot be used: {explain(error)}") from error
    try:
        if not try_lock(descriptor):
            raise KeyspecError("another `keyspec contract probe` of yours is running; nothing was sent")
        yield Journal(folder)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Left:
    try:
        content: Any = json.loads(read_file(str(path), limit=_MAX_BYTES, follow_links=False))
        told = (content["url"], *content["key_ids"], *content["marks"])
        if content["format"] != FORMAT or not all(isinstance(text, str) and text for text in told):
            raise ValueError(FORMAT)  # noqa: TRY301 - like all that is wrong with it
        return Left(content["url"], tuple(content["key_ids"]), tuple(content["marks"]), content["pending"] is True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{path} cannot be read: look on the hub for keys that begin with keyspec_probe_, then remove this file"
        raise KeyspecError(what) from error
