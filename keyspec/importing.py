"""How a value that exists, or that keyspec makes, gets to a hub: stored and read back before the hub hears of it.

    preflight -> value in the store? -> else: make it, put value and record, read back
              -> POST import -> the record names the hub

    the value comes from          if it is not stored yet
    a shared value's origin       skipped: the origin has not made it
    keyspec itself                made from 256 bits of `secrets`, in letters and digits
    a reference                   read now; if another hub has a value already, both must be the same

A crash anywhere is mended by running again: what is stored is never made anew, and of a hub that was asked, and has
the key, the record is completed (`settle`). A hub that had the value stays in the record whatever comes after, so that
no crash lets a value back to where it was taken from.
"""

from __future__ import annotations

import hmac
import string
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from keyspec.custody import mark_value
from keyspec.errors import AnswerLost, HubConflict, HubError, KeyspecError, StoreConflict, StoreError
from keyspec.model import as_set
from keyspec.record import Content, Record
from keyspec.recovery import judge_kept, with_lease
from keyspec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyspec.custody import Keeping, Verdict
    from keyspec.model import Key
    from keyspec.record import Kept

CHARACTERS: Final = string.ascii_letters + string.digits
LENGTH: Final = 43
"""How many of `CHARACTERS` hold 256 bits."""
_TRIES: Final = 20

Stand = Literal["asked", "known", "apart"]
"""How a hub stands to a value: it is being asked to take it, it has it, or it surely did not take it when asked."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Where a value comes from that is not stored yet: `read` gives one that exists, `make` a new one, else neither."""

    read: Callable[[], Secret] | None = None
    make: Callable[[], Secret] | None = None


def make_value(choose: Callable[[str], str], prefix: str | None) -> Secret:
    """Make a value; `choose` picks one of the characters it is given, with cryptographic chance."""
    return Secret((prefix or "") + "".join(choose(CHARACTERS) for _ in range(LENGTH)))


def import_key(keeping: Keeping, key: Key, supply: Supply) -> Verdict:
    """Bring a key with its value to the hub; give the outcome and what went wrong."""
    try:
        with keeping.run.claim(keeping.entry):
            value = store_value(keeping, key.key_id, supply)
            if value is None:
                return "skipped", "its value is not stored yet; a later run imports it"
            asked = note_hub(keeping, key.key_id, "asked")
    except KeyspecError as error:
        return "failed", f"{error}; nothing was sent to the hub"
    outcome, why = _send(keeping, key, value, asked_before=asked)
    if outcome != "applied":
        return outcome, why
    with keeping.run.claim(keeping.entry):
        return "applied", _complete(keeping, key.key_id)


def store_value(keeping: Keeping, key_id: str, supply: Supply) -> Secret | None:
    """Give the stored value; where there is none, get one and store it first. None if there is none to get."""
    keeping.preflight()
    given = supply.read() if supply.read else None
    for _ in range(_TRIES):
        kept = with_lease(keeping.store.look(keeping.entry), keeping.run.now())
        with suppress(StoreConflict):  # another hub's import, or another run, was first: its value counts
            return _take_or_put(keeping, key_id, kept, given, supply.make)
    raise StoreError(f"{keeping.entry.reference}: too many writers at once")


def note_hub(keeping: Keeping, key_id: str, stand: Stand) -> bool:
    """Say in the value's record how a hub stands to it; tell whether it had been asked before.

    Raises:
        StoreError: the record could not be changed.
    """
    name = keeping.hub.name
    for _ in range(_TRIES):
        kept = keeping.store.look(keeping.entry)
        record = kept.note
        if not isinstance(record, Record) or (record.hub, record.key_id) != (keeping.owner, key_id):
            raise StoreError(f"{keeping.entry.reference}: its record is gone")
        hubs = {*record.hubs, *([name] if stand == "known" else [])}
        asked = {*record.asked} - {name} | ({name} if stand == "asked" else set())
        changed = replace(record, hubs=as_set(hubs), asked=as_set(asked))
        with suppress(StoreConflict):
            if changed != record:
                keeping.store.replace(keeping.entry, kept.version, Content(changed))
            return name in record.asked
    raise StoreError(f"{keeping.entry.reference}: too many writers at once")


def _take_or_put(
    keeping: Keeping, key_id: str, kept: Kept, given: Secret | None, make: Callable[[], Secret] | None
) -> Secret | None:
    verdict = judge_kept(kept, owner=keeping.owner, key_id=key_id, live=None, makes=keeping.is_owner)
    if verdict in ("another-run", "pending"):
        return None
    bare = kept.note is None and given is not None and keeping.holds(given)  # reference and store may be the same
    if verdict == "foreign" and key_id not in keeping.run.take_over and not bare:
        what = "the entry was not written by keyspec for this hub and key"
        raise StoreError(f"store-foreign-entry: {keeping.entry.reference}: {what}")
    if verdict == "delivered":
        keeping.complete(key_id, kept)
    if verdict in ("kept", "delivered") and (given is None or keeping.holds(given)):
        return _read(keeping)
    value = make() if given is None and make is not None else given
    if value is None:
        if verdict == "missing":
            raise StoreError(f"{keeping.entry.reference}: the record is there, but the value is gone")
        return None
    _put(keeping, key_id, kept, value)
    return _read_back(keeping, value)


def _complete(keeping: Keeping, key_id: str) -> str | None:
    try:
        note_hub(keeping, key_id, "known")
    except StoreError as error:
        return f"the record could not be completed: {error}"
    return keeping.copy(key_id)


def _put(keeping: Keeping, key_id: str, kept: Kept, value: Secret) -> None:
    """Put a value, and move aside what stands there instead."""
    content = Content(keeping.record(key_id, value, hubs=_hubs_of(keeping, kept, value)), value)
    if (kept.foreign or kept.has_value) and not keeping.holds(value):
        version = keeping.store.set_aside(keeping.entry, kept.version)
        keeping.store.replace(keeping.entry, version, content)
    elif kept.note is None:
        keeping.store.put_if_absent(keeping.entry, content)
    else:
        keeping.store.replace(keeping.entry, kept.version, content)


def _hubs_of(keeping: Keeping, kept: Kept, value: Secret) -> tuple[str, ...]:
    """Give the hubs that have this very value by an earlier record; others must not have another one."""
    record = kept.note
    if not isinstance(record, Record) or record.hub != keeping.owner:
        return ()
    hubs = as_set((*record.hubs, *record.asked))
    nonce = record.fingerprint.partition(":")[2].partition(":")[0]
    if hmac.compare_digest(mark_value(value, nonce), record.fingerprint):
        return hubs
    if others := [hub for hub in hubs if hub != keeping.hub.name]:
        raise StoreError(f"{keeping.entry.reference}: another value is on {', '.join(others)}")
    return ()


def _read(keeping: Keeping) -> Secret:
    stored = keeping.store.read(keeping.entry)
    if stored is None:
        raise StoreError(f"{keeping.entry.reference}: the value is gone")
    return stored


def _read_back(keeping: Keeping, value: Secret) -> Secret:
    if not keeping.holds(value):
        raise StoreError(f"{keeping.entry.reference}: what was read back is not what was put")
    return value


def _send(keeping: Keeping, key: Key, value: Secret, *, asked_before: bool) -> Verdict:
    """Send the import; where an earlier run asked too, a 409 is a lost answer."""
    try:
        made = keeping.hub.import_key(key, value)
    except AnswerLost as lost:
        return _look_up(keeping, key, lost)
    except HubError as error:
        conflict = isinstance(error, HubConflict)
        if asked_before:
            return _look_up(keeping, key, error) if conflict else ("failed", str(error))
        with suppress(StoreError), keeping.run.claim(keeping.entry):
            note_hub(keeping, key.key_id, "apart")
        return "conflict" if conflict else "failed", str(error)
    if made is not None and made != key.key_id:
        return "failed", f"the hub gave the key another ID; {keeping.lock(keeping.made(key.key_id, made))}"
    return "applied", None


def _look_up(keeping: Keeping, key: Key, lost: HubError) -> Verdict:
    try:
        found = keeping.hub.get_key(key.key_id)
    except HubError as unknown:
        return "failed", f"{lost}; and that cannot be read either ({unknown}); the next run looks again"
    if found is None:
        return "failed", f"{lost}; the key is not there, and the next run imports it"
    same = all(key.field(name) in (None, found.field(name)) for name in ("description", "roles", "reauth_timeout"))
    return ("applied", None) if same else ("conflict", f"{lost}; the key that is there is not the one asked for")
