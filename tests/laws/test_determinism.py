"""The same inputs give the same bytes: whatever their order, whatever a hub adds, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from builders import default_contract, plan_of
from hypothesis import given
from hypothesis import strategies as st
from universe import thorough, worlds

from keyspec.live import LiveHub, read_keys, read_roles
from keyspec.plandocument import plan_document
from keyspec.render.json import render_plan_json

TESTS = Path(__file__).parent.parent


def rows_of(hub):
    return [
        {"keyId": key.key_id, "description": key.description, "roles": key.roles and list(key.roles),
         "reauthenticationTimeout": key.reauth_timeout_s, "locked": None if key.state is None else key.state == "locked"}
        for key in hub.keys.values()
    ]  # fmt: skip


def shuffled(draw, items):
    return draw(st.permutations(list(items)))


@st.composite
def retold(draw, hub):
    """Give a hub again, read from rows in another order, with roles in another order and fields nobody knows."""
    if hub.keys is None:
        return hub
    rows = [
        dict(
            shuffled(
                draw,
                {
                    **row,
                    "roles": row["roles"] and shuffled(draw, row["roles"]) + row["roles"][:1],
                    draw(st.text()): 1,
                    **row_,
                }.items(),
            )
        )
        for row in shuffled(draw, rows_of(hub))
        for row_ in [{name: value for name, value in row.items() if name != "roles"}]
    ]
    roles = None
    if hub.roles is not None:
        told = [
            {"name": role.name, "permissions": shuffled(draw, role.permissions), "color": "red"}
            for role in hub.roles.values()
        ]
        roles = {role.name: role for role in read_roles(default_contract(), shuffled(draw, told))}
    return LiveHub(hub.name, {key.key_id: key for key in read_keys(default_contract(), rows)}, roles)


@thorough
@given(worlds(told=False), st.data())
def test_the_order_of_what_hubs_and_stores_tell_changes_no_byte(world, data):
    hubs = [data.draw(retold(hub)) for hub in shuffled(data.draw, world.live.values())]
    records = dict(shuffled(data.draw, world.records.items()))
    policy = world.policy | {"keys": tuple(shuffled(data.draw, world.policy["keys"]))}
    again = plan_of(world.desired, *hubs, records=records, **policy)
    assert render_plan_json(again) == render_plan_json(world.plan())


@thorough
@given(worlds(), st.data())
def test_the_order_of_a_spec_changes_nothing_but_the_places_it_names(world, data):
    document = {name: data.draw(reordered(part)) for name, part in shuffled(data.draw, world.spec.items())}
    again = world.resolve(document)
    assert again.spec == world.desired.spec
    assert without_places(replace(world, desired=again).plan()) == without_places(world.plan())


@st.composite
def reordered(draw, part, name=""):
    if isinstance(part, dict) and name != "per_hub":
        return {key: draw(reordered(value, key)) for key, value in shuffled(draw, part.items())}
    return shuffled(draw, part) if isinstance(part, list) else part


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
