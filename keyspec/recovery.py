"""What stands in a key's store, held against what is live: the table that recovery follows.

    note      value  process  live key               verdict
    none      no     -        any                    nothing
    none      yes    -        any                    foreign
    mark      any    alive    any                    another-run
    mark      yes    dead     any                    delivered: that create's value, its record is to be completed
    mark      no     dead     absent                 unsent: create again
    mark      no     dead     exactly the mark's     undelivered: the value reached nobody; lock, later replace
    mark      no     dead     another                mismatch: not ours
    mark      no     dead     (of a hub that gets    pending: the value is not made yet
                               the value by import)
    record    yes    -        any                    kept
    record    no     -        any                    missing: the record is there, its value is not

A note of another hub or key, or one that cannot be read, is foreign; of a store that cannot be read all is unread.
A replica is foreign likewise, and outdated where it lacks the value that is kept, or does not say that the hub has it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from keyspec.record import Kept, Mark, Record

if TYPE_CHECKING:
    from keyspec.model import Key
    from keyspec.record import Replica

Verdict = Literal[
    "nothing",
    "foreign",
    "another-run",
    "delivered",
    "unsent",
    "undelivered",
    "mismatch",
    "pending",
    "kept",
    "missing",
    "unread",
]
ReplicaVerdict = Literal["current", "outdated", "foreign", "unread"]


def judge_entry(kept: Kept | str | None, *, owner: str, key_id: str, live: Key | None, makes: bool = True) -> Verdict:
    """Tell what an entry means; a text says why its store cannot be read, None that nothing is known of one."""
    if isinstance(kept, str):
        return "unread"
    return "nothing" if kept is None else judge_kept(kept, owner=owner, key_id=key_id, live=live, makes=makes)


def judge_kept(kept: Kept, *, owner: str, key_id: str, live: Key | None, makes: bool = True) -> Verdict:
    """Tell what an entry means for a key of a hub; `kept.busy` says whether its mark's run is alive.

    `owner` is what a note must name (see `sharing`); `makes` tells whether a mark speaks of this hub's key,
    and not of another's, whose value it gets.
    """
    match kept:
        case Kept(foreign=True):
            return "foreign"
        case Kept(note=None):
            return "foreign" if kept.has_value else "nothing"
        case Kept(note=Record() as record):
            if (record.hub, record.key_id) != (owner, key_id):
                return "foreign"
            return "kept" if kept.has_value else "missing"
        case Kept(note=Mark() as mark):
            verdict = _judge_mark(mark, kept, (owner, key_id), live if makes else None)
            return "pending" if verdict == "unsent" and not makes else verdict
    raise AssertionError(kept)


def judge_replica(replica: Replica, kept: Kept, *, owner: str, key_id: str, hub: str) -> ReplicaVerdict:
    """Tell how a replica stands to what is kept of a hub's key."""
    if isinstance(replica.kept, str):
        return "unread"
    verdict = judge_kept(replica.kept, owner=owner, key_id=key_id, live=None)
    if verdict not in ("nothing", "kept", "missing"):
        return "foreign"
    if not isinstance(kept.note, Record) or not kept.has_value:
        return "current"
    copy = replica.kept.note
    same = verdict == "kept" and isinstance(copy, Record) and copy.fingerprint == kept.note.fingerprint
    return "current" if same and (served_by(replica.kept, hub) or not served_by(kept, hub)) else "outdated"


def judge_replicas(
    kept: Kept | str | None, *, owner: str, key_id: str, hub: str
) -> tuple[tuple[Replica, ReplicaVerdict], ...]:
    """Judge each replica of an entry."""
    if not isinstance(kept, Kept):
        return ()
    return tuple((each, judge_replica(each, kept, owner=owner, key_id=key_id, hub=hub)) for each in kept.replicas)


def with_lease(kept: Kept, now: float) -> Kept:
    """Count a mark as alive while its lease lasts; `now` is in seconds since the epoch."""
    alive = isinstance(kept.note, Mark) and kept.note.lease_until > now
    return replace(kept, busy=True) if alive else kept


def is_delivered(kept: Kept | str | None) -> bool:
    """Tell whether a dead run's value stands in the store and only its record is missing."""
    return isinstance(kept, Kept) and isinstance(kept.note, Mark) and kept.has_value and not kept.busy


def served_by(kept: Kept | str | None, hub: str) -> bool:
    """Tell whether a value's note says that a hub had it; beside a mark, a value was the mark's hub's."""
    match kept:
        case Kept(note=Record(hubs=hubs)):
            return hub in hubs
        case Kept(note=Mark(hub=maker), has_value=True):
            return hub == maker
    return False


def was_asked(kept: Kept | str | None, hub: str) -> bool:
    """Tell whether an import was sent to a hub, and nobody knows yet whether it has the value."""
    return isinstance(kept, Kept) and isinstance(kept.note, Record) and hub in kept.note.asked


def is_locked_by_keyspec(kept: Kept | str | None) -> bool:
    """Tell whether keyspec locked the key until its value reached the store, where it is now."""
    return isinstance(kept, Kept) and isinstance(kept.note, Record) and kept.note.locked_by_keyspec and kept.has_value


def is_open_again(kept: Kept | str | None, live: Key | None) -> bool:
    """Tell whether a key is open that keyspec had locked: whoever locks it next is somebody else."""
    return is_locked_by_keyspec(kept) and live is not None and live.state == "active"


def _judge_mark(mark: Mark, kept: Kept, owner: tuple[str, str], live: Key | None) -> Verdict:
    if (mark.hub, mark.key.key_id) != owner:
        return "foreign"
    if kept.busy:
        return "another-run"
    if kept.has_value:
        return "delivered"
    if live is None:
        return "unsent"
    return "undelivered" if _same_fields(mark.key, live) else "mismatch"


def _same_fields(one: Key, other: Key) -> bool:
    """Compare what a create sent; a lock may have come since."""
    fields = ("description", "roles", "reauth_timeout")
    return all(one.field(name) in (None, other.field(name)) for name in fields)
