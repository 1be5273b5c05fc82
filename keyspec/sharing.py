"""Where a key's value comes from, and whose it is: one hub's, or one for all hubs of the key.

    from        shared  the value is made                  step on a hub without the key
    hub         no      by each hub                        create
    hub         yes     by `origin`, once                  create there, import elsewhere
    generated   no      by keyspec, one for each hub       import
    generated   yes     by keyspec, once                   import
    reference   -       it exists; alike on several hubs   import
                        only if shared
    none        -       nobody keeps it                    none: such a key is never created

With waves the origin is in the first wave of the key's hubs, so that the value is there when others import it.
The owner of an entry is what its record must name: the hub, or for a shared value its origin, `*` without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from keyspec.errors import Problem
from keyspec.secret import parse_reference
from keyspec.spec import VALUE_SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.merge import Declared
    from keyspec.spec import Hub, KeySpec, Value

NO_ORIGIN: Final = "*"
"""The owner of a shared value that no hub made."""

Making = Literal["create", "import", "none"]


def owner_of(value: Value, hub: str) -> str:
    """Give what the record of a key's value on a hub must name."""
    return (value.origin or NO_ORIGIN) if value.shared else hub


def makes_value(value: Value, hub: str) -> bool:
    """Tell whether this hub makes the value of the key itself."""
    return value.from_ == "hub" and (not value.shared or value.origin == hub)


def making_of(value: Value, hub: str, *, stored: bool) -> Making:
    """Tell how a key that a hub lacks gets there; a shared value that is, or was, `stored` is never made again."""
    if value.from_ == "none":
        return "none"
    return "create" if makes_value(value, hub) and not (value.shared and stored) else "import"


def check_value(
    key: Declared[KeySpec], hubs: Mapping[str, Declared[Hub]], *, waves: Mapping[str, int]
) -> Iterator[Problem]:
    """Find what is wrong with a key's `value`, given the hubs the key is declared for and the wave of each hub."""
    value = key.value.value
    if value.origin is not None and (not value.shared or value.from_ != "hub"):
        what = "`origin` is for a shared value that a hub makes"
        yield Problem(
            "value-origin", what, key.source("value", "origin"), "say `shared: true` and `from: hub`, or drop it"
        )
    elif value.shared and value.from_ == "hub" and value.origin not in hubs:
        what = (
            f"`{value.origin}` is no hub of this key" if value.origin else "a shared value needs the hub that makes it"
        )
        hint = f"name one of its hubs: {', '.join(sorted(hubs)[:5])}"
        yield Problem("value-origin", what, key.source("value", "origin"), f"`origin:` {hint}")
    elif value.origin is not None:
        yield from _check_wave(key, value.origin, {name: waves[name] for name in hubs if name in waves})
    if value.prefix is not None and value.from_ != "generated":
        yield Problem("value-prefix", "`prefix` is for generated values", key.source("value", "prefix"))
    if value.shared:
        yield from _check_trust(key, hubs)
    if value.from_ not in VALUE_SOURCES:
        yield from _check_reference(key, hubs)


def _check_wave(key: Declared[KeySpec], origin: str, waves: Mapping[str, int]) -> Iterator[Problem]:
    """A hub must not wait for a value that is made in a later wave."""
    first = min(waves.values(), default=0)
    if waves.get(origin, first) > first:
        early = [name for name, wave in sorted(waves.items()) if wave == first]
        what = f"`{origin}` makes this value in wave {waves[origin]}, and `{early[0]}` needs it in wave {first}"
        hint = f"`origin:` name one of its hubs in wave {first}: {', '.join(early[:5])}"
        yield Problem("origin-wave", what, key.source("value", "origin"), hint)


def _check_trust(key: Declared[KeySpec], hubs: Mapping[str, Declared[Hub]]) -> Iterator[Problem]:
    """One value must not cross from one environment to another unless the spec says so."""
    labels = {hub.value.labels.get("env", "") for hub in hubs.values()}
    untrusted = sorted(labels - set(key.value.value.trust))
    if len(labels) > 1 and untrusted:
        names = ", ".join(name or "(none)" for name in sorted(labels))
        what = f"one value would be shared across the environments {names}"
        trust = ", ".join(name or '""' for name in sorted(labels))
        hint = f"say `trust: [{trust}]` if that is meant"
        yield Problem("value-shared-across", what, key.source("value", "trust"), hint)


def _check_reference(key: Declared[KeySpec], hubs: Mapping[str, Declared[Hub]]) -> Iterator[Problem]:
    fields = parse_reference(key.value.value.from_).fields
    if len(hubs) > 1 and "hub" not in fields and not key.value.value.shared:
        what = "this reference is the same on every hub of the key"
        yield Problem("value-shared", what, key.source("value", "from"), "say `shared: true`, or put {hub} into it")
    if "hub" in fields and key.value.value.shared:
        what = "a shared value has one reference for all hubs"
        yield Problem("value-shared", what, key.source("value", "from"), "take {hub} out of it")
