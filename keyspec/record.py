"""What stands beside a value in its store: a pending `Mark` while a create is under way, a `Record` afterwards.

    nothing ── put_if_absent ──► Mark ── replace ──► Record + value
                                  ▲                     │ key gone from the hub: the value moves aside
                                  └─────────────────────┘

Both are written as one JSON object and hold no value. Rules: beside a mark there is never an older value, so a
value that stands beside a mark is that create's; a note that cannot be read, or names another hub or key, is
somebody else's (custody, "Stores").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec.model import Key, as_set

if TYPE_CHECKING:
    from keyspec.secret import Secret

FORMAT: Final = "keyspec-record/1"


@dataclass(frozen=True, slots=True)
class Mark:
    """A create is under way: the key as it will be asked for, by which plan, by which run.

    `lease_until` is seconds since the epoch (UTC) until which another run leaves it alone; 0 where a file lock
    tells instead. `nonce` names the run.
    """

    hub: str
    key: Key
    plan: str
    nonce: str
    lease_until: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A value is kept here: whose it is, on which hubs it is known, and its keyed fingerprint.

    `asked` are the hubs that an import was sent to and that are not known to have it. `locked_by_keyspec` says that
    keyspec locked the key since its value had not reached its store.
    """

    hub: str
    key_id: str
    hubs: tuple[str, ...]
    fingerprint: str
    generation: int = 1
    locked_by_keyspec: bool = False
    asked: tuple[str, ...] = ()


Note = Mark | Record


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store holds at one entry, without the value.

    `version` is opaque: what `replace` must find. `busy` says that a living process holds the entry's lock;
    `foreign` that something stands there which keyspec did not write. `replicas` stand in what was read for a plan.
    """

    note: Note | None
    has_value: bool
    version: str
    busy: bool = False
    foreign: bool = False
    replicas: tuple[Replica, ...] = ()


@dataclass(frozen=True, slots=True)
class Replica:
    """What stands at one of an entry's replicas; a text says why that cannot be read."""

    reference: str
    kept: Kept | str


Records = Mapping[tuple[str, str], Kept | str]
"""What the stores hold, by hub and Key ID; a text says why a store could not be read."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is put at an entry: the note, and the value once there is one."""

    note: Note
    value: Secret | None = None


def dump_note(note: Note) -> bytes:
    """Write a note as one line of JSON."""
    match note:
        case Mark(hub, key, plan, nonce, lease_until):
            body: dict[str, Any] = {
                "mark": {
                    "hub": hub,
                    "key_id": key.key_id,
                    "description": key.description,
                    "roles": key.roles,
                    "reauth_timeout": key.reauth_timeout_s,
                    "plan": plan,
                    "nonce": nonce,
                    "lease_until": lease_until,
                }
            }
        case Record(hub, key_id, hubs, fingerprint, generation, locked_by_keyspec, asked):
            body = {
                "record": {
                    "hub": hub,
                    "key_id": key_id,
                    "hubs": hubs,
                    "fingerprint": fingerprint,
                    "generation": generation,
                    "locked_by_keyspec": locked_by_keyspec,
                    "asked": asked,
                }
            }
    return json.dumps({"format": FORMAT, **body}, sort_keys=True).encode() + b"\n"


def load_note(data: bytes) -> Note | None:
    """Read a note; None for anything that `dump_note` did not write."""
    try:
        body = json.loads(data)
        return _read_note(body) if body["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _read_note(body: Any) -> Note | None:
    if "mark" in body:
        mark = body["mark"]
        key = Key(
            key_id=_text(mark["key_id"]),
            description=None if mark["description"] is None else _text(mark["description"]),
            roles=as_set(_text(role) for role in mark["roles"]),
            reauth_timeout_s=None if mark["reauth_timeout"] is None else _number(mark["reauth_timeout"]),
            state="active",
        )
        return Mark(_text(mark["hub"]), key, _text(mark["plan"]), _text(mark["nonce"]), _number(mark["lease_until"]))
    record = body["record"]
    return Record(
        hub=_text(record["hub"]),
        key_id=_text(record["key_id"]),
        hubs=as_set(_text(hub) for hub in record["hubs"]),
        fingerprint=_text(record["fingerprint"]),
        generation=_number(record["generation"]),
        locked_by_keyspec=record["locked_by_keyspec"] is True,
        asked=as_set(_text(hub) for hub in record.get("asked", ())),
    )


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("a whole number is wanted")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text is wanted")
    return value
