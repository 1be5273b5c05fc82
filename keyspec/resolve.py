"""A `Spec` to `Desired`: which keys each hub gets, and what each of their fields is there.

Every problem of every key and hub is found in one run: connections that give a key away, roles that are missing or
named twice, and stores in which two keys would share one entry.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from keyspec.desired import Desired, DesiredHub, DesiredKey, digest_desired
from keyspec.entries import find_clashes
from keyspec.errors import Problem, SpecError
from keyspec.matching import Matcher
from keyspec.merge import Declared
from keyspec.model import as_set
from keyspec.secret import parse_reference
from keyspec.sharing import check_value
from keyspec.spec import Fields, Guards, KeySpec, Override, Ownership, Stores, Tls, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.contract import Contract
    from keyspec.merge import Spec
    from keyspec.secret import Reference
    from keyspec.source import Source

_FIELDS: Final = tuple(Fields.__dataclass_fields__)


def build_desired(spec: Spec, contracts: Mapping[str, Contract]) -> Desired:
    """Resolve a spec for every hub it declares; `contracts` holds each hub's, by the hub's name.

    Raises:
        SpecError: with every problem found.
    """
    problems = list(_check_hubs(spec, contracts))
    matcher = Matcher({name: hub.value for name, hub in spec.hubs.items()})
    waves = matcher.waves_of(spec.rollout.value) if spec.rollout else {}
    keys: dict[str, dict[str, DesiredKey]] = {name: {} for name in spec.hubs}
    used: dict[str, set[str]] = {name: set(hub.value.role_names) for name, hub in spec.hubs.items()}
    for key_id in sorted(spec.keys):
        declared = spec.keys[key_id]
        overrides = matcher.overrides_of(declared.value)
        resolved: dict[tuple[int, ...], DesiredKey] = {}
        hubs_of_key = matcher.hubs_of(declared.value)
        problems += check_value(declared, {name: spec.hubs[name] for name in hubs_of_key}, waves=waves)
        for hub in hubs_of_key:
            which = overrides.get(hub, ())
            if which not in resolved:
                resolved[which] = _resolve(spec, declared, which, hubs_of_key)
            keys[hub][key_id] = _rename_roles(resolved[which], spec.hubs[hub].value.role_names)
            used[hub].update(resolved[which].roles or ())
        problems += [*_check_roles(resolved.values()), *_check_shared(resolved.values())]
    hubs = {
        name: DesiredHub(
            name,
            declared,
            spec.connections[name],
            contracts[name],
            keys[name],
            pinned=spec.pinned,
            wave=waves.get(name),
        )
        for name, declared in sorted(spec.hubs.items())
    }
    problems += [*_check_role_names(hubs.values(), used), *_check_entries(hubs.values())]
    if problems:
        raise SpecError(problems)
    return _assemble(spec, hubs)


def _assemble(spec: Spec, hubs: Mapping[str, DesiredHub]) -> Desired:
    ownership = spec.ownership.value if spec.ownership else Ownership()
    guards = spec.guards.value if spec.guards else Guards()
    return Desired(
        hubs=hubs,
        fleet=hubs,
        ownership=ownership,
        guards=guards,
        ownership_source=spec.ownership.source("unlisted") if spec.ownership else None,
        declared_ids=frozenset(spec.keys),
        protected_ids=frozenset(key_id for key_id, key in spec.keys.items() if key.value.protected),
        spec=digest_desired(hubs, ownership, guards),
        pinned=spec.pinned,
        rollout=spec.rollout.value if spec.rollout else None,
    )


def _resolve(spec: Spec, declared: Declared[KeySpec], which: tuple[int, ...], hubs: tuple[str, ...]) -> DesiredKey:
    layers: tuple[Declared[Any], ...] = (*_base_layers(spec, declared), declared, *overrides_of(declared, which))
    values: dict[str, object] = {}
    for layer in layers:
        for name in _FIELDS:
            if (value := getattr(layer.value, name)) is not None:
                values[name] = value
    store = values.get("store")
    return DesiredKey(
        key_id=str(declared.path[-1]),
        state=values.get("state"),  # type: ignore[arg-type]
        description=values.get("description"),  # type: ignore[arg-type]
        roles=values.get("roles"),  # type: ignore[arg-type]
        reauth_timeout_s=values.get("reauth_timeout"),  # type: ignore[arg-type]
        store=_parse_once(store.primary) if isinstance(store, Stores) else None,
        replicas=tuple(_parse_once(text) for text in store.replicas) if isinstance(store, Stores) else (),
        value=declared.value.value,
        protected=declared.value.protected,
        hubs=hubs,
        declared=declared,
        layers=layers,
    )


@lru_cache(maxsize=1024)
def _parse_once(reference: str) -> Reference:
    return parse_reference(reference)


def _base_layers(spec: Spec, declared: Declared[KeySpec]) -> Iterator[Declared[Fields]]:
    if spec.defaults:
        yield spec.defaults
    if (profile := spec.profiles.get(declared.value.extends or "")) is not None:
        yield profile


def overrides_of(declared: Declared[KeySpec], which: Iterable[int]) -> Iterator[Declared[Override]]:
    """Give some of a key's entries below `per_hub`, by their positions."""
    items = tuple(declared.value.per_hub.items())
    for index in which:
        selector, override = items[index]
        yield Declared(override, declared.document, (*declared.path, "per_hub", selector))


def _rename_roles(key: DesiredKey, names: dict[str, str]) -> DesiredKey:
    if not names or key.roles is None:
        return key
    return replace(key, roles=as_set(names.get(role, role) for role in key.roles))


def _check_hubs(spec: Spec, contracts: Mapping[str, Contract]) -> Iterator[Problem]:
    for name, hub in spec.hubs.items():
        if hub.value.url.startswith("http://") and not hub.value.allow_http and not is_loopback(hub.value.url):
            hint = "use https://, or say `allow_http: true`"
            yield Problem("plain-http", f"hub `{name}` would get its key unencrypted", hub.source("url"), hint)
        if hub.value.url.startswith("http://") and hub.value.tls != Tls():
            what = f"hub `{name}` is asked by http, where `tls` means nothing"
            yield Problem("tls-on-http", what, hub.source("tls"), "use https://, or take `tls` out")
        if hub.value.proxy and is_loopback(hub.value.url):
            what = f"hub `{name}` is this machine, which is never asked through a proxy"
            yield Problem("proxy-on-loopback", what, hub.source("proxy"), "take `proxy` out")
        if not hub.value.auth_key_id and contracts[name].sends_key:
            hint = "name the ID of the key that keyspec itself uses here"
            what = f"contract `{hub.value.contract}` sends a hub key, so `none` cannot be"
            yield Problem("own-key-missing", what, hub.source("auth_key_id"), hint)
        if bool(hub.value.tls.client_cert) != bool(hub.value.tls.client_key):
            what = "client_cert and client_key go together"
            yield Problem("missing-field", what, hub.source("tls"))
        auth = contracts[name].auth
        if auth is not None and auth.scheme == "certificate" and not hub.value.tls.client_cert:
            what = f"contract `{hub.value.contract}` knows keyspec by a client certificate, and hub `{name}` has none"
            yield Problem("missing-field", what, hub.source("tls"), "declare tls.client_cert and tls.client_key")


def _check_roles(keys: Iterable[DesiredKey]) -> list[Problem]:
    for key in keys:
        if key.roles is None and key.state != "absent":
            what = f"key `{key.key_id}` has no roles"
            hint = "declare at least one, here or in its profile"
            return [Problem("missing-roles", what, key.source(), hint)]
    return []


def _check_shared(keys: Iterable[DesiredKey]) -> Iterator[Problem]:
    for key in keys:
        references = [key.store, *key.replicas] if key.value.shared else []
        if any(reference is not None and "hub" in reference.fields for reference in references):
            what = f"the value of `{key.key_id}` is shared, and its store has an entry for each hub"
            yield Problem("store-not-shared", what, key.source("store"), "take {hub} out of the reference")


def _check_role_names(hubs: Iterable[DesiredHub], used: dict[str, set[str]]) -> Iterator[Problem]:
    for hub in hubs:
        names = hub.hub.role_names
        theirs: dict[str, str] = {}
        for role in sorted(used[hub.name]) if names else ():
            other = theirs.setdefault(names.get(role, role), role)
            if other != role:
                what = f"roles `{other}` and `{role}` are both `{names.get(role, role)}` on hub `{hub.name}`"
                source = hub.declared.source("role_names")
                yield Problem("role-names", what, source, "a hub's names are one to one with the spec's")


def _check_entries(hubs: Iterable[DesiredHub]) -> Iterator[Problem]:
    """Find entries that two keys, or one key on two hubs, would share unasked; one problem for each place."""
    owned = (
        (entry, (hub.name, key))
        for hub in hubs
        for key in hub.keys.values()
        for entry in (hub.entry(key), *hub.replicas(key))
        if entry is not None
    )
    found: dict[Source, Problem] = {}
    for (hub_name, key), (other_hub, other) in find_clashes(owned):
        if key.value.shared and key.key_id == other.key_id and hub_name != other_hub:
            continue
        source = key.source("store")
        what = (
            f"the values of `{key.key_id}` on `{hub_name}` and `{other.key_id}` on `{other_hub}` would share one entry"
        )
        found.setdefault(source, Problem("store-shared", what, source, "put {hub} and {key} into the reference"))
    yield from found.values()
