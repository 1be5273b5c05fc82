"""How a created key's value gets from the hub to its store, though the process may die at any instruction.

    preflight -> mark -> POST create -> put value and record -> read back
                  │          │               │
                  │          │               └ fails: spool the value, lock the key, say where it waits
                  │          └ answer lost: look up by ID; found: lock it; not found: the mark stays
                  └ of another run: stop

The store is told before the hub is asked, and is the only memory: whatever stands there after a crash tells the next
run what to do (`recovery`). A value is handed to the store before anything else of the answer is looked at.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyspec.errors import AnswerLost, HubConflict, HubError, KeyspecError, StoreConflict, StoreError
from keyspec.record import Content, Kept, Mark, Record
from keyspec.recovery import is_delivered, judge_kept, with_lease
from keyspec.spool import Spooled

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

ATTEMPTS = 4
"""How many times a create may be tried; a mark's lease lasts as long as they may take."""


@dataclass(frozen=True, slots=True)
class Run:
    """One apply: the digest of its plan, its nonce, its clock (seconds since the epoch), and where values may wait."""

    plan: str
    nonce: str
    now: Callable[[], float]
    new_nonce: Callable[[], str]
    spool: Spool
    take_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keeping:
    """One key's custody: the hub that makes the value, the entry that keeps it."""

    hub: Hub
    store: Store
    entry: Entry
    run: Run

    def create(self, key: Key) -> tuple[Outcome, str | None]:
        """Create a key and bring its value to the store; give the outcome and what went wrong.

        A failure before the hub was asked leaves nothing behind; any later one leaves a mark or a spooled value.
        """
        try:
            version, inherited = self._mark(key)
        except StoreError as error:
            return "failed", f"{error}; the key was not created"
        try:
            created = self.hub.create_key(key)
        except HubConflict as error:
            if inherited:
                return self._answer_lost(key, error)
            self._clear(version)
            return "conflict", str(error)
        except AnswerLost as error:
            return self._answer_lost(key, error)
        except HubError as error:
            if not inherited:
                self._clear(version)
            return "failed", str(error)
        finally_ = self._keep(key, created, version)
        self.store.release(self.entry)
        return finally_

    def settle(self, key_id: str, kept: Kept | str | None) -> None:
        """Finish what an earlier run left: a value in the spool, or one that waits for its record."""
        spooled = self.run.spool.find(self.hub.name, key_id, str(self.entry.reference))
        if spooled is not None:
            self._empty_spool(spooled)
        elif is_delivered(kept) and isinstance(kept, Kept):
            self._complete(key_id, kept)

    def _complete(self, key_id: str, kept: Kept) -> None:
        value = self.store.read(self.entry)
        if value is None:
            raise StoreError(f"{self.entry.reference}: the value is gone")
        self.store.replace(self.entry, kept.version, Content(self._record(key_id, value, locked=False), value))
        self.store.release(self.entry)

    def _empty_spool(self, spooled: Spooled) -> None:
        kept = with_lease(self.store.look(self.entry), self.run.now())
        verdict = judge_kept(kept, hub=self.hub.name, key_id=spooled.key_id, live=None)
        content = Content(self._record(spooled.key_id, spooled.value, locked=True), spooled.value)
        match verdict:
            case "unsent" | "missing":
                self.store.replace(self.entry, kept.version, content)
            case "nothing":
                self.store.put_if_absent(self.entry, content)
            case _ if not self._holds(spooled.value):
                raise StoreError(f"{self.entry.reference}: {verdict}; the spooled value stays where it is")
        self._read_back(spooled.value)
        self.store.release(self.entry)
        self.run.spool.remove(spooled)

    def _holds(self, value: Secret) -> bool:
        stored = self.store.read(self.entry)
        return stored is not None and stored.same_as(value)

    def _mark(self, key: Key) -> tuple[str, bool]:
        """Put the mark; tell its version, and whether a dead run's create may stand behind it."""
        self.store.preflight(self.entry)
        kept = with_lease(self.store.look(self.entry), self.run.now())
        mark = Mark(self.hub.name, key, self.run.plan, self.run.nonce, self._lease())
        verdict = judge_kept(kept, hub=self.hub.name, key_id=key.key_id, live=None)
        if verdict == "another-run":
            raise StoreError(f"another-run: {self.entry.reference}: another run is creating this key")
        if verdict == "foreign" and key.key_id not in self.run.take_over:
            what = "the entry was not written by keyspec for this hub and key"
            raise StoreError(f"store-foreign-entry: {self.entry.reference}: {what}")
        try:
            match verdict:
                case "nothing":
                    return self.store.put_if_absent(self.entry, Content(mark)), False
                case "unsent":
                    return self.store.replace(self.entry, kept.version, Content(mark)), True
                case _:
                    version = self.store.set_aside(self.entry, kept.version)
                    return self.store.replace(self.entry, version, Content(mark)), False
        except StoreConflict as error:
            raise StoreError(f"another-run: {self.entry.reference}: another run is creating this key") from error

    def _keep(self, key: Key, created: Created, version: str) -> tuple[Outcome, str | None]:
        """Put the value before anything else of the answer is looked at."""
        try:
            self.store.replace(
                self.entry, version, Content(self._record(key.key_id, created.value, locked=False), created.value)
            )
            self._read_back(created.value)
        except StoreError as error:
            return self._spool(key, created.value, error)
        if created.key_error is None:
            return "applied", None
        return "failed", f"{created.key_error}; {self._lock(key.key_id)}; its value is stored"

    def _spool(self, key: Key, value: Secret, error: StoreError) -> tuple[Outcome, str | None]:
        spooled = Spooled(self.hub.name, key.key_id, str(self.entry.reference), value)
        try:
            where = f"the value waits in {self.run.spool.put(spooled)}; the next apply stores it"
        except (OSError, KeyspecError):
            where = "the value could not be kept anywhere; the key will be replaced"
        return "failed", f"{error}; {self._lock(key.key_id)}; {where}"

    def _answer_lost(self, key: Key, error: HubError) -> tuple[Outcome, str | None]:
        """Look a key up whose create may have been done; its value reached nobody."""
        try:
            found = self.hub.get_key(key.key_id)
        except HubError as unknown:
            return "failed", f"{error}; and whether it was created cannot be read ({unknown}); the next run looks again"
        finally:
            self.store.release(self.entry)
        if found is None:
            return "failed", f"{error}; the key is not there, and the next run creates it"
        return "failed", f"{error}; the key is there and its value reached nobody; {self._lock(key.key_id)}"

    def _lock(self, key_id: str) -> str:
        try:
            self.hub.lock_key(key_id)
        except HubError as error:
            return f"the key could NOT be locked ({error})"
        return "the key is locked"

    def _clear(self, version: str) -> None:
        """Take our mark away after a create that surely did nothing."""
        try:
            self.store.clear(self.entry, version)
        except StoreError:
            self.store.release(self.entry)

    def _read_back(self, value: Secret) -> None:
        if not self._holds(value):
            raise StoreError(f"{self.entry.reference}: what was read back is not what was put")

    def _record(self, key_id: str, value: Secret, *, locked: bool) -> Record:
        fingerprint = mark_value(value, self.run.new_nonce())
        return Record(self.hub.name, key_id, (self.hub.name,), fingerprint, locked_by_keyspec=locked)

    def _lease(self) -> int:
        if self.store.capabilities.locks:
            return 0
        return int(self.run.now() + self.hub.timeout_s * ATTEMPTS + 60)


def mark_value(value: Secret, nonce: str) -> str:
    """Give a value's keyed fingerprint: `hmac-sha256:<nonce>:<hex>`; values are compared by it, never by their text."""
    mac = hmac.new(nonce.encode(), value.reveal().encode(), hashlib.sha256).hexdigest()
    return f"hmac-sha256:{nonce}:{mac}"
