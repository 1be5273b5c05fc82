"""One of several machines that share a fleet: which hubs are its own, and how it says so in what it prints.

    shard_of(name, 16)    1 to 16, by the SHA-256 of the hub's name: alike on every machine, whatever else is declared

Hubs are independent, so shards need not talk to each other; `join` makes one report of theirs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyspec.fingerprint import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` of `of` parts, from 1; `wave` is the one it was narrowed to.

    `plan` is the digest of the saved plan that is applied, None where each shard plans for itself. `fleet` is the
    digest of the names of all hubs that were selected, of which this is a part; `keys` are the globs of -k.
    """

    number: int
    of: int
    wave: int | None = None
    plan: str | None = None
    fleet: str = ""
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def holds(self, hub: str) -> bool:
        """Tell whether a hub is one of this shard's."""
        return shard_of(hub, self.of) == self.number


def shard_of(hub: str, of: int) -> int:
    """Give the number of the shard that a hub belongs to, from 1."""
    return int.from_bytes(hashlib.sha256(hub.encode()).digest()[:8]) % of + 1


def fleet_digest(hubs: Iterable[str]) -> str:
    """Give the digest by which shards know that they are parts of the same selection of hubs."""
    return digest_of(sorted(hubs))


def parse_shard(text: str) -> Shard:
    """Read `3/16`.

    Raises:
        ValueError: it is something else.
    """
    found = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text, re.ASCII)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MAX_SHARDS:
        raise ValueError(f"a shard is written 3/16, from 1/1 to {MAX_SHARDS}/{MAX_SHARDS}")
    return Shard(int(found[1]), int(found[2]))
