"""Each folder of `golden/`: a spec and what is live, and the plan that must come of it, as text and as JSON.

spec.yaml      the spec
live.json      {"hubs": {name: {"keys": [...], "roles": [...] or null} or {"error": text}}, "records": [...]}
options.json   optional: what `Policy` takes, and under "contract" what differs from the default contract
plan.txt       `render_plan`, with what the guards refuse
plan.json      `render_plan_json`
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from builders import FOREIGN, contract_without, default_contract, key, mark, record

from keyspec.document import parse_document
from keyspec.guard import check_guards
from keyspec.live import LiveHub, read_keys, read_roles
from keyspec.merge import Reading, merge_spec
from keyspec.ownership import Policy
from keyspec.planner import make_plan
from keyspec.record import Kept, Replica
from keyspec.render.json import render_plan_json
from keyspec.render.text import render_plan
from keyspec.resolve import build_desired

FOLDER = Path(__file__).parent / "golden"
CASES = sorted(path.parent.name for path in FOLDER.glob("*/spec.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_every_golden_spec_gives_its_plan(case, update_golden):
    folder = FOLDER / case
    found = render_case(folder)
    if update_golden:
        for name, text in found.items():
            (folder / name).write_text(text, encoding="utf-8")
    assert found == {name: (folder / name).read_text(encoding="utf-8") for name in found}


def test_there_are_golden_cases():
    assert len(CASES) >= 25


def render_case(folder):
    options = json.loads(path.read_text()) if (path := folder / "options.json").exists() else {}
    changed = options.pop("contract", {})
    contract = contract_without(*changed.get("without", ()), **changed.get("capabilities", {}))
    spec = merge_spec([Reading(parse_document((folder / "spec.yaml").read_bytes(), "spec.yaml"), named=True)])
    desired = build_desired(spec, dict.fromkeys(spec.hubs, contract))
    told = json.loads((folder / "live.json").read_text())
    live = {name: read_hub(name, hub) for name, hub in told["hubs"].items()}
    records = {(each["hub"], each["key_id"]): read_record(each) for each in told.get("records", ())}
    policy = replace(
        Policy(), **{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    )
    plan = make_plan(desired, live, records, policy)
    refusals = check_guards(plan, desired, live)
    return {
        "plan.txt": render_plan(plan, refusals=refusals, color=False, width=110),
        "plan.json": render_plan_json(plan),
    }


def read_hub(name, told):
    if "error" in told:
        return LiveHub(name, None, None, told["error"])
    keys = read_keys(default_contract(), told["keys"])
    roles = (
        None if told["roles"] is None else {role.name: role for role in read_roles(default_contract(), told["roles"])}
    )
    return LiveHub(name, {each.key_id: each for each in keys}, roles)


def read_record(told):
    """Read an entry, in one of the ways of `read_entry`, and those that stand under "replicas"."""
    kept = read_entry(told)
    whose = {name: told[name] for name in ("hub", "key_id")}
    copies = tuple(Replica(name, read_entry({**whose, **copy})) for name, copy in told.get("replicas", {}).items())
    return replace(kept, replicas=copies) if copies else kept


def read_entry(told):
    """Read {"unread": why}, {"foreign": true}, {"nothing": true}, {"mark": fields, "value", "busy"}, {"record": flags}."""
    hub, key_id = told["hub"], told["key_id"]
    if "unread" in told:
        return told["unread"]
    if "foreign" in told:
        return FOREIGN
    if "nothing" in told:
        return Kept(None, has_value=False, version="absent")
    if "mark" in told:
        flags = {name: told[name] for name in ("value", "busy") if name in told}
        return mark(key(key_id, **told["mark"]), hub, **flags)
    return record(key_id, hub, **told["record"])
