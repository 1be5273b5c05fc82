"""How a created key's value gets from the hub to its store, though the process may die at any instruction.

    preflight -> mark -> POST create -> put value and record -> read back
                  │          │               │
                  │          │               └ fails: spool the value, lock the key, say where it waits
                  │          └ answer lost: look up by ID; as the mark says: lock it; not found: the mark stays
                  └ of another run: stop

The store is told before the hub is asked, and is the only memory: whatever stands there after a crash tells the next
run what to do (`recovery`). A value is handed to the store before anything else of the answer is looked at. Two runs
may race: a value is only moved aside where the entry is as the plan saw it, and a key is only locked as ours where it
has the fields of a mark of ours.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from keyspec.errors import AnswerLost, HubConflict, HubError, KeyspecError, StoreConflict, StoreError
from keyspec.record import Content, Kept, Mark, Record
from keyspec.recovery import is_delivered, judge_kept, with_lease
from keyspec.spool import Slot, Spooled

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyspec.desired import Entry
    from keyspec.hub import Hub
    from keyspec.live import Created
    from keyspec.model import Key
    from keyspec.report import Outcome
    from keyspec.secret import Secret
    from keyspec.spool import Spool
    from keyspec.stores import Store

Verdict = tuple["Outcome", str | None]
"""An outcome, and why where it is neither applied nor already so."""

ATTEMPTS: Final = 4
"""How many times a create may be tried; a mark's lease lasts as long as they may take."""


@dataclass(frozen=True, slots=True)
class Run:
    """One apply: the digest of its plan, its nonce, its clock (seconds since the epoch), and where values may wait.

    `choose` picks one of some characters, with cryptographic chance.
    """

    plan: str
    nonce: str
    now: Callable[[], float]
    new_nonce: Callable[[], str]
    spool: Spool
    choose: Callable[[str], str]
    take_over: tuple[str, ...] = ()
    _locks: dict[Entry, Lock] = field(default_factory=dict)

    def claim(self, entry: Entry) -> Lock:
        """Give the lock of an entry: of one process, only one thread at a time may change it."""
        return self._locks.setdefault(entry, Lock())


@dataclass(frozen=True, slots=True)
class _Placed:
    """The mark that this run put, its version, and the dead run's mark whose place it took."""

    mark: Mark
    version: str
    inherited: Mark | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """One key's custody: the hub that makes the value, the entry that keeps it.

    `owner` is what a note must name (see `sharing`). `replicas` get every value after the entry has it. `planned` is
    the entry as the plan saw it. `others` are the IDs on the hub that no create of this run can have made.
    """

    hub: Hub
    store: Store
    entry: Entry
    run: Run
    owner: str
    replicas: tuple[tuple[Store, Entry], ...] = ()
    planned: Kept | str | None = None
    others: frozenset[str] = frozenset()

    @property
    def is_owner(self) -> bool:
        """Whether a mark at the entry speaks of a key of this hub."""
        return self.owner == self.hub.name

    def create(self, key: Key) -> Verdict:
        """Create a key and bring its value to the store.

        A failure before the hub was asked leaves nothing behind; any later one leaves a mark or a spooled value.
        """
        try:
            placed = self._mark(key)
        except StoreError as error:
            return "failed", f"{error}; the key was not created"
        try:
            return self._ask(key, placed)
        finally:
            self.store.release(self.entry)

    def copy(self, key_id: str) -> str | None:
        """Bring the stored value, with its record, to the replicas; give what went wrong."""
        wrong = []
        for store, entry in self.replicas:
            try:
                take_over = key_id in self.run.take_over
                copy_value(self.store, self.entry, store, entry, owner=(self.owner, key_id), take_over=take_over)
            except StoreError as error:
                wrong.append(f"the replica could not be written: {error}")
        return "; ".join(wrong) or None

    def preflight(self) -> None:
        """Raise StoreError unless the value can be written to its entry, and read back."""
        if not self.store.capabilities.readable:
            raise StoreError(f"{self.entry.reference}: nothing can be read back here; name a readable store first")
        self.store.preflight(self.entry)

    def is_as_planned(self) -> bool:
        """Tell whether the entry is as the plan saw it."""
        return self._is_planned(self.store.look(self.entry))

    def forget_lock(self) -> None:
        """Take keyspec's own lock off the record."""
        kept = self.store.look(self.entry)
        if isinstance(kept.note, Record) and kept.note.hub == self.owner and kept.note.locked_by_keyspec:
            content = Content(replace(kept.note, locked_by_keyspec=False))
            self.store.replace(self.entry, kept.version, content)

    def settle(self, key_id: str) -> bool:
        """Finish what an earlier run left: a value in the spool, or one that waits for its record; tell if it did."""
        spooled = self.run.spool.find(self._slot(key_id))
        if spooled is not None:
            self._empty_spool(spooled)
            return True
        return is_delivered(self.planned) and self._complete_now(key_id)

    def _complete_now(self, key_id: str) -> bool:
        """Complete the record of what stands at the entry now, if it is a create of this key; tell if it was."""
        kept = with_lease(self.store.look(self.entry), self.run.now())
        if judge_kept(kept, owner=self.owner, key_id=key_id, live=None) != "delivered":
            return False
        self.complete(key_id, kept)
        return True

    def complete(self, key_id: str, kept: Kept) -> None:
        """Write the record of a value that stands beside its dead mark: the mark's hub, the owner, made it."""
        value = self.store.read(self.entry)
        if value is None:
            raise StoreError(f"{self.entry.reference}: the value is gone")
        self.store.replace(self.entry, kept.version, Content(self.record(key_id, value, hubs=(self.owner,)), value))
        self.store.release(self.entry)

    def _empty_spool(self, spooled: Spooled) -> None:
        kept = with_lease(self.store.look(self.entry), self.run.now())
        key_id = spooled.slot.key_id
        verdict = judge_kept(kept, owner=self.owner, key_id=key_id, live=None)
        if isinstance(kept.note, Mark):  # its lease is of no account: the create that it speaks of has ended
            verdict = "unsent" if kept.note.nonce == spooled.nonce else "another-run"
        content = Content(self.record(key_id, spooled.value, hubs=(self.hub.name,), locked=True), spooled.value)
        match verdict:
            case "nothing" | "unsent" | "delivered" | "missing":
                self.store.replace(self.entry, kept.version, content)
                self._read_back(spooled.value)
                self.store.release(self.entry)
            case _ if not self.holds(spooled.value):
                raise StoreError(f"{self.entry.reference}: {verdict}; the spooled value stays where it is")
        self.run.spool.remove(spooled.slot)

    def holds(self, value: Secret) -> bool:
        """Tell whether this very value stands at the entry."""
        stored = self.store.read(self.entry)
        return stored is not None and stored.same_as(value)

    def _mark(self, key: Key) -> _Placed:
        """Put the mark, unless the entry is another's."""
        self.preflight()
        kept = with_lease(self.store.look(self.entry), self.run.now())
        mark = Mark(self.owner, key, self.run.plan, self.run.nonce, self._lease())
        verdict = judge_kept(kept, owner=self.owner, key_id=key.key_id, live=None)
        if verdict == "foreign" and key.key_id not in self.run.take_over:
            what = "the entry was not written by keyspec for this hub and key"
            raise StoreError(f"store-foreign-entry: {self.entry.reference}: {what}")
        if verdict == "another-run":
            raise StoreError(f"another-run: {self.entry.reference}: another run is creating this key")
        try:
            match verdict:
                case "nothing":
                    return _Placed(mark, self.store.put_if_absent(self.entry, Content(mark)))
                case "unsent" if isinstance(kept.note, Mark):
                    return _Placed(mark, self.store.replace(self.entry, kept.version, Content(mark)), kept.note)
                case _ if not self._is_planned(kept):
                    raise StoreError(f"another-run: {self.entry.reference}: it has changed since this was planned")
                case _:
                    version = self.store.set_aside(self.entry, kept.version)
                    return _Placed(mark, self.store.replace(self.entry, version, Content(mark)))
        except StoreConflict as error:
            raise StoreError(f"another-run: {self.entry.reference}: another run is creating this key") from error

    def _is_planned(self, kept: Kept) -> bool:
        return isinstance(self.planned, Kept) and kept.version == self.planned.version

    def _ask(self, key: Key, placed: _Placed) -> Verdict:
        try:
            created = self.hub.create_key(key)
        except AnswerLost as error:
            return self._answer_lost(key, placed, error)
        except HubError as error:
            conflict = isinstance(error, HubConflict)
            if placed.inherited is not None:
                return self._answer_lost(key, placed, error) if conflict else ("failed", str(error))
            self._clear(placed)
            return "conflict" if conflict else "failed", str(error)
        return self._keep(key, created, placed)

    def _keep(self, key: Key, created: Created, placed: _Placed) -> Verdict:
        """Put the value before anything else of the answer is looked at."""
        content = Content(self.record(key.key_id, created.value, hubs=(self.hub.name,)), created.value)
        try:
            self.store.replace(self.entry, placed.version, content)
            self._read_back(created.value)
        except Exception as error:  # noqa: BLE001 - whatever breaks in a store, the value must not go with it
            why = str(error) if isinstance(error, KeyspecError) else f"unexpected {type(error).__name__} in the store"
            return self._spool(key, created, why)
        if created.key_error is None:
            return "applied", self.copy(key.key_id)
        return "failed", f"{created.key_error}; {self.lock(self._made(key, created))}; its value is stored"

    def _spool(self, key: Key, created: Created, why: str) -> Verdict:
        try:
            path = self.run.spool.put(Spooled(self._slot(key.key_id), self.run.nonce, created.value))
            where = f"the value waits in {path}; the next apply stores it"
        except (OSError, KeyspecError):
            where = "the value could not be kept anywhere; the key will be replaced"
        return "failed", f"{why}; {self.lock(self._made(key, created))}; {where}"

    def _made(self, key: Key, created: Created) -> str:
        return self.made(key.key_id, created.key.key_id if created.key else None)

    def made(self, key_id: str, named: str | None) -> str:
        """Give the ID of the key that was made: the one asked for, unless the answer names another new one."""
        return key_id if named is None or named in self.others else named

    def _slot(self, key_id: str) -> Slot:
        return slot_of(self.hub.name, key_id, self.entry)

    def _answer_lost(self, key: Key, placed: _Placed, error: HubError) -> Verdict:
        """Look a key up whose create may have been done; its value reached nobody."""
        try:
            with self.hub.owing():
                found = self.hub.get_key(key.key_id)
        except HubError as unknown:
            return "failed", f"{error}; and whether it was created cannot be read ({unknown}); the next run looks again"
        if found is None:
            return "failed", f"{error}; the key is not there, and the next run creates it"
        mark = self._find_maker(found, placed)
        if mark is None:
            return "conflict", f"{error}; the key that is there now is not the one that was asked for"
        told = self.lock(found)
        if mark is placed.inherited:
            with suppress(StoreError):  # so that the next run, too, knows the key as ours
                self.store.replace(self.entry, placed.version, Content(mark))
        return "failed", f"{error}; the key is there and its value reached nobody; {told}"

    def _find_maker(self, found: Key, placed: _Placed) -> Mark | None:
        """Give the mark, ours or the one inherited, whose create made this key."""
        for mark in filter(None, (placed.mark, placed.inherited)):
            kept = Kept(mark, has_value=False, version=placed.version)
            if judge_kept(kept, owner=self.owner, key_id=found.key_id, live=found) == "undelivered":
                return mark
        return None

    def lock(self, key: Key | str) -> str:
        """Lock a key whose value is not in safe hands, and say whether that could be done."""
        try:
            with self.hub.owing():
                outcome, error = write_surely(
                    self.hub,
                    key,
                    lambda: self.hub.lock_key(key),
                    is_done=lambda found: found is None or found.state == "locked",
                    is_unchanged=lambda _: True,
                )
        except HubError as refused:
            outcome, error = "failed", str(refused)
        return "the key is locked" if outcome == "applied" else f"the key could NOT be locked ({error})"

    def _clear(self, placed: _Placed) -> None:
        """Take our mark away after a create that surely did nothing."""
        with suppress(StoreError):
            self.store.clear(self.entry, placed.version)

    def _read_back(self, value: Secret) -> None:
        if not self.holds(value):
            raise StoreError(f"{self.entry.reference}: what was read back is not what was put")

    def record(self, key_id: str, value: Secret, *, hubs: tuple[str, ...], locked: bool = False) -> Record:
        """Give the record of a value that is known on some hubs."""
        fingerprint = mark_value(value, self.run.new_nonce())
        return Record(self.owner, key_id, hubs, fingerprint, locked_by_keyspec=locked)

    def _lease(self) -> int:
        if self.store.capabilities.locks:
            return 0
        return int(self.run.now() + self.hub.timeout_s * ATTEMPTS + 60)


def copy_value(
    store: Store, entry: Entry, to: Store, copy: Entry, *, owner: tuple[str, str], take_over: bool = False
) -> None:
    """Put what stands at an entry at another one; what somebody else put there is moved aside only to take it over.

    Raises:
        StoreError: it could not be done.
    """
    record, value = store.look(entry).note, store.read(entry)
    if not isinstance(record, Record) or value is None:
        raise StoreError(f"{entry.reference}: there is no value to copy")
    to.preflight(copy)
    kept = to.look(copy)
    verdict = judge_kept(kept, owner=owner[0], key_id=owner[1], live=None)
    if verdict not in ("nothing", "kept", "missing") and not (verdict == "foreign" and take_over):
        what = "the entry was not written by keyspec for this hub and key"
        raise StoreError(f"store-foreign-entry: {copy.reference}: {what}")
    version = kept.version
    if not (verdict == "kept" and isinstance(kept.note, Record) and kept.note.fingerprint == record.fingerprint):
        # Only the note that comes last says which hubs have the value: what is cut off before it is written anew.
        begun = Content(replace(record, hubs=()), value)
        if verdict == "nothing":
            version = to.put_if_absent(copy, begun)
        else:
            version = to.replace(copy, to.set_aside(copy, kept.version), begun)
    to.replace(copy, version, Content(record))


def slot_of(hub: str, key_id: str, entry: Entry) -> Slot:
    """Give the slot of the spool in which a key's value would wait."""
    return Slot(hub, key_id, str(entry.reference), entry.file)


def with_spooled(kept: Kept, spool: Spool, slot: Slot) -> Kept | StoreError:
    """Count a value that waits in the spool as standing beside its mark."""
    if not isinstance(kept.note, Mark) or kept.has_value or kept.busy:
        return kept
    try:
        spooled = spool.find(slot)
    except StoreError as error:
        return error
    return replace(kept, has_value=True) if spooled is not None and spooled.nonce == kept.note.nonce else kept


def write_surely(
    hub: Hub,
    key: Key | str,
    send: Callable[[], None],
    *,
    is_done: Callable[[Key | None], bool],
    is_unchanged: Callable[[Key | None], bool],
) -> Verdict:
    """Send a write; if its answer is lost, look the key up, and send it once more if it was not done.

    Raises:
        HubError: the hub refused it, or it was never sent.
    """
    for again in (True, False):
        try:
            send()
        except AnswerLost as lost:
            try:
                found = hub.get_key(key)
            except HubError as unknown:
                return "failed", f"{lost}; and that cannot be read either ({unknown})"
            if is_done(found):
                return "applied", None
            if not is_unchanged(found):
                return "conflict", f"{lost}; the key has changed since"
            if not again:
                return "failed", f"{lost}; it was not done"
        else:
            return "applied", None
    raise AssertionError(key)


def mark_value(value: Secret, nonce: str) -> str:
    """Give a value's keyed fingerprint: `hmac-sha256:<nonce>:<hex>`; values are compared by it, never by their text."""
    mac = hmac.new(nonce.encode(), value.reveal().encode(), hashlib.sha256).hexdigest()
    return f"hmac-sha256:{nonce}:{mac}"
