"""What the operations of a contract carry: which placeholders must stand in each, and where they may.

A value and the fields of a key stand in bodies only: what is in a URL is logged along the way. In a body a placeholder
stands alone, so that it keeps its type and can be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

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
_FIELDS: Final = ("description", "roles", "reauth_timeout")
_IN_URL: Final = ("key_id", "limit", "page")


@dataclass(frozen=True, slots=True)
class Rule:
    """Whether an operation only reads, and the placeholders it must carry; no others may stand in it."""

    reads: bool
    carries: tuple[str, ...] = ()


RULES: Final[Mapping[OperationName, Rule]] = {
    "list_keys": Rule(reads=True, carries=("limit", "page")),
    "get_key": Rule(reads=True, carries=("key_id",)),
    "create_key": Rule(reads=False, carries=("key_id", *_FIELDS)),
    "import_key": Rule(reads=False, carries=("key_id", *_FIELDS, "value")),
    "edit_key": Rule(reads=False, carries=("key_id", *_FIELDS)),
    "lock_key": Rule(reads=False, carries=("key_id",)),
    "unlock_key": Rule(reads=False, carries=("key_id",)),
    "delete_key": Rule(reads=False, carries=("key_id",)),
    "list_roles": Rule(reads=True, carries=("limit", "page")),
    "openapi": Rule(reads=True),
}


def check_placeholders(document: Document) -> Iterator[Problem]:
    """Find what stands in a contract's operations and does not belong there, and what is missing."""
    operations = document.root.get("operations")
    for name, rule in RULES.items():
        node = operations.get(name) if isinstance(operations, dict) else None
        if isinstance(node, dict):
            yield from _check_marks(document, name, node, rule)


def _check_marks(document: Document, name: str, node: dict[str, Any], rule: Rule) -> Iterator[Problem]:
    in_url = tuple(mark for mark in rule.carries if mark in _IN_URL)
    seen: set[str] = set()
    for part, may in (("path", in_url), ("query", in_url), ("body", rule.carries)):
        for mark in find_marks(node.get(part)):
            seen.add(mark.name)
            if mark.name not in may or (part == "body" and not mark.alone):
                source = locate(document, ("operations", name, part, *mark.path))
                yield Problem("wrong-placeholder", _explain_mark(mark, may), source, f"known here: {_join_marks(may)}")
    missing = [mark for mark in rule.carries if mark not in seen and not _may_miss(document, name, mark)]
    if missing:
        what = f"`{name}` must carry {_join_marks(missing)}"
        yield Problem("missing-placeholder", what, locate(document, ("operations", name), key=True))


def _explain_mark(mark: Mark, may: tuple[str, ...]) -> str:
    if mark.name == "{":
        return "a brace stands here without its other half"
    if mark.name in may:
        return f"`{{{mark.name}}}` stands alone in a body, with nothing before or after it"
    return f"`{{{mark.name}}}` does not belong here"


def _join_marks(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names) or "none"


def _may_miss(document: Document, name: str, mark: str) -> bool:
    capabilities = document.root.get("capabilities")
    takes_id = capabilities.get("import_takes_id") if isinstance(capabilities, dict) else None
    return name == "import_key" and mark == "key_id" and takes_id is False
