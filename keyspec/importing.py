"""How a value that exists, or that keyspec makes, gets to a hub: stored and read back before the hub hears of it.

    preflight -> value in the store? -> else: make it, put value and record, read back
              -> POST import -> the record names the hub

    the value comes from          if it is not stored yet
    a shared value's origin       skipped: the origin has not made it
    keyspec itself                made from 256 bits of `secrets`, in letters and digits
    a reference                   read now; if it is stored already, both must be the same

A crash anywhere is mended by running again: what is stored is never made anew, and a hub that has the key and is not
in its record is added to it (`settle`).
"""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

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
            note_hub(keeping, key.key_id, known=False)
    except KeyspecError as error:
        return "failed", f"{error}; nothing was sent to the hub"
    outcome, why = _send(keeping, key, value)
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
        verdict = judge_kept(kept, owner=keeping.owner, key_id=key_id, live=None, makes=False)
        if verdict in ("kept", "delivered"):
            return _check_given(keeping, given)
        if verdict == "foreign" and key_id not in keeping.run.take_over and not _is_given(keeping, given):
            what = "the entry was not written by keyspec for this hub and key"
            raise StoreError(f"store-foreign-entry: {keeping.entry.reference}: {what}")
        if verdict in ("another-run", "pending"):
            return None
        value = given or (supply.make() if supply.make else None)
        if value is None:
            return None
        try:
            _put(keeping, key_id, kept, value)
        except StoreConflict:
            continue  # another hub's import, or another run, was first: its value counts
        return _read_back(keeping, value)
    raise StoreError(f"{keeping.entry.reference}: too many writers at once")


def note_hub(keeping: Keeping, key_id: str, *, known: bool) -> None:
    """Name the hub in the value's record: as asked to take it, or, `known`, as having it.

    Raises:
        StoreError: the record could not be changed.
    """
    name = keeping.hub.name
    for _ in range(_TRIES):
        kept = keeping.store.look(keeping.entry)
        record = kept.note
        if not isinstance(record, Record) or (record.hub, record.key_id) != (keeping.owner, key_id):
            return
        hubs, asked = {*record.hubs} - {name}, {*record.asked} - {name}
        (hubs if known else asked).add(name)
        changed = replace(record, hubs=as_set(hubs), asked=as_set(asked))
        if changed == record:
            return
        try:
            keeping.store.replace(keeping.entry, kept.version, Content(changed))
        except StoreConflict:
            continue
        return
    raise StoreError(f"{keeping.entry.reference}: too many writers at once")


def _complete(keeping: Keeping, key_id: str) -> str | None:
    try:
        note_hub(keeping, key_id, known=True)
    except StoreError as error:
        return f"the record could not be completed: {error}"
    return keeping.copy(key_id)


def _put(keeping: Keeping, key_id: str, kept: Kept, value: Secret) -> None:
    record = keeping.record(key_id, value, hubs=())
    if kept.foreign and not _is_given(keeping, value):
        version = keeping.store.set_aside(keeping.entry, kept.version)
        keeping.store.replace(keeping.entry, version, Content(record, value))
    elif kept.note is None:
        keeping.store.put_if_absent(keeping.entry, Content(record, value))
    else:
        keeping.store.replace(keeping.entry, kept.version, Content(record, value))


def _is_given(keeping: Keeping, given: Secret | None) -> bool:
    """Tell whether what stands at the entry is the very value that was given: reference and store may be the same."""
    return given is not None and keeping.holds(given)


def _check_given(keeping: Keeping, given: Secret | None) -> Secret:
    stored = keeping.store.read(keeping.entry)
    if stored is None:
        raise StoreError(f"{keeping.entry.reference}: the value is gone")
    if given is not None and not stored.same_as(given):
        raise StoreError(f"{keeping.entry.reference}: another value is stored than the reference gives")
    return stored


def _read_back(keeping: Keeping, value: Secret) -> Secret:
    if not keeping.holds(value):
        raise StoreError(f"{keeping.entry.reference}: what was read back is not what was put")
    return value


def _send(keeping: Keeping, key: Key, value: Secret) -> Verdict:
    try:
        made = keeping.hub.import_key(key, value)
    except AnswerLost as lost:
        return _look_up(keeping, key, lost)
    except HubConflict as error:
        return "conflict", str(error)
    except HubError as error:
        return "failed", str(error)
    if made is not None and made != key.key_id:
        return "failed", f"the hub gave the key another ID; {keeping.lock(made)}"
    return "applied", None


def _look_up(keeping: Keeping, key: Key, lost: AnswerLost) -> Verdict:
    try:
        found = keeping.hub.get_key(key.key_id)
    except HubError as unknown:
        return "failed", f"{lost}; and that cannot be read either ({unknown}); the next run looks again"
    if found is None:
        return "failed", f"{lost}; the key is not there, and the next run imports it"
    same = all(found.field(name) == key.field(name) for name in ("description", "roles", "reauth_timeout"))
    return ("applied", None) if same else ("conflict", f"{lost}; the key that is there is not the one asked for")
