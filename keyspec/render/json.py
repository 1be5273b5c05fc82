"""JSON for machines: plans, reports, grids and problems, indented, and safe to print anywhere (see `jsontext`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from keyspec.jsontext import encode_json
from keyspec.plandocument import PROBLEMS_FORMAT, finding_data, plan_members, report_members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyspec.errors import Problem
    from keyspec.grid import GridPage, GridRow
    from keyspec.plan import Finding, Plan
    from keyspec.report import Report


def render_plan_json(plan: Plan, *, refusals: Iterable[Problem] = ()) -> str:
    """Write a plan as `plan_document` has it, with what the guards refuse of it."""
    refused = [_problem_data(problem) for problem in refusals]
    return _write(plan_members(plan) | ({"refusals": refused} if refused else {}))


def render_report_json(report: Report) -> str:
    """Write a report as `report_document` has it."""
    return _write(report_members(report))


def render_grid_json(grid: GridPage, warnings: Iterable[Finding] = ()) -> str:
    """Write a page of the grid; `reauth_timeout` is in seconds, null is not known."""
    document = {
        "format": "keyspec-grid/1",
        "total": grid.total,
        "page": grid.page,
        "pages": grid.pages,
        "rows": [_row_data(row) for row in grid.rows],
    }
    return _write(document | warning_data(warnings))


def render_problems_json(problems: Iterable[Problem], warnings: Iterable[Finding] = ()) -> str:
    """Write problems, each with its place, code, message and hint."""
    document = {"format": PROBLEMS_FORMAT, "problems": [_problem_data(problem) for problem in problems]}
    return _write(document | warning_data(warnings))


def _write(document: dict[str, Any]) -> str:
    """Write a document in pieces: indented at once, 100,000 steps take a gigabyte while they are joined."""
    members = ",\n".join(f"  {encode_json(name)}: {_write_member(value)}" for name, value in document.items())
    return f"{{\n{members}\n}}\n"


def _write_member(value: object) -> str:
    if not isinstance(value, list | Iterator):
        return encode_json(value, indent=2).replace("\n", "\n  ")
    items = ",\n    ".join(encode_json(item, indent=2).replace("\n", "\n    ") for item in value)
    return f"[\n    {items}\n  ]" if items else "[]"


def _row_data(row: GridRow) -> dict[str, Any]:
    return {
        "hub": row.hub,
        "key_id": row.key_id,
        "roles": None if row.roles is None else list(row.roles),
        "reauth_timeout": row.reauth_timeout_s,
        "locked": row.locked,
        "declared": row.declared,
    }


def warning_data(warnings: Iterable[Finding]) -> dict[str, Any]:
    """Give the member `warnings`, if there are any."""
    told = [finding_data(finding) for finding in warnings]
    return {"warnings": told} if told else {}


def _problem_data(problem: Problem) -> dict[str, Any]:
    source = problem.source
    place = {"file": source.file, "line": source.line, "column": source.column} if source else None
    return {"code": problem.code, "message": problem.message, "source": place, "hint": problem.hint}
