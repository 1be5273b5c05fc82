"""Digests: one canonical form of JSON, and what is hashed in it.

The canonical form has sorted names, no blanks and only ASCII, so the same data is the same bytes in every process.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyspec.model import Key


def canonical(document: object) -> bytes:
    """Write JSON data in its one canonical form."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")


def digest_of(document: object) -> str:
    """Hash JSON data: `sha256:` and 64 hexadecimal digits over its canonical form."""
    return digest_bytes(canonical(document))


def digest_bytes(*parts: bytes) -> str:
    """Hash bytes, one part after another: `sha256:` and 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return f"sha256:{digest.hexdigest()}"


def fingerprint(key: Key | None) -> str:
    """Hash the four fields of a key, declared or not; None, an absent key, has a fingerprint of its own."""
    if key is None:
        return digest_of(None)
    return digest_of(
        {
            "description": key.description,
            "reauth_timeout": key.reauth_timeout_s,
            "roles": key.roles,
            "state": key.state,
        }
    )
