"""How text meets a terminal: colour or none, how wide, and where a line breaks.

Colour only repeats what words and symbols already say. A word is never broken and never cut to fit, so an ID can be
copied from any width.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Style = Literal["bold", "dim", "red", "green", "yellow", "magenta", "cyan"]
ColorChoice = Literal["auto", "always", "never"]

DEFAULT_WIDTH: Final = 120
"""Columns where nobody can tell them: files, pipes, CI logs."""
LEAST_WIDTH: Final = 40

_CODES: Final[dict[Style, str]] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What text is written on: with or without colour, `width` columns wide."""

    color: bool
    width: int

    def paint(self, text: str, style: Style) -> str:
        """Colour a text that is already displayed and broken, line by line: CI logs forget colours at a line's end."""
        if not self.color:
            return text
        return "\n".join(_paint_line(line, _CODES[style]) for line in text.split("\n"))

    def wrap(self, text: str, *, indent: int, hang: int = 0) -> str:
        """Break a text at blanks, to begin at column `indent` of a line and go on there, or `hang` columns further.

        A word is never broken. What may hold text from outside never goes on at column 0: it could pass for a line.
        """
        if indent + cells(text) <= self.width:
            return text
        lines: list[str] = []
        words: list[str] = []
        used = indent
        for word in text.split(" "):
            size = cells(word)
            if words and used + size > self.width:
                lines.append(" ".join(words).rstrip())
                words, used = [], indent + hang
            if words or word:
                words.append(word)
                used += size + 1
        lines.append(" ".join(words).rstrip())
        return ("\n" + " " * (indent + hang)).join(lines)


def make_page(*, color: bool, width: int) -> Page:
    """Make a page that is at least `LEAST_WIDTH` wide."""
    return Page(color=color, width=max(width, LEAST_WIDTH))


def wants_color(choice: ColorChoice, *, is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Decide on colour: as chosen, else on a terminal that is not dumb, unless `NO_COLOR` is set (no-color.org)."""
    if choice != "auto":
        return choice == "always"
    return is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def cells(text: str) -> int:
    """Count the terminal columns a displayed text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def pad(text: str, width: int) -> str:
    """Fill a displayed text with blanks up to `width` columns."""
    return text + " " * (width - cells(text))


def _paint_line(line: str, code: str) -> str:
    text = line.lstrip(" ")
    return f"{line[: len(line) - len(text)]}\x1b[{code}m{text}\x1b[0m" if text else line


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
