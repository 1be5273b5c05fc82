"""How a probe's keys leave the hub again: its own alone, whatever happened to them, and in doubt it is told.

    journal ─> list ─> delete ─> list again      a key that cannot be deleted is locked
                 └─ cannot be read: each journalled ID is deleted by itself

Nothing is touched that is not journalled. An ID that the hub made up is journalled as soon as it is known, and only if
no other key can have it: one with the mark in its description or, where descriptions cannot be read, one that was not
there before.

The last request of a run that died may still be on its way. So where such a run's journal was found, the last look
comes no earlier than one timeout of the hub after this one began, and until then the journal stays.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keyspec.content import fill_name, needs_etag
from keyspec.errors import HubMissing, KeyspecError
from keyspec.journal import Left
from keyspec.model import Key

if TYPE_CHECKING:
    from keyspec.hub import Hub
    from keyspec.journal import Journal

_LOST = "nobody knows whether it was made: the answer was lost, and it may still come to be"


@dataclass(slots=True)
class Removal:
    """The keys of a probe on one hub.

    `before` are the IDs that were there when it began, and `spared` keyspec's own. `unsure` are those that may still
    come to be, for their answers were lost; `settled` tells that nothing of a dead run may.
    """

    hub: Hub
    journal: Journal
    left: Left
    before: frozenset[str]
    spared: frozenset[str]
    settled: bool = True
    unsure: set[str] = field(default_factory=set)

    def begin(self, *key_ids: str, mark: str) -> None:
        """Journal what is about to be made, beside what dead runs left: it may land late."""
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
        found = (key for key in self.hub.list_keys() if self.left.owns(key))
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
        whys = {key_id: self._delete(Key(key_id)) for key_id in self.left.key_ids}
        return {key_id: why for key_id, why in whys.items() if why is not None}

    def _delete(self, key: Key) -> str | None:
        try:
            self.hub.delete_key(key)
        except HubMissing:
            return None
        except KeyspecError as error:
            if not self._delete_anyway(key):
                return f"{self._lock(key)}: {error}"
        self.unsure.discard(key.key_id)
        return None

    def _delete_anyway(self, key: Key) -> bool:
        """Delete a key without If-Match, where the contract wants one: the hub may have no ETags after all."""
        contract = self.hub.contract
        if not needs_etag(contract, "delete_key"):
            return False
        try:
            self.hub.wire.ask("delete_key", fill_name(contract, "delete_key", key))
        except (KeyspecError, ValueError):
            return False
        return True

    def _lock(self, key: Key) -> str:
        try:
            self.hub.lock_key(key)
        except KeyspecError:
            return "it could be neither deleted nor locked"
        return "it is locked, and could not be deleted"
