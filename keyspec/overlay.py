"""A contract that says how another one differs: `extends` names the other, whose parts are then laid under its own.

    base ──┐
           ├─ lay_over ──> one document, as if all of it stood in the file that extends
    over ──┘

Rules kept here: the sections `key`, `role`, `errors`, `capabilities`, `operations`, and each operation, are laid over
one another field by field; a field, and any other section, is replaced whole. So nothing of the base can be left out:
for that, correct a copy; but a key's `state` drops the base's `locked`, and the other way round. What comes from the
base is said to stand at the `extends` that brings it.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from keyspec.document import Document, Map, Seq, locate
from keyspec.errors import Problem, SpecError
from keyspec.tree import position_of

if TYPE_CHECKING:
    from keyspec.source import Source

EXTENDS: Final = "extends"
_FORMAT: Final = "keyspec-contract"
_MERGED: Final = frozenset(
    {(), ("key",), ("role",), ("errors",), ("capabilities",), ("operations",), ("operations", "*")}
)
"""The mappings that are laid over one another; `*` stands for any name."""
_EITHER: Final = {"state": "locked", "locked": "state"}
"""Fields of a key of which a contract has one: the one that is given drops the base's other."""
_LOOSE: Final = ("key", "role", "operations")
"""Sections with fields that are required, unless they are the base's."""
_DEFS: Final = "#/$defs/"


def find_base(document: Document) -> tuple[str, Source] | None:
    """Give what a contract extends, and where it says so; None if it stands alone, or is no contract.

    Raises:
        SpecError: it is no name.
    """
    if EXTENDS not in document.root or document.root.get(_FORMAT) != 1:
        return None
    base, source = document.root[EXTENDS], locate(document, (EXTENDS,))
    if not isinstance(base, str) or not base:
        what = "the name or the path of a contract is wanted here"
        raise SpecError([Problem("wrong-type", what, source, "write `extends: cipherinsights-v1`")])
    return base, source


def lay_over(base: Document, over: Document) -> Document:
    """Give the contract that `over` says, where it extends `base`, which is whole."""
    place = over.places[over.root.marks + 2 * position_of(over.root, EXTENDS) + 1]
    places = array("Q", [place]) * len(base.places)
    weaver = _Weaver(over, places, place)
    root = weaver.lay(base.root, over.root, ())
    return Document(over.file, root, places, over.root_place)


class _Weaver:
    """Makes one tree of two: the base's nodes are used as they are, the other's are copied behind their places."""

    def __init__(self, over: Document, places: array[int], place: int) -> None:
        self._over = over
        self._places = places
        self._place = place
        self._copies: dict[int, Any] = {}

    def lay(self, base: Map, over: Map, path: tuple[str, ...]) -> Map:
        woven, marks = Map(), array("Q")
        dropped = {_EITHER[name] for name in over if name in _EITHER} - over.keys() if path == ("key",) else set()
        for name in dict.fromkeys((*base, *over)):
            if (name == EXTENDS and not path) or name in dropped:
                continue
            if name not in over:
                woven[name] = base[name]
                marks.extend((self._place, self._place))
                continue
            at = over.marks + 2 * position_of(over, name)
            marks.extend(self._over.places[at : at + 2])
            woven[name] = self._lay_field(base.get(name), over[name], (*path, name))
        self._put(woven, marks)
        return woven

    def _lay_field(self, base: Any, over: Any, path: tuple[str, ...]) -> Any:
        anywhere = ("operations", "*") if len(path) == 2 and path[0] == "operations" else path  # noqa: PLR2004 - a pair
        if anywhere in _MERGED and isinstance(base, Map) and isinstance(over, Map):
            return self.lay(base, over, path)
        return self._copy(over)

    def _copy(self, node: Any) -> Any:
        if not isinstance(node, Map | Seq):
            return node
        if id(node) not in self._copies:
            size = 2 * len(node) if isinstance(node, Map) else len(node)
            marks = self._over.places[node.marks : node.marks + size]
            copy: Any = Map() if isinstance(node, Map) else Seq()
            if isinstance(node, Map):
                copy.update((name, self._copy(part)) for name, part in node.items())
            else:
                copy.extend(map(self._copy, node))
            self._put(copy, marks)
            self._copies[id(node)] = copy
        return self._copies[id(node)]

    def _put(self, node: Map | Seq, marks: array[int]) -> None:
        node.marks = len(self._places)
        self._places.extend(marks)


def allow_overlay(schema: dict[str, Any]) -> dict[str, Any]:
    """Give a contract's JSON Schema that takes, too, what extends another one: then nothing else is required."""
    fields, defs = schema["properties"], schema["$defs"]
    strict = {name: fields[name] for name in _LOOSE}
    names = {ref[len(_DEFS) :] for ref in map(_ref_of, strict.values())}
    names |= {_ref_of(part)[len(_DEFS) :] for part in defs["Operations"]["properties"].values()}
    loosened = {f"{name}Part": _loosen(defs[name], names) for name in sorted(names)}
    told = {"type": "string", "minLength": 1, "description": "A contract, by name or path, that the rest differs from."}
    return {
        **{name: part for name, part in schema.items() if name != "required"},
        "$defs": defs | loosened,
        "properties": {_FORMAT: fields[_FORMAT], EXTENDS: told, **fields, **dict.fromkeys(_LOOSE, True)},
        "required": [_FORMAT],
        "if": {"required": [EXTENDS]},
        "then": {"properties": _loosen(strict, names)},
        "else": {"properties": strict, "required": schema["required"]},
    }


def _ref_of(part: dict[str, Any]) -> str:
    ref: str = part["$ref"]
    return ref


def _loosen(node: Any, names: set[str]) -> Any:
    """Copy a part of a schema in which nothing is required, in what it refers to by these names neither."""
    if isinstance(node, list):
        return [_loosen(part, names) for part in node]
    if not isinstance(node, dict):
        return node
    loose = {name: _loosen(part, names) for name, part in node.items() if name != "required"}
    if str(loose.get("$ref", "")).removeprefix(_DEFS) in names:
        loose["$ref"] += "Part"
    return loose
