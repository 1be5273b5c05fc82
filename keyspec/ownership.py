"""Which pairs of declared and live keys may be touched at all, decided before anything is compared.

    declared for this hub            -> standing "declared"
    live, owned, declared nowhere    -> standing "unlisted"
    live, owned, declared elsewhere  -> standing "elsewhere": steps for it are held unless `-k` names it in full
    live otherwise, or keyspec's own -> no pair

Owned means: the ID matches a glob of `ownership.key_ids`. IDs that no spec could declare are never owned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from keyspec.model import is_name
from keyspec.selector import glob_matches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.desired import Desired, DesiredHub, DesiredKey
    from keyspec.model import Key

Standing = Literal["declared", "unlisted", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What one run may do: explicit allowances, and the globs of `-k` (none: every key).

    `take_over` names the keys whose store entries keyspec may take although it did not write them. `sharded` says that
    guards see only a part of the fleet, so that nothing may be deleted.
    """

    allow_delete: bool = False
    allow_unlock: bool = False
    allow_reimport: bool = False
    take_over: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    sharded: bool = False

    def selects(self, key_id: str) -> bool:
        """Tell whether this run looks at a key."""
        return not self.keys or any(glob_matches(pattern, key_id) for pattern in self.keys)


@dataclass(frozen=True, slots=True)
class Pair:
    """One key on one hub, declared, live or both; None on one side is the meaning."""

    key_id: str
    standing: Standing
    desired: DesiredKey | None
    live: Key | None


def is_owned(key_id: str, desired: Desired, hub: DesiredHub) -> bool:
    """Tell whether the spec owns a live key of a hub; keyspec's own keys are never owned."""
    if key_id in hub.hub.auth_key_id or not is_name(key_id):
        return False
    return any(glob_matches(pattern, key_id) for pattern in desired.ownership.key_ids)


def pair_keys(desired: Desired, hub: DesiredHub, live: Mapping[str, Key], policy: Policy) -> tuple[Pair, ...]:
    """Join declared and live keys by ID, in the order of the IDs."""
    pairs = []
    for key_id in sorted({*hub.keys, *live}):
        if not policy.selects(key_id):
            continue
        if key_id in hub.keys:
            pairs.append(Pair(key_id, "declared", hub.keys[key_id], live.get(key_id)))
        elif is_owned(key_id, desired, hub):
            standing: Standing = "elsewhere" if key_id in desired.declared_ids else "unlisted"
            pairs.append(Pair(key_id, standing, None, live[key_id]))
    return tuple(pairs)
