"""What a hub must have for its plan: declared roles, the operations that its steps need, a look at other hubs."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, get_args

from keyspec.placeholders import OperationName
from keyspec.spec import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.desired import Desired, DesiredHub
    from keyspec.live import LiveHub
    from keyspec.ownership import Policy
    from keyspec.plan import Action, Step

OPERATIONS: Final[Mapping[Action, OperationName]] = {
    "create": "create_key",
    "import": "import_key",
    "edit": "edit_key",
    "lock": "lock_key",
    "unlock": "unlock_key",
    "delete": "delete_key",
}
"""Which operation of a contract each action needs."""


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


def missing_operations(hub: DesiredHub, steps: Iterable[Step]) -> Iterator[str]:
    """Say which operations that steps need the hub's contract does not have; held steps need none."""
    needed = {OPERATIONS[step.action] for step in steps if not step.held}
    contract, source = hub.contract, hub.declared.source("contract")
    for name in get_args(OperationName):
        if name in needed and not contract.supports(name):
            yield f"{source}: the contract `{contract.name}` has no operation `{name}`"
    if "import_key" in needed and not contract.capabilities.import_takes_id:
        yield f"{source}: the contract `{contract.name}` imports keys under IDs of the hub's own"
    if "import_key" in needed and not _is_proved(hub):
        yield f"{hub.declared.source('tls')}: a value is sent only to a hub that is known by verified TLS"


def hubs_to_consult(desired: Desired, live: Mapping[str, LiveHub], policy: Policy) -> tuple[str, ...]:
    """Name the hubs beside those selected whose locks tell whether a shared value may come to a selected one."""
    found: set[str] = set()
    for name, hub in desired.hubs.items():
        keys = live[name].keys
        for key_id, key in hub.keys.items():
            if keys is None or key_id in keys or not key.value.shared or key.state == "absent":
                continue
            if policy.selects(key_id):
                found.update(key.hubs)
    return tuple(sorted(found - desired.hubs.keys()))


def _is_proved(hub: DesiredHub) -> bool:
    """Tell whether the hub will have to prove who it is; on loopback there is nobody else."""
    return is_loopback(hub.hub.url) or (hub.hub.url.startswith("https:") and hub.hub.tls.verify)
