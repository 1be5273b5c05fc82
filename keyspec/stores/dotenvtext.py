r"""The text of a dotenv file: finding the line of a name, and writing a value so that all readers agree on it.

`sh` and python-dotenv quote differently, so each value gets the plainest form that both read alike:

    NAME=value      nothing in it that either takes for more than itself
    NAME='value'    no quote, no backslash, no `${`: python-dotenv unescapes and expands those here too
    NAME="value"    anything else: `\` and `"` escaped, `$` and backticks as below

Inside `"..."` python-dotenv does not know `\$`, and puts the value of a variable, mostly none, where `${anything}`
stands. So a run of such characters is written twice, each time hidden from the other reader:

    ${?+\$}               sh: `$?` is always set, so an escaped `$`    python-dotenv: an unknown variable, nothing
    ${?+$(true '}$${')}   sh: what `true` says, nothing                python-dotenv: nothing, then `$`, then nothing

Nothing but `$` and backticks, quoted, gets into these, so no value is ever run. Lines are counted as `sh` does: a
quoted value may go on over several. Whatever else a file holds stays as it is, byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_PLAIN: Final = re.compile(rb"[A-Za-z0-9_@%+=:,./-]*")
_SINGLE: Final = re.compile(rb"'((?:(?!\$\{)[^'\\])*)'")
_DOUBLE: Final = re.compile(rb'"((?:\\.|[^"\\])*)"', re.DOTALL)
_HEAD: Final = re.compile(rb"([ \t]*(?:export[ \t]+)?)([A-Za-z_][A-Za-z0-9_]*)[ \t]*=")
_BLANKS: Final = re.compile(rb"[ \t]*")
_EMPTY: Final = re.compile(rb"(?:[ \t]+#[^\n]*|[ \t]*)\r?(?:\n|\Z)")
_QUOTED: Final = re.compile(rb"""'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_REST: Final = re.compile(rb"[ \t]*(?:[ \t]#[^\n]*)?\r?(?:\n|\Z)")
_UNQUOTED: Final = re.compile(rb"([^\n]*?)[ \t]*(?:[ \t]#[^\n]*)?\r?(?:\n|\Z)")

_TO_ESCAPE: Final = re.compile(rb'[\\"]|[$`]+')
_ESCAPED: Final = re.compile(rb"""\\([\\"])|\$\{\?\+((?:\\[$`])+)\}\$\{\?\+\$\(true '\}([$`]+)\$\{'\)\}""")
# Each run of `$` and backticks costs a shell some stack: dash dies of 1,500.
_MAX_RUNS: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """Where a name is given a value: the whole line, and in it the value as it is written, both as offsets.

    `lead` is what stands before the name: blanks, `export`.
    """

    begin: int
    lead: bytes
    value_begin: int
    value_end: int
    end: int


def find_lines(data: bytes) -> dict[str, tuple[Line, ...]]:
    """Give the lines that give a name a value, by name, each in their order."""
    found: dict[str, tuple[Line, ...]] = {}
    position = 0
    while position < len(data):
        if (head := _HEAD.match(data, position)) is None:
            position = (data.find(b"\n", position) + 1) or len(data)
            continue
        begin, end, after = _find_value(data, head.end())
        name = head[2].decode()
        found[name] = (*found.get(name, ()), Line(position, head[1], begin, end, after))
        position = after
    return found


def put_value(data: bytes, line: Line | None, name: str, value: bytes) -> bytes:
    """Write a value into its line, or into a new one at the end."""
    if line is None:
        gap = b"" if not data or data.endswith(b"\n") else b"\n"
        return data + gap + name.encode() + b"=" + encode_value(value) + b"\n"
    return _write(data, line, name, encode_value(value))


def empty_line(data: bytes, line: Line, name: str) -> bytes:
    """Take the value out of its line; the line keeps its place."""
    return _write(data, line, name, b"''" if data[line.value_end : line.end].strip() else b"")


def encode_value(value: bytes) -> bytes:
    """Write printable ASCII so that `sh` and python-dotenv read the same.

    Raises:
        ValueError: it holds more runs of `$` and backticks, beside quotes or backslashes, than shells can take.
    """
    if value and _PLAIN.fullmatch(value):
        return value
    single = b"'" + value + b"'"
    if _SINGLE.fullmatch(single):
        return single
    escaped, runs = _TO_ESCAPE.subn(_escape, value)
    if runs > _MAX_RUNS and len(re.findall(rb"[$`]+", value)) > _MAX_RUNS:
        message = "too many `$` and backticks for one line"
        raise ValueError(message)
    return b'"' + escaped + b'"'


def decode_value(text: bytes) -> bytes | None:
    """Read what stands after `NAME=`; None for what readers may take differently."""
    if _PLAIN.fullmatch(text):
        return text
    if single := _SINGLE.fullmatch(text):
        return single[1]
    if (double := _DOUBLE.fullmatch(text)) is None:
        return None
    if re.search(rb'[\\$`"]', _ESCAPED.sub(b"", double[1])):
        return None
    value = _ESCAPED.sub(lambda match: match[1] or match[3], double[1])
    return value if _TO_ESCAPE.sub(_escape, value) == double[1] else None


def _escape(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text in (b"\\", b'"'):
        return b"\\" + text
    return b"${?+" + re.sub(rb"(.)", rb"\\\1", text) + b"}${?+$(true '}" + text + b"${')}"


def _find_value(data: bytes, begin: int) -> tuple[int, int, int]:
    """Give where the value begins and ends, and where its line ends; `begin` is where the name's `=` ends."""
    if empty := _EMPTY.match(data, begin):
        return begin, begin, empty.end()
    blanks = _BLANKS.match(data, begin)
    begin = blanks.end() if blanks else begin
    quoted = _QUOTED.match(data, begin)
    if quoted is not None and (rest := _REST.match(data, quoted.end())):
        return begin, quoted.end(), rest.end()
    # Quotes that do not make up the whole value still carry it over line breaks.
    unquoted = _UNQUOTED.match(data, quoted.end() if quoted else begin)
    assert unquoted is not None  # noqa: S101 - it matches anything
    return begin, unquoted.end(1), unquoted.end()


def _write(data: bytes, line: Line, name: str, text: bytes) -> bytes:
    return data[: line.begin] + line.lead + name.encode() + b"=" + text + data[line.value_end :]
