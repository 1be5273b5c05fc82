"""Folding: what is the same on many hubs becomes one group.

Groups of one family (the same action on the same key) stand together, the largest first, so the exceptions follow
what they are exceptions from; families stand in the order of their first member. Everything here takes time in
proportion to what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from keyspec.plan import Finding, Plan, Step
    from keyspec.report import StepResult

T = TypeVar("T")

MOST_NAMES: Final = 6
"""How many hubs are named before the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Hubs that something can be on, what to call them, and whether they are the only one there is."""

    names: tuple[str, ...]
    noun: str
    alone: bool


def fleet_of(plan: Plan) -> Fleet:
    """Give the hubs of a plan that could be planned."""
    names = tuple(hub.name for hub in plan.hubs if hub.status == "read")
    noun = "hubs" if len(names) == len(plan.hubs) else "planned hubs"
    return Fleet(names=names, noun=noun, alone=len(plan.hubs) == 1)


def whole_fleet(plan: Plan) -> Fleet:
    """Give all hubs of a plan."""
    return Fleet(names=tuple(hub.name for hub in plan.hubs), noun="hubs", alone=len(plan.hubs) == 1)


def fold_steps(steps: Iterable[Step]) -> tuple[tuple[Step, ...], ...]:
    """Group steps that say the same of the same key, in the order of phases; when they bite may differ."""
    ordered = sorted(steps, key=lambda step: step.phase)
    return _fold(ordered, family=lambda step: (step.key_id, step.action), alike=_what_a_step_says)


def fold_results(results: Iterable[StepResult]) -> tuple[tuple[StepResult, ...], ...]:
    """Group results that say the same of the same action on the same key."""
    return _fold(
        results,
        family=lambda result: (result.outcome, result.step.key_id, result.step.action),
        alike=lambda result: (result.error, result.step.held_by),
    )


def fold_findings(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], ...]:
    """Group findings that say the same, of whichever key on whichever hub."""
    return _fold(
        findings,
        family=lambda finding: (finding.code, finding.severity),
        alike=lambda finding: (finding.message, finding.hub is None, finding.key_id is None),
    )


def say_hubs(hubs: Sequence[str], fleet: Fleet, *, most: int | None = MOST_NAMES) -> str:
    """Say on which hubs of a fleet, with the exceptions where these are fewer; `most` is how many are named.

    Empty where there is only one hub. The names are as they came: `display()` comes after.
    """
    if fleet.alone:
        return ""
    there = dict.fromkeys(hubs)
    if len(there) == 1:
        return f"on {hubs[0]}"
    size = len(fleet.names)
    if len(there) * 2 <= size:
        return f"on {len(there)} of {size} {fleet.noun}: {list_names(tuple(there), most=most)}"
    missing = [name for name in fleet.names if name not in there]
    if missing:
        return f"on {len(there)} of {size} {fleet.noun}, not on {list_names(missing, most=most)}"
    return f"on all {size} {fleet.noun}"


def list_names(names: Sequence[str], *, most: int | None = MOST_NAMES) -> str:
    """List names, at most `most` of them and how many are left out."""
    if most is None or len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} … (+{len(names) - most})"


def _what_a_step_says(step: Step) -> Hashable:
    return (step.changes, step.held_by, step.reason, step.reversible, step.source, step.gives, step.takes)


def _fold(
    items: Iterable[T], *, family: Callable[[T], Hashable], alike: Callable[[T], Hashable]
) -> tuple[tuple[T, ...], ...]:
    families: dict[Hashable, dict[Hashable, list[T]]] = {}
    for item in items:
        families.setdefault(family(item), {}).setdefault(alike(item), []).append(item)
    return tuple(
        tuple(group) for groups in families.values() for group in sorted(groups.values(), key=len, reverse=True)
    )
