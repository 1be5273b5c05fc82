"""What is reachable and what is missing: every hub, every store, every extra, the spool. Reads, and never a value."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from keyspec.check import Check
from keyspec.document import parser_is_native
from keyspec.errors import KeyspecError
from keyspec.findings import find_unverified
from keyspec.ownership import is_owned
from keyspec.reader import read_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.desired import Desired, DesiredHub, Entry
    from keyspec.live import LiveHub
    from keyspec.session import Options, Session
    from keyspec.spool import Spool

EXTRAS: Final[Mapping[str, tuple[str, str]]] = {
    "vault": ("hvac", "vault"),
    "aws-sm": ("boto3", "aws"),
    "age": ("pyrage", "age"),
    "keyring": ("keyring", "keyring"),
}
"""For each scheme of a store that needs one: the module, and the extra that brings it."""


def examine(desired: Desired, options: Options, session: Session) -> tuple[Check, ...]:
    """Look at everything a run would need; sends nothing but reads, and leaves nothing in a store."""
    live, _ = read_fleet(desired.hubs.values(), session=session, parallel=options.parallel)
    checks = [_check_parser()]
    for name, hub in desired.hubs.items():
        checks += _check_way(hub, session)
        checks += _check_hub(hub, live[name], desired)
    checks += _check_extras(desired)
    checks += _check_stores(desired, options, session)
    checks += _check_spool(session)
    return tuple(checks)


def _check_parser() -> Check:
    if parser_is_native():
        return Check("parser", "ok", "YAML is read by the C parser")
    hint = "pip install ruamel.yaml.clib"
    return Check("parser", "warning", "YAML is read by the pure Python parser, ten times slower", hint)


def _check_way(hub: DesiredHub, session: Session) -> Iterator[Check]:
    """Say what stands between keyspec and a hub; a proxy that cannot be used is what reading failed of."""
    subject = f"hub {hub.name}"
    for finding in find_unverified((hub,)):
        said = "verify: false" if finding.code == "tls-unverified" else "allow_http: true"
        yield Check(subject, "warning", finding.message, f"take `{said}` out")
    with suppress(KeyspecError):
        if (proxy := session.connections.find_proxy(hub)) is not None:
            yield Check(subject, "ok", f"through the proxy {proxy}")


def _check_hub(hub: DesiredHub, live: LiveHub, desired: Desired) -> Iterator[Check]:
    subject = f"hub {hub.name}"
    if live.keys is None:
        yield Check(subject, "failed", live.error or "it cannot be read", "nothing is planned for this hub")
        return
    owned = sum(is_owned(key_id, desired, hub) for key_id in live.keys)
    yield Check(subject, "ok", f"reads work: {len(live.keys)} live keys, {owned} owned")
    own = [live.keys[key_id] for key_id in hub.hub.auth_key_id if key_id in live.keys]
    if not own and hub.hub.auth_key_id:
        names = ", ".join(hub.hub.auth_key_id)
        yield Check(subject, "failed", f"none of keyspec's own keys is live: {names}", "correct `auth_key_id`")
    for key in own:
        roles = ", ".join(key.roles or ()) or "no roles"
        message = f"writes go by `{key.key_id}` with {roles}; only a write can prove them"
        yield Check(subject, "ok", message)
    missing = [name for name in ("create_key", "edit_key", "lock_key", "delete_key") if not _supports(hub, name)]
    if missing:
        yield Check(subject, "warning", f"its contract has no {', '.join(missing)}", "such steps cannot be planned")
    if not hub.contract.verified:
        yield Check(subject, "warning", f"the contract `{hub.contract.name}` is not verified for this hub")


def _supports(hub: DesiredHub, name: str) -> bool:
    return getattr(hub.contract.operations, name) is not None


def _check_extras(desired: Desired) -> Iterator[Check]:
    used = {entry.reference.scheme for _, entry in _entries(desired)}
    for scheme, (module, extra) in EXTRAS.items():
        if find_spec(module) is not None:
            yield Check(f"extra {extra}", "ok", f"{module} is installed")
        elif scheme in used:
            hint = f"pip install 'keyspec[{extra}]'"
            yield Check(f"extra {extra}", "failed", f"{module} is missing, and the spec has {scheme}: stores", hint)
        else:
            yield Check(f"extra {extra}", "ok", f"{module} is not installed, and nothing here needs it")


def _check_stores(desired: Desired, options: Options, session: Session) -> Iterator[Check]:
    """Try every entry; one line for each store that works, one for each entry that does not."""
    good: dict[str, int] = {}
    for key_id, entry in _entries(desired):
        if not options.policy.selects(key_id):
            continue
        scheme = entry.reference.scheme
        try:
            session.open_store(scheme).preflight(entry)
        except KeyspecError as error:
            yield Check(f"store {scheme}", "failed", f"{key_id}: {error}", "keys kept there cannot be created")
        else:
            good[scheme] = good.get(scheme, 0) + 1
    for scheme, count in sorted(good.items()):
        yield Check(
            f"store {scheme}", "ok", f"reads and writes would work for {count} {'entry' if count == 1 else 'entries'}"
        )


def _entries(desired: Desired) -> Iterator[tuple[str, Entry]]:
    seen = set()
    for hub in desired.hubs.values():
        for key in hub.keys.values():
            if key.state == "absent":
                continue
            for entry in (hub.entry(key), *hub.replicas(key)):
                if entry is not None and entry not in seen:
                    seen.add(entry)
                    yield key.key_id, entry


def _check_spool(session: Session) -> Iterator[Check]:
    try:
        spool: Spool = session.spool
    except KeyspecError as error:
        yield Check("spool", "failed", str(error))
        return
    waiting = len(tuple(spool.files()))
    if waiting:
        message = f"{waiting} values wait in {spool.folder} for their stores"
        yield Check("spool", "warning", message, "the next apply stores them")
    else:
        yield Check("spool", "ok", f"no value waits in {spool.folder}")
