"""After every scenario, crashes included: no value and no credential is anywhere but in the store, the spool and the hub."""

from __future__ import annotations

import base64
import json
from contextlib import ExitStack
from urllib.parse import quote

import pytest
from crash.world import GIVEN, Scenario, World, forms_of

import keyspec.devhub.hub
from keyspec.devhub import parse_faults

SCENARIOS = {
    "hub": (Scenario("{roles: [User]}"), ()),
    "answer cut": (Scenario("{roles: [User]}"), ("POST /api_keys 1 after:cut",)),
    "reference": (Scenario('{roles: [User], value: {from: "env:CI_VALUE"}}'), ()),
    "refused import": (Scenario('{roles: [User], value: {from: "env:CI_VALUE"}}'), ("POST ** 1 before:status:422",)),
    "shared": (Scenario("{roles: [User], value: {shared: true, origin: a}}", "abc", "file:secrets/{key}"), ()),
    "generated": (Scenario("{roles: [User], value: {from: generated}}"), ("POST ** 1 after:cut",)),
    "full disk": (Scenario("{roles: [User]}", condition="full-disk"), ()),
}
KILLED_AT = ("after POST", "before store read", "after spool put")


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_value_is_left_anywhere_but_where_it_belongs(tmp_path, monkeypatch, capfd, campaign, name):
    whens = (None, *KILLED_AT) if campaign == "full" else (None, KILLED_AT[len(name) % 3])
    made = record_values(monkeypatch)
    for number, at in enumerate(whens):
        live_and_search(
            World(SCENARIOS[name][0], tmp_path / str(number), monkeypatch, capfd, ExitStack()), name, at, made
        )


def live_and_search(world, name, at, made):
    """Live through a scenario, killed at a point or not, and look everywhere twice."""
    faults = SCENARIOS[name][1]
    with world.stack:
        world.begin()
        for hub in world.hubs.values():
            hub.set_knobs(faults=parse_faults(*faults))
        world.spawn(at or 0, "kill", "--format", "json")
        search(world, {*made, GIVEN})
        world.heal()
        for words in (
            ["plan", "-v"],
            ["plan", "--format", "json"],
            ["apply", "--yes", "-v"],
            ["doctor"],
            ["list", "-v"],
        ):
            world.run(*words)
        world.settle()
        stored = {world.stored(hub) for hub in world.hubs}
        search(world, {*made, *stored, GIVEN})
        world.check_end()


def record_values(patch):
    """Note every value that a hub makes from now on."""
    made = []
    make = keyspec.devhub.hub.make_value
    patch.setattr("keyspec.devhub.hub.make_value", lambda: made.append(make()) or made[-1])
    return made


def search(world, values):
    """Look for every form of every value, in all that was said and left, the store's and spool's own files apart."""
    own = {"ci_a", "ci_a.prev"}
    files = [path for path in world.folder.rglob("*") if path.is_file() and path.name not in own]
    places = {str(path): path.read_text(errors="replace") for path in files if "spool" not in path.parts}
    places |= {f"output {number}": text for number, text in enumerate(world.said)}
    places |= {f"the name of {path}": str(path) for path in world.folder.rglob("*")}
    credentials = {hub.admin_value for hub in world.hubs.values()}
    for value in {*values, *credentials}:
        for form in forms_of(value):
            assert [place for place, text in places.items() if form in text] == [], "a value was left there"


@pytest.mark.parametrize("place", ["notes.txt", "ci_a.tmp", "secrets/a/ci_a.keyspec", "output", "error"])
def test_a_value_that_is_left_somewhere_is_found_in_whatever_form(tmp_path, monkeypatch, capfd, place):
    world = World(SCENARIOS["reference"][0], tmp_path / "world", monkeypatch, capfd, ExitStack())
    with world.stack:
        world.begin()
        world.settle()
        search(world, {GIVEN})
        for left in (
            GIVEN,
            base64.b64encode(b"x" + GIVEN.encode()).decode(),
            json.dumps({"value": GIVEN}),
            quote(GIVEN),
        ):
            said = list(world.said)
            if place in ("output", "error"):
                world.said.append(f"so: {left}")
            else:
                (world.folder / place).write_text(f"so: {left}")
            with pytest.raises(AssertionError, match="a value was left there"):
                search(world, {GIVEN})
            world.said[:] = said
