"""`age:PATH`: the value in a file that only the holders of some keys can read, fit for a commit.

    PATH, PATH.prev   armoured age files, sealed to the recipients
    PATH.keyspec      the note: plain JSON, no value in it

`KEYSPEC_AGE_RECIPIENTS` says to whom: recipients divided by commas or blanks, or the path of a file with one a line.
`KEYSPEC_AGE_IDENTITY` is the path of a file with the identities that open what was sealed, as `age-keygen` or
`ssh-keygen` writes it. Without it the store can only be written: it is no more than a replica, and a value that is
there already cannot be told from another one. Paths start from the folder that keyspec runs in.

Everything but the sealing is the `file:` store's. `age -d -i IDENTITY PATH` and any other age tool opens the files.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec.disk import explain, read_file
from keyspec.errors import StoreError
from keyspec.stores.file import FileStore
from keyspec.stores.wholefile import WholeFile

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPIENTS: Final = "KEYSPEC_AGE_RECIPIENTS"
IDENTITY: Final = "KEYSPEC_AGE_IDENTITY"

MAX_SEALED_BYTES: Final = 1024 * 1024

_TRIAL: Final = b"trial"
_SSH: Final = "ssh-"


def open_age(environ: Mapping[str, str] | None = None) -> FileStore:
    """Make the store of `age:` references."""
    return FileStore(WholeFile(AgeCoding(os.environ if environ is None else environ)))


@dataclass(frozen=True, slots=True)
class AgeCoding:
    """Values sealed with age (`wholefile.Coding`); keys are read when they are needed."""

    environ: Mapping[str, str]
    max_bytes: int = MAX_SEALED_BYTES

    @property
    def readable(self) -> bool:
        """Whether an identity is named."""
        return bool(self.environ.get(IDENTITY))

    def check(self) -> None:
        """Seal something and, if it should be readable, open it."""
        sealed = self.encode(_TRIAL)
        if self.readable and self.decode(sealed) != _TRIAL:
            raise StoreError("age gives back something else than it was given")

    def encode(self, value: bytes) -> bytes:
        """Seal a value to the recipients."""
        pyrage = _load_pyrage()
        sealed: bytes = pyrage.encrypt(value, self._read_recipients(pyrage), armored=True)
        return sealed

    def decode(self, data: bytes) -> bytes:
        """Open what was sealed."""
        if not self.readable:
            raise StoreError(f"nothing can be read from age: stores; name a file of identities in {IDENTITY}")
        pyrage = _load_pyrage()
        identities = self._read_identities(pyrage)
        try:
            opened: bytes = pyrage.decrypt(data, identities)
        except (pyrage.DecryptError, ValueError) as error:
            raise StoreError(f"no identity in {IDENTITY} opens an age: entry, or it is no age file") from error
        return opened

    def _read_recipients(self, pyrage: Any) -> list[Any]:
        text = self.environ.get(RECIPIENTS, "").strip()
        if not text:
            raise StoreError(f"age: needs recipients; name them, or a file of them, in {RECIPIENTS}")
        inline = text.startswith(("age1", _SSH))
        words = _split_recipients(text) if inline else _lines(_read_keys(text, RECIPIENTS))
        if not words:
            raise StoreError(f"{RECIPIENTS} names no recipients")
        return [_parse_recipient(pyrage, word) for word in words]

    def _read_identities(self, pyrage: Any) -> list[Any]:
        text = _read_keys(self.environ[IDENTITY], IDENTITY)
        # Errors of the library may quote what they could not read: none of them is kept as a cause.
        try:
            if text.startswith("-----BEGIN"):
                return [pyrage.ssh.Identity.from_buffer(text.encode())]
            identities = [pyrage.x25519.Identity.from_str(line) for line in _lines(text)]
        except (pyrage.IdentityError, ValueError):
            identities = []
        if not identities:
            raise StoreError(f"the file in {IDENTITY} is no file of age identities without a passphrase")
        return identities


def _load_pyrage() -> Any:
    try:
        import pyrage
    except ImportError as error:
        raise StoreError("age: stores need more than the core of keyspec; install keyspec[age]") from error
    return pyrage


def _parse_recipient(pyrage: Any, word: str) -> Any:
    kinds = pyrage.ssh if word.startswith(_SSH) else pyrage.x25519
    try:
        return kinds.Recipient.from_str(word)
    except (pyrage.RecipientError, ValueError):
        # Not shown: it may be an identity, put here by mistake.
        raise StoreError(f"{RECIPIENTS} holds something that is no age recipient") from None


def _split_recipients(text: str) -> list[str]:
    """Divide recipients at commas and blanks, but for the blanks within an SSH key."""
    words: list[str] = []
    for part in re.split(r"[,\n]", text):
        words += [part.strip()] if part.strip().startswith(_SSH) else part.split()
    return words


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _read_keys(path: str, variable: str) -> str:
    try:
        return read_file(path, limit=MAX_SEALED_BYTES, follow_links=True).decode()
    except OSError as error:
        raise StoreError(f"the file in {variable} cannot be read: {explain(error)}") from error
    except ValueError:
        raise StoreError(f"the file in {variable} is no text") from None
