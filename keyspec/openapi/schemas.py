"""What a schema of an OpenAPI document comes to, as far as names and types go.

    Schemas    the document's root; follows `$ref`s, and remembers what was read
    Shape      one schema, with what `$ref`, `allOf`, `oneOf` and `anyOf` bring along; its members are read when
               they are asked for, so that a cycle costs nothing

Rules: nothing is fetched, a `$ref` out of the document is a schema nobody knows; what has the wrong type is as if it
were not there; members are told by name, whatever their order; everything is bounded. A field that only some of the
alternatives have is a field, and one that only they require is not required.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Scalar = str | int | float | bool
Path = tuple[str, ...]

MAX_PARTS: Final = 200
MAX_LINKS: Final = 50
MAX_WALKED: Final = 2_000
"""So many members of an object are known, and so many fields are looked at in all."""
MAX_VALUES: Final = 100
MAX_NAME: Final = 128
MAX_NUMBER: Final = 2**63
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Shape:
    """One schema. No `kinds` means that nobody says which type it has; `text` is its title and description."""

    schemas: Schemas = field(repr=False, compare=False)
    kinds: frozenset[str]
    format: str
    pattern: str
    text: str
    values: tuple[Scalar, ...]
    required: frozenset[str]
    bounds: Mapping[str, Scalar]
    flags: frozenset[str]
    members: Mapping[str, tuple[Any, ...]] = field(repr=False)
    entries: tuple[Any, ...] = field(repr=False)

    def may_be(self, *kinds: str) -> bool:
        """Tell whether it has one of these types, or none that is known."""
        return not self.kinds or not self.kinds.isdisjoint(kinds)

    def field(self, name: str) -> Shape | None:
        """Give a member of an object."""
        nodes = self.members.get(name)
        return None if nodes is None else self.schemas.read(*nodes)

    def at(self, path: Iterable[str]) -> Shape | None:
        """Give what stands at a path of names."""
        found: Shape | None = self
        for name in path:
            found = None if found is None else found.field(name)
        return found

    def fields(self) -> Iterator[tuple[str, Shape]]:
        """Give the members of an object, by name."""
        for name in self.members:
            yield name, self.schemas.read(*self.members[name])

    def items(self) -> Shape | None:
        """Give what a list holds; None if nobody says."""
        return self.schemas.read(*self.entries) if self.entries else None


class Schemas:
    """The schemas of one document."""

    __slots__ = ("_known", "_root")

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._known: dict[tuple[int, ...], tuple[tuple[Any, ...], Shape]] = {}

    def follow(self, node: Any) -> Mapping[str, Any]:
        """Give the mapping that a node is or refers to; an empty one for anything else."""
        for _ in range(MAX_LINKS):
            if not isinstance(node, dict):
                return _NOTHING
            if not isinstance(node.get("$ref"), str):
                return node
            node = self._find(node["$ref"])
        return _NOTHING

    def read(self, *nodes: Any) -> Shape:
        """Read one schema of one or more nodes that all hold."""
        nodes = tuple(self._skip_links(node) for node in nodes)
        known = self._known.get(key := tuple(map(id, nodes)))
        if known is None:
            known = self._known[key] = (nodes, _merge(self, self._gather(nodes)))
        return known[1]

    def _skip_links(self, node: Any) -> Any:
        """Give what a node only refers to, so that it is read once, however often it is referred to."""
        for _ in range(MAX_LINKS):
            if not isinstance(node, dict) or node.keys() != {"$ref"}:
                break
            node = self._find(node["$ref"])
        return node

    def _find(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return self._root if reference == "#" else None
        node: Any = self._root
        for step in reference[2:].split("/"):
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict):
                node = node.get(name)
            elif isinstance(node, list) and name.isascii() and name.isdecimal() and int(name[:9]) < len(node):
                node = node[int(name[:9])]
            else:
                return None
        return node

    def _gather(self, nodes: tuple[Any, ...]) -> list[tuple[Mapping[str, Any], bool]]:
        """Give the parts that make one schema, each once, and whether it holds in any case."""
        parts: list[tuple[Mapping[str, Any], bool]] = []
        waiting = [(node, True) for node in reversed(nodes)]
        seen: set[int] = set()
        while waiting and len(parts) < MAX_PARTS:
            node, certain = waiting.pop()
            if not isinstance(node, dict) or id(node) in seen:
                continue
            seen.add(id(node))
            parts.append((node, certain))
            if "$ref" in node:
                waiting.append((self._find(node["$ref"]), certain))
            waiting += [(part, certain) for part in as_list(node.get("allOf"))]
            for name in ("oneOf", "anyOf"):
                options = [part for part in as_list(node.get(name)) if not _is_null(part)]
                waiting += [(part, certain and len(options) == 1) for part in options]
        return parts


def walk(shape: Shape, *, depth: int = 3) -> Iterator[tuple[Path, Shape]]:
    """Give every field of an object and of the objects in it, the shallow ones first, with its path."""
    level: list[tuple[Path, Shape]] = [((), shape)]
    left = MAX_WALKED
    for _ in range(depth):
        below: list[tuple[Path, Shape]] = []
        for path, parent in level:
            for name, found in islice(parent.fields(), left):
                left -= 1
                below.append(((*path, name), found))
        yield from below
        level = below


def _merge(schemas: Schemas, parts: Sequence[tuple[Mapping[str, Any], bool]]) -> Shape:
    nodes = [node for node, _ in parts]
    members: dict[str, tuple[Any, ...]] = {}
    bounds: dict[str, Scalar] = {}
    for node in nodes:
        for name in ("default", "minimum", "maximum"):
            if is_constant(node.get(name)):
                bounds.setdefault(name, node[name])
        for name, member in as_mapping(node.get("properties")).items():
            if is_usable(name):
                members[name] = (*members.get(name, ()), member)
    values = [value for node in nodes for value in _read_values(node)]
    wanted = [name for node, certain in parts if certain for name in as_list(node.get("required"))]
    required = sorted({name for name in wanted if isinstance(name, str)})
    return Shape(
        schemas,
        frozenset().union(*map(_read_kinds, nodes)),
        next(iter(_texts(nodes, "format")), ""),
        next(iter(_texts(nodes, "pattern")), ""),
        " ".join(_texts(nodes, "title", "description")),
        tuple(dict.fromkeys(values[:MAX_VALUES])),
        frozenset(required[:MAX_WALKED]),
        bounds,
        frozenset(name for node in nodes for name in ("readOnly", "writeOnly") if node.get(name) is True),
        {name: members[name] for name in sorted(members)[:MAX_WALKED]},
        tuple(node["items"] for node in nodes if isinstance(node.get("items"), dict)),
    )


def is_usable(name: str) -> bool:
    """Tell whether a contract can name a field so: it can be seen, and ends."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()


def is_constant(value: Any) -> bool:
    """Tell whether a contract can hold a value so: a short text without braces, a number, true or false."""
    if isinstance(value, str):
        return len(value) <= MAX_NAME and value.isprintable() and not {"{", "}"} & set(value)
    return isinstance(value, int | float) and -MAX_NUMBER <= value <= MAX_NUMBER


def _read_kinds(node: Mapping[str, Any]) -> frozenset[str]:
    told = node.get("type")
    kinds = {kind for kind in (told if isinstance(told, list) else [told]) if isinstance(kind, str)} - {"null"}
    if not kinds and isinstance(node.get("properties"), dict):
        kinds = {"object"}
    if not kinds and isinstance(node.get("items"), dict):
        kinds = {"array"}
    return frozenset(kinds)


def _read_values(node: Mapping[str, Any]) -> list[Scalar]:
    told = [*as_list(node.get("enum"))[:MAX_VALUES], *([node["const"]] if "const" in node else [])]
    return [value for value in told if is_constant(value)]


def _is_null(node: Any) -> bool:
    return isinstance(node, dict) and node.get("type") == "null"


def as_list(node: Any) -> list[Any]:
    """Give a node that is a list, else an empty one."""
    return node if isinstance(node, list) else []


def as_mapping(node: Any) -> Mapping[str, Any]:
    """Give a node that is a mapping, else an empty one."""
    return node if isinstance(node, dict) else _NOTHING


def _texts(nodes: Iterable[Mapping[str, Any]], *names: str) -> dict[str, None]:
    """Give the texts that stand at some names, each once, in order."""
    found = (node.get(name) for node in nodes for name in names)
    return dict.fromkeys(text for text in found if isinstance(text, str) and text)
