"""What planning has to say about a key or a hub beyond its steps.

    unlisted-key       live and owned, declared nowhere or for other hubs only, and no step for it
    locked-undeclared  locked on the hub, and the spec does not say whether it should be
    cannot-compare     the hub does not tell a declared field, or the state of a key that should go
    value-shared       the key has one value on several hubs
    value-none         declared and not there, and nobody may make its value
    tls-unverified     the hub's certificate is not looked at, because the spec says `verify: false`
    plain-http         the hub is another machine and spoken to by http, because the spec says `allow_http: true`
    (custody)          what stands in the key's store: `_CUSTODY`, one row for each verdict of `recovery`
    (replicas)         what stands in its replicas: `_REPLICAS`, likewise

Findings change nothing, not even an exit code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keyspec.diff import unknown_fields
from keyspec.plan import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.desired import DesiredHub, DesiredKey
    from keyspec.model import Key
    from keyspec.ownership import Pair
    from keyspec.plan import Severity
    from keyspec.record import Replica
    from keyspec.recovery import ReplicaVerdict, Verdict
    from keyspec.source import Source

UNLISTED: Final = "unlisted-key"
UNKEPT: Final = "value-not-held"
UNVERIFIED: Final = ("tls-unverified", "plain-http")
"""Said in every output, in quiet too."""
NOT_REUSABLE: Final = "this hub gives no ID twice, so delete it by hand and declare a key with another ID"

_CUSTODY: Final[Mapping[Verdict, tuple[str, Severity, str]]] = {
    "nothing": (UNKEPT, "info", "keyspec does not hold this key's value"),
    "missing": (UNKEPT, "warning", "the store has a record of this key, but no value"),
    "foreign": ("store-foreign-entry", "warning", "the store's entry was not written by keyspec for this hub and key"),
    "another-run": ("another-run", "warning", "another run of keyspec is creating this key"),
    "delivered": ("record-incomplete", "info", "the value is stored; the next apply completes its record"),
    "undelivered": ("value-undelivered", "warning", "the key was created, but its value reached nobody"),
    "mismatch": ("mark-mismatch", "warning", "a create of this key was begun, and the live key is another one"),
    "unread": ("store-unread", "warning", "the store cannot be read"),
}
"""What is said of a verdict: code, severity, message."""

_REPLICAS: Final[Mapping[ReplicaVerdict, tuple[str, Severity, str]]] = {
    "outdated": ("replica-outdated", "info", "a replica lacks the value; the next apply writes it"),
    "foreign": ("store-foreign-entry", "warning", "a replica's entry was not written by keyspec for this hub and key"),
    "unread": ("store-unread", "warning", "a replica cannot be read"),
}
"""What is said of a replica."""


def find_unlisted(pair: Pair, hub: str, *, source: Source | None, wanted: bool) -> Iterator[Finding]:
    """Say that an owned key is declared nowhere, or only for other hubs; `wanted` tells whether it may stay."""
    where = "declared for other hubs only" if pair.standing == "elsewhere" else "declared nowhere"
    yield Finding(UNLISTED, "info", f"live and owned, but {where}", hub, pair.key_id, source)
    if not wanted and pair.live is not None and pair.live.state is None:
        yield _tell_unknown(pair, hub, "state", source)


def find_declared(pair: Pair, hub: str) -> Iterator[Finding]:
    """Say what of a declared live key cannot be compared, or is not declared."""
    desired, live = pair.desired, pair.live
    if desired is None or live is None:
        return
    if live.state == "locked" and desired.state is None:
        message = "locked on the hub, and the spec does not say whether it should be"
        yield Finding("locked-undeclared", "warning", message, hub, pair.key_id, desired.source())
    for name in unknown_fields(desired, live):
        yield _tell_unknown(pair, hub, name, desired.source(name))


def find_custody(pair: Pair, hub: str, verdict: Verdict, told: str | None = None) -> Iterator[Finding]:
    """Say what stands in a declared key's store; `told` says more of it."""
    desired = pair.desired
    if desired is None or desired.state == "absent" or desired.store is None or verdict not in _CUSTODY:
        return
    code, severity, message = _CUSTODY[verdict]
    if code == UNKEPT and (pair.live is None or desired.value.from_ == "none"):
        return
    message = f"{message}: {told}" if told else message
    yield Finding(code, severity, message, hub, pair.key_id, desired.source("store"))


def find_replicas(pair: Pair, hub: str, judged: Iterable[tuple[Replica, ReplicaVerdict]]) -> Iterator[Finding]:
    """Say which replicas of a declared key's value are not as they should be."""
    desired = pair.desired
    if desired is None or desired.state == "absent":
        return
    for replica, verdict in judged:
        if verdict in _REPLICAS:
            code, severity, message = _REPLICAS[verdict]
            told = replica.kept if isinstance(replica.kept, str) else replica.reference
            yield Finding(code, severity, f"{message}: {told}", hub, pair.key_id, desired.source("store"))


def find_value(pair: Pair, hub: str) -> Iterator[Finding]:
    """Say that a declared key is not there and never will be, since its value comes from nowhere."""
    desired = pair.desired
    if desired is not None and pair.live is None and desired.state != "absent" and desired.value.from_ == "none":
        message = "declared and not there; `value: {from: none}` is never created"
        yield Finding("value-none", "warning", message, hub, pair.key_id, desired.source())


def find_shared(keys: Iterable[DesiredKey]) -> Iterator[Finding]:
    """Say of each key whose value is shared how far it goes."""
    for key in {key.key_id: key for key in keys if key.value.shared}.values():
        message = f"one value on {len(key.hubs)} hubs: {', '.join(key.hubs)}"
        yield Finding("value-shared", "info", message, None, key.key_id, key.source())


def find_unverified(hubs: Iterable[DesiredHub]) -> Iterator[Finding]:
    """Say which hubs need not prove who they are, though keyspec's own key is sent to them."""
    from keyspec.spec import is_loopback

    for hub in hubs:
        if hub.hub.url.startswith("https:") and not hub.hub.tls.verify:
            message = "the certificate is not verified: whoever answers there gets keyspec's key; use `tls.ca_file`"
            yield Finding("tls-unverified", "warning", message, hub.name, None, hub.declared.source("tls", "verify"))
        elif hub.hub.url.startswith("http:") and not is_loopback(hub.hub.url):
            message = "keyspec's key goes there unencrypted, to whoever answers; use https://"
            yield Finding("plain-http", "warning", message, hub.name, None, hub.declared.source("url"))


def renew_unverified(findings: Iterable[Finding], hubs: Iterable[DesiredHub]) -> tuple[Finding, ...]:
    """Give findings that were made earlier, of unverified hubs only those there are now."""
    now = {(found.hub, found.code): found for found in find_unverified(hubs)}
    kept = [found for found in findings if found.code not in UNVERIFIED or (found.hub, found.code) in now]
    said = {(found.hub, found.code) for found in kept}
    return sort_findings([*kept, *(found for place, found in now.items() if place not in said)])


def say_undelivered(live: Key | None, *, ids_reusable: bool) -> str | None:
    """Say what a person must do about a key whose value reached nobody, where keyspec cannot replace it."""
    return None if ids_reusable or live is None or live.state != "locked" else NOT_REUSABLE


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by hub, key, code, message and place."""

    def rank(found: Finding) -> tuple[str, ...]:
        return found.hub or "", found.key_id or "", found.code, found.message, str(found.source)

    return tuple(sorted(findings, key=rank))


def _tell_unknown(pair: Pair, hub: str, name: str, source: Source | None) -> Finding:
    message = f"the hub does not tell `{name}`, so it cannot be compared"
    return Finding("cannot-compare", "warning", message, hub, pair.key_id, source)
