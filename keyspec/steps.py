"""A step, from what it changes: its place in the spec, the permissions it gives or takes, how soon it bites.

What a create leaves behind follows from the spec and from what the hub's contract can say.

A step for a key that is declared for other hubs only is held unless `-k` names the key in full.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keyspec.fingerprint import fingerprint
from keyspec.model import FIELDS
from keyspec.order import TIGHTEN, permissions_of
from keyspec.plan import Change, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyspec.desired import Desired, DesiredHub, DesiredKey
    from keyspec.live import LiveHub
    from keyspec.model import Key
    from keyspec.ownership import Pair, Policy
    from keyspec.placeholders import OperationName
    from keyspec.plan import Action
    from keyspec.source import Source


@dataclass(frozen=True, slots=True)
class StepMaker:
    """What all steps of one hub have in common."""

    desired: Desired
    live: LiveHub
    policy: Policy

    def make(
        self,
        pair: Pair,
        action: Action,
        reason: str,
        phase: int,
        changes: tuple[Change, ...],
        *,
        before: Key | None,
        held_by: str | None = None,
    ) -> Step:
        """Give the step that brings a key from `before` (None: absent) through `changes`."""
        if pair.standing == "elsewhere" and pair.key_id not in self.policy.keys:
            held_by = f"-k {pair.key_id}" + (f" {held_by}" if held_by else "")
        gives, takes = self._permissions(action, changes, before)
        return Step(
            hub=self.live.name,
            key_id=pair.key_id,
            action=action,
            reason=reason,
            reversible=action != "delete",
            changes=changes,
            expects=fingerprint(before),
            phase=phase,
            held_by=held_by,
            source=self._source(pair, changes),
            bites_within_s=before.reauth_timeout_s if before and _tightens(action, phase, changes) else None,
            gives=gives,
            takes=takes,
        )

    def _source(self, pair: Pair, changes: tuple[Change, ...]) -> Source | None:
        if pair.desired is None:
            return self.desired.ownership_source
        whole = any(change.before is None for change in changes)
        return pair.desired.source() if whole else pair.desired.source(*(change.field for change in changes))

    def _permissions(
        self, action: Action, changes: tuple[Change, ...], before: Key | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        roles = next((change for change in changes if change.field == "roles"), None)
        had = permissions_of(before.roles if before else (), self.live.roles)
        match action:
            case "create" | "import" | "edit" if roles is not None:
                gets = permissions_of(roles.after if isinstance(roles.after, tuple) else None, self.live.roles)
            case "lock" | "delete":
                gets = frozenset()
            case "unlock":
                had, gets = frozenset(), had
            case _:
                return (), ()
        if had is None or gets is None:
            return (), ()
        return tuple(sorted(gets - had)), tuple(sorted(had - gets))


def change_key(key: Key, changes: Iterable[Change]) -> Key:
    """Give the key as it is after some changes; its ETag then is another one."""
    for change in changes:
        name = "reauth_timeout_s" if change.field == "reauth_timeout" else change.field
        key = replace(key, etag=None, **{name: change.after})  # type: ignore[arg-type]
    return key


def created_key(hub: DesiredHub, wanted: DesiredKey, operation: OperationName) -> Key:
    """Give the key as a create or import leaves it; an undeclared field that cannot be sent is not known then."""
    key = wanted.created()
    if hub.contract.capabilities.created_locked:
        key = replace(key, state="locked")
    if not hub.contract.supports(operation):
        return key
    carried = hub.contract.carried(operation)
    if wanted.description is None and "description" not in carried:
        key = replace(key, description=None)
    if wanted.reauth_timeout_s is None and "reauth_timeout" not in carried:
        key = replace(key, reauth_timeout_s=None)
    return key


def creation_of(key: Key) -> tuple[Change, ...]:
    """Give the changes that bring a key to a hub."""
    return tuple(Change(name, None, key.field(name)) for name in FIELDS if key.field(name) is not None)


def _tightens(action: Action, phase: int, changes: tuple[Change, ...]) -> bool:
    fields = {change.field for change in changes}
    return action in ("lock", "delete") or (action == "edit" and phase == TIGHTEN and fields != {"description"})


def say_differ(changes: tuple[Change, ...]) -> str:
    """Say which fields differ."""
    *names, last = (change.field for change in changes)
    plural = names or last == "roles"
    return (f"{', '.join(names)} and {last}" if names else last) + (" differ" if plural else " differs")
