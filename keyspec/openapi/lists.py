"""The drafted lists: of keys, and of what keys may be given: roles, or whatever the document calls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyspec.openapi.paging import find_cut
from keyspec.openapi.places import find_field, find_rows, place_of
from keyspec.openapi.words import split_words
from keyspec.openapi.writing import Gap, Written, write_read

if TYPE_CHECKING:
    from keyspec.openapi.fields import KeyFields
    from keyspec.openapi.places import Rows
    from keyspec.openapi.schemas import Path
    from keyspec.openapi.survey import Found, Survey

_NAMES: Final = (("name",), ("role", "name"), ("role",), ("display", "name"), ("title",), ("label",))
_NO_ROLES: Final = "nothing lists roles by their names"


@dataclass(frozen=True, slots=True)
class RoleList:
    """The list of roles, and the fields of its rows."""

    written: Written
    name: Path
    id: Path | None
    permissions: Path | None


def write_list(found: Found, rows: Rows, sort_by: Path) -> Written | Gap:
    """Write a list with its own paging; `sort_by` is the field that its rows can be sorted by."""
    cut = find_cut(found.operation, key_id=sort_by)
    if cut.lack:
        return Gap(f"`{found.operation.label}`: {cut.lack}")
    written = write_read(found, cut.query)
    if isinstance(written, Gap):
        return written
    paging = {name: place_of(value) if name == "next" else value for name, value in cut.paging.items()}
    written = written.add(rows=place_of(rows.path))
    if cut.total:
        written = written.add(total=place_of(cut.total))
    notes = {"paging": cut.reason, **({"doubt": cut.doubt} if cut.doubt else {})}
    return written.add(notes=notes, paging=paging)


def find_role_list(survey: Survey, row: KeyFields) -> RoleList | Gap:
    """Find the list of what the keys' field is called after, else that of roles; each has to have a name."""
    words = split_words(row.roles.spot.path[-1]) if row.roles else ()
    gap = Gap(_NO_ROLES)
    for word in dict.fromkeys((*words, "role")):
        found = survey.roles.get(word)
        rows = find_rows(found.operation.success, word) if found else None
        name = find_field(rows.shape, _NAMES, "string") if rows else None
        if found and rows and name:
            written = write_list(found, rows, name)
            if isinstance(written, Written):
                return _read_roles(written, rows, name, word)
            gap = written
    return gap


def _read_roles(written: Written, rows: Rows, name: Path, word: str) -> RoleList:
    ids = (("id",), (word, "id"), ("uuid",))
    role_id = find_field(rows.shape, ids, "string") or find_field(rows.shape, ids, "integer")
    permissions = find_field(rows.shape, (("permission",), ("scope",), ("privilege",)), "array")
    return RoleList(written, name, role_id, permissions)
