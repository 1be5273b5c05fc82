r"""The one door through which text from outside reaches a screen, a log or a CI system.

What comes out, whatever went in:

- one line; every control, bidi, zero-width, private-use, unassigned or surrogate character, and every separator
  but the blank, is written as a visible escape: `\n`, `\x1b`, `\u202e`, `\U000e0001`;
- no `::`, no `##[` and no `##name[`: what starts a command of GitHub Actions, Azure Pipelines or TeamCity is
  broken by a visible backslash (`:\:`, `#\#[`);
- at most `limit` characters; what is cut is counted.

Printable ASCII without such commands stays as it is. `display` of its own output changes nothing, so a line
joined from displayed pieces (two of which may meet in `::`) can be displayed once more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN: Final = re.compile(r"[ -~]*")
_SUSPECT: Final = re.compile(r"[^ -~]")
_NAMED: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# Default-ignorable characters, and two blank ones, that Unicode files under letters, marks and symbols.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U000e0100-\U000e01ef]"
)
# `:` before `:`, or `#` before `#word[`: the place where a backslash breaks the command.
_COMMAND: Final = re.compile(r":(?=:)|#(?=#\w*\[)")
_MIN_LIMIT: Final = 40


def display(text: object, *, limit: int | None = 200) -> str:
    """Give text that is safe to show on one line; `limit` is in characters of the result, at least 40."""
    raw = str(text)
    if limit is None:
        return _disarm(raw)
    limit = max(limit, _MIN_LIMIT)
    # Disarming never shortens, so what lies beyond the limit need not be looked at.
    shown = _disarm(raw[: limit + 1])
    if len(shown) <= limit:
        return shown
    return _cut(raw, limit)


def name_some(names: Sequence[str], *, most: int) -> str:
    """Name many things, those beyond `most` by their number: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _cut(raw: str, limit: int) -> str:
    room = limit - len(f"… ({len(raw)} more characters)")
    kept = 0
    while kept < len(raw) and len(_disarm(raw[: kept + 1])) <= room:
        kept += 1
    return f"{_disarm(raw[:kept])}… ({len(raw) - kept} more characters)"


def _disarm(text: str) -> str:
    if _PLAIN.fullmatch(text) is None:
        text = _SUSPECT.sub(_escape, text)
    return _COMMAND.sub(r"\g<0>\\", text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character.isprintable() and _INVISIBLE.match(character) is None:
        return character
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if code < 0x100:  # noqa: PLR2004 - what fits into \x..
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - what fits into \u....
