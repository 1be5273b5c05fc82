"""What the operations of a contract carry: which placeholders may stand in each, which must, and where.

A value and the fields of a key stand in bodies only: what is in a URL is logged along the way. In a body a placeholder
stands alone, so that it keeps its type and can be left out. What pages are asked by follows from the style of paging.
A key that is there is named by its ID, or by the handle that the hub made up for it, somewhere in the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from keyspec.document import locate
from keyspec.errors import Problem
from keyspec.template import find_marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.document import Document
    from keyspec.template import Mark

OperationName = Literal[
    "list_keys",
    "get_key",
    "create_key",
    "import_key",
    "edit_key",
    "lock_key",
    "unlock_key",
    "delete_key",
    "list_roles",
    "openapi",
]
ListName = Literal["list_keys", "list_roles"]
FIELDS: Final = ("description", "roles", "reauth_timeout", "state")
"""The fields of a key that a body may carry."""
_RECORD: Final = FIELDS[:-1]
NAMES: Final = ("key_id", "handle")
"""What names a key that is there."""
_PAGES: Final = ("limit", "page", "offset", "cursor")
_IN_URL: Final = (*NAMES, *_PAGES)


@dataclass(frozen=True, slots=True)
class Rule:
    """Whether an operation only reads, the placeholders that may stand in it, and those that must.

    `named`: it is about a key that is there, so one of `NAMES` must stand in it.
    """

    reads: bool
    carries: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    named: bool = False


RULES: Final[Mapping[OperationName, Rule]] = {
    "list_keys": Rule(reads=True, carries=_PAGES),
    "get_key": Rule(reads=True, carries=NAMES, named=True),
    "create_key": Rule(reads=False, carries=("key_id", *FIELDS), must=("key_id", "roles")),
    "import_key": Rule(reads=False, carries=("key_id", *FIELDS, "value"), must=("key_id", "roles", "value")),
    "edit_key": Rule(reads=False, carries=(*NAMES, *FIELDS), named=True),
    "lock_key": Rule(reads=False, carries=(*NAMES, *FIELDS), named=True),
    "unlock_key": Rule(reads=False, carries=(*NAMES, *FIELDS), named=True),
    "delete_key": Rule(reads=False, carries=NAMES, named=True),
    "list_roles": Rule(reads=True, carries=_PAGES),
    "openapi": Rule(reads=True),
}
"""What holds for each operation; for lists, `PAGES` tells more."""

PAGES: Final[Mapping[str, Rule]] = {
    "page-index": Rule(reads=True, carries=("limit", "page"), must=("limit", "page")),
    "page-number": Rule(reads=True, carries=("limit", "page"), must=("limit", "page")),
    "row-offset": Rule(reads=True, carries=("limit", "offset"), must=("offset",)),
    "cursor": Rule(reads=True, carries=("limit", "cursor"), must=("cursor",)),
    "link": Rule(reads=True, carries=("limit",)),
    "none": Rule(reads=True, carries=("limit",)),
}
"""What a list carries, by its style of paging."""


def check_placeholders(document: Document) -> Iterator[Problem]:
    """Find what stands in a contract's operations and does not belong there, and what is missing."""
    operations = document.root.get("operations")
    for name in get_args(OperationName):
        node = operations.get(name) if isinstance(operations, dict) else None
        if isinstance(node, dict):
            rule = PAGES.get(_find_style(document, node)) if name in get_args(ListName) else RULES[name]
            if rule is not None:
                yield from _check_marks(document, name, node, rule)
    yield from _check_send(document)


def _find_style(document: Document, node: dict[str, Any]) -> str:
    """Give the style of paging that holds for a list; an empty text where it is none that is known."""
    paging = node["paging"] if "paging" in node else document.root.get("paging", {})
    style = paging.get("style", "page-index") if isinstance(paging, dict) else ""
    return style if isinstance(style, str) else ""


def _check_marks(document: Document, name: str, node: dict[str, Any], rule: Rule) -> Iterator[Problem]:
    in_url = tuple(mark for mark in rule.carries if mark in _IN_URL)
    seen: set[str] = set()
    for part, may in (("path", in_url), ("query", in_url), ("body", () if rule.reads else rule.carries)):
        for mark in find_marks(node.get(part)):
            seen.add(mark.name)
            wrong = mark.name not in may or (part == "body" and not mark.alone)
            if wrong or (mark.name == "cursor" and (part != "query" or not mark.alone)):
                source = locate(document, ("operations", name, part, *mark.path))
                yield Problem("wrong-placeholder", _explain_mark(mark, may), source, f"known here: {_join_marks(may)}")
    missing = [mark for mark in rule.must if mark not in seen and not _may_miss(document, name, mark)]
    if missing:
        what = f"`{name}` must carry {_join_marks(missing)}"
        yield Problem("missing-placeholder", what, locate(document, ("operations", name), key=True))
    if rule.named:
        yield from _check_names(document, name, seen)
    yield from _check_fields(document, name, node, seen)


def _check_names(document: Document, name: str, seen: set[str]) -> Iterator[Problem]:
    """Find a request that names no key, and one that names it by a handle of which nobody says where it stands."""
    where = locate(document, ("operations", name), key=True)
    if seen.isdisjoint(NAMES):
        yield Problem("missing-placeholder", f"`{name}` must carry {{key_id}} or {{handle}}", where)
    key = document.root.get("key")
    if "handle" in seen and isinstance(key, dict) and key.get("handle") is None:
        hint = "say in `key` where it stands: `handle: id`"
        yield Problem("wrong-placeholder", "{handle} is what the hub calls a key, and nothing tells it", where, hint)


def _check_fields(document: Document, name: str, node: dict[str, Any], seen: set[str]) -> Iterator[Problem]:
    """Find an edit that changes nothing, and a lock that would send fields without the key they are taken from."""
    where = locate(document, ("operations", name), key=True)
    if name == "edit_key" and seen.isdisjoint(_RECORD):
        yield Problem("missing-placeholder", f"`{name}` must carry one of {_join_marks(_RECORD)}", where)
    fields = [mark for mark in _RECORD if mark in seen]
    if name in ("lock_key", "unlock_key") and fields and node.get("sends") != "whole":
        what = f"`{name}` carries {_join_marks(fields)}, which it does not change"
        yield Problem("wrong-placeholder", what, where, "say `sends: whole`, to fill them from the live key")
    if "state" in seen and not _tells_state(document):
        yield Problem("wrong-placeholder", "{state} has no form: say where a key's state stands", where)


def _tells_state(document: Document) -> bool:
    key = document.root.get("key")
    return not isinstance(key, dict) or "state" in key or "locked" in key


def _check_send(document: Document) -> Iterator[Problem]:
    """Hold how one role stands in bodies to the one placeholder that belongs there."""
    key = document.root.get("key")
    roles = key.get("roles") if isinstance(key, dict) else None
    if not isinstance(roles, dict) or "send" not in roles:
        return
    marks = tuple(find_marks(roles["send"]))
    for mark in marks:
        if mark.name != "role" or not mark.alone:
            source = locate(document, ("key", "roles", "send", *mark.path))
            yield Problem("wrong-placeholder", _explain_mark(mark, ("role",)), source, "known here: {role}")
    if not any(mark.name == "role" for mark in marks):
        what = "`send` must carry {role}"
        yield Problem("missing-placeholder", what, locate(document, ("key", "roles", "send"), key=True))


def _explain_mark(mark: Mark, may: tuple[str, ...]) -> str:
    if mark.name == "{":
        return "a brace stands here without its other half"
    if mark.name == "cursor" and "cursor" in may:
        return "`{cursor}` stands alone in a parameter of the query, so that it can be left out"
    if mark.name in may:
        return f"`{{{mark.name}}}` stands alone in a body, with nothing before or after it"
    return f"`{{{mark.name}}}` does not belong here"


def _join_marks(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names) or "none"


def _may_miss(document: Document, name: str, mark: str) -> bool:
    capabilities = document.root.get("capabilities")
    takes_id = capabilities.get("import_takes_id") if isinstance(capabilities, dict) else None
    return name == "import_key" and mark == "key_id" and takes_id is False
