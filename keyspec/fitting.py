"""What `contract show`, `check` and `draft` and `openapi` work on: contracts in use, documents, a hub's own answers."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keyspec.contract import parse_contract
from keyspec.disk import explain
from keyspec.errors import HubError, KeyspecError, SpecError, UsageError
from keyspec.files import read_contract, read_contract_data, read_data, write_file
from keyspec.openapi.comparison import compare_contract
from keyspec.openapi.document import MAX_BYTES, parse_api
from keyspec.openapi.sounding import sound_list
from keyspec.openapi.verdict import Comparison, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyspec.contract import Contract
    from keyspec.desired import Desired, DesiredHub
    from keyspec.document import Document
    from keyspec.openapi.document import Api
    from keyspec.placeholders import ListName
    from keyspec.session import Session
    from keyspec.source import Source

LISTS: Final[tuple[ListName, ...]] = ("list_keys", "list_roles")


@dataclass(frozen=True, slots=True)
class Usage:
    """A contract, as data with all that it extends, its own file as it lies there, and the hubs that speak by it."""

    contract: Contract
    document: Document
    data: bytes
    hubs: tuple[str, ...] = ()


def load_named(contract: str, *, file: str = "", source: Source | None = None) -> Usage:
    """Read a contract by its name, or by a path relative to `file`.

    Raises:
        SpecError: there is none, or it is not valid.
    """
    data, _ = read_contract_data(contract, file=file, source=source)
    document = read_contract(contract, file=file, source=source)
    return Usage(parse_contract(document), document, data)


def load_used(desired: Desired) -> tuple[Usage, ...]:
    """Read the contracts of all hubs, each file once, by the names of the hubs."""
    found: dict[str, Usage] = {}
    for name, hub in sorted(desired.hubs.items()):
        usage = load_named(hub.hub.contract, file=hub.connection, source=hub.declared.source("contract"))
        known = found.setdefault(usage.document.file, usage)
        found[usage.document.file] = replace(known, hubs=(*known.hubs, name))
    return tuple(found.values())


def choose_hub(desired: Desired, name: str | None) -> DesiredHub:
    """Give the hub of a name; without one, the only hub there is.

    Raises:
        UsageError: there is no such hub, or there are several.
    """
    known = ", ".join(sorted(desired.hubs))
    if name is not None and name not in desired.hubs:
        raise UsageError(f"--hub {name}: there is no such hub; there are {known}")
    if name is None and len(desired.hubs) > 1:
        raise UsageError(f"say which hub: --hub NAME; there are {known}")
    return desired.hubs[name] if name is not None else next(iter(desired.hubs.values()))


def load_api(path: str) -> Api:
    """Read an OpenAPI document from a file.

    Raises:
        SpecError: it cannot be read, or is none.
    """
    try:
        data = read_data(path, limit=MAX_BYTES)
    except SpecError as error:
        raise SpecError(replace(problem, hint=None) for problem in error.problems) from None
    return parse_api(data, path)


def fetch_document(hub: DesiredHub, session: Session) -> bytes:
    """Download the OpenAPI document of a hub, as JSON.

    Raises:
        HubError: the hub does not give it, or its contract has no such operation.
    """
    return session.connections.open(hub).get_openapi()


def fetch_api(hub: DesiredHub, session: Session) -> Api:
    """Download the OpenAPI document of a hub, and read it; raises as `fetch_document` and `load_api`."""
    try:
        data = fetch_document(hub, session)
    except HubError as error:
        raise HubError(f"{error}; download the document from the hub's portal and name it with --openapi") from error
    return parse_api(data, f"the document of hub {hub.name}")


def ask_hub(usage: Usage, hub: DesiredHub, api: Api | None, session: Session, *, live: bool) -> tuple[Comparison, ...]:
    """Hold a contract against a document, the hub's own if none is given, and, if `live`, against the hub's lists.

    The hub is asked by the contract that is judged, whatever the spec says; nothing but reads is sent.

    Raises:
        KeyspecError: the hub cannot be asked, or its document is none.
    """
    asked = replace(hub, contract=usage.contract)
    try:
        found = compare_usage(usage, api or fetch_api(asked, session))
    except HubError as error:
        if not live:
            raise
        found = _compare(usage, f"hub {hub.name}", [Row("openapi", "live", "document", "missing", str(error))])
    return (found, _sound_hub(usage, asked, session)) if live else (found,)


def compare_usage(usage: Usage, api: Api) -> Comparison:
    """Hold a contract against a document."""
    return _compare(usage, api.file, compare_contract(usage.document.root, api))


def _sound_hub(usage: Usage, hub: DesiredHub, session: Session) -> Comparison:
    """Hold a contract against the first pages of a hub's lists; one that cannot be read is missing."""
    client = session.connections.open(hub)
    rows: list[Row] = []
    for name in LISTS:
        if usage.contract.supports(name):
            try:
                rows += sound_list(name, usage.document.root, client.show_page(name))
            except HubError as error:
                rows.append(Row(name, "live", "first page", "missing", str(error)))
    return _compare(usage, f"hub {hub.name}", rows)


def _compare(usage: Usage, against: str, rows: Iterable[Row]) -> Comparison:
    return Comparison(usage.contract.name, usage.document.file, against, tuple(rows))


def check_new(path: str) -> None:
    """Refuse to write where something is already, or where there is no folder; UsageError says so."""
    if lexists(path):
        raise UsageError(f"{path} is there already; nothing was written")
    if not Path(path).parent.is_dir():
        raise UsageError(f"{path} cannot be written: its folder does not exist")


@dataclass(slots=True)
class NewFile:
    """A file that is there, empty and open, before what it is for is known."""

    path: str
    descriptor: int
    written: bool = False

    def write(self, text: str) -> None:
        """Write all that it is to hold; KeyspecError if that fails."""
        try:
            with os.fdopen(self.descriptor, "wb", closefd=False) as file:
                file.write(text.encode())
                file.flush()
                os.fsync(self.descriptor)
        except OSError as error:
            raise KeyspecError(f"{self.path} cannot be written: {explain(error)}") from error
        self.written = True


@contextmanager
def open_new(path: str) -> Iterator[NewFile]:
    """Make a file that is not there yet, and remove it if nothing gets written.

    Raises:
        UsageError: something is there already, or it cannot be made.
    """
    check_new(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already; nothing was written") from error
    except (OSError, ValueError) as error:
        why = explain(error) if isinstance(error, OSError) else "no file can have this name"
        raise UsageError(f"{path} cannot be written: {why}") from error
    file = NewFile(path, descriptor)
    try:
        yield file
    finally:
        if not file.written:
            with suppress(OSError):
                Path(path).unlink()
        os.close(descriptor)


def write_draft(path: str, text: str) -> None:
    """Write a drafted contract into a new file.

    Raises:
        UsageError: something is there already, or it cannot be written.
    """
    check_new(path)
    write_file(path, text.encode(), private=False)
