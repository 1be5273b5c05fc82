"""Specs from text, hubs from keys, plans from both: the words of the core tests.

desired = spec_of('keys: {ci_a: {roles: [User]}}')        one hub `hub`, own key `own`, unless the text says else
plan = plan_of(desired, hub_of(key("ci_a", roles="Operator")))
assert told(plan) == ["edit ci_a: roles ['Operator'] -> ['User']"]
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from textwrap import dedent

import keyspec
from keyspec.contract import Capabilities, parse_contract
from keyspec.document import parse_document
from keyspec.guard import check_guards
from keyspec.live import LiveHub
from keyspec.merge import Reading, merge_spec
from keyspec.model import Key, Role, as_set
from keyspec.ownership import Policy
from keyspec.planner import make_plan
from keyspec.record import Kept, Mark, Record
from keyspec.resolve import build_desired
from keyspec.steps import change_key

ROLES = {
    "Administrator": ("Login", "Shell", "Status"),
    "Operator": ("Login", "Status"),
    "Auditor": ("Audit", "Login"),
    "User": ("Login",),
}
"""What the roles of a test's hub permit."""

HUB = '{url: "https://%s.example", auth: "env:HUB_KEY", auth_key_id: own}'
STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}'


@cache
def default_contract():
    path = Path(keyspec.__file__).parent / "contracts" / "cipherinsights-v1.yaml"
    return parse_contract(parse_document(path.read_bytes(), str(path)))


def contract_without(*operations, **capabilities):
    """Give the default contract without some operations, with some capabilities."""
    contract = default_contract()
    return replace(
        contract,
        operations=replace(contract.operations, **dict.fromkeys(operations)),
        capabilities=Capabilities(**capabilities),
    )


def reading(text, file="keyspec.yaml", *, named=True):
    """Give a document of a spec; `keyspec: 1` is put before a text without it."""
    text = dedent(text)
    text = text if re.search(r'keyspec(-trusted)?"?:', text) else f"keyspec: 1\n{text}"
    return Reading(parse_document(text.encode(), file), named)


def merged(*texts):
    """Give the spec that named files 1.yaml, 2.yaml … make together."""
    return merge_spec(reading(text, f"{number}.yaml") for number, text in enumerate(texts, start=1))


def spec_of(text, *, hubs=("hub",), store=True, contract=None):
    """Resolve a spec; `hubs`, and a store under `defaults`, are added where the text declares none."""
    text = dedent(text)
    if not text.startswith("{"):
        if not re.search(r"^hubs:", text, re.MULTILINE):
            text += "\nhubs:\n" + "".join(f"  {name}: {HUB % name}\n" for name in hubs)
        if store and "defaults:" not in text:
            text += f"\n{STORE}\n"
    spec = merge_spec([reading(text)])
    return build_desired(spec, dict.fromkeys(spec.hubs, contract or default_contract()))


def key(key_id, description="", roles="User", timeout=60, state="active"):
    """Give a live key; `roles` is one name or several."""
    names = (roles,) if isinstance(roles, str) else roles
    return Key(key_id, description, None if names is None else as_set(names), timeout, state)


OWN = key("own", roles="Administrator")


def hub_of(*keys, name="hub", roles=ROLES, own=True, error=None):
    """Give a hub that was read, with keyspec's own key on it; `roles` None: the hub tells none."""
    if error is not None:
        return LiveHub(name, None, None, error)
    held = {each.key_id: each for each in ((OWN, *keys) if own else keys)}
    known = None if roles is None else {role: Role(role, permits) for role, permits in roles.items()}
    return LiveHub(name, held, known)


def plan_of(desired, *hubs, records=None, **policy):
    """Plan; a text is a spec for `spec_of`."""
    desired = spec_of(desired) if isinstance(desired, str) else desired
    return make_plan(desired, {hub.name: hub for hub in hubs}, records or {}, Policy(**policy))


def refusals(desired, *hubs, records=None, **policy):
    """Give the codes with which the guards refuse the plan."""
    desired = spec_of(desired) if isinstance(desired, str) else desired
    plan = plan_of(desired, *hubs, records=records, **policy)
    return [problem.code for problem in check_guards(plan, desired, {hub.name: hub for hub in hubs})]


def told(plan):
    """Tell the steps of a plan in short, in order: action, key, changes of an edit, what holds it."""
    return [_tell(step) for step in plan.steps]


def codes(plan):
    """Give the codes of a plan's findings, in order."""
    return [finding.code for finding in plan.findings]


def done(live, plan, steps=None):
    """Give the hubs as they are after some steps of a plan; by default all that are not held."""
    keys = {name: dict(hub.keys or {}) for name, hub in live.items()}
    for step in plan.steps if steps is None else steps:
        if step.held:
            continue
        held = keys[step.hub]
        if step.action == "delete":
            del held[step.key_id]
        else:
            held[step.key_id] = change_key(held.get(step.key_id, Key(step.key_id)), step.changes)
    return {name: replace(hub, keys=keys[name] if hub.keys is not None else None) for name, hub in live.items()}


def mark(key_, hub="hub", *, busy=False, value=False, lease=0):
    """Give an entry with the pending mark of a create."""
    return Kept(Mark(hub, replace(key_, state="active"), "sha256:0", "n0", lease), value, "v1", busy=busy)


def record(key_id, hub="hub", *, value=True, locked_by_keyspec=False, owner=None, hubs=None, asked=()):
    """Give an entry whose value was delivered; `owner` and `hubs` are the hub itself unless they are told."""
    known = (hub,) if hubs is None else tuple(hubs)
    note = Record(
        owner or hub, key_id, known, "hmac-sha256:n0:00", locked_by_keyspec=locked_by_keyspec, asked=tuple(asked)
    )
    return Kept(note, value, "v1")


FOREIGN = Kept(None, has_value=True, version="v1", foreign=True)
"""An entry with a value that keyspec did not write, as stores tell it."""


def _tell(step):
    changes = ", ".join(f"{each.field} {_show(each.before)} -> {_show(each.after)}" for each in step.changes)
    text = f"{step.action} {step.key_id}" + (f": {changes}" if step.action == "edit" else "")
    return f"{text} ({step.held_by})" if step.held else text


def _show(value):
    return list(value) if isinstance(value, tuple) else repr(value)
