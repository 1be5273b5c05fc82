"""What `keyspec doctor` found, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keyspec.display import display
from keyspec.jsontext import encode_json
from keyspec.render.console import make_page, pad

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.check import Check
    from keyspec.render.console import Style

_STYLES: Final[Mapping[str, Style]] = {"ok": "green", "warning": "yellow", "failed": "red"}


def render_checks(checks: Iterable[Check], *, color: bool, width: int) -> str:
    """Write one line for each check, with its hint below it."""
    page = make_page(color=color, width=width)
    lines = []
    for check in checks:
        verdict = page.paint(pad(check.verdict, 7), _STYLES[check.verdict])
        head = f"{verdict}  {display(check.subject)}  "
        indent = 7 + 2 + len(display(check.subject)) + 2
        lines.append(head + page.wrap(display(check.message, limit=400), indent=indent))
        if check.hint:
            lines.append(" " * 9 + page.wrap(display(check.hint), indent=9))
    return "\n".join(lines) + "\n"


def render_checks_json(checks: Iterable[Check]) -> str:
    """Write the checks as JSON."""
    rows = [
        {"subject": check.subject, "verdict": check.verdict, "message": check.message, "hint": check.hint}
        for check in checks
    ]
    return encode_json({"format": "keyspec-checks/1", "checks": rows}, indent=2) + "\n"
