"""`keyspec init`, done: the starter's files written into a folder, nothing overwritten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from keyspec.errors import HubError, UsageError
from keyspec.files import write_file
from keyspec.reconcile import Session, load_text, read_fleet
from keyspec.schemas import SCHEMAS, render_schema
from keyspec.starter import EXAMPLE, IGNORE, write_keys, write_starter

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEC_NAME = "keyspec.yaml"


def begin_spec(folder: str, *, url: str | None, auth: str, auth_key_id: str, hub: str) -> Iterator[str]:
    """Write the starter, with the keys of the hub at `url` if given; say what was written and what to do next.

    Raises:
        UsageError: there is a spec already.
        SpecError: what was given makes no valid spec.
        HubError: the hub cannot be read.
    """
    place = Path(folder)
    if os.path.lexists(place / SPEC_NAME):
        raise UsageError(f"{place / SPEC_NAME} is there already; nothing was written")
    text = write_starter() + EXAMPLE
    if url is not None:
        text = write_starter(hub=hub, url=url, auth=auth, own=auth_key_id) + _read_keys(
            folder, url=url, auth=auth, auth_key_id=auth_key_id, hub=hub
        )
    place.mkdir(parents=True, exist_ok=True)
    write_file(str(place / SPEC_NAME), text.encode(), private=False)
    write_file(str(place / SCHEMAS["spec"][0]), render_schema("spec").encode(), private=False)
    yield f"wrote {place / SPEC_NAME} and {place / SCHEMAS['spec'][0]}, which editors check it by"
    if _ignore_store(place / ".gitignore"):
        yield f"wrote {IGNORE.strip()} to {place / '.gitignore'}: key values do not belong in Git"
    yield "next: edit keyspec.yaml, then `keyspec validate` and `keyspec plan`"


def _read_keys(folder: str, *, url: str, auth: str, auth_key_id: str, hub: str) -> str:
    head = write_starter(hub=hub, url=url, auth=auth, own=auth_key_id)
    desired = load_text(head + "keys: {}\n", str(Path(folder) / SPEC_NAME))
    session = Session()
    try:
        live, _ = read_fleet(desired, session=session)
    finally:
        session.connections.close()
    keys = live[hub].keys
    if keys is None:
        raise HubError(live[hub].error)
    return write_keys(key for key in keys.values() if key.key_id != auth_key_id)


def _ignore_store(path: Path) -> bool:
    """Add the store's folder to a .gitignore; tell whether it was missing."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    if any(line.strip().strip("/") == IGNORE.strip().strip("/") for line in lines):
        return False
    if lines and not lines[-1].endswith("\n"):
        lines.append("\n")
    write_file(str(path), "".join((*lines, IGNORE)).encode(), private=False)
    return True
