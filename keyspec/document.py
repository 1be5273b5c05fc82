"""YAML bytes in, a plain tree out that remembers where everything stands.

    bytes ── limits ──> text ── events of the parser ──> Map / Seq / text, number, true, false, null

The parser is libyaml's, through ruamel.yaml.clib; without it ruamel.yaml's own, ten times slower, gives the
same events. Rules beyond YAML 1.2 and its core schema: one document per file, a mapping at its root; keys are
text; no tags, no merge keys, no key twice; the limits below. Line breaks are LF and CRLF only, so that no
editor, reviewer or parser counts other lines than the next.

Every problem found is reported; a syntax error or too great a depth ends the file. A problem of a file that does
not look like keyspec's repeats nothing of what stands in it, and a syntax error never does.
"""

from __future__ import annotations

import gc
import re
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from keyspec.errors import Problem, SpecError
from keyspec.source import Source
from keyspec.syntax import describe_error, source_at
from keyspec.tree import Map, Seq, TreeBuilder, is_keyspec_like, position_of, source_of

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["MAX_BYTES", "Document", "Map", "Seq", "locate", "parse_document", "parser_is_native"]

MAX_BYTES: Final = 10 * 1024 * 1024

_MAX_CHARACTERS: Final = 20
# What YAML calls printable, less the byte order mark and the line breaks that only some programs see: CR, NEL, LS, PS.
_FORBIDDEN: Final = re.compile(
    "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|\r(?!\n)"
)
_DIRECTIVE: Final = re.compile(r"^%(TAG|YAML)\b(?![ \t]+1\.2[ \t\r]*(?:$|#))", re.MULTILINE)
# `:` and `?` that YAML 1.2 allows in an unquoted text between brackets, where libyaml before 0.2 does not.
_INNER: Final = re.compile(r"(?<![\"'\]}]):(?=[^\s,\[\]{}])|(?<=[^\s,\[{\"'\]}])\?")
_STAND_INS: Final = ("\ue000", "\ue001")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Document:
    """One parsed file.

    `places` holds the places of every entry (its key's, its value's) and every item, eight bytes each: nodes
    that carry their own would take ten times the memory of the tree.
    """

    file: str
    root: Map
    places: array[int]
    root_place: int

    @property
    def keyspec_like(self) -> bool:
        """Whether the file says it is keyspec's, so that messages may repeat what stands in it."""
        return is_keyspec_like(self.root)


def parser_is_native() -> bool:
    """Tell whether libyaml is installed."""
    return find_spec("_ruamel_yaml") is not None


def parse_document(data: bytes, file: str, *, native: bool = True) -> Document:
    """Read one file, with libyaml where it is installed and `native` is not False.

    Raises SpecError with every problem found.
    """
    text = _decode(data, file)
    _check_characters(text, file)
    open_events = _native_events if native and parser_is_native() else _pure_events
    with _collector_paused():
        builder = _read(text, file, open_events)
    if builder.problems:
        raise SpecError(builder.problems)
    return Document(file, builder.top[0], builder.places, builder.bottom.marks[0])


def locate(document: Document, path: Sequence[str | int], *, key: bool = False) -> Source:
    """Give the place of the value at a path, or of its key; where the path runs out, of the last that exists."""
    node: Any = document.root
    key_place = value_place = document.root_place
    for step in path:
        if isinstance(node, Map) and step in node:
            at = node.marks + 2 * position_of(node, str(step))
            key_place, value_place = document.places[at], document.places[at + 1]
        elif isinstance(node, Seq) and isinstance(step, int) and 0 <= step < len(node):
            key_place = value_place = document.places[node.marks + step]
        else:
            break
        node = node[step]
    return source_of(document.file, key_place if key else value_place)


def _read(text: str, file: str, open_events: Callable[[str], Iterator[Any]]) -> TreeBuilder:
    first = _read_once(text, TreeBuilder(file), open_events)
    syntax = _syntax_error(first)
    if syntax is None or not _INNER.search(text) or any(stand_in in text for stand_in in _STAND_INS):
        return first
    stand_ins = {ord(stand_in): character for stand_in, character in zip(_STAND_INS, ":?", strict=True)}
    replaced = _INNER.sub(lambda match: _STAND_INS[match.group() == "?"], text)
    second = _read_once(replaced, TreeBuilder(file, stand_ins), open_events)
    syntax_then = _syntax_error(second)
    return second if syntax_then is None or syntax_then > syntax else first


def _read_once(text: str, builder: TreeBuilder, open_events: Callable[[str], Iterator[Any]]) -> TreeBuilder:
    try:
        builder.read(open_events(text))
    except _yaml_error() as error:
        builder.problems.append(describe_error(error, text, builder.file))
    return builder


def _syntax_error(builder: TreeBuilder) -> Source | None:
    found = (problem.source for problem in builder.problems if problem.code == "yaml-syntax")
    return max((source for source in found if source is not None), default=None)


def _native_events(text: str) -> Iterator[Any]:
    return iter(import_module("_ruamel_yaml").CParser(text).get_event, None)


def _pure_events(text: str) -> Iterator[Any]:
    ruamel: Any = import_module("ruamel.yaml")
    yaml_error = _yaml_error()
    try:
        yield from ruamel.YAML(typ="safe", pure=True).parse(text)
    except yaml_error:
        raise
    except Exception as error:  # it lets assertions and errors of Python through, whatever they are
        raise yaml_error from error


def _yaml_error() -> type[Exception]:
    error: type[Exception] = import_module("ruamel.yaml.error").YAMLError
    return error


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector from walking a tree that only grows: half of the time, for large files."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _decode(data: bytes, file: str) -> str:
    start = Source(file, 1, 1)
    if len(data) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES // 1024**2} MiB"
        raise SpecError([Problem("too-large", what, start, "split it: see `include`")])
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:2].count(0) == 1:
        what = "the file is UTF-16 or UTF-32, not UTF-8"
        raise SpecError([Problem("not-utf8", what, start, "save it as UTF-8")])
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        source = source_at(before, len(before), file)
        raise SpecError([Problem("not-utf8", what, source, "save the file as UTF-8")]) from None


def _check_characters(text: str, file: str) -> None:
    problems = []
    for match in islice(_FORBIDDEN.finditer(text), _MAX_CHARACTERS):
        what = f"the character U+{ord(match.group()):04X} may not stand in a file"
        hint = "end lines with LF or CRLF" if match.group() == "\r" else "write it as an escape in double quotes"
        problems.append(Problem("control-character", what, source_at(text, match.start(), file), hint))
    # libyaml compares every %TAG with all others, for minutes; a version is refused alike by both parsers here.
    for match in islice(_DIRECTIVE.finditer(text), 1):
        if match[1] == "TAG":
            code, what, hint = "tag", "tags are not used here", "leave the %TAG line out"
        else:
            code, what, hint = "yaml-syntax", "YAML 1.2 is the version that is read", "leave the %YAML line out"
        problems.append(Problem(code, what, source_at(text, match.start(), file), hint))
    if problems:
        raise SpecError(problems)
