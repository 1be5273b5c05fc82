"""The simulation that the laws of convergence stand on does what apply does, to real stores and to hubs by wire."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count

import httpx
import pytest
from fakes.hub import CREDENTIAL, FakeHub
from hypothesis import given
from simulation import apply_plan
from universe import worlds

from keyspec.connect import Connections
from keyspec.custody import mark_value
from keyspec.order import REPLACE
from keyspec.ownership import Policy
from keyspec.reconcile import apply_run, plan_run
from keyspec.record import Kept, Mark, Record, dump_note
from keyspec.secret import Secret
from keyspec.session import Options, Session

FOREVER = 2**40


class Lab:
    """A world on this disk: fake hubs, a store of files, and the real planning and applying."""

    def __init__(self, world, folder):
        self.world, self.folder = world, folder
        self.hubs = {name: fake_hub(name, world) for name in world.spec["hubs"]}
        folder.mkdir()
        (folder / "keyspec.yaml").write_text(json.dumps(world.spec))
        for name, hub in world.desired.hubs.items():
            for key_id, wanted in hub.keys.items():
                if (given := hub.given(wanted)) is not None and given.reference.rest.startswith("given/"):
                    self.write(given.reference.rest, f"given-{given.reference.rest}".replace("/", "-"))
                if (kept := world.records.get((name, key_id))) is not None:
                    self.put(hub, wanted, kept)

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(text)

    def put(self, hub, wanted, kept):
        """Leave at a key's entry what a world says stands there."""
        path, given = hub.entry(wanted).reference.rest, hub.given(wanted)
        value = f"old-{path}".replace("/", "-")
        if isinstance(kept, str):
            (self.folder / f"{path}.keyspec").mkdir(parents=True, exist_ok=True)
            return
        note = kept.note
        if isinstance(note, Record):
            if note.fingerprint.endswith(":given") and given is not None and given.reference.rest.startswith("given/"):
                value = f"given-{given.reference.rest}".replace("/", "-")
            note = replace(note, fingerprint=mark_value(Secret(value), "n0"))
        if isinstance(note, Mark) and kept.busy:
            note = replace(note, lease_until=FOREVER)
        if kept.has_value:
            self.write(path, value)
        if note is not None or (kept.foreign and not kept.has_value):
            self.write(f"{path}.keyspec", dump_note(note).decode() if note else "not a note")

    def handle(self, request):
        name = request.url.host.partition(".")[0]
        if self.world.live.get(name) is None or self.world.live[name].keys is None:
            raise httpx.ConnectError("no route", request=request)
        return self.hubs[name].handle(request)

    def session(self):
        clock = next(iter(self.hubs.values())).time
        connections = Connections(
            environ={"A": CREDENTIAL, "XDG_STATE_HOME": str(self.folder / "state")},
            world=clock.world(),
            transport=httpx.MockTransport(self.handle),
        )
        return Session(connections=connections, monotonic=lambda: clock.now_s)

    def options(self):
        files = (str(self.folder / "keyspec.yaml"),)
        return Options(files, hubs=tuple(sorted(self.world.only)), policy=Policy(**self.world.policy))


def fake_hub(name, world):
    fake = FakeHub(name, roles={"Administrator": [], "Operator": [], "Auditor": [], "User": []})
    live = world.live.get(name)
    for key_id, key in (live.keys or {}).items() if live else ():
        fake.add(
            key_id,
            description=key.description,
            roles=list(key.roles),
            reauthenticationTimeout=key.reauth_timeout_s,
            locked=key.state == "locked",
        )
    return fake


def told(records):
    """Tell what stands in the stores, but for the names that a run gives."""
    return {at: tell(kept) for at, kept in records.items() if tell(kept) is not None}


def tell(kept):
    if not isinstance(kept, Kept):
        return "unread"
    if isinstance(kept.note, Record):
        return replace(kept.note, fingerprint=""), kept.has_value
    if isinstance(kept.note, Mark):
        return kept.note.key, kept.note.hub, kept.has_value, kept.busy
    return ("foreign", kept.has_value) if kept.foreign else None


FOLDERS = count(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("worlds")


@given(worlds())
def test_the_simulation_does_to_a_world_what_apply_does(folder, world):
    lab = Lab(world, folder / str(next(FOLDERS)))
    planned = plan_run(lab.options(), session := lab.session())
    if planned.refusals or any(step.phase == REPLACE and step.action == "create" for step in planned.plan.steps):
        return  # hubs race for a value that is made anew so late
    report = apply_run(planned, lab.options(), session)
    seen = replace(world, live=planned.live, records=merge(world, planned), desired=planned.desired)
    after = apply_plan(seen, planned.plan)
    outcomes = {result.step.number: result.outcome for result in report.results if not result.step.held}
    assert after.outcomes == outcomes, [result.error for result in report.results]
    again = plan_run(lab.options(), lab.session())
    assert {name: after.live[name] for name in world.only} == {name: again.live[name] for name in world.only}
    assert told(after.records) == told(again.records)


def merge(world, planned):
    """Give the records that were read, with the values that the world says they tell of."""
    found = {}
    for at, kept in planned.records.items():
        found[at] = kept
        if isinstance(kept, Kept) and isinstance(kept.note, Record):
            found[at] = replace(kept, note=replace(kept.note, fingerprint=world.records[at].note.fingerprint))
    return found
