"""`keyspec init`, done: the starter's files written into a folder, nothing overwritten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from keyspec.disk import explain
from keyspec.errors import HubError, UsageError
from keyspec.files import write_file
from keyspec.loader import load_text
from keyspec.reader import read_fleet
from keyspec.schemas import SCHEMAS, render_schema
from keyspec.session import Session
from keyspec.starter import EXAMPLE, IGNORE, write_keys, write_starter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyspec.desired import Desired

SPEC_NAME = "keyspec.yaml"


def begin_spec(folder: str, *, url: str | None, auth: str, auth_key_id: str, hub: str) -> Iterator[str]:
    """Write the starter, with the keys of the hub at `url` if given; say what was written and what to do next.

    Raises:
        UsageError: something is there already, or cannot be written.
        SpecError: what was given makes no valid spec.
        HubError: the hub cannot be read.
    """
    place = Path(folder)
    spec, schema = place / SPEC_NAME, place / SCHEMAS["spec"][0]
    for path in (spec, schema):
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already; nothing was written")
    named = {"hub": hub, "auth": auth, "own": auth_key_id}
    head = write_starter(**named) if url is None else write_starter(**named, url=url)
    desired = load_text(head + EXAMPLE, str(spec))
    text = head + (EXAMPLE if url is None else _read_keys(desired, hub))
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {explain(error)}") from error
    write_file(str(spec), text.encode(), private=False)
    write_file(str(schema), render_schema("spec").encode(), private=False)
    yield f"wrote {spec} and {schema}, by which editors check it"
    if _ignore_store(place / ".gitignore"):
        yield f"wrote {IGNORE.strip()} to {place / '.gitignore'}: key values do not belong in Git"
    yield f"next: edit {spec}, then `keyspec validate` and `keyspec plan`"


def _read_keys(desired: Desired, hub: str) -> str:
    """Read the keys of a hub and write them as declarations, keyspec's own left out."""
    session = Session()
    try:
        live, _ = read_fleet(desired.hubs.values(), session=session)
    finally:
        session.connections.close()
    keys = live[hub].keys
    if keys is None:
        raise HubError(live[hub].error)
    own = desired.hubs[hub].hub.auth_key_id
    return write_keys(key for key in keys.values() if key.key_id not in own)


def _ignore_store(path: Path) -> bool:
    """Add the store's folder to a .gitignore; tell whether it was missing."""
    try:
        text = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {explain(error)}") from error
    if any(line.strip().strip(b"/") == IGNORE.encode().strip().strip(b"/") for line in text.splitlines()):
        return False
    gap = b"" if not text or text.endswith(b"\n") else b"\n"
    write_file(str(path), text + gap + IGNORE.encode(), private=False)
    return True
