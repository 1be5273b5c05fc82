"""The tree of a document, and how it grows from the events of a YAML parser.

    Map, Seq      the containers; they are a dict and a list, and know where their places stand
    places        line << 32 | column of every key, value and item, both from 0, in one array per document
    TreeBuilder   one method per event; notes every problem and goes on

An alias and what it stands for are one object. An entry that cannot be (a merge key, a key twice, a key that is
no text) is read, for the problems in it, and dropped.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from sys import intern
from typing import TYPE_CHECKING, Any, Final

from keyspec.errors import Problem
from keyspec.scalar import resolve_scalar
from keyspec.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_DEPTH: Final = 100
MAX_EXPANDED_NODES: Final = 1_000_000
MAX_EVENTS: Final = 4_000_000
"""More than the densest useful spec of 10 MiB has; bounds the time spent on `[[],[],…`."""
MAX_PROBLEMS: Final = 1_000

_PACKED: Final = 32
_COLUMN: Final = (1 << _PACKED) - 1
_SKIPPED: Final = object()  # the key of an entry that is read and dropped
_ITEM: Final = object()  # the "key" of an item of a sequence
_MEMO_SIZE: Final = 10_000
_MEMO_LENGTH: Final = 40
_MAX_QUOTED: Final = 60

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Map(dict[str, Any]):
    """A mapping in file order; `marks` is where its places begin in its document's `places`."""

    __slots__ = ("marks", "order")

    marks: int
    order: dict[str, int]


class Seq(list[Any]):
    """A sequence; `marks` is where its places begin in its document's `places`."""

    __slots__ = ("marks",)

    marks: int


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for; `text` is None where it is a container."""

    value: Any
    text: str | None
    nodes: int
    height: int


_UNKNOWN: Final = _Anchored(None, "", 0, 0)


class _Frame:
    """A container that is being read."""

    __slots__ = ("anchor", "before", "height", "key", "key_place", "marks", "node")

    def __init__(self, node: Map | Seq, anchor: str | None, before: int) -> None:
        self.node: Any = node
        self.anchor = anchor
        self.before = before  # how many nodes there were
        self.height = 1  # of the tree from here down
        self.key: Any = None if type(node) is Map else _ITEM  # None: a key is next
        self.key_place = 0
        self.marks = array("Q")


class TreeBuilder:
    """Makes the tree from the parser's events, one method per event."""

    def __init__(self, file: str, stand_ins: dict[int, str] | None = None) -> None:
        self.file = file
        self.stand_ins = stand_ins
        self.problems: list[Problem] = []
        self.top = Seq()
        self.places = array("Q")
        self.bottom = self.frame = _Frame(self.top, None, 0)
        self.stack = [self.frame]
        self.done = False
        self.documents = 0
        self.nodes = 0
        self.expanded = 0
        self.anchors: dict[str, _Anchored | None] = {}
        self.memo: dict[str, Any] = {}

    def read(self, events: Iterator[Any]) -> None:
        """Take events until the file ends, or must end."""
        handlers = self._handlers()
        for count, event in enumerate(events):
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)
            if self.done:
                return
            if count > MAX_EVENTS:
                self.report("too-large", "the file holds too many values", _place(event), "split it: see `include`")
                return
        if not self.top or type(self.top[0]) is not Map:
            what = "the file is not a mapping" if self.top else "the file is empty"
            self._refuse_root(what, self.bottom.marks[0] if self.top else 0)

    def report(self, code: str, message: str, place: int, hint: str | None = None) -> None:
        """Note a problem, up to a number that nobody would read beyond."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(code, message, source_of(self.file, place), hint))
        elif len(self.problems) == MAX_PROBLEMS:
            what = "there are more problems than these"
            self.problems.append(Problem("more-problems", what, source_of(self.file, place)))
            self.done = True

    def _handlers(self) -> dict[type, Callable[[Any], None]]:
        # Not kept: a builder in a cycle with its own methods would outlive its use by a collection.
        events: Any = import_module("ruamel.yaml.events")
        return {
            events.ScalarEvent: self._on_scalar,
            events.AliasEvent: self._on_alias,
            events.MappingStartEvent: self._on_mapping,
            events.SequenceStartEvent: self._on_sequence,
            events.MappingEndEvent: self._on_end,
            events.SequenceEndEvent: self._on_end,
            events.DocumentStartEvent: self._on_document,
        }

    def _on_document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.report("several-documents", "a second document begins here", _place(event), "one document per file")
            self.done = True

    def _on_scalar(self, event: Any) -> None:
        mark = event.start_mark
        place = mark.line << _PACKED | mark.column
        text = event.value if self.stand_ins is None else event.value.translate(self.stand_ins)
        self.nodes += 1
        if event.ctag is not None:
            self._refuse_tag(place)
        if self.frame.key is None:
            value: Any = text
            self._take_key(text, place, plain=not event.style)
        else:
            # Few scalars of a large spec are unlike all others: most are looked up here.
            value = text if event.style else self.memo.get(text, _SKIPPED)
            if value is _SKIPPED:
                value = self._resolve(text, place)
            elif event.style and not text.isascii():
                self._check_text(text, place)
            self._take_value(value, place)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, text, 1, 0)

    def _on_alias(self, event: Any) -> None:
        place = _place(event)
        anchored = self.anchors.get(event.anchor, _UNKNOWN)
        if anchored is None or anchored is _UNKNOWN:
            self._refuse_alias(event.anchor, place, known=anchored is None)
            anchored = _UNKNOWN
        self.nodes += anchored.nodes
        self.expanded += anchored.nodes
        if self.expanded > MAX_EXPANDED_NODES:
            if self.expanded - anchored.nodes <= MAX_EXPANDED_NODES:
                what = f"aliases expand to more than {MAX_EXPANDED_NODES:,} nodes"
                self.report("alias-expansion", what, place, "write fewer aliases of aliases")
            anchored = _UNKNOWN
        if len(self.stack) - 1 + anchored.height > MAX_DEPTH:
            self._refuse_depth(place)
        self.frame.height = max(self.frame.height, anchored.height + 1)
        if self.frame.key is not None:
            self._take_value(anchored.value, place)
        elif anchored.text is not None:
            self._take_key(anchored.text, place, plain=False)
        else:
            self._refuse_key(place)

    def _on_mapping(self, event: Any) -> None:
        self._begin(Map(), event)

    def _on_sequence(self, event: Any) -> None:
        if self.frame is self.bottom:
            self._refuse_root("the file is a list, not a mapping", _place(event))
        else:
            self._begin(Seq(), event)

    def _begin(self, node: Map | Seq, event: Any) -> None:
        place = _place(event)
        if len(self.stack) > MAX_DEPTH:
            self._refuse_depth(place)
            return
        if event.ctag is not None:
            self._refuse_tag(place)
        if self.frame.key is None:
            self._refuse_key(place)
        else:
            self._take_value(node, place)
        if event.anchor is not None:
            self.anchors[event.anchor] = None  # not to be used before it ends
        self.frame = _Frame(node, event.anchor, self.nodes)
        self.stack.append(self.frame)
        self.nodes += 1

    def _on_end(self, _event: Any) -> None:
        frame = self.stack.pop()
        frame.node.marks = len(self.places)
        self.places.extend(frame.marks)
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchored(frame.node, None, self.nodes - frame.before, frame.height)
        self.frame = self.stack[-1]
        if frame.height >= self.frame.height:
            self.frame.height = frame.height + 1

    def _take_key(self, text: str, place: int, *, plain: bool) -> None:
        """Hold a key until its value comes, or mark its entry as one to be dropped."""
        frame = self.frame
        frame.key = _SKIPPED
        if plain and text == "<<":
            self.report(
                "merge-key", "merge keys are not used here", place, "write a profile and `extends: PROFILE` instead"
            )
        elif text in frame.node:
            self._refuse_duplicate(text, place)
        else:
            if not text.isascii():
                self._check_text(text, place)
            frame.key = intern(text)
            frame.key_place = place

    def _take_value(self, value: Any, place: int) -> None:
        """Put a value where it belongs; its container may still grow."""
        frame = self.frame
        key = frame.key
        if key is _ITEM:
            frame.node.append(value)
            frame.marks.append(place)
            return
        frame.key = None
        if key is not _SKIPPED:
            frame.node[key] = value
            frame.marks.append(frame.key_place)
            frame.marks.append(place)

    def _resolve(self, text: str, place: int) -> Any:
        """Read an unquoted scalar, and remember what short ones mean."""
        try:
            value = resolve_scalar(text)
        except ValueError as error:
            self.report("number", str(error), place, "put it in quotes if it is text")
            return None
        if len(text) <= _MEMO_LENGTH and len(self.memo) < _MEMO_SIZE:
            self.memo[text] = value
        return value

    def _check_text(self, text: str, place: int) -> None:
        if _SURROGATE.search(text) is not None:  # libyaml calls it a syntax error, ruamel.yaml lets it pass
            self.report("yaml-syntax", "an escape names half a character", place, "write \\U and eight digits")

    def _refuse_root(self, what: str, place: int) -> None:
        self.report("not-a-mapping", what, place, "a spec begins with `keyspec: 1`")
        self.done = True

    def _refuse_tag(self, place: int) -> None:
        self.report("tag", "tags are not used here", place, "put a text that begins with ! in quotes")

    def _refuse_key(self, place: int) -> None:
        what = "a mapping or a list stands where a key is wanted"
        self.report("key-not-text", what, place, "put a key that begins with [ or { in quotes")
        self.frame.key = _SKIPPED

    def _refuse_depth(self, place: int) -> None:
        self.report("too-deep", f"the file is nested more than {MAX_DEPTH} deep", place)
        self.done = True

    def _refuse_alias(self, name: str, place: int, *, known: bool) -> None:
        if known:
            what = f"the alias{self._quote(name)} stands inside what it stands for"
            self.report("alias-cycle", what, place, "write the value out")
        else:
            what = f"no anchor{self._quote(name)} stands above this alias"
            self.report("alias-unknown", what, place, "put a text that begins with * in quotes")

    def _refuse_duplicate(self, key: str, place: int) -> None:
        if len(self.problems) > MAX_PROBLEMS:
            return
        first = source_of(self.file, self.frame.marks[2 * position_of(self.frame.node, key)])
        what = f"the key{self._quote(key)} stands here and at {first}"
        self.report("duplicate-key", what, place, "keep one of them")

    def _quote(self, name: str) -> str:
        """Give a name for a message, or nothing where the file must not be repeated."""
        if not self.top or not is_keyspec_like(self.top[0]):
            return ""
        return f" `{name}`" if len(name) <= _MAX_QUOTED else f" `{name[:_MAX_QUOTED]}…`"


def is_keyspec_like(root: Any) -> bool:
    """Tell whether a root says that its file is keyspec's."""
    return isinstance(root, Map) and ("keyspec" in root or next(iter(root), "").startswith("keyspec-"))


def position_of(node: Map, key: str) -> int:
    """Tell which entry a key is, from 0."""
    order = getattr(node, "order", None)
    if order is None:
        order = node.order = {}
    if len(order) < len(node):
        for name in islice(node, len(order), None):
            order[name] = len(order)
    return order[key]


def _place(event: Any) -> int:
    mark = event.start_mark
    place: int = mark.line << _PACKED | mark.column
    return place


def source_of(file: str, place: int) -> Source:
    """Unpack a place."""
    return Source(file, (place >> _PACKED) + 1, (place & _COLUMN) + 1)
