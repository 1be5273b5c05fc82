"""JSON as text that is safe to print: the same data after parsing, and nothing a terminal or a CI system obeys.

Everything beyond ASCII is escaped, so no control character and no bidi mark stands in the text. `::` and `##`, with
which CI workflow commands begin, can only stand inside strings; there their characters are escaped too.
"""

from __future__ import annotations

import json

_COMMANDS = (("::", r"\u003a\u003a"), ("##", r"\u0023\u0023"))


def encode_json(value: object, *, indent: int | None = None) -> str:
    """Write a value as JSON text, on one line or indented."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, indent=indent).replace("\x7f", r"\u007f")
    for command, escaped in _COMMANDS:
        text = text.replace(command, escaped)
    return text
