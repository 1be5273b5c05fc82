"""What is live and what is kept: the lists of all hubs, the notes of all stores, values that exist already."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from keyspec.custody import slot_of, with_spooled
from keyspec.errors import KeyspecError, StoreError, UsageError, explain_error
from keyspec.fleet import run_fleet
from keyspec.live import LiveHub
from keyspec.record import Kept, Replica
from keyspec.recovery import with_lease
from keyspec.session import DEFAULT_PARALLEL
from keyspec.settings import SCHEMES, resolve_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.desired import DesiredHub, DesiredKey, Entry
    from keyspec.record import Records
    from keyspec.secret import Secret
    from keyspec.session import Session
    from keyspec.spool import Spool


def read_fleet(
    hubs: Iterable[DesiredHub], *, session: Session, parallel: int = DEFAULT_PARALLEL
) -> tuple[Mapping[str, LiveHub], Mapping[str, float]]:
    """List keys and roles of every hub; tell when each began to be read, on the session's monotonic clock.

    Raises:
        KeyboardInterrupt: at once, or if the run was cancelled; threads that wait for a hub are left behind.
    """
    read_at: dict[str, float] = {}

    def read(hub: DesiredHub) -> LiveHub:
        read_at[hub.name] = session.monotonic()
        session.on_begin(hub.name)
        live = _read_hub(hub, session)
        session.on_end(hub.name)
        session.on_read(live)
        return live

    try:
        found = run_fleet(read, hubs, parallel=parallel, interrupted=None)
    except KeyboardInterrupt:
        session.cancel_reading()
        raise
    if session.cancelled.is_set():
        raise KeyboardInterrupt
    return {live.name: live for live in found}, read_at


def read_records(wanted: Iterable[tuple[DesiredHub, DesiredKey]], session: Session) -> Records:
    """Read what the stores hold for some keys of some hubs; a text where a store cannot be read.

    A value that waits in the spool counts as delivered: the next apply stores it before anything else.
    """
    waiting = _open_spool(session)
    entries: dict[tuple[str, str], Entry] = {}
    replicas: dict[tuple[str, str], tuple[Entry, ...]] = {}
    for hub, key in wanted:
        if (entry := hub.entry(key)) is not None:
            entries[hub.name, key.key_id] = entry
            replicas[hub.name, key.key_id] = hub.replicas(key)
    looked = _look_all({*entries.values(), *chain.from_iterable(replicas.values())}, session)
    records: dict[tuple[str, str], Kept | str] = {}
    for (hub_name, key_id), entry in entries.items():
        kept = looked[entry]
        if isinstance(kept, Kept) and waiting is not None:
            spooled = with_spooled(kept, waiting, slot_of(hub_name, key_id, entry))
            kept = str(spooled) if isinstance(spooled, KeyspecError) else spooled
        if isinstance(kept, Kept) and (others := replicas[hub_name, key_id]):
            kept = replace(kept, replicas=tuple(Replica(str(copy.reference), looked[copy]) for copy in others))
        records[hub_name, key_id] = kept
    return records


def _look_all(entries: Iterable[Entry], session: Session) -> dict[Entry, Kept | str]:
    """Look at entries, those of each store in bulk; a text says why one cannot be read."""
    by_scheme: dict[str, list[Entry]] = {}
    for entry in entries:
        by_scheme.setdefault(entry.reference.scheme, []).append(entry)
    looked: dict[Entry, Kept | str] = {}
    for scheme, wanted in by_scheme.items():
        try:
            found = session.open_store(scheme).look_all(wanted)
        except KeyspecError as error:
            looked.update(dict.fromkeys(wanted, str(error)))
            continue
        for entry, kept in found.items():
            looked[entry] = str(kept) if isinstance(kept, KeyspecError) else with_lease(kept, session.now())
    return looked


def read_given(entry: Entry, session: Session, *, follow_links: bool) -> Secret:
    """Read a value that exists: from a variable or a file, or from a store.

    Raises:
        KeyspecError: there is none, or it cannot be read.
    """
    if entry.reference.scheme in SCHEMES:
        environ = session.connections.environ
        return resolve_reference(entry.reference, file=entry.file, environ=environ, follow_links=follow_links)
    value = session.open_store(entry.reference.scheme).read(entry)
    if value is None:
        raise StoreError(f"{entry.reference}: there is no value")
    return value


def _open_spool(session: Session) -> Spool | None:
    """Give the spool if anything waits there; a plan needs no folder for state."""
    try:
        spool = session.spool
    except UsageError:
        return None
    return None if spool.is_empty() else spool


def _read_hub(hub: DesiredHub, session: Session) -> LiveHub:
    try:
        client = session.connections.open(hub)
        roles = None
        if hub.contract.supports("list_roles"):
            roles = {role.name: role for role in client.list_roles()}
        keys = {key.key_id: key for key in client.list_keys()}
    except Exception as error:  # noqa: BLE001 - one hub's answer, or our bug, must not stop the others
        return LiveHub(hub.name, None, None, explain_error(error))
    finally:
        session.connections.rest(hub.name)
    return LiveHub(hub.name, keys, roles)
