"""What a hub does with keys, whoever asks and in whatever dialect.

Rules:

* A method does all of what it is asked or refuses; what it checks and what it writes are one
  transaction, so of two requests for one ID exactly one wins.
* Fields are judged before existence: an invalid draft is invalid, also where the ID is taken.
* Existence is judged before state: where the caller says which `versions` of a key it means, any other
  one is a failed precondition.
* A key may do to itself what it may do to others: lock itself out, delete itself, lose its roles.
* `seed` and its kin are the test's hand in the database: they skip the ID's charset and nothing
  else that would make the database inconsistent.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from keyspec.devhub.credentials import digest_value, make_key_id, make_seal, make_value
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.model import (
    Caller,
    Draft,
    Edit,
    Key,
    Role,
    check_edit,
    check_key_id,
    check_value,
    sort_roles,
)
from keyspec.devhub.query import Query
from keyspec.devhub.storage import Storage

T = TypeVar("T")
Versions = frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, how many rows match, and how many there are."""

    rows: tuple[T, ...]
    matching: int
    total: int


class Hub:
    """The rules of one hub over its storage."""

    def __init__(self, storage: Storage, knobs: Knobs) -> None:
        """Serve what a storage holds, within the capabilities that the knobs leave."""
        self.storage = storage
        self.knobs = knobs
        self._locked_at: dict[str, float] = {}

    def recognise(self, value: str | None) -> Caller | None:
        """Return who holds a value and may use it: a live, unlocked key, or one locked for less than the delay."""
        key = self.find_holder(value) if value else None
        if key is None or (key.locked and not self._is_trusted(key.key_id)):
            return None
        roles = self.storage.find_roles(key.roles)
        return Caller(key.key_id, frozenset(name for role in roles for name in role.permissions))

    def find_holder(self, value: str) -> Key | None:
        """Return the key that has this value, locked or not."""
        return self.storage.find_holder(self._digest(value))

    def list_keys(self, query: Query) -> Page[Key]:
        """Return a page of keys."""
        with self.storage.transaction():
            rows, matching = self.storage.list_keys(query)
            total = self.storage.count_keys() if query.selective else matching
        return Page(tuple(rows), matching, total)

    def list_roles(self, query: Query) -> Page[Role]:
        """Return a page of roles."""
        with self.storage.transaction():
            rows, matching = self.storage.list_roles(query)
            total = self.storage.count_roles() if query.selective else matching
        return Page(tuple(rows), matching, total)

    def get_key(self, key_id: str, versions: Versions = None) -> Key:
        """Return one key."""
        key = self.storage.find_key(key_id)
        if key is None:
            raise Refusal(Reason.NO_SUCH_KEY, "there is no key of this ID")
        if versions is not None and key.version not in versions:
            raise Refusal(Reason.PRECONDITION_FAILED, "the key has changed since")
        return key

    def create_key(self, draft: Draft) -> tuple[Key, str]:
        """Create a key; its value is returned this once."""
        value = make_value()
        return self._add(draft, value), value

    def import_key(self, draft: Draft, value: str) -> Key:
        """Add a key whose value exists already."""
        check_value(value)
        return self._add(draft, value)

    def edit_key(self, key_id: str, edit: Edit, versions: Versions = None) -> Key:
        """Change some fields of a key and return it."""
        check_edit(edit)
        with self.storage.transaction():
            self._check_roles(edit.roles or ())
            self.get_key(key_id, versions)
            self.storage.edit_key(key_id, edit)
            if edit.locked:
                self._locked_at.setdefault(key_id, time.monotonic())
            elif edit.locked is False:
                self._locked_at.pop(key_id, None)
            return self.get_key(key_id)

    def set_lock(self, key_id: str, *, locked: bool) -> None:
        """Lock or unlock a key; one that is so already stays so."""
        self.edit_key(key_id, Edit(locked=locked))

    def delete_key(self, key_id: str, versions: Versions = None) -> None:
        """Delete a key for good."""
        with self.storage.transaction():
            self.get_key(key_id, versions)
            self.storage.remove_key(key_id)
            self._locked_at.pop(key_id, None)

    def name_roles(self, role_ids: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the roles of these IDs."""
        wanted = set(role_ids)
        found = self.storage.find_roles_by_id(wanted)
        unknown = sorted(wanted - {role.role_id for role in found})
        if unknown:
            message = f"the hub has no role of the ID {', '.join(map(repr, unknown))}"
            raise Refusal(Reason.UNKNOWN_ROLE, message, field="roles")
        return sort_roles(role.name for role in found)

    def identify_roles(self, names: Iterable[str]) -> dict[str, str]:
        """Return the IDs of roles by their names."""
        return {role.name: role.role_id for role in self.storage.find_roles(names)}

    def seal(self, text: str) -> bytes:
        """Return what only this hub can add to a text."""
        return make_seal(text, pepper=self.storage.pepper)

    def seed(self, keys: Iterable[tuple[Key, str]]) -> None:
        """Put keys with their values into the database, whatever their IDs look like."""
        entries = [(key, self._digest(value)) for key, value in keys]
        with self.storage.transaction():
            self._check_roles({role for key, _ in entries for role in key.roles})
            self.storage.add_keys(entries)

    def ensure_admin(self, key_id: str, *, role: str, value: str) -> None:
        """See that there is an unlocked key of this ID, with this role and this value."""
        with self.storage.transaction():
            if self.storage.find_key(key_id) is None:
                self.seed([(Key(key_id, "Made when the hub started", (role,), 60, locked=False), value)])
                return
            self.storage.edit_key(key_id, Edit(roles=(role,), locked=False))
            self.storage.set_digest(key_id, self._digest(value))

    def _is_trusted(self, key_id: str) -> bool:
        """Say whether a lock has not bitten yet."""
        since = self._locked_at.get(key_id)
        return since is not None and time.monotonic() - since < self.knobs.lock_delay_ms / 1000

    def _add(self, draft: Draft, value: str) -> Key:
        key_id = make_key_id() if draft.key_id is None else draft.key_id
        check_key_id(key_id)
        check_edit(Edit(draft.description, draft.roles, draft.reauthentication_timeout))
        roles = sort_roles(draft.roles)
        key = Key(key_id, draft.description, roles, draft.reauthentication_timeout, locked=False)
        digest = self._digest(value)
        with self.storage.transaction():
            self._check_roles(roles)
            self._check_free(key_id, digest)
            self.storage.add_keys([(key, digest)])
            return self.get_key(key_id)

    def _check_free(self, key_id: str, digest: bytes) -> None:
        if self.storage.find_key(key_id) is not None:
            raise Refusal(Reason.KEY_EXISTS, "a key of this ID exists", field="key_id")
        if not self.knobs.ids_reusable and self.storage.is_spent(key_id):
            raise Refusal(Reason.KEY_ID_SPENT, "a deleted key had this ID", field="key_id")
        if self.storage.find_holder(digest) is not None:
            raise Refusal(Reason.VALUE_EXISTS, "a key has this value already", field="value")

    def _check_roles(self, names: Iterable[str]) -> None:
        unknown = sorted(set(names) - {role.name for role in self.storage.find_roles(names)})
        if unknown:
            message = f"the hub has no role {', '.join(map(repr, unknown))}"
            raise Refusal(Reason.UNKNOWN_ROLE, message, field="roles")

    def _digest(self, value: str) -> bytes:
        return digest_value(value, pepper=self.storage.pepper)
