"""What the spec means for each hub: profiles, defaults and overrides resolved, roles in the hub's own names.

Precedence: `defaults` < profile < key < `per_hub` (in file order, later wins). Fields are replaced whole.
A resolved key is shared by all hubs that mean the same by it, so memory follows what is written, not the fleet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from keyspec.document import locate
from keyspec.fingerprint import canonical, digest_bytes, digest_of
from keyspec.model import DEFAULT_DESCRIPTION, DEFAULT_REAUTH_TIMEOUT_S, Key, as_set
from keyspec.secret import parse_reference
from keyspec.spec import VALUE_SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.contract import Contract
    from keyspec.merge import Declared
    from keyspec.secret import Reference
    from keyspec.shard import Shard
    from keyspec.source import Source
    from keyspec.spec import Guards, Hub, KeySpec, Ownership, Rollout, Value


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a key's value is kept: an expanded reference, and the spec file that relative paths start from."""

    reference: Reference
    file: str


@dataclass(frozen=True, slots=True)
class DesiredKey:
    """One key as the spec wants it on some hubs; a field that is None is not declared.

    `hubs` are all the hubs it is declared for, whatever a run selects. `layers` are the parts of the spec it was
    resolved from, the weakest first; `declared` is its own.
    """

    key_id: str
    state: Literal["active", "locked", "absent"] | None
    description: str | None
    roles: tuple[str, ...] | None
    reauth_timeout_s: int | None
    store: Reference | None
    replicas: tuple[Reference, ...]
    value: Value
    protected: bool
    hubs: tuple[str, ...]
    declared: Declared[KeySpec]
    layers: tuple[Declared[object], ...]

    def created(self) -> Key:
        """Give the key as a create sends it: what is not declared is sent as its default, always unlocked."""
        return Key(
            key_id=self.key_id,
            description=DEFAULT_DESCRIPTION if self.description is None else self.description,
            roles=self.roles,
            reauth_timeout_s=DEFAULT_REAUTH_TIMEOUT_S if self.reauth_timeout_s is None else self.reauth_timeout_s,
            state="active",
        )

    def source(self, *fields: str) -> Source:
        """Give the place where the first of these fields is declared; without one, of the key itself."""
        for name in fields:
            if layer := self._layer_of(name):
                return layer.source(name)
        return self.declared.source()

    def role_source(self, role: str) -> Source:
        """Give the place of a role's name, as it is written in the spec."""
        layer = self._layer_of("roles")
        if layer is None:
            return self.declared.source()
        path = (*layer.path, "roles")
        written: Any = layer.document.root
        for part in path:
            written = written[part]
        return locate(layer.document, (*path, written.index(role)) if role in written else path)

    @property
    def store_file(self) -> str:
        """The file that relative paths of the store's references start from."""
        layer = self._layer_of("store")
        return (layer or self.declared).document.file

    def _layer_of(self, name: str) -> Declared[object] | None:
        return next((layer for layer in reversed(self.layers) if getattr(layer.value, name, None) is not None), None)


@dataclass(frozen=True, slots=True)
class DesiredHub:
    """One hub and the keys declared for it, in the order of their IDs.

    `connection` is the file that the relative paths of the hub's settings start from; `pinned` as in `Spec`. `wave`
    counts from 1; it is None where the spec declares no rollout.
    """

    name: str
    declared: Declared[Hub]
    connection: str
    contract: Contract
    keys: Mapping[str, DesiredKey]
    pinned: bool = False
    wave: int | None = None

    @property
    def hub(self) -> Hub:
        """What the spec says of the hub itself."""
        return self.declared.value

    def spec_role(self, role: str) -> str:
        """Give the spec's name of a role that this hub calls `role`."""
        return next((name for name, theirs in self.hub.role_names.items() if theirs == role), role)

    def entry(self, key: DesiredKey) -> Entry | None:
        """Give where a key's value is kept for this hub."""
        return None if key.store is None else self._expand(key, key.store)

    def replicas(self, key: DesiredKey) -> tuple[Entry, ...]:
        """Give the other places that get a key's value, after the first."""
        return tuple(self._expand(key, reference) for reference in key.replicas)

    def given(self, key: DesiredKey) -> Entry | None:
        """Give where a value that exists already is read from; None if the value is made."""
        if key.value.from_ in VALUE_SOURCES:
            return None
        reference = parse_reference(key.value.from_).expand(hub=self.name, key=key.key_id)
        return Entry(reference, key.declared.document.file)

    def _expand(self, key: DesiredKey, reference: Reference) -> Entry:
        return Entry(reference.expand(hub=self.name, key=key.key_id), key.store_file)


@dataclass(frozen=True, slots=True)
class Desired:
    """The whole spec, resolved.

    `hubs` are those selected, of which `shard` says the part; `fleet`, `declared_ids` and `protected_ids` tell of every
    hub, whatever was selected.
    """

    hubs: Mapping[str, DesiredHub]
    fleet: Mapping[str, DesiredHub]
    ownership: Ownership
    guards: Guards
    ownership_source: Source | None
    declared_ids: frozenset[str]
    protected_ids: frozenset[str]
    spec: str
    pinned: bool = False
    rollout: Rollout | None = None
    shard: Shard | None = None

    def only_hubs(self, names: frozenset[str]) -> Desired:
        """Give the same desired state for some of the hubs."""
        return replace(self, hubs={name: hub for name, hub in self.hubs.items() if name in names})


def digest_desired(hubs: Mapping[str, DesiredHub], ownership: Ownership, guards: Guards) -> str:
    """Give the digest of everything a plan follows from on the desired side, and of the waves where there are any."""
    document: dict[str, object] = {
        "hubs": {name: _digest_hub(hub) for name, hub in hubs.items()},
        "ownership": [as_set(ownership.key_ids), ownership.unlisted],
        "guards": [guards.max_deletes, guards.max_change_share, guards.unlock],
    }
    if waves := {name: hub.wave for name, hub in hubs.items() if hub.wave is not None}:
        document["waves"] = waves
    return digest_of(document)


def _digest_hub(hub: DesiredHub) -> str:
    keys = (canonical(_key_document(key)) + b"\n" for key in hub.keys.values())
    return digest_bytes(canonical([hub.hub.url, hub.hub.auth_key_id]), *keys)


def _key_document(key: DesiredKey) -> object:
    fields = [key.key_id, key.description, key.roles, key.reauth_timeout_s, key.state]
    value = [key.value.from_, key.value.shared, key.value.origin, key.value.prefix]
    stores = [str(reference) for reference in (key.store, *key.replicas) if reference]
    return [*fields, key.protected, stores, value]
