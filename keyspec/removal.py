"""How a probe's keys leave the hub again: its own alone, whatever happened to them, and in doubt it is told.

    journal ─> list ─> delete ─> list again      a key that cannot be deleted is locked
                 └─ cannot be read: each journalled ID is deleted by itself

Nothing is touched that is not journalled. An ID that the hub made up is journalled as soon as it is known, and only if
no other key can have it: one with the mark in its description or, where descriptions cannot be read, one that was not
there before.

Other keys are watched: the first lock and the first delete are each followed by a look at the list, and until that was
seen to be as before, no second one is sent. If another key changed or is gone, what did it is not sent again, and
nothing is sent that was not seen to spare the others: then the probe's own keys stay, and are told.

The last request of a run that died may still be on its way. So where such a run's journal was found, the last look
comes no earlier than one timeout of the hub after this one began, and until then the journal stays.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from keyspec.content import fill_name, needs_etag
from keyspec.errors import HubMissing, KeyspecError
from keyspec.journal import Left
from keyspec.model import Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.hub import Hub
    from keyspec.journal import Journal
    from keyspec.placeholders import OperationName

WATCHED: Final[tuple[OperationName, ...]] = ("lock_key", "delete_key")
"""What may do harm to other keys, if the contract is wrong."""
_LEFT_ALONE = "it was left alone, for nobody saw that a delete spares other keys"
_LOST = "nobody knows whether it was made: the answer was lost, and it may still come to be"


@dataclass(slots=True)
class Removal:
    """The keys of a probe on one hub.

    `before` are the other keys that were there when it began, with their states, and `spared` keyspec's own and those.
    `unsure` are those that may still come to be, for their answers were lost, and `unsent` those that were never asked
    for; `settled` tells that nothing of a dead run may come to be. `sent` are the writes that may do harm, `proved`
    those after which no other key had changed, and `harmed` says, by key, what had.
    """

    hub: Hub
    journal: Journal
    left: Left
    before: Mapping[str, str | None]
    spared: frozenset[str]
    settled: bool = True
    unsure: set[str] = field(default_factory=set)
    unsent: set[str] = field(default_factory=set)
    sent: set[OperationName] = field(default_factory=set)
    proved: set[OperationName] = field(default_factory=set)
    harmed: dict[str, str] = field(default_factory=dict)

    def begin(self, *key_ids: str, mark: str) -> None:
        """Journal what is about to be made, beside what dead runs left: it may land late."""
        self.unsent.update(key_ids)
        self.left = self.left.joined(Left(self.left.url, key_ids, (mark,), pending=True))
        self.journal.write(self.left)

    def adopt(self, key_id: str) -> bool:
        """Journal a key by the ID that the hub gave it; False if it may be somebody else's."""
        key = next((each for each in self.hub.list_keys() if each.key_id == key_id), None)
        if key is None or key_id in self.spared:
            return False
        if not (self.left.owns(key) or (key.description is None and key_id not in self.before)):
            return False
        self.left = self.left.joined(Left(self.left.url, (key_id,)))
        self.journal.write(self.left)
        return True

    def look(self) -> tuple[Key, ...]:
        """List the keys, and keep what happened to the others; HubError if the list cannot be read."""
        keys = self.hub.list_keys()
        now = {key.key_id: key.state for key in keys}
        for key_id, state in self.before.items():
            if key_id not in now:
                self.harmed[key_id] = "it is gone"
            elif now[key_id] != state:
                self.harmed[key_id] = f"it was {state or 'of no state'}, and is {now[key_id] or 'of no state'}"
        if not self.harmed:
            self.proved |= self.sent
        return keys

    def clean(self) -> dict[str, str]:
        """Delete what is there; say, by key, what is left, and forget the journal if that is nothing."""
        self.hub.begin_phase()
        try:
            left = self._delete_listed()
        except KeyspecError:
            left = self._delete_known()
        for key_id in self.unsure - left.keys():
            left[key_id] = _LOST
        with suppress(OSError, KeyspecError):  # a journal of what is not there any more does no harm
            if self.settled and not left:
                self.journal.remove(self.left.url)
            elif self.settled and not self.unsure:
                self.journal.write(replace(self.left, pending=False))
        return left

    def find(self) -> tuple[Key, ...]:
        """List the keys that are the probe's; HubError if the list cannot be read."""
        found = (key for key in self.look() if self.left.owns(key))
        return tuple(key for key in found if key.key_id not in self.spared)

    def _delete_listed(self) -> dict[str, str]:
        whys: dict[str, str] = {}
        found = self.find()
        for key in found:
            self.unsure.discard(key.key_id)
            if (why := self._delete(key)) is not None:
                whys[key.key_id] = why
        if not found:
            return {}
        there = {key.key_id for key in self.find()}
        return {key_id: whys.get(key_id, "the hub said that it was deleted") for key_id in sorted(there)}

    def _delete_known(self) -> dict[str, str]:
        known = [key_id for key_id in self.left.key_ids if key_id not in self.spared | self.unsent]
        whys = {key_id: self._delete(Key(key_id)) for key_id in known}
        return {key_id: why for key_id, why in whys.items() if why is not None}

    def _delete(self, key: Key) -> str | None:
        if not self._may("delete_key"):
            return _LEFT_ALONE
        self.sent.add("delete_key")
        try:
            self.hub.delete_key(key)
        except HubMissing:
            return None
        except KeyspecError as error:
            self._see("delete_key")
            if not self._delete_anyway(key):
                return f"{self._lock(key)}: {error}"
        finally:
            self._see("delete_key")
        self.unsure.discard(key.key_id)
        return None

    def _may(self, name: OperationName) -> bool:
        """Tell whether a write may be sent: it is known to spare other keys, or none is harmed and it is the first."""
        return name in self.proved or not (self.harmed or name in self.sent)

    def _see(self, name: OperationName) -> None:
        """Look at the other keys after the first of a kind."""
        if name not in self.proved and not self.harmed:
            with suppress(KeyspecError):  # then no second one is sent
                self.look()

    def _delete_anyway(self, key: Key) -> bool:
        """Delete a key without If-Match, where the contract wants one: the hub may have no ETags after all."""
        contract = self.hub.contract
        unsafe = self.harmed and "delete_key" not in self.proved
        if unsafe or not needs_etag(contract, "delete_key"):
            return False
        try:
            self.hub.wire.ask("delete_key", fill_name(contract, "delete_key", key))
        except (KeyspecError, ValueError):
            return False
        return True

    def _lock(self, key: Key) -> str:
        if not self._may("lock_key"):
            return "it could not be deleted"
        self.sent.add("lock_key")
        try:
            self.hub.lock_key(key)
        except KeyspecError:
            return "it could be neither deleted nor locked"
        finally:
            self._see("lock_key")
        return "it is locked, and could not be deleted"
