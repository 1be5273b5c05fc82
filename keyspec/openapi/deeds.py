"""The drafted operations that change keys: create, import, edit, lock, unlock, delete; by those on many, if need be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.bodies import find_value, fit_body
from keyspec.openapi.fields import find_lock
from keyspec.openapi.places import find_key, place_of
from keyspec.openapi.plain import find_ids
from keyspec.openapi.schemas import walk
from keyspec.openapi.vocabulary import BULK
from keyspec.openapi.words import holds_any, split_words
from keyspec.openapi.writing import Gap, Written, write_body

if TYPE_CHECKING:
    from keyspec.openapi.fields import KeyFields
    from keyspec.openapi.schemas import Path
    from keyspec.openapi.survey import Found, Resource
    from keyspec.openapi.vocabulary import Purpose

FIELDS: Final = ("description", "roles", "reauth_timeout")
_MOST_DOUBTS: Final = 5
_PARTIAL: Final = frozenset({"partial", "partially", "some", "only", "merge", "given", "provided"})


def write_create(found: Found | None, row: KeyFields, key_id: Path) -> Written | Gap:
    """Write the create: it has to take the ID, and to answer the value."""
    if found is None:
        return Gap("nothing creates a key")
    answer = found.operation.success
    at = find_key(answer, key_id)
    spots = (row.id, row.description, row.roles and row.roles.spot, row.timeout and row.timeout.spot)
    value = find_value(answer, [(*(at or ()), *spot.path) for spot in spots if spot])
    if value is None:
        return Gap(f"the answer of `{found.operation.label}` holds nothing that looks like the value")
    written = write_body(found, row, ("key_id", *FIELDS))
    if isinstance(written, Gap):
        return written
    written = written.without("if_match")
    if "key_id" not in written.carried:
        return Gap(f"`{found.operation.label}` takes no ID: the hub makes it, and keyspec could not name the key")
    if "roles" not in written.carried:
        return Gap(f"`{found.operation.label}` takes no roles that a row shows")
    lost = [name for name in FIELDS if name not in written.carried]
    notes = {"value": value[1], **({"body": f"it takes no {', '.join(lost)}"} if lost else {})}
    written = written.add(notes=notes, value=place_of(value[0]))
    return written.add(key=place_of(at)) if at else written


def write_import(found: Found | None, row: KeyFields, key_id: Path) -> Written | Gap:
    """Write the import: it has to take the value. `heeds_id` tells whether it takes the ID, too."""
    if found is None:
        return Gap("nothing imports a key")
    written = write_body(found, row, ("key_id", *FIELDS, "value"))
    if isinstance(written, Gap):
        return written
    for name, what in (("value", "nothing that looks like the value"), ("roles", "no roles that a row shows")):
        if name not in written.carried:
            return Gap(f"`{found.operation.label}` takes {what}")
    at = find_key(found.operation.success, key_id)
    written = written.without("if_match")
    return written.add(key=place_of(at)) if at else written


def heeds_id(found: Found) -> bool:
    """Tell whether an import heeds the ID it is given, by what the document says of it."""
    body = found.operation.body
    fields = [] if body is None else [shape for path, shape in walk(body) if split_words(path[-1])[-1:] == ("id",)]
    return not any(holds_any(split_words(shape.text), ("ignored", "ignore")) for shape in fields)


def write_edit(found: Found | None, row: KeyFields) -> Written | Gap:
    """Write the edit: of what changes, or of the whole key where the document requires fields, or PUT replaces."""
    body = found.operation.body if found else None
    if found is None or body is None:
        return Gap(
            f"the document does not describe the body of `{found.operation.label}`" if found else "nothing edits a key"
        )
    operation = found.operation
    required = fit_body(body, row, FIELDS).required - {"key_id"}
    words = split_words(f"{operation.name} {operation.summary}")
    whole = bool(required) or (operation.method == "PUT" and not holds_any(words, _PARTIAL))
    written = write_body(found, row, (*FIELDS, "state") if whole else FIELDS)
    if isinstance(written, Gap):
        return written
    if not written.carried & set(FIELDS):
        return Gap(f"`{operation.label}` takes neither description nor roles nor timeout")
    if not whole:
        return written
    why = f"it requires {', '.join(sorted(required))}" if required else "PUT replaces as a rule: confirm it"
    return written.add(notes={"sends": why}, sends="whole")


def write_lock(keys: Resource, row: KeyFields, edit: Written | Gap, *, locked: bool) -> Written | Gap:
    """Write a lock, or an unlock: by an operation of its own, by one that sets the state, by the edit, or in bulk."""
    found, name = keys.found, _name_lock(locked=locked)
    own = found.get(name)
    if own is not None:
        return write_body(own, row, (), _find_state(own, locked=locked), plain=True)
    if setting := found.get("set_state"):
        return _write_state(setting, row, (), locked=locked)
    written = _write_by_edit(found.get("edit_key"), row, edit, locked=locked)
    many = found.get(BULK[name])
    if many and isinstance(written, Gap):
        return _write_many(many, keys, row)
    return _name_doubts(written, keys, name)


def _name_lock(*, locked: bool) -> Purpose:
    return "lock_key" if locked else "unlock_key"


def _name_doubts(written: Written | Gap, keys: Resource, name: Purpose) -> Written | Gap:
    """Name, in a gap, what may be what is missing."""
    doubts = keys.doubts.get(name, ())
    if isinstance(written, Written) or not doubts:
        return written
    told = ", ".join(f"`{label}`" for label in doubts[:_MOST_DOUBTS])
    return Gap(f"{written.why}; candidates, none of which says so unmistakably: {told}")


def write_delete(keys: Resource, row: KeyFields) -> Written | Gap:
    """Write the delete, of one if there is such a thing."""
    if one := keys.found.get("delete_key"):
        return write_body(one, row, plain=True)
    if many := keys.found.get("delete_keys"):
        return _write_many(many, keys, row)
    return _name_doubts(Gap("nothing deletes a key"), keys, "delete_key")


def _write_many(found: Found, keys: Resource, row: KeyFields) -> Written | Gap:
    """Write an operation on many keys for one, by its ID."""
    name = find_ids(found.operation.body, keys.thing)
    if name is None:
        return Gap(f"`{found.operation.label}` takes no IDs")
    written = write_body(found, row, (), {(name,): ["{key_id}"]}, plain=True)
    return written.without("if_match") if isinstance(written, Written) else written


def _write_by_edit(found: Found | None, row: KeyFields, edit: Written | Gap, *, locked: bool) -> Written | Gap:
    """Write a lock, or an unlock, as an edit of the state; of the whole key where the edit sends that."""
    if found is None or isinstance(edit, Gap):
        return Gap(f"nothing {'locks' if locked else 'unlocks'} a key")
    whole = edit.content.get("sends") == "whole"
    written = _write_state(found, row, FIELDS if whole else (), locked=locked)
    if isinstance(written, Gap):
        return written
    written = replace(written, reason=f"{found.operation.label}: the edit takes the state")
    return written.add(sends="whole") if whole else written


def _write_state(found: Found, row: KeyFields, wanted: tuple[str, ...], *, locked: bool) -> Written | Gap:
    state = _find_state(found, locked=locked)
    if not state:
        return Gap(f"nothing {'locks' if locked else 'unlocks'} a key: `{found.operation.label}` takes no state")
    return write_body(found, row, wanted, state, plain=True)


def _find_state(found: Found, *, locked: bool) -> dict[Path, Any]:
    """Give the constant that a body takes for locked or unlocked, at its path; nothing if it takes none."""
    body = found.operation.body
    lock = None if body is None else find_lock(body)
    return {} if lock is None else {lock.spot.path: (lock.locked if locked else lock.active)[0]}
