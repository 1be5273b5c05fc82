"""A contract drafted from what a hub says of itself: guesses, each with its reason, and holes where there is none.

    Api ── survey ──> keys, roles ── fields, paging, bodies, credential ──> Draft ── drafttext ──> YAML

A draft is always a contract that keyspec can read: what was not found is left out and said. Without a list of keys, or
an ID in its rows, there is nothing to draft; `Absence` says why. The order of a document changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.credential import find_credential
from keyspec.openapi.deeds import heeds_id, write_create, write_delete, write_edit, write_import, write_lock
from keyspec.openapi.fields import find_key_fields, find_roles
from keyspec.openapi.lists import find_role_list, write_list
from keyspec.openapi.places import find_field, find_key, find_rows, place_of
from keyspec.openapi.survey import survey_api
from keyspec.openapi.writing import Gap, Written, write_read
from keyspec.placeholders import RULES
from keyspec.template import find_marks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.openapi.document import Api, ApiOperation
    from keyspec.openapi.fields import KeyFields, Lock, Roles, Spot
    from keyspec.openapi.lists import RoleList
    from keyspec.openapi.places import Rows
    from keyspec.openapi.schemas import Path, Shape
    from keyspec.openapi.survey import Resource, Survey

ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "": (
        *("keyspec-contract", "name", "verified", "base", "auth", "paging", "key", "role", "errors", "capabilities"),
        "operations",
    ),
    "key": ("id", "description", "roles", "reauth_timeout", "locked", "state", "etag"),
    "role": ("name", "id", "permissions"),
    "operations": (
        *("list_keys", "get_key", "create_key", "import_key", "edit_key", "lock_key", "unlock_key", "delete_key"),
        *("list_roles", "openapi"),
    ),
}
"""In which order a contract is written: its sections, and what stands in some."""
_BASE: Final = re.compile(r"(/[A-Za-z0-9_~.:-]+)*")
_NAMED: Final = tuple(name for name, rule in RULES.items() if rule.named)
_BY_NAME: Final = "by its name"
_MOST_NEAR: Final = 5
_CODES: Final = (("error", "code"), ("code",), ("error", "type"), ("type",), ("error",))
_MESSAGES: Final = (("message",), ("detail",), ("error", "message"), ("error", "description"), ("msg",), ("title",))


@dataclass(frozen=True, slots=True)
class Absence:
    """Why a document gives no contract."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A contract as data, and by path: why something stands there, and what is missing there."""

    content: dict[str, Any]
    reasons: Mapping[Path, str]
    holes: Mapping[Path, str]
    about: str


@dataclass(slots=True)
class _Drafting:
    """A draft that grows."""

    content: dict[str, Any] = field(default_factory=dict)
    reasons: dict[Path, str] = field(default_factory=dict)
    holes: dict[Path, str] = field(default_factory=dict)

    def put(self, path: Path, value: Any, reason: str = "") -> None:
        node = self.content
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = value
        if reason:
            self.reasons[path] = reason

    def write(self, name: str, written: Written | Gap) -> None:
        if isinstance(written, Gap):
            self.holes["operations", name] = written.why
            return
        if name in _NAMED and not any(mark.name == "key_id" for mark in find_marks(written.content)):
            label = f"{written.content['method']} {written.content['path']}"
            self.holes["operations", name] = f"`{label}` does not take the ID of a key"
            return
        self.put(("operations", name), written.content, written.reason)
        self.reasons.update({("operations", name, part): note for part, note in written.notes.items()})


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a draft stands on: the document, its lists of keys and of roles, and what the fields of a key mean."""

    api: Api
    survey: Survey
    keys: Resource
    listed: Written
    rows: Rows
    row: KeyFields
    id: Spot
    roles: RoleList | Gap


def draft_contract(api: Api) -> Draft | Absence:
    """Draft a contract."""
    ground = _find_ground(api)
    if isinstance(ground, Absence):
        return ground
    drafting = _Drafting()
    _put_head(drafting, ground)
    _put_key(drafting, ground)
    _put_lists(drafting, ground)
    _put_errors(drafting, ground.keys.found["list_keys"].operation)
    _put_reads(drafting, ground)
    _put_writes(drafting, ground)
    _put_capabilities(drafting, ground)
    about = f'{api.file}: "{api.title}" {api.release}, OpenAPI {api.version}'
    return Draft(_in_order(drafting.content), drafting.reasons, drafting.holes, about)


def _find_ground(api: Api) -> _Ground | Absence:
    survey = survey_api(api)
    keys = survey.keys
    if keys is None:
        looked = f"none of its {len(api.operations)} operations lists API keys that can be changed"
        return Absence((looked, *survey.near[:_MOST_NEAR]))
    found = keys.found["list_keys"]
    rows = find_rows(found.operation.success, keys.thing[-1])
    item = next((each.item for _, each in sorted(keys.found.items()) if each.item), None)
    row = find_key_fields(rows.shape, thing=keys.thing, item=item) if rows else None
    if rows is None or row is None or (key_id := row.id) is None:
        why = row.remarks.get("id", "no field of a row looks like one") if row else "its answer has no rows"
        return Absence((f"`{found.operation.label}` lists keys whose ID is not found: {why}",))
    listed = write_list(found, rows, key_id.path)
    if isinstance(listed, Gap):
        return Absence((listed.why,))
    roles = find_role_list(survey, row)
    if row.roles and row.roles.by_id and (isinstance(roles, Gap) or roles.id is None):
        why = f"`{'.'.join(row.roles.spot.path)}` lists IDs of roles, and nothing lists roles with their IDs"
        row = replace(row, roles=None, remarks={**row.remarks, "roles": why})
    return _Ground(api, survey, keys, listed, rows, row, key_id, roles)


def _in_order(content: dict[str, Any], section: str = "") -> dict[str, Any]:
    return {
        name: _in_order(content[name], name) if name in ORDER and isinstance(content[name], dict) else content[name]
        for name in ORDER[section]
        if name in content
    }


def _put_head(drafting: _Drafting, ground: _Ground) -> None:
    api = ground.api
    words = re.sub(r"[^a-z0-9]+", "-", api.title.lower(), flags=re.ASCII).strip("-")[:60].rstrip("-")
    release = re.match(r"v?([0-9]{1,9})", api.release, re.ASCII)
    operation = ground.keys.found["list_keys"].operation
    base = operation.base
    drafting.put(("keyspec-contract",), 1)
    drafting.put(("name",), "-".join(filter(None, (words or "drafted", release and f"v{release[1]}"))))
    drafting.put(("verified",), False, "nobody has tried it")
    if base and _BASE.fullmatch(base):
        drafting.put(("base",), base, "the path of the first server")
    elif base:
        drafting.holes["base",] = f"a contract cannot write `{base}`"
    credential = find_credential(api, operation)
    drafting.put(("auth",), credential.auth, credential.reason)
    if credential.lack:
        drafting.holes["auth",] = credential.lack


def _put_key(drafting: _Drafting, ground: _Ground) -> None:
    row = ground.row
    drafting.put(("key", "id"), place_of(ground.id.path), ground.id.reason)
    if row.description:
        drafting.put(("key", "description"), place_of(row.description.path), row.description.reason)
    if row.roles:
        place, reason = _say_roles(row.roles, ground)
        drafting.put(("key", "roles"), place, reason)
    if row.timeout:
        place = place_of(row.timeout.spot.path)
        timeout = place if row.timeout.unit == "s" else {"at": place, "unit": row.timeout.unit}
        reason = f"{row.timeout.spot.reason}; {row.timeout.unit_reason}"
        drafting.put(("key", "reauth_timeout"), timeout, reason)
    if row.lock:
        name, value = _say_lock(row.lock)
        drafting.put(("key", name), value, row.lock.spot.reason)
    for name, found in (("description", row.description), ("roles", row.roles), ("reauth_timeout", row.timeout)):
        if found is None:
            drafting.holes["key", name] = row.remarks.get(name, "no field of a key looks like it")
    if row.lock is None:
        drafting.holes["key", "locked"] = "no field tells whether a key is locked"


def _say_roles(roles: Roles, ground: _Ground) -> tuple[Any, str]:
    place = place_of(roles.spot.path, each=roles.inner)
    body = next(
        (found.operation.body for name in ("create_key", "edit_key") if (found := ground.keys.found.get(name))), None
    )
    send = _find_send(body)
    more = {**({"by": "id"} if roles.by_id else {}), **({"send": send} if send else {})}
    how = "a list of IDs" if roles.by_id else "a list of names"
    return ({"at": place, **more} if more else place), f"{roles.spot.reason}, {how}"


def _find_send(body: Shape | None) -> dict[str, str] | None:
    """Find how one role stands in bodies, where it is an object there."""
    sent = None if body is None else find_roles(body)
    if sent is None or not sent.inner:
        return None
    return {sent.inner[-1]: "{role}"}


def _say_lock(lock: Lock) -> tuple[str, Any]:
    place = place_of(lock.spot.path)
    if lock.locked == (True,):
        return "locked", place
    return "state", {"at": place, "active": list(lock.active), "locked": list(lock.locked)}


def _put_lists(drafting: _Drafting, ground: _Ground) -> None:
    """Put the lists of keys and of roles; this one with a paging of its own where it is cut in another way."""
    paging = ground.listed.content["paging"]
    drafting.put(("paging",), paging, ground.listed.notes["paging"])
    if "doubt" in ground.listed.notes:
        drafting.holes["paging",] = ground.listed.notes["doubt"]
    drafting.write("list_keys", ground.listed.without("paging"))
    roles = ground.roles
    if isinstance(roles, Gap):
        drafting.holes["operations", "list_roles"] = roles.why
        return
    alike = roles.written.content["paging"] == paging
    drafting.write("list_roles", roles.written.without("paging") if alike else roles.written)
    drafting.put(("role", "name"), place_of(roles.name), _BY_NAME)
    if ground.row.roles and ground.row.roles.by_id and roles.id:
        drafting.put(("role", "id"), place_of(roles.id), _BY_NAME)
    if roles.permissions:
        drafting.put(("role", "permissions"), place_of(roles.permissions), _BY_NAME)


def _put_errors(drafting: _Drafting, operation: ApiOperation) -> None:
    shape = next((answer.shape for answer in operation.failures if answer.shape is not None), None)
    if shape is None:
        return
    for name, known in (("code", _CODES), ("message", _MESSAGES)):
        if place := find_field(shape, known, "string"):
            drafting.put(("errors", name), place_of(place), _BY_NAME)


def _put_reads(drafting: _Drafting, ground: _Ground) -> None:
    get = ground.keys.found.get("get_key")
    if get is None:
        drafting.holes["operations", "get_key"] = "nothing shows one key"
    else:
        at = find_key(get.operation.success, ground.id.path)
        written: Written | Gap = Gap(f"the answer of `{get.operation.label}` has no `{place_of(ground.id.path)}`")
        if at is not None:
            written = write_read(get)
            written = written.add(key=place_of(at)) if at and isinstance(written, Written) else written
        drafting.write("get_key", written)
    if ground.survey.openapi:
        drafting.write("openapi", write_read(ground.survey.openapi))
    else:
        drafting.holes["operations", "openapi"] = "nothing offers the document itself"


def _put_writes(drafting: _Drafting, ground: _Ground) -> None:
    found, row = ground.keys.found, ground.row
    drafting.write("create_key", write_create(found.get("create_key"), row, ground.id.path))
    drafting.write("import_key", write_import(found.get("import_key"), row, ground.id.path))
    edit = write_edit(found.get("edit_key"), row)
    drafting.write("edit_key", edit)
    drafting.write("lock_key", write_lock(ground.keys, row, edit, locked=True))
    drafting.write("unlock_key", write_lock(ground.keys, row, edit, locked=False))
    drafting.write("delete_key", write_delete(ground.keys, row))


def _put_capabilities(drafting: _Drafting, ground: _Ground) -> None:
    drafting.put(("capabilities", "ids_reusable"), True, "no document tells: confirm it")
    imported = ground.keys.found.get("import_key")
    written = drafting.content["operations"].get("import_key")
    if imported and written:
        marks = {mark.name for mark in find_marks(written)}
        takes = "key_id" in marks and heeds_id(imported)
        drafting.put(("capabilities", "import_takes_id"), takes, "by the body of the import")
    drafting.put(("capabilities", "created_locked"), False, "no document tells: confirm it")
    _put_versions(drafting, ground)


def _put_versions(drafting: _Drafting, ground: _Ground) -> None:
    """Send If-Match where a write takes it, and reading one key tells its version, by a header or by a field."""
    operations = drafting.content["operations"]
    matched = [operation for operation in operations.values() if "if_match" in operation]
    get = ground.keys.found.get("get_key")
    if matched and get and "get_key" in operations:
        if any("etag" in answer.headers for answer in get.operation.successes):
            drafting.put(("capabilities", "etag"), True, "get_key answers an ETag, and writes take If-Match")
            return
        if place := find_field(ground.rows.shape, (("etag",), ("e", "tag")), "string"):
            drafting.put(("key", "etag"), place_of(place), "by its name, and writes take If-Match")
            return
    for operation in matched:
        del operation["if_match"]
