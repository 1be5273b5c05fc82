"""What an unquoted YAML scalar means: YAML 1.2's core schema (section 10.3.2), and nothing beyond it.

So `yes`, `on` and dates are text, `010` is ten, `0o10` is eight and `1_000` is text.
"""

from __future__ import annotations

import re
from math import inf, isinf, nan
from typing import Final

MAX_NUMBER_LENGTH: Final = 1_000

_CONSTANTS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{f"{sign}{name}": inf for sign in ("", "+") for name in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), nan),
}
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)


def resolve_scalar(text: str) -> str | float | bool | None:
    """Give the value of an unquoted scalar.

    Raises ValueError for a number too long or too large to be one, with a message that does not repeat it.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            _check_length(text)
            return int(text, base)
    if _FLOAT.fullmatch(text):
        _check_length(text)
        return _to_float(text)
    return text


def _check_length(text: str) -> None:
    if len(text) > MAX_NUMBER_LENGTH:
        message = f"a number has at most {MAX_NUMBER_LENGTH:,} digits"
        raise ValueError(message)


def _to_float(text: str) -> float:
    number = float(text)
    if isinf(number):
        message = "the number is too large"
        raise ValueError(message)
    return number
