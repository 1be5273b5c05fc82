"""Many spec files to one `Spec`: each validated, every problem of every file found in one run.

Rules kept here: the same hub, profile or key declared twice is an error naming both places; `ownership guards
rollout defaults` stand only in files named on the command line, each at most once; at least one hub in all; profiles
and selectors name what is declared; with a rollout every hub is in a wave, and every wave gets a hub. Where a file
has problems, what is valid of it is judged with the rest, and nobody is told that something is missing which only
could not be read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from keyspec.display import name_some
from keyspec.document import Document, locate
from keyspec.errors import Problem, SpecError
from keyspec.matching import Matcher
from keyspec.model import is_name
from keyspec.spec import SHAPES, SPEC_FORMAT, Fields, Guards, Hub, KeySpec, Ownership, Rollout
from keyspec.validation import Path, validate_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.source import Source

T_co = TypeVar("T_co", covariant=True)

_ONCE: Final = ("defaults", "ownership", "guards", "rollout")
_NAMED: Final = ("hubs", "profiles", "keys")
_MOST_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class Declared(Generic[T_co]):
    """A named part of the spec and where it stands: the document and the path inside it."""

    value: T_co
    document: Document
    path: Path

    def source(self, *below: str | int) -> Source:
        """Give the place of the part's name, or of a field below it."""
        return locate(self.document, (*self.path, *below), key=True)


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything declared, by name, in the order of the files; each part knows where it stands.

    `connections` names, for each hub, the file that the relative paths of its settings start from. `pinned` says that
    a trusted file stands behind them: then references are what their text says, and no link is followed.
    """

    hubs: Mapping[str, Declared[Hub]]
    profiles: Mapping[str, Declared[Fields]]
    keys: Mapping[str, Declared[KeySpec]]
    defaults: Declared[Fields] | None
    ownership: Declared[Ownership] | None
    guards: Declared[Guards] | None
    rollout: Declared[Rollout] | None
    connections: Mapping[str, str]
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A document of the spec; `named` tells a file given with `-f` from an included one."""

    document: Document
    named: bool


def merge_spec(readings: Iterable[Reading], found_before: Iterable[Problem] = ()) -> Spec:
    """Join documents as `join_spec` does, if there is nothing wrong.

    Raises:
        SpecError: with every problem of every document.
    """
    spec, problems = join_spec(readings, found_before)
    if problems:
        raise SpecError(problems)
    return spec


def join_spec(readings: Iterable[Reading], found_before: Iterable[Problem] = ()) -> tuple[Spec, tuple[Problem, ...]]:
    """Join what is valid of all documents, and tell what is not.

    `found_before` are problems of files that could not be read. Where there are problems the spec holds only what can
    be judged without the rest.
    """
    joint = _Joint(problems=list(found_before))
    unread = bool(joint.problems)
    for reading in readings:
        joint.add(reading)
    problems = (*joint.problems, *joint.check(unread=unread))
    if problems:
        joint.drop_unsure(unread=unread)
    return joint.finish(), problems


@dataclass(slots=True)
class _Joint:
    """The spec while it is joined; `names` holds those of invalid parts too."""

    problems: list[Problem]
    hubs: dict[str, Declared[Hub]] = field(default_factory=dict)
    profiles: dict[str, Declared[Fields]] = field(default_factory=dict)
    keys: dict[str, Declared[KeySpec]] = field(default_factory=dict)
    once: dict[str, Declared[Any]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=lambda: {section: set() for section in _NAMED})
    defaults_named: bool = False

    def add(self, reading: Reading) -> None:
        document = reading.document
        verdict = validate_document(document, SPEC_FORMAT)
        self.problems += verdict[1]
        self.defaults_named |= "defaults" in document.root
        parts: Mapping[Path, Any] = _salvage(document) if verdict[0] is None else _take_apart(verdict[0])
        for section in _NAMED:
            raw = document.root.get(section)
            self.names[section].update(raw if isinstance(raw, dict) else ())
        for path, value in parts.items():
            declared = Declared(value, document, path)
            if len(path) == 1:
                self._add_once(str(path[0]), declared, named=reading.named)
            else:
                self._add_named(str(path[0]), str(path[1]), declared)

    def check(self, *, unread: bool) -> Iterator[Problem]:
        """Judge names against what is declared, unless part of that is not known."""
        if unread:
            return
        yield from _check_profiles(self.keys.values(), self.names["profiles"])
        if not self.names["hubs"]:
            yield Problem("no-hubs", "the spec declares no hub", hint="declare at least one below `hubs:`")
        elif self.names["hubs"] <= self.hubs.keys():
            matcher, rollout = Matcher({name: hub.value for name, hub in self.hubs.items()}), self.once.get("rollout")
            yield from _check_selectors(self.keys.values(), rollout, matcher, self.hubs)
            if rollout is not None:
                yield from _check_waves(rollout, matcher, self.hubs)

    def drop_unsure(self, *, unread: bool) -> None:
        """Leave out the keys that may mean something else once all can be read."""
        defaults_unsure = unread or (self.defaults_named and "defaults" not in self.once)
        for name, key in tuple(self.keys.items()):
            profile = key.value.extends
            if (profile is not None and profile not in self.profiles) or (defaults_unsure and key.value.roles is None):
                del self.keys[name]

    def finish(self) -> Spec:
        return Spec(
            hubs=MappingProxyType(self.hubs),
            profiles=MappingProxyType(self.profiles),
            keys=MappingProxyType(self.keys),
            defaults=self.once.get("defaults"),
            ownership=self.once.get("ownership"),
            guards=self.once.get("guards"),
            rollout=self.once.get("rollout"),
            connections={name: hub.document.file for name, hub in self.hubs.items()},
        )

    def _add_named(self, section: str, name: str, declared: Declared[Any]) -> None:
        first = getattr(self, section).setdefault(name, declared)
        if first is not declared:
            what = f"{section.removesuffix('s')} `{name}` is declared twice, first at {first.source()}"
            self.problems.append(Problem("declared-twice", what, declared.source(), "keep one of the two"))

    def _add_once(self, section: str, declared: Declared[Any], *, named: bool) -> None:
        if not named:
            what, hint = f"`{section}` may not stand in an included file", "move it to a file named with -f"
            self.problems.append(Problem("misplaced-section", what, declared.source(), hint))
            return
        first = self.once.setdefault(section, declared)
        if first is not declared:
            what = f"`{section}` is declared twice, first at {first.source()}"
            self.problems.append(Problem("declared-twice", what, declared.source(), "keep one of the two"))


def _take_apart(file: Any) -> dict[Path, Any]:
    """Give the parts of a valid file by their paths."""
    parts: dict[Path, Any] = {
        (section, name): part for section in _NAMED for name, part in getattr(file, section).items()
    }
    return parts | {(section,): part for section in _ONCE if (part := getattr(file, section)) is not None}


def _salvage(document: Document) -> dict[Path, Any]:
    """Give those parts of an invalid file that are valid by themselves."""
    root = document.root
    if root.get("keyspec") != 1:
        return {}
    nodes: dict[Path, Any] = {(section,): root[section] for section in _ONCE if section in root}
    for section in _NAMED:
        named = root.get(section)
        nodes |= {
            (section, name): node for name, node in (named.items() if isinstance(named, dict) else ()) if is_name(name)
        }
    parts = {}
    adapters: dict[tuple[str, ...], TypeAdapter[Any]] = {path: TypeAdapter(shape) for path, shape in SHAPES.items()}
    for path, node in nodes.items():
        try:
            parts[path] = adapters[(str(path[0]), "*")[: len(path)]].validate_python(node)
        except ValidationError:
            continue
    return parts


def _check_profiles(keys: Iterable[Declared[KeySpec]], profiles: Iterable[str]) -> Iterator[Problem]:
    """Find keys that build on a profile nobody declares."""
    known = frozenset(profiles)
    for declared in keys:
        name = declared.value.extends
        if name is not None and name not in known:
            hint = _suggest(name, known, "profiles are declared below `profiles:`")
            yield Problem("unknown-profile", f"there is no profile `{name}`", declared.source("extends"), hint)


def _check_selectors(
    keys: Iterable[Declared[KeySpec]], rollout: Declared[Rollout] | None, matcher: Matcher, hubs: Iterable[str]
) -> Iterator[Problem]:
    """Find selectors that match no hub."""
    for declared, selector, where in _list_selectors(keys, rollout):
        if not matcher.match((selector,)):
            hint = _suggest(selector, hubs, "hubs are declared below `hubs:`")
            yield Problem("unmatched-selector", f"`{selector}` matches no hub", declared.source(*where), hint)


def _list_selectors(
    keys: Iterable[Declared[KeySpec]], rollout: Declared[Rollout] | None
) -> Iterator[tuple[Declared[Any], str, Path]]:
    """Give every selector of the spec, with the part it belongs to and its path there."""
    for declared in keys:
        yield from ((declared, text, ("hubs", at)) for at, text in enumerate(declared.value.hubs or ()))
        yield from ((declared, text, ("per_hub", text)) for text in declared.value.per_hub)
    if rollout is not None:
        for number, wave in enumerate(rollout.value.waves):
            yield from ((rollout, text, ("waves", number, at)) for at, text in enumerate(wave))


def _check_waves(rollout: Declared[Rollout], matcher: Matcher, hubs: Iterable[str]) -> Iterator[Problem]:
    """Find hubs in no wave. A wave that earlier ones leave no hub does no harm: it may be there for hubs to come."""
    waves = matcher.waves_of(rollout.value)
    left = sorted(set(hubs) - waves.keys())
    if left:
        names = name_some([f"`{name}`" for name in left], most=_MOST_NAMES)
        yield Problem("no-wave", f"in no wave: {names}", rollout.source("waves"), 'add a last wave ["*"]')


def _suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f"did you mean `{near[0]}`?" if near else otherwise
