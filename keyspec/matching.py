"""Names in a spec that point at its other parts: selectors at hubs, `extends` at profiles.

A selector is judged against all declared hubs, whatever a run selects; one that matches none is an error, anywhere.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from keyspec.errors import Problem
from keyspec.selector import matches_any, parse_selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.merge import Declared
    from keyspec.spec import Hub, KeySpec


class Matcher:
    """Which hubs a list of selectors means; every distinct list is judged once."""

    def __init__(self, hubs: Mapping[str, Declared[Hub]]) -> None:
        self._labels = {name: hub.value.labels for name, hub in sorted(hubs.items())}
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def match(self, selectors: tuple[str, ...]) -> tuple[str, ...]:
        """Give the hubs that any of the selectors means, sorted."""
        if (found := self._known.get(selectors)) is None:
            parsed = [parse_selector(text) for text in selectors]
            found = tuple(name for name, labels in self._labels.items() if matches_any(parsed, name, labels))
            self._known[selectors] = found
        return found

    def hubs_of(self, key: KeySpec) -> tuple[str, ...]:
        """Give the hubs a key is declared for, sorted."""
        return tuple(self._labels) if key.hubs is None else self.match(key.hubs)

    def overrides_of(self, key: KeySpec) -> Mapping[str, tuple[int, ...]]:
        """Give, for each hub with any, which entries of `per_hub` hold there, in file order."""
        found: dict[str, tuple[int, ...]] = {}
        for index, selector in enumerate(key.per_hub):
            for hub in self.match((selector,)):
                found[hub] = (*found.get(hub, ()), index)
        return found


def check_profiles(keys: Iterable[Declared[KeySpec]], profiles: Iterable[str]) -> Iterator[Problem]:
    """Find keys that build on a profile nobody declares."""
    known = frozenset(profiles)
    for declared in keys:
        name = declared.value.extends
        if name is not None and name not in known:
            hint = _suggest(name, known, "profiles are declared below `profiles:`")
            yield Problem("unknown-profile", f"there is no profile `{name}`", declared.source("extends"), hint)


def check_selectors(keys: Iterable[Declared[KeySpec]], hubs: Mapping[str, Declared[Hub]]) -> Iterator[Problem]:
    """Find selectors that match no hub."""
    matcher = Matcher(hubs)
    for declared in keys:
        key = declared.value
        places = [(selector, ("hubs", index)) for index, selector in enumerate(key.hubs or ())]
        for selector, where in (*places, *((selector, ("per_hub", selector)) for selector in key.per_hub)):
            if not matcher.match((selector,)):
                hint = _suggest(selector, hubs, "hubs are declared below `hubs:`")
                yield Problem("unmatched-selector", f"`{selector}` matches no hub", declared.source(*where), hint)


def _suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f"did you mean `{near[0]}`?" if near else otherwise
