"""Digests: one canonical form of JSON, and what is hashed in it; what two looks at a key have in common.

The canonical form has sorted names, no blanks and only ASCII, so the same data is the same bytes in every process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.model import Key

_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical(document: object) -> bytes:
    """Write JSON data in its one canonical form."""
    return _ENCODER.encode(document).encode("ascii")


def digest_of(document: object) -> str:
    """Hash JSON data: `sha256:` and 64 hexadecimal digits over its canonical form."""
    return digest_bytes(canonical(document))


def digest_members(members: Mapping[str, object]) -> str:
    """Hash a JSON object as `digest_of` does, piece by piece; an iterator is a list that is never held whole."""
    digest = hashlib.sha256(b"{")
    for number, name in enumerate(sorted(members)):
        digest.update((b"," if number else b"") + canonical(name) + b":")
        value = members[name]
        for piece in _write_list(value) if isinstance(value, Iterator) else (canonical(value),):
            digest.update(piece)
    digest.update(b"}")
    return f"sha256:{digest.hexdigest()}"


def _write_list(items: Iterator[object]) -> Iterator[bytes]:
    yield b"["
    for number, item in enumerate(items):
        yield (b"," if number else b"") + canonical(item)
    yield b"]"


def digest_bytes(*parts: bytes) -> str:
    """Hash bytes, one part after another: `sha256:` and 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return f"sha256:{digest.hexdigest()}"


def fingerprint(key: Key | None) -> str:
    """Hash the four fields of a key, declared or not; None, an absent key, has a fingerprint of its own.

    A handle counts where the hub has one, so that what was reviewed is never done to another key of the same ID.
    """
    if key is None:
        return digest_of(None)
    fields: dict[str, object] = {
        "description": key.description,
        "reauth_timeout": key.reauth_timeout_s,
        "roles": key.roles,
        "state": key.state,
    }
    return digest_of(fields if key.handle is None else fields | {"handle": key.handle})


def is_same_key(one: Key, other: Key) -> bool:
    """Tell whether two looks at an ID found one key; where one of them saw no handle, nothing says otherwise."""
    return one.handle == other.handle or None in (one.handle, other.handle)


def is_alike(one: Key | None, other: Key | None) -> bool:
    """Tell whether two looks at an ID found one key, in one state."""
    if one is None or other is None:
        return one is other
    bare = fingerprint(replace(one, handle=None)) == fingerprint(replace(other, handle=None))
    return bare and is_same_key(one, other)
