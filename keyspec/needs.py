"""What a hub must have for its plan: declared roles, operations that can say its steps, a look at other hubs.

What a contract cannot say is found here, with the place in the contract, by building every step's request from what
is live: nothing of it is left to fail while a plan is applied. Held steps need nothing.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, get_args

from keyspec.content import fill_change, fill_new
from keyspec.model import Key, as_set
from keyspec.placeholders import OperationName
from keyspec.spec import is_loopback
from keyspec.steps import change_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.content import ChangeName
    from keyspec.contract import Contract
    from keyspec.conversion import RoleId
    from keyspec.desired import Desired, DesiredHub
    from keyspec.live import LiveHub
    from keyspec.ownership import Policy
    from keyspec.plan import Action, Step

CHANGES: Final[Mapping[Action, ChangeName]] = {
    "edit": "edit_key",
    "lock": "lock_key",
    "unlock": "unlock_key",
    "delete": "delete_key",
}
"""Which operation each action on a key needs that is there."""

OPERATIONS: Final[Mapping[Action, OperationName]] = {"create": "create_key", "import": "import_key", **CHANGES}
"""Which operation of a contract each action needs."""

_TOLD_LATER: Final = "told when it is made"
"""Stands for the handle of a key that is not there yet."""


def missing_roles(hub: DesiredHub, live: LiveHub, policy: Policy) -> Iterator[str]:
    """Say which declared roles the hub does not have, and where each is named first."""
    if live.roles is None:
        return
    said: set[str] = set()
    for key_id, key in hub.keys.items():
        for role in key.roles or ():
            if role in live.roles or role in said or key.state == "absent" or not policy.selects(key_id):
                continue
            said.add(role)
            named = hub.spec_role(role)
            near = get_close_matches(role, live.roles, n=1)
            hint = f", did you mean `{near[0]}`?" if near else ""
            there = f" (`{role}` there)" if named != role else ""
            yield f"{key.role_source(named)}: role `{named}`{there} is not on this hub{hint}"


def missing_operations(hub: DesiredHub, steps: Iterable[Step], live: LiveHub | None = None) -> Iterator[str]:
    """Say what steps need that the hub's contract does not have or cannot say; held steps need nothing."""
    todo = [step for step in steps if not step.held]
    needed = {OPERATIONS[step.action] for step in todo}
    contract, source = hub.contract, hub.declared.source("contract")
    for name in get_args(OperationName):
        if name in needed and not contract.supports(name):
            yield f"{source}: the contract `{contract.name}` has no operation `{name}`"
    if "import_key" in needed and not contract.capabilities.import_takes_id:
        yield f"{source}: the contract `{contract.name}` imports keys under IDs of the hub's own"
    if "import_key" in needed and not is_proved(hub):
        yield f"{hub.declared.source('tls')}: a value is sent only to a hub that is known by verified TLS"
    if live is not None:
        yield from _find_impossible(hub, todo, live)


def _find_impossible(hub: DesiredHub, steps: Iterable[Step], live: LiveHub) -> Iterator[str]:
    """Say what the operations cannot carry, each once, for the first key that it keeps from being changed."""
    contract = hub.contract
    ids = {name: role.role_id for name, role in (live.roles or {}).items() if role.role_id is not None}
    keys: dict[str, Key] = dict(live.keys or {})
    said: set[str] = set()
    for step in steps:
        name = OPERATIONS[step.action]
        before = keys.get(step.key_id, Key(step.key_id))
        if step.action == "delete":
            keys.pop(step.key_id, None)
        else:
            made = replace(before, handle=before.handle if step.action in CHANGES else _TOLD_LATER)
            keys[step.key_id] = change_key(made, step.changes)
        if not contract.supports(name):
            continue
        why = _explain_impossible(contract, step, before, ids)
        if why is not None and why not in said:
            said.add(why)
            source = contract.sources.get(name) or hub.declared.source("contract")
            yield f"{source}: {step.action} of `{step.key_id}` cannot be said by the contract `{contract.name}`: {why}"


def _explain_impossible(contract: Contract, step: Step, before: Key, ids: Mapping[str, RoleId]) -> str | None:
    name = OPERATIONS[step.action]
    create = contract.operations.create_key
    if step.action == "create" and create is not None and create.value is None:
        return "`create_key` has no `value`, the place where the hub tells the key's value"
    try:
        if step.action in CHANGES:
            changes = {each.field: each.after for each in step.changes}
            sent = fill_change(contract, CHANGES[step.action], before, changes, ids)
        else:
            key = change_key(Key(step.key_id), step.changes)
            sent = fill_new(contract, "create_key" if step.action == "create" else "import_key", key, ids)
    except ValueError as error:
        return str(error)
    lost = sorted({field for field, value in sent.items() if value is not None} - contract.carried(name))
    return f"`{name}` does not carry {', '.join(f'{{{field}}}' for field in lost)}" if lost else None


def hubs_to_consult(desired: Desired, live: Mapping[str, LiveHub], policy: Policy) -> tuple[str, ...]:
    """Name the hubs beside those selected whose locks tell whether a shared value may come to a selected one."""
    wanted: dict[str, tuple[str, ...]] = {}
    for name, hub in desired.hubs.items():
        keys = live[name].keys
        for key_id, key in hub.keys.items():
            if keys is None or key_id in keys or not key.value.shared or key.state == "absent":
                continue
            if policy.selects(key_id):
                wanted[key_id] = key.hubs
    return as_set(name for hubs in wanted.values() for name in hubs if name not in desired.hubs)


def is_proved(hub: DesiredHub) -> bool:
    """Tell whether the hub will have to prove who it is; on loopback there is nobody else."""
    return is_loopback(hub.hub.url) or (hub.hub.url.startswith("https:") and hub.hub.tls.verify)
