"""What a hub holds, as values: `Key`, `Role`, and the four fields that can be compared.

A field that is `None` is unknown (live) or undeclared (desired): it is never compared and never sent.
Roles and permissions are sorted tuples without repeats, so equality is equality of sets and
everything printed from them has one order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

FIELDS: Final = ("description", "roles", "reauth_timeout", "state")
"""The names of the compared fields, in the order they are shown."""

NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
_NAME: Final = re.compile(NAME_PATTERN.removesuffix("$") + r"\Z")

DEFAULT_DESCRIPTION: Final = ""
DEFAULT_REAUTH_TIMEOUT_S: Final = 60

FieldValue = str | int | tuple[str, ...] | None

Handle = str | int
"""What a hub calls a key itself, beside the ID that was chosen for it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One API key without its value, as a hub holds it. `reauth_timeout_s` is in whole seconds.

    `etag` names this state of it to the hub, where the hub tells one; it is no part of what a key is. `handle` is what
    the hub calls the key, where the contract says so: a key with another one is another key, whatever its ID.
    """

    key_id: str
    description: str | None = None
    roles: tuple[str, ...] | None = None
    reauth_timeout_s: int | None = None
    state: Literal["active", "locked"] | None = None
    etag: str | None = field(default=None, compare=False)
    handle: Handle | None = None

    def field(self, name: str) -> FieldValue:
        """Give one of `FIELDS` by its name."""
        return getattr(self, _ATTRIBUTES[name])  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Role:
    """A hub's role; `permissions` is None where the hub does not tell them, `role_id` where keys hold names."""

    name: str
    permissions: tuple[str, ...] | None = None
    role_id: str | int | None = None


_ATTRIBUTES: Final = {
    "description": "description",
    "roles": "roles",
    "reauth_timeout": "reauth_timeout_s",
    "state": "state",
}


def as_set(names: Iterable[str]) -> tuple[str, ...]:
    """Sort names and drop repeats."""
    return tuple(sorted(set(names)))


def is_name(text: str) -> bool:
    """Tell whether text can be a hub name or a declared Key ID."""
    return _NAME.match(text) is not None
