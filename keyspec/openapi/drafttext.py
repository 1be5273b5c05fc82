"""A draft as YAML: each guess with its reason, each hole with what was not found.

    locked: locked                     # by its name `locked`
    # ??? import_key: nothing imports a key

Reasons quote names and summaries of the document, as everything from outside, through `display()`.
"""

from __future__ import annotations

import json
import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from keyspec.display import display
from keyspec.openapi.draft import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.openapi.draft import Draft
    from keyspec.openapi.schemas import Path

_HEAD: Final = (
    "A draft made by keyspec from {about}.",
    "Every line is a guess, with its reason; `???` marks what was not found. Nothing here was tried on a hub: read it,",
    "hold it against the hub with `keyspec contract check --live`, then name it in the spec: `contract: FILE`.",
)
_WIDTH: Final = 120
_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_AFTER_BLOCKS: Final = "errors"
_BLOCKS: Final = ("key", "role", "capabilities", "operations")
"""Sections whose entries stand on lines of their own, for they have reasons of their own."""


def render_draft(draft: Draft) -> str:
    """Write a draft as the text of a contract file."""
    lines = [text for line in _HEAD for text in _comment(line.format(about=display(draft.about)), indent=0)]
    for name in ORDER[""]:
        found = _section(draft, name) if name in _BLOCKS else _entry(draft, (name,), draft.content.get(name), indent=0)
        if part := list(found):
            gap = [""] if name in _BLOCKS or name == _AFTER_BLOCKS else []
            lines += [*gap, *part]
    return "\n".join(lines) + "\n"


def say_draft(draft: Draft) -> str:
    """Say in one line what was found and what was not."""
    names = ORDER["operations"]
    missing = [name for name in names if ("operations", name) in draft.holes]
    others = [path[-1] for path in draft.holes if path[0] != "operations"]
    told = f"{len(draft.content['operations'])} of {len(names)} operations found"
    told += f"; not found: {', '.join(missing)}" if missing else ""
    return told + (f"; to be filled in: {', '.join(others)}" if others else "")


def _section(draft: Draft, name: str) -> Iterator[str]:
    content: Mapping[str, Any] = draft.content.get(name, {})
    names = dict.fromkeys(
        (*ORDER.get(name, ()), *content, *(path[1] for path in draft.holes if path[:1] == (name,) and path[1:]))
    )
    lines = [line for each in names for line in _entry(draft, (name, each), content.get(each), indent=2)]
    if lines:
        yield f"{name}:" if content else f"# {name}:"
        yield from lines


def _entry(draft: Draft, path: Path, value: Any, *, indent: int) -> Iterator[str]:
    """Write what stands at a path, if anything, and then what is missing there."""
    if value is not None:
        yield from _value(draft, path, value, indent=indent)
    if path in draft.holes:
        yield from _comment(f"??? {path[-1]}: {draft.holes[path]}", indent=indent)


def _value(draft: Draft, path: Path, value: Any, *, indent: int) -> Iterator[str]:
    reason = draft.reasons.get(path, "")
    name = _scalar(path[-1])
    flow = _flow(value)
    is_operation = path[0] == "operations" and path[2:] == ()
    if isinstance(value, dict) and (is_operation or indent + len(name) + 2 + len(flow) > _WIDTH):
        yield from _comment(reason, indent=indent)
        yield f"{' ' * indent}{name}:"
        for each, part in value.items():
            yield from _value(draft, (*path, each), part, indent=indent + 2)
        return
    line = f"{' ' * indent}{name}: {flow}"
    note = f"  # {display(reason, limit=400)}" if reason else ""
    if len(line) + len(note) <= _WIDTH:
        yield line + note
        return
    yield from _comment(reason, indent=indent)
    yield line


def _comment(text: str, *, indent: int) -> Iterator[str]:
    for line in wrap(display(text, limit=400), _WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False):
        yield f"{' ' * indent}# {line}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(name)}: {_flow(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """Write a scalar so that it is read as what it is, and no CI system takes it for a command."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False).replace("::", r"\x3a\x3a").replace("##", r"\x23\x23")
