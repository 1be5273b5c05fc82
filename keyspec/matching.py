"""Which hubs a key is declared for, which of its overrides hold where, and in which wave a hub is changed.

Selectors are judged against all declared hubs, whatever a run selects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyspec.model import as_set
from keyspec.selector import matches_any, parse_selector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.spec import Hub, KeySpec, Rollout


class Matcher:
    """Which hubs a list of selectors means; every distinct list is judged once."""

    def __init__(self, hubs: Mapping[str, Hub]) -> None:
        self._labels = {name: hub.labels for name, hub in sorted(hubs.items())}
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def match(self, selectors: tuple[str, ...]) -> tuple[str, ...]:
        """Give the hubs that any of the selectors means, sorted."""
        if (found := self._known.get(selectors)) is None:
            plain = {text for text in selectors if text in self._labels}  # no glob looks like a name
            parsed = [parse_selector(text) for text in selectors if text not in plain]
            judged = self._labels.items() if parsed else ()
            found = as_set((*plain, *(name for name, labels in judged if matches_any(parsed, name, labels))))
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

    def waves_of(self, rollout: Rollout) -> Mapping[str, int]:
        """Give the wave of each hub that is in one, counting from 1: the first with a selector that means it."""
        found: dict[str, int] = {}
        for number, selectors in enumerate(rollout.waves, start=1):
            for hub in self.match(selectors):
                found.setdefault(hub, number)
        return found
