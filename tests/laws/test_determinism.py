"""The same inputs give the same bytes: whatever their order, whatever a hub adds, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

from builders import default_contract, plan_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import HOSTILE
from universe import thorough, worlds

from keyspec.live import LiveHub, read_keys, read_roles
from keyspec.plandocument import plan_document
from keyspec.render.json import render_plan_json

TESTS = Path(__file__).parent.parent


seeds = st.integers(min_value=0, max_value=2**40)


def rows_of(hub):
    return [
        {"keyId": key.key_id, "description": key.description, "roles": key.roles and list(key.roles),
         "reauthenticationTimeout": key.reauth_timeout_s, "locked": None if key.state is None else key.state == "locked"}
        for key in hub.keys.values()
    ]  # fmt: skip


def shuffled(random, items):
    items = list(items)
    return random.sample(items, len(items))


def retold(random, hub):
    """Give a hub again, read from rows in another order, with roles in another order and fields nobody knows."""
    if hub.keys is None:
        return hub
    rows = []
    for row in shuffled(random, rows_of(hub)):
        roles = row["roles"] and shuffled(random, row["roles"]) + row["roles"][:1]
        unknown = {name: 1 for name in (*HOSTILE, "Roles", "key_id", "state") if random.random() < 0.2}
        rows.append(dict(shuffled(random, {**unknown, **row, "roles": roles}.items())))
    roles = None
    if hub.roles is not None:
        told = [
            {"name": role.name, "permissions": shuffled(random, role.permissions), "color": "red"}
            for role in hub.roles.values()
        ]
        roles = {role.name: role for role in read_roles(default_contract(), shuffled(random, told))}
    return LiveHub(hub.name, {key.key_id: key for key in read_keys(default_contract(), rows)}, roles)


@thorough
@given(worlds(told=False), seeds)
def test_the_order_of_what_hubs_and_stores_tell_changes_no_byte(world, seed):
    random = Random(seed)
    hubs = [retold(random, hub) for hub in shuffled(random, world.live.values())]
    records = dict(shuffled(random, world.records.items()))
    policy = world.policy | {name: tuple(shuffled(random, world.policy[name])) for name in ("keys", "take_over")}
    again = plan_of(world.desired, *hubs, records=records, **policy)
    assert render_plan_json(again) == render_plan_json(world.plan())


@thorough
@given(worlds(), seeds)
def test_the_order_of_a_spec_changes_nothing_but_the_places_it_names(world, seed):
    again = world.resolve(reordered(Random(seed), world.spec))
    assert again.spec == world.desired.spec
    assert without_places(replace(world, desired=again).plan()) == without_places(world.plan())


def reordered(random, part, name=""):
    """Give a document again in another order; only overrides for hubs have one that means something."""
    if isinstance(part, dict):
        items = part.items() if name == "per_hub" else shuffled(random, part.items())
        return {key: reordered(random, value, key) for key, value in items}
    return shuffled(random, part) if isinstance(part, list) else part


def without_places(plan):
    return plan_document(
        replace(
            plan,
            steps=tuple(replace(step, source=None) for step in plan.steps),
            findings=tuple(replace(finding, source=None) for finding in plan.findings),
        )
    )


def test_every_process_writes_the_same_bytes():
    script = (
        "import hashlib, test_golden\n"
        "for case in test_golden.CASES:\n"
        "    found = test_golden.render_case(test_golden.FOLDER / case)\n"
        "    print(case, hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest())\n"
    )
    path = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4294967295")
    }
    assert len(printed) == 1
    assert len(printed.pop().splitlines()) >= 25
