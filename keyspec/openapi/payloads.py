"""The bodies of a contract's requests and answers, held against what a document says of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.fields import find_key_fields
from keyspec.openapi.places import follow_place
from keyspec.openapi.schemas import walk
from keyspec.openapi.verdict import Row, find_near

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.openapi.document import ApiOperation
    from keyspec.openapi.schemas import Path, Shape
    from keyspec.openapi.verdict import Verdict

_ALONE: Final = re.compile(r"\{(\w+)\}")
_TEXTS: Final = ("text", "iso")
_PLACEHOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "key_id": ("string",),
    "description": ("string",),
    "roles": ("array",),
    "state": ("string", "boolean"),
    "value": ("string",),
}
"""Which types a placeholder may be given as."""
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("id", "description", "etag", "name"), ("string",)),
    **dict.fromkeys(("roles", "permissions"), ("array",)),
    "handle": ("string", "integer"),
    "locked": ("boolean",),
    "state": ("string", "boolean"),
    "reauth_timeout": (),
}
"""Which types a field of a key or a role may have."""
_KINDS: Final = ((bool, ("boolean",)), (int | float, ("integer", "number")), (str, ("string",)), (list, ("array",)))
_SOME_VALUES: Final = 8
_UNDESCRIBED: Final = "the document does not describe this body"


@dataclass(frozen=True, slots=True)
class Look:
    """A place that a contract looks at: in the answer, or within what another place opened (`rows`: each of them).

    `field` is the field of a key or a role that stands there, `states` are the values it is known by.
    """

    place: str
    kinds: tuple[str, ...]
    within: str = ""
    opens: str = ""
    field: str = ""
    states: tuple[Any, ...] = ()


def compare_request(
    name: str, operation: Mapping[str, Any], content: Mapping[str, Any], found: ApiOperation
) -> Iterator[Row]:
    """Hold what is sent against the schema of the body, and what it requires against what is sent."""
    body = operation.get("body")
    shape = found.body
    if shape is None:
        if body is not None:
            what = "the body is no JSON" if found.wants_other_body else _UNDESCRIBED
            yield Row(name, "request", "body", "missing", what)
        return
    sent = dict(list_leaves(body or {}))
    for path, value in sent.items():
        member = shape.at(path)
        if member is None:
            yield Row(name, "request", ".".join(path), "missing", _name_near(shape, path))
        else:
            yield Row(name, "request", ".".join(path), *_judge_sent(value, member, content))
    parents = {(), *(path[:length] for path in sent for length in range(1, len(path)))}
    for parent in sorted(parents):
        owner = shape.at(parent)
        for member_name in sorted(owner.required if owner else ()):
            path = (*parent, member_name)
            if not any(each[: len(path)] == path for each in sent):
                note = "the document requires it, and the contract does not send it"
                yield Row(name, "request", ".".join(path), "differs", note)


def compare_answer(
    name: str, operation: Mapping[str, Any], content: Mapping[str, Any], found: ApiOperation
) -> Iterator[Row]:
    """Hold where a contract looks in an answer against the schema of the answer."""
    looks = tuple(list_looks(name, operation, content))
    if not looks:
        return
    if found.success is None:
        yield Row(name, "answer", "body", "missing", _UNDESCRIBED)
        return
    scopes: dict[str, Shape] = {"": found.success}
    for look in looks:
        if look.within not in scopes:
            continue
        row, member = _judge_look(name, look, scopes[look.within])
        if row is not None:
            yield row
        opened = member.items() if member and look.opens == "rows" else member
        if look.opens and opened:
            scopes[look.opens] = opened


def list_looks(name: str, operation: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Look]:
    """List where a contract looks in the answer of an operation, what opens further ones first."""
    if "rows" in operation:
        yield Look(operation["rows"], ("array",), opens="rows")
        if "total" in operation:
            yield Look(operation["total"], ("integer", "number"))
        if following := operation.get("paging", content.get("paging", {})).get("next"):
            yield Look(following, ("string",))
        yield from _list_fields(content, "role" if name == "list_roles" else "key", "rows")
    if "value" in operation:
        yield Look(operation["value"], ("string",))
    if name in ("get_key", "create_key"):
        yield Look(operation.get("key", "@"), ("object",), opens="key")
        fields = _list_fields(content, "key", "key")
        yield from (look for look in fields if name == "get_key" or look.field in ("id", "handle"))


def _list_fields(content: Mapping[str, Any], section: str, within: str) -> Iterator[Look]:
    for field, told in content.get(section, {}).items():
        place = told["at"] if isinstance(told, dict) else told
        kinds = _FIELDS[field]
        if field == "reauth_timeout":
            kinds = timeout_kinds(told)
        yield Look(place, kinds, within, field=field, states=_states_of(told))


def timeout_kinds(told: Any) -> tuple[str, ...]:
    """Tell which types a timeout has in the unit that the contract says."""
    unit = told.get("unit", "s") if isinstance(told, dict) else "s"
    return ("string",) if unit in _TEXTS else ("integer", "number")


def _states_of(told: Any) -> tuple[Any, ...]:
    if not isinstance(told, dict) or "active" not in told:
        return ()
    return (*told["active"], *told["locked"])


def _judge_look(name: str, look: Look, shape: Shape) -> tuple[Row | None, Shape | None]:
    """Judge one place; that the answer itself is the key goes without saying."""
    try:
        member, listed = follow_place(shape, look.place)
    except ValueError as error:
        return Row(name, "answer", look.place, "missing", str(error)), None
    if look.place == "@" and look.opens == "key":
        return None, member
    if member is None:
        near = _find_near_field(shape, look)
        return Row(name, "answer", look.place, "missing", f"the document has `{near}`" if near else ""), None
    if not listed and not member.may_be(*look.kinds):
        return Row(name, "answer", look.place, "differs", f"the document says {_say_kinds(member)}"), member
    unknown = [str(value) for value in look.states if member.values and value not in member.values]
    if unknown and "string" in member.kinds:
        says = ", ".join(map(str, member.values[:_SOME_VALUES]))
        return Row(name, "answer", look.place, "differs", f"no {', '.join(unknown)}: the document has {says}"), member
    others = [str(value) for value in member.values if look.states and value not in look.states]
    note = f"{', '.join(others[:_SOME_VALUES])}: neither unlocked nor locked" if others else ""
    return Row(name, "answer", look.place, "found", note), member


def _find_near_field(shape: Shape, look: Look) -> str | None:
    """Find the field that a place could mean: by its name, or else by what its kind of field is usually called."""
    steps = look.place.replace('"', "").split(".")
    known = {".".join(path): path for path, _ in walk(shape)}
    near = find_near(look.place, known)
    if near is None and (last := find_near(steps[-1], {path[-1] for path in known.values()})):
        near = min((text for text, path in known.items() if path[-1] == last), key=len)
    if near is None and look.field:
        near = _find_usual(shape, look.field)
    return near


def _find_usual(shape: Shape, field: str) -> str | None:
    row = find_key_fields(shape, thing=(), item=None)
    spots = {
        "id": row.id,
        "description": row.description,
        "roles": row.roles and row.roles.spot,
        "reauth_timeout": row.timeout and row.timeout.spot,
        "locked": row.lock and row.lock.spot,
        "state": row.lock and row.lock.spot,
    }
    spot = spots.get(field)
    return ".".join(spot.path) if spot else None


def list_leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """List what stands in a body or a query, by path; a list is one thing."""
    if isinstance(node, dict) and node:
        for name, part in node.items():
            yield from list_leaves(part, (*path, name))
    elif path:
        yield path, node


def _judge_sent(value: Any, member: Shape, content: Mapping[str, Any]) -> tuple[Verdict, str]:
    """Judge what is sent at a place that the document has."""
    alone = _ALONE.fullmatch(value) if isinstance(value, str) else None
    if alone is None:
        known = member.values
        if known and isinstance(value, str | int) and value not in known:
            return "differs", f"the document has {', '.join(map(str, known[:_SOME_VALUES]))}"
        kinds = _kinds_of(value)
    elif alone[1] == "reauth_timeout":
        kinds = timeout_kinds(content.get("key", {}).get("reauth_timeout"))
    else:
        kinds = _PLACEHOLDERS.get(alone[1], ())
    if kinds and not member.may_be(*kinds):
        return "differs", f"the document says {_say_kinds(member)}"
    return "found", ""


def _kinds_of(value: Any) -> tuple[str, ...]:
    for types, kinds in _KINDS:
        if isinstance(value, types):
            return kinds
    return ()


def _say_kinds(shape: Shape) -> str:
    return " or ".join(sorted(shape.kinds))


def _name_near(shape: Shape, path: Path) -> str:
    """Name the member that is most like the one that is sent, of the same object or else of any."""
    owner = shape.at(path[:-1]) or shape
    near = find_near(path[-1], owner.members) or find_near(path[-1], {at[-1] for at, _ in walk(shape)})
    return f"the document has `{near}`" if near else ""
