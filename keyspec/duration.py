"""Durations as people write them: whole seconds, or one number and one unit (`90s`, `5m`, `1h`, `14d`).

A duration is at least a second and at most ten years of 365 days, so no sum of them overflows a date.
"""

from __future__ import annotations

import re
from typing import Final

MAX_DURATION_S: Final = 10 * 365 * 86_400

_UNITS_S: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
# Twelve digits hold the limit in any unit; a longer text is refused before it becomes a number.
_DURATION: Final = re.compile(r"([0-9]{1,12})([smhd]?)", re.ASCII)


def parse_duration(value: int | str) -> int:
    """Give the seconds of a duration; text without a unit is seconds.

    Raises ValueError, with a message that does not repeat the text.
    """
    seconds = value if isinstance(value, int) and not isinstance(value, bool) else _parse_text(value)
    if seconds < 1:
        message = "a duration is at least 1s"
        raise ValueError(message)
    if seconds > MAX_DURATION_S:
        message = f"a duration is at most {format_duration(MAX_DURATION_S)} (ten years)"
        raise ValueError(message)
    return seconds


def format_duration(seconds: int) -> str:
    """Give the shortest exact form; what `parse_duration` accepts is read back as the same number."""
    for unit, unit_s in _UNITS_S.items():
        if seconds and seconds % unit_s == 0:
            return f"{seconds // unit_s}{unit}"
    return "0s"


def _parse_text(value: object) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        message = "not a duration: write whole seconds, or one number and one unit like 90s, 5m, 1h or 14d"
        raise ValueError(message)
    number, unit = match.groups()
    return int(number) * _UNITS_S[unit or "s"]
