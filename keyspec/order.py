"""In which order steps are done: tighten first.

    phase  what                                                         why there
    1      locks, narrowing edits, description-only edits               risk goes down first
    2      creates and imports, a created key's lock right after it     new keys work before old ones change
    3      widening edits, unlocks (of one key, its unlock last)        risk goes up only when the rest is done
    4      deletes                                                      what cannot be undone comes last
    5      creates that replace a key whose value reached nobody        its ID is free only after the delete

Phases are barriers on a hub. Wherever a run stops, no key is wider than it was or was declared to be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.desired import Desired
    from keyspec.model import Role
    from keyspec.plan import Change, Step

TIGHTEN: Final = 1
CREATE: Final = 2
WIDEN: Final = 3
DELETE: Final = 4
REPLACE: Final = 5

_RANK: Final = {"delete": 0, "create": 0, "import": 0, "lock": 1, "edit": 2, "unlock": 3}
"""The order of one key's steps within a phase."""


def permissions_of(roles: Iterable[str] | None, known: Mapping[str, Role] | None) -> frozenset[str] | None:
    """Join the permissions of roles; None if any of them cannot be read."""
    if roles is None or known is None:
        return None
    joined: set[str] = set()
    for name in roles:
        role = known.get(name)
        if role is None or role.permissions is None:
            return None
        joined.update(role.permissions)
    return frozenset(joined)


def edit_phase(changes: Iterable[Change], known: Mapping[str, Role] | None) -> int:
    """Tell whether an edit narrows a key (phase 1) or may widen it (phase 3).

    Narrowing: roles a proper subset (by permissions where they can be read) and the timeout not longer, or only
    a shorter timeout. A description alone is harmless. Anything mixed widens.
    """
    by_field = {change.field: change for change in changes}
    timeout, roles = by_field.get("reauth_timeout"), by_field.get("roles")
    if timeout is not None and _number(timeout.after) > _number(timeout.before):
        return WIDEN
    if roles is not None and not _is_narrower(roles, known):
        return WIDEN
    return TIGHTEN


def order_steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Sort steps by hub, phase and key, and number them from 1."""
    return tuple(replace(step, number=number) for number, step in enumerate(sorted(steps, key=place_of), 1))


def place_of(step: Step) -> tuple[str, int, str, int]:
    """Give what steps are sorted by."""
    return step.hub, step.phase, step.key_id, _RANK[step.action]


def find_origins(steps: Iterable[Step], desired: Desired) -> dict[str, frozenset[str]]:
    """Tell, for each hub that gets values other hubs make in the same run, which hubs these are."""
    todo = [step for step in steps if not step.held]
    made = {(step.hub, step.key_id) for step in todo if step.action == "create"}
    found: dict[str, set[str]] = {}
    for step in todo:
        origin = desired.hubs[step.hub].keys[step.key_id].value.origin if step.action == "import" else None
        if origin is not None and (origin, step.key_id) in made:
            found.setdefault(step.hub, set()).add(origin)
    return {hub: frozenset(others) for hub, others in found.items()}


def _is_narrower(roles: Change, known: Mapping[str, Role] | None) -> bool:
    before, after = _names(roles.before), _names(roles.after)
    permissions = permissions_of(before, known), permissions_of(after, known)
    if permissions[0] is not None and permissions[1] is not None:
        return permissions[1] < permissions[0]
    return after < before


def _names(value: object) -> frozenset[str]:
    return frozenset(value) if isinstance(value, tuple) else frozenset()


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
