"""What is live and what is kept: the lists of all hubs, the notes of all stores, values that exist already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyspec.custody import slot_of, with_spooled
from keyspec.errors import KeyspecError, StoreError, UsageError, explain_error
from keyspec.fleet import run_fleet
from keyspec.live import LiveHub
from keyspec.recovery import with_lease
from keyspec.session import DEFAULT_PARALLEL
from keyspec.settings import SCHEMES, resolve_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.desired import Desired, DesiredHub, Entry
    from keyspec.record import Kept, Records
    from keyspec.secret import Secret
    from keyspec.session import Session
    from keyspec.spool import Spool


def read_fleet(
    desired: Desired, *, session: Session, parallel: int = DEFAULT_PARALLEL
) -> tuple[Mapping[str, LiveHub], Mapping[str, float]]:
    """List keys and roles of every hub; tell when each began to be read, on the session's monotonic clock.

    Raises:
        KeyboardInterrupt: if the run was cancelled.
    """
    read_at: dict[str, float] = {}

    def read(hub: DesiredHub) -> LiveHub:
        read_at[hub.name] = session.monotonic()
        live = _read_hub(hub, session)
        session.on_read(live)
        return live

    found = run_fleet(read, desired.hubs.values(), parallel=parallel, interrupted=session.cancel_reading)
    if session.cancelled.is_set():
        raise KeyboardInterrupt
    return {live.name: live for live in found}, read_at


def read_records(hub: DesiredHub, key_ids: Iterable[str], session: Session) -> Records:
    """Read what the stores hold for some declared keys of a hub; a text where a store cannot be read.

    A value that waits in the spool counts as delivered: the next apply stores it before anything else.
    """
    waiting = _open_spool(session)
    records: dict[tuple[str, str], Kept | str] = {}
    by_scheme: dict[str, dict[Entry, str]] = {}
    for key_id in key_ids:
        entry = hub.entry(hub.keys[key_id]) if key_id in hub.keys else None
        if entry is not None:
            by_scheme.setdefault(entry.reference.scheme, {})[entry] = key_id
    for scheme, entries in by_scheme.items():
        try:
            for entry, found in session.open_store(scheme).look_all(entries).items():
                kept = found if isinstance(found, KeyspecError) else with_lease(found, session.now())
                if waiting is not None and not isinstance(kept, KeyspecError):
                    kept = with_spooled(kept, waiting, slot_of(hub.name, entries[entry], entry))
                records[hub.name, entries[entry]] = str(kept) if isinstance(kept, KeyspecError) else kept
        except KeyspecError as error:
            records.update({(hub.name, key_id): str(error) for key_id in entries.values()})
    return records


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
    return LiveHub(hub.name, keys, roles)
