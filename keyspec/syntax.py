"""What is wrong with text that is no YAML, in plain words.

The parser's own messages are never shown: they are jargon, differ between the two parsers, and some repeat what
stands in the file. What it says is looked up in a table; the first row found in its words gives ours.
"""

from __future__ import annotations

import re
from typing import Any, Final

from keyspec.errors import Problem
from keyspec.source import Source

_QUOTE: Final = "put the text in quotes"
_INDENT: Final = "check the indentation of this line and of those above"

_SAYS: Final = (
    # (what the parser says, as a pattern over "context; problem"; our message; our hint)
    ("incompatible YAML", "the file asks for another version of YAML than 1.2", "leave the %YAML line out"),
    ("duplicate %?YAML", "a second %YAML line", "leave the %YAML lines out"),
    ("directive", "a line begins with %, and is no directive of YAML", _QUOTE),
    ("escape|hexdecimal", "an escape in a double-quoted text is none that YAML knows", "double the \\, or use '…'"),
    ("quoted scalar", "a quoted text is never closed", "add the missing quote"),
    ("tab character", "a tab stands where only blanks may indent", "indent with blanks"),
    ("alias|anchor", "* or & begins an alias or an anchor, and no name follows", "put a glob in quotes"),
    ("tag", "! begins a tag, and tags are not used here", _QUOTE),
    ("block scalar", "only an indentation or a line break may follow | or >", "begin the text on the next line"),
    ("mapping values", "a `: ` stands where no key can be", f"{_QUOTE} if it holds `: `, or {_INDENT}"),
    ("expected ':'", "a key without its `:`", f"write `key: value`, or {_INDENT}"),
    ("unexpected ':'", "a `:` in an unquoted text between brackets", _QUOTE),
    ("sequence entries", "a `- ` stands where no list can begin", _INDENT),
    ("mapping keys", "a `? ` stands where no key can be", _QUOTE),
    ("cannot start", "no unquoted text begins with this character", _QUOTE),
    (r"'\]'", "a list in [ ] is not closed, or misses a comma", "add the missing ] or comma"),
    (r"'\}+'", "a mapping in { } is not closed, or misses a comma", "add the missing } or comma"),
    ("flow", "a value is missing, or a bracket is not closed", "add what is missing, or quotes"),
    ("expected key|block end|'-' indicator", "this line does not fit those above", _INDENT),
    ("document", "something follows the end of the document", _INDENT),
    ("", "this is not YAML", f"{_QUOTE}, or {_INDENT}"),
)


def describe_error(error: Any, text: str, file: str) -> Problem:
    """Turn what a YAML parser raised into a problem; `error` is ruamel.yaml's, or any other's without a place."""
    problem, begin = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    said = f"{getattr(error, 'context', None) or ''}; {getattr(error, 'problem', None) or ''}"
    marks = [mark for mark in (problem, begin) if mark is not None]
    if begin is not None and re.search("quoted scalar|expected ':'", said) and "escape" not in said:
        marks = [begin]  # where it opens; the parser noticed at the end of the file
    line, column = (marks[0].line, marks[0].column) if marks else (0, 0)
    if "cannot start" in said and _character_at(text, line, column) == "\t":
        said = "tab character"
    message, hint = _look_up(said)
    opened = f"; it begins at line {begin.line + 1}" if begin is not None and 0 <= begin.line < line else ""
    return Problem("yaml-syntax", message + opened, Source(file, line + 1, column + 1), hint)


def source_at(text: str, offset: int, file: str) -> Source:
    """Give the place of a character of a text."""
    line = text.count("\n", 0, offset) + 1
    return Source(file, line, offset - text.rfind("\n", 0, offset))


def _look_up(said: str) -> tuple[str, str]:
    return next((message, hint) for pattern, message, hint in _SAYS if re.search(pattern, said))


def _character_at(text: str, line: int, column: int) -> str:
    lines = text.split("\n", line + 1)
    return lines[line][column : column + 1] if line < len(lines) else ""
