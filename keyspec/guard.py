"""What keyspec refuses: rules over a whole plan, each a function in the table `GUARDS`.

    own-key            a step would lock, delete or re-role the key keyspec itself uses
    own-key-unknown    none of keyspec's own keys is live on the hub: no edit, lock or delete there
    protected-key      a step would lock, delete or weaken a protected key
    no-store           a created or imported key's value would be kept nowhere
    max-deletes        more deletes than `guards.max_deletes`, all hubs together
    max-change-share   more live keys of a hub touched than `guards.max_change_share`, from 10 live keys up
    every-unlisted     unlisted keys' locks would leave no unlocked owned key on a hub
    empty-spec         unlisted keys would be locked or deleted by a spec that declares no key

Every rule looks at single steps or at sums that only grow, so a plan that passes passes at every prefix of it.
Sums look at steps that are not held and are not recovery; single steps are judged held or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyspec.errors import Problem
from keyspec.order import permissions_of
from keyspec.ownership import is_owned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from keyspec.desired import Desired
    from keyspec.live import LiveHub
    from keyspec.plan import Change, Plan, Step

SHARE_FROM_KEYS: Final = 10
"""The number of live keys from which `max_change_share` is judged."""


@dataclass(frozen=True, slots=True)
class Judged:
    """All that a guard looks at; `deletes` counts those of the whole fleet, of which the plan may be a part."""

    plan: Plan
    desired: Desired
    live: Mapping[str, LiveHub]
    deletes: int

    def counted(self, *actions: str) -> Iterator[Step]:
        """Give the steps of some actions that will be done and count."""
        return (step for step in self.plan.steps if step.action in actions and not step.held and not step.recovery)


def check_guards(plan: Plan, desired: Desired, live: Mapping[str, LiveHub], *, deletes: int = 0) -> tuple[Problem, ...]:
    """Give every reason why a plan must not be applied; `deletes` are at least so many, if it is a part of a plan."""
    judged = Judged(plan, desired, live, deletes)
    return tuple(problem for guard in GUARDS for problem in guard(judged))


def guard_own_keys(judged: Judged) -> Iterator[Problem]:
    """Refuse to lock, delete or re-role the keys that keyspec itself uses."""
    for step in judged.plan.steps:
        own = judged.desired.hubs[step.hub].hub.auth_key_id
        fields = {change.field for change in step.changes}
        if step.key_id in own and (
            step.action in ("lock", "delete") or (step.action == "edit" and fields - {"description"})
        ):
            what = f"hub `{step.hub}`: {step.action} of `{step.key_id}`, a key that keyspec itself uses there"
            yield Problem("own-key", what, step.source, "rotate keyspec's own key by hand, with a second one")


def guard_unknown_own_key(judged: Judged) -> Iterator[Problem]:
    """Refuse to tighten anything on a hub where none of keyspec's own keys is live."""
    for name in sorted({step.hub for step in judged.plan.steps if step.action in ("edit", "lock", "delete")}):
        hub, live = judged.desired.hubs[name], judged.live[name].keys or {}
        own = hub.hub.auth_key_id
        if own and not any(key_id in live for key_id in own):
            what = f"hub `{name}`: none of keyspec's own keys ({', '.join(own)}) is live there"
            yield Problem("own-key-unknown", what, hub.declared.source("auth_key_id"), "correct `auth_key_id`")


def guard_protected(judged: Judged) -> Iterator[Problem]:
    """Refuse to lock, delete or weaken a protected key, on any hub."""
    for step in judged.plan.steps:
        if step.key_id not in judged.desired.protected_ids:
            continue
        if step.action in ("lock", "delete") or any(_weakens(change, judged.live[step.hub]) for change in step.changes):
            what = f"hub `{step.hub}`: {step.action} of `{step.key_id}` would lock, delete or weaken a protected key"
            yield Problem("protected-key", what, step.source, "take `protected: true` away in a change of its own")


def _weakens(change: Change, live: LiveHub) -> bool:
    if change.field == "reauth_timeout" and isinstance(change.before, int) and isinstance(change.after, int):
        return change.after < change.before
    if change.field == "roles" and isinstance(change.before, tuple) and isinstance(change.after, tuple):
        before, after = (permissions_of(roles, live.roles) for roles in (change.before, change.after))
        fewer = before is not None and after is not None and not before <= after
        return fewer or not set(change.before) <= set(change.after)
    return False


def guard_store(judged: Judged) -> Iterator[Problem]:
    """Refuse to create or import a key whose value would be kept nowhere."""
    seen = set()
    for step in judged.plan.steps:
        if step.action not in ("create", "import") or step.key_id in seen:
            continue
        if judged.desired.hubs[step.hub].keys[step.key_id].store is None:
            seen.add(step.key_id)
            what = f"`{step.key_id}` would be created, and its value kept nowhere"
            yield Problem("no-store", what, step.source, "declare `store:` for the key, its profile or `defaults`")


def guard_deletes(judged: Judged) -> Iterator[Problem]:
    """Refuse more deletes in one run than the spec allows."""
    limit = judged.desired.guards.max_deletes
    count = max(judged.deletes, sum(1 for _ in judged.counted("delete")))
    if count > limit:
        what = f"{count} keys would be deleted, `guards.max_deletes` is {limit}"
        smaller = "save smaller plans" if judged.deletes else "delete in smaller runs"
        yield Problem("max-deletes", what, None, f"{smaller} with -l or -k, or raise the guard")


def guard_share(judged: Judged) -> Iterator[Problem]:
    """Refuse to touch too large a share of a hub's live keys."""
    limit = judged.desired.guards.max_change_share
    touched: dict[str, set[str]] = {}
    for step in judged.counted("edit", "lock", "unlock", "delete"):
        touched.setdefault(step.hub, set()).add(step.key_id)
    for name, keys in sorted(touched.items()):
        live = judged.live[name].keys or {}
        count = len(keys & set(live))
        if len(live) >= SHARE_FROM_KEYS and count * 100 > limit * len(live):
            what = f"hub `{name}`: {count} of {len(live)} live keys would change, `guards.max_change_share` is {limit}%"
            yield Problem("max-change-share", what, None, "change fewer keys at once with -k, or raise the guard")


def guard_every_unlisted(judged: Judged) -> Iterator[Problem]:
    """Refuse to lock or delete, as unlisted, every unlocked owned key of a hub."""
    desired = judged.desired
    tightened: dict[str, set[str]] = {}
    for step in judged.counted("lock", "delete"):
        if step.key_id not in desired.hubs[step.hub].keys:
            tightened.setdefault(step.hub, set()).add(step.key_id)
    for name, keys in sorted(tightened.items()):
        hub, live = desired.hubs[name], judged.live[name].keys or {}
        owned = {key_id for key_id, key in live.items() if key.state != "locked" and is_owned(key_id, desired, hub)}
        if owned and owned <= keys:
            what = (
                f"hub `{name}`: every unlocked key that the spec owns there is unlisted and would be locked or deleted"
            )
            yield Problem(
                "every-unlisted", what, desired.ownership_source, "is the spec complete? declare what must stay"
            )


def guard_empty_spec(judged: Judged) -> Iterator[Problem]:
    """Refuse to lock or delete unlisted keys under a spec that declares no key at all."""
    if not judged.desired.declared_ids and any(judged.counted("lock", "delete")):
        what = "the spec declares no key, and unlisted keys would be locked or deleted"
        yield Problem("empty-spec", what, judged.desired.ownership_source, "declare the keys that must stay")


GUARDS: Final[tuple[Callable[[Judged], Iterator[Problem]], ...]] = (
    guard_own_keys,
    guard_unknown_own_key,
    guard_protected,
    guard_store,
    guard_deletes,
    guard_share,
    guard_every_unlisted,
    guard_empty_spec,
)
