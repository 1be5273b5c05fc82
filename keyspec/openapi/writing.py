"""A drafted operation: method, path, query, body and statuses as a contract has them.

An operation that the document has, and that keyspec could not send whole, is a `Gap`: it is left out, and the gap says
what keyspec has nothing for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.bodies import fit_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.openapi.document import ApiOperation, Parameter
    from keyspec.openapi.fields import KeyFields
    from keyspec.openapi.schemas import Path
    from keyspec.openapi.survey import Found

_PATH: Final = re.compile(r"(/[A-Za-z0-9_~.:{}-]*)+")
_STATUSES: Final[Mapping[str, tuple[int, ...]]] = {"GET": (200,), "DELETE": (200, 202, 204)}
_ANY_STATUS: Final = (200, 201, 202, 204)
_MOST_SUMMARY: Final = 80
OWN_HEADERS: Final = frozenset(
    ("accept", "accept-encoding", "authorization", "content-type", "if-match", "user-agent", "x-api-key")
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Why an operation is left out."""

    why: str


@dataclass(frozen=True, slots=True)
class Written:
    """An operation as a contract has it, why, what is to be said of its parts, and what its body carries."""

    content: dict[str, Any]
    reason: str
    notes: Mapping[str, str] = field(default_factory=dict)
    carried: frozenset[str] = frozenset()

    def add(self, *, notes: Mapping[str, str] | None = None, **more: Any) -> Written:
        """Give the same with more parts, and with notes on them."""
        return Written({**self.content, **more}, self.reason, {**self.notes, **(notes or {})}, self.carried)

    def without(self, part: str) -> Written:
        """Give the same without a part."""
        content = {name: value for name, value in self.content.items() if name != part}
        return Written(content, self.reason, self.notes, self.carried)


def write_read(found: Found, query: Mapping[str, Any] | None = None) -> Written | Gap:
    """Write an operation that reads."""
    head = _write_head(found, query or {})
    if isinstance(head, Gap):
        return head
    return Written({**head, "statuses": list(_find_statuses(found.operation))}, _say(found))


def write_body(
    found: Found,
    row: KeyFields,
    wanted: Iterable[str] = (),
    constants: Mapping[Path, Any] | None = None,
    *,
    plain: bool = False,
) -> Written | Gap:
    """Write an operation that changes something, its body filled with what is wanted and with constants.

    A `plain` one carries no constants but those given: a default may mean all keys.
    """
    operation = found.operation
    head = _write_head(found, {}, plain=plain)
    if isinstance(head, Gap):
        return head
    if operation.wants_other_body:
        return Gap(f"the body of `{operation.label}` is no JSON")
    carried: frozenset[str] = frozenset()
    if operation.body is not None:
        names = (*wanted, *(() if found.item else ("key_id",)))
        fit = fit_body(operation.body, row, dict.fromkeys(names), constants, plain=plain)
        if fit.lacking:
            missing = ", ".join(f"`{name}`" for name in fit.lacking)
            return Gap(f"`{operation.label}` requires {missing}, and keyspec has nothing to put there")
        carried = fit.carried
        if fit.body:
            head["body"] = fit.body
    head["statuses"] = list(_find_statuses(operation))
    if any(each.where == "header" and each.name.lower() == "if-match" for each in operation.parameters):
        head["if_match"] = True
    return Written(head, _say(found), {}, carried)


def _write_head(found: Found, query: Mapping[str, Any], *, plain: bool = False) -> dict[str, Any] | Gap:
    """Write method, path and query; every parameter that the document requires has to be filled."""
    operation = found.operation
    path, filled = operation.path, dict(query)
    if found.item is not None and (mark := f"{{{found.item}}}") in path:
        path = path.replace(mark, "{key_id}")
    elif found.item is not None:
        filled[found.item] = "{key_id}"
    if not _PATH.fullmatch(path) or "{" in path.replace("{key_id}", "") or {".", ".."} & set(path.split("/")):
        return Gap(f"a contract cannot write the path of `{operation.label}`")
    for parameter in operation.parameters:
        if not _must_fill(parameter) or parameter.name in filled:
            continue
        value = None if plain else _find_constant(parameter)
        if value is None:
            return Gap(f"`{operation.label}` requires the {parameter.where} parameter `{parameter.name}`")
        filled[parameter.name] = value
    head: dict[str, Any] = {"method": operation.method, "path": path}
    return {**head, "query": filled} if filled else head


def _must_fill(parameter: Parameter) -> bool:
    own = parameter.where == "header" and parameter.name.lower() in OWN_HEADERS
    return parameter.required and parameter.where in ("query", "header") and not own


def _find_constant(parameter: Parameter) -> str | int | None:
    """Give the value that a required query parameter has anyway; a header is no part of an operation."""
    told = (
        parameter.shape.bounds.get("default"),
        *(parameter.shape.values if len(parameter.shape.values) == 1 else ()),
    )
    return next((value for value in told if isinstance(value, str | int) and parameter.where == "query"), None)


def _find_statuses(operation: ApiOperation) -> tuple[int, ...]:
    told = sorted(int(answer.status) for answer in operation.successes if answer.status.isdecimal())
    return tuple(told) or _STATUSES.get(operation.method, _ANY_STATUS)


def _say(found: Found) -> str:
    summary = f' "{found.operation.summary[:_MOST_SUMMARY]}"' if found.operation.summary else ""
    return f"{found.operation.label}{summary}: {found.reason}"
