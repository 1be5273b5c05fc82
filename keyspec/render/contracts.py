"""Contracts for people: what one says of its hub, and what a document or the hub says to it; both as JSON, too."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from keyspec.display import display
from keyspec.jsontext import encode_json
from keyspec.openapi.payloads import list_leaves
from keyspec.render.console import cells, make_page, pad
from keyspec.render.json import warning_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from keyspec.openapi.draft import Draft
    from keyspec.openapi.verdict import Comparison, Row, Verdict
    from keyspec.plan import Finding
    from keyspec.render.console import Page, Style

Shown = tuple[str, tuple[str, ...], "Mapping[str, Any]"]
"""A contract to be shown: its file, the hubs that speak by it, and itself as data."""

_STYLES: Final[Mapping[Verdict, Style]] = {"found": "green", "missing": "red", "differs": "yellow"}
_NAMES: Final = ("list_keys", "get_key", "create_key", "import_key", "edit_key", "lock_key", "unlock_key", "delete_key")
_ALL: Final = (*_NAMES, "list_roles", "openapi")
_LABEL_CELLS: Final = 12
_VERDICT_CELLS: Final = 7
_MOST_NAME: Final = 56


def render_contracts(shown: Iterable[Shown], *, color: bool, width: int) -> str:
    """Write what contracts say of their hubs: how they are asked, with which operations, what a key is made of."""
    page = make_page(color=color, width=width)
    return "\n".join("".join(f"{line}\n" for line in _contract_lines(*each, page)) for each in shown)


def render_contracts_json(shown: Iterable[Shown]) -> str:
    """Write contracts as JSON, with their files and hubs."""
    rows = [{"file": file, "hubs": list(hubs), "contract": content} for file, hubs, content in shown]
    return encode_json({"format": "keyspec-contracts/1", "contracts": rows}, indent=2) + "\n"


def render_draft_json(draft: Draft, warnings: Iterable[Finding] = ()) -> str:
    """Write a draft as JSON: the contract, and by place why something stands there and what is missing there."""
    told = {
        name: {".".join(path): why for path, why in sorted(notes.items())}
        for name, notes in (("reasons", draft.reasons), ("holes", draft.holes))
    }
    document = {"format": "keyspec-contract-draft/1", "contract": draft.content, **told, **warning_data(warnings)}
    return encode_json(document, indent=2) + "\n"


def render_comparisons(compared: Iterable[Comparison], *, color: bool, width: int, folded: bool = True) -> str:
    """Write a table of all that was compared, and how much of it was found.

    Folded, what is alike and needs no note shares a row.
    """
    page = make_page(color=color, width=width)
    blocks = []
    for each in compared:
        rows = list(_fold(each.rows)) if folded else [(row, display(row.name)) for row in each.rows]
        blocks.append([*_table(rows, page), *([""] if rows else []), page.wrap(_say_sum(each), indent=0, hang=2)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def render_comparisons_json(compared: Iterable[Comparison], warnings: Iterable[Finding] = ()) -> str:
    """Write comparisons as JSON."""
    checks = [
        {
            "contract": each.contract,
            "file": each.file,
            "against": each.against,
            "summary": {verdict: each.count(verdict) for verdict in _STYLES},
            "rows": [
                {
                    "operation": row.operation,
                    "part": row.part,
                    "name": row.name,
                    "verdict": row.verdict,
                    "note": row.note or None,
                }
                for row in each.rows
            ],
        }
        for each in compared
    ]
    document = {"format": "keyspec-contract-check/1", "checks": checks, **warning_data(warnings)}
    return encode_json(document, indent=2) + "\n"


def _contract_lines(file: str, hubs: tuple[str, ...], content: Mapping[str, Any], page: Page) -> Iterator[str]:
    verified = "verified" if content.get("verified") else "not verified"
    yield f"{page.paint(display(content['name']), 'bold')}  {display(file, limit=None)}  {verified}"
    told = {"hubs": ", ".join(hubs), "base": content.get("base", ""), "credential": _say_auth(content["auth"])}
    told["headers"] = _say_members(content.get("headers", {}))
    told["paging"] = _say_paging(content.get("paging", {}))
    for section in ("key", "role", "errors", "capabilities"):
        told[section] = _say_members(content.get(section, {}))
    operations = content["operations"]
    told.update({name: _say_operation(operation) for name, operation in operations.items()})
    told["not there"] = ", ".join(name for name in _ALL if name not in operations)
    for label, text in told.items():
        if text:
            wrapped = page.wrap(display(text, limit=2000), indent=_LABEL_CELLS + 4)
            yield f"  {page.paint(pad(display(label), _LABEL_CELLS), 'dim')}  {wrapped}"


def _say_auth(auth: Any) -> str:
    if not isinstance(auth, dict):
        return "none"
    parts = [f"{name} {_say_value(value)}" for name, value in auth.items() if name not in ("scheme", "statuses")]
    scheme = auth.get("scheme", "header")
    return ", ".join(parts if scheme == "header" else [scheme, *parts])


def _say_paging(paging: Mapping[str, Any]) -> str:
    style = paging.get("style", "page-index")
    if style == "none":
        return "none, one request holds all"
    following = f", the next one at {paging['next']}" if "next" in paging else ""
    return f"{style}, {paging.get('size', 100)} rows a page{following}"


def _say_members(members: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {_say_value(value)}" for name, value in members.items())


def _say_value(value: Any) -> str:
    if isinstance(value, dict):
        place = f"{value['at']} " if "at" in value else ""
        return f"{place}({_say_members({name: part for name, part in value.items() if name != 'at'})})"
    if isinstance(value, list):
        return " or ".join(map(_say_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value != "" else '""'


def _say_operation(operation: Mapping[str, Any]) -> str:
    """Say what is sent, where the answer is looked at, and which statuses mean done."""
    parts = [f"{operation['method']} {operation['path']}"]
    for section, words in (("query", "asks"), ("body", "sends")):
        if operation.get(section):
            whole = " the whole key:" if section == "body" and operation.get("sends") == "whole" else ""
            parts.append(f"{words}{whole} {', '.join(_say_leaves(operation[section]))}")
    if operation.get("if_match"):
        parts.append("if unchanged (If-Match)")
    if "paging" in operation:
        parts.append(f"pages: {_say_paging(operation['paging'])}")
    looks = [f"{part} at {operation[part]}" for part in ("rows", "total", "value", "key") if part in operation]
    parts += [", ".join(looks)] if looks else []
    parts.append("done: " + ", ".join(map(str, operation["statuses"])))
    return " · ".join(parts)


def _say_leaves(node: Any) -> Iterator[str]:
    """Name what is filled in by where it stands, and constants with their values."""
    for path, value in list_leaves(node):
        filled = isinstance(value, str) and value.startswith("{")
        yield ".".join(path) if filled else f"{'.'.join(path)}: {_say_value(value)}"


def _fold(rows: Iterable[Row]) -> Iterator[tuple[Row, str]]:
    """Join the names of rows in a row that are alike in all but their names, and have no note."""
    for _, alike in groupby(rows, key=lambda row: (row.operation, row.part, row.verdict, row.note)):
        members = list(alike)
        if members[0].note:
            yield from ((row, display(row.name)) for row in members)
        else:
            yield members[0], ", ".join(display(row.name) for row in members)


def _table(rows: Sequence[tuple[Row, str]], page: Page) -> Iterator[str]:
    """Lay out rows; only names that have a note beside them make their column wide."""
    operation_cells = max((cells(row.operation) for row, _ in rows), default=0)
    part_cells = max((cells(row.part) for row, _ in rows), default=0)
    name_cells = min(max((cells(name) for row, name in rows if row.note), default=0), _MOST_NAME)
    for row, name in rows:
        verdict = page.paint(pad(row.verdict, _VERDICT_CELLS), _STYLES[row.verdict])
        head = f"{verdict}  {pad(row.operation, operation_cells)}  {pad(row.part, part_cells)}  "
        indent = _VERDICT_CELLS + operation_cells + part_cells + 6
        if row.note:
            beside = indent + max(cells(name), name_cells) + 2
            yield f"{head}{pad(name, name_cells)}  {page.wrap(display(row.note, limit=400), indent=beside)}"
        else:
            yield f"{head}{page.wrap(name, indent=indent)}"


def _say_sum(compared: Comparison) -> str:
    told = (
        f"{compared.count('found')} found, {compared.count('missing')} missing, {compared.count('differs')} different"
    )
    return f"`{display(compared.contract)}` against {display(compared.against, limit=None)}: {told}."
