"""A world for one crash: hubs, a folder, a store, and what must hold in it whatever was killed.

Invariants, at every moment:  an unlocked key of ours has its value in the store or the spool, or beside it stands the
mark from which the next run knows better · strangers are untouched · one value, where it is shared.
Once a run has ended without being killed, the mark alone does not do any more.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from processes import clean_environ

from keyspec import cli
from keyspec.desired import Entry
from keyspec.devhub import DevHub, Knobs, parse_faults
from keyspec.record import Mark, Record
from keyspec.secret import parse_reference
from keyspec.session import Session
from keyspec.stores import open_store

if TYPE_CHECKING:
    from contextlib import ExitStack

RUNNER = Path(__file__).with_name("runner.py")
ROOT = Path(__file__).parents[2]
KEY = "ci_a"
GIVEN = 'G1ven+value/of="some"body~42'
ALLOWED = ("--allow-delete", "--allow-unlock")
HANG_S = 0.5


@dataclass(frozen=True)
class Scenario:
    """What is declared of the key, on which hubs, where its value is kept."""

    key: str
    hubs: str = "a"
    store: str = "file:secrets/{hub}/{key}"
    condition: str | None = None


@dataclass
class World:
    """Hubs and a folder; processes that die there, and runs in this process that do not."""

    scenario: Scenario
    folder: Path
    patch: object
    capfd: object
    stack: ExitStack
    hubs: dict[str, DevHub] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    seeded: dict = field(default_factory=dict)
    hours: int = 0

    def begin(self):
        self.folder.mkdir()
        lines = ""
        for name in self.scenario.hubs:
            self.hubs[name] = hub = self.stack.enter_context(DevHub(name, knobs=Knobs()))
            hub.seed_key("stranger")
            self.seeded[name] = self.strangers(hub)
            self.patch.setenv(f"HUB_{name.upper()}_KEY", hub.admin_value)
            lines += f'  {name}: {{url: "{hub.url}", auth: "env:HUB_{name.upper()}_KEY", auth_key_id: keyspec_ci, timeout: 2s}}\n'
        self.patch.setenv("XDG_STATE_HOME", str(self.folder / "state"))
        self.patch.setenv("CI_VALUE", GIVEN)
        self.patch.chdir(self.folder)
        text = f'keyspec: 1\nhubs:\n{lines}defaults: {{store: "{self.scenario.store}"}}\nkeys: {{{KEY}: {self.scenario.key}}}\n'
        (self.folder / "keyspec.yaml").write_text(text)
        return self

    @staticmethod
    def strangers(hub):
        return {key_id: key for key_id, key in hub.keys().items() if key_id != KEY}

    def spawn(self, at, what="kill", *words, **asked):
        """Run keyspec in a process of its own, to which something happens; give how it ended."""
        told = {
            "at": at,
            "what": what,
            "condition": self.scenario.condition,
            "log": str(self.folder / "points"),
            **asked,
        }
        names = (
            "CI_VALUE",
            "XDG_STATE_HOME",
            "VAULT_ADDR",
            "VAULT_TOKEN",
            *(f"HUB_{name.upper()}_KEY" for name in self.hubs),
        )
        environ = clean_environ(**{name: os.environ[name] for name in names if name in os.environ})
        environ["PYTHONPATH"] = str(ROOT)
        command = [sys.executable, str(RUNNER), json.dumps(told), "apply", "--yes", "--parallel", "1", "-v", *words]
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        self.said += [done.stdout, done.stderr]
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    def run(self, *words):
        """Run keyspec in this process, an hour later each time: leases of the dead are over."""
        self.hours += 1
        later = self.hours * 3600
        self.patch.setattr("keyspec.commands.running.Session", partial(Session, now=lambda: time.time() + later))
        self.capfd.readouterr()
        code = cli.call(list(words))
        out, err = self.capfd.readouterr()
        self.said += [out, err]
        return code

    def settle(self, *, most=7):
        """Run until nothing is left to do; the invariants hold after each run. Give the number of runs."""
        for count in range(1, most + 1):
            code = self.run("apply", "--yes", *ALLOWED)
            assert code in (0, 1, 3), self.said[-2:]
            self.check()
            if code == 0 and self.run("plan", "--exit-code") == 0:
                return count
        raise AssertionError(f"not quiet after {most} runs: {self.said[-4:]}")

    # What is there

    def entry(self, hub):
        reference = parse_reference(self.scenario.store).expand(hub=hub, key=KEY)
        return open_store(reference.scheme), Entry(reference, str(self.folder / "keyspec.yaml"))

    def stored(self, hub):
        store, entry = self.entry(hub)
        value = store.read(entry)
        return None if value is None else value.reveal()

    def note(self, hub):
        store, entry = self.entry(hub)
        return store.look(entry).note

    def spooled(self):
        files = (self.folder / "state").rglob("*.json")
        return {content["value"] for content in (json.loads(path.read_bytes()) for path in files)}

    def hang(self):
        """From now on every write is done late, whether or not somebody waits for it."""
        for hub in self.hubs.values():
            hub.set_knobs(faults=parse_faults(f"POST ** * before:hang:{HANG_S}"))

    def heal(self):
        for hub in self.hubs.values():
            hub.set_knobs(faults=())

    # What must hold

    def check(self, *, killed=False):
        for name, hub in self.hubs.items():
            assert self.strangers(hub) == self.seeded[name], f"{name}: somebody else's key was touched"
            key = hub.keys().get(KEY)
            if key is None or key["locked"]:
                continue
            held = {self.stored(name), *self.spooled()} - {None}
            if any(hub.check_value(value) == KEY for value in held):
                continue
            mark = self.note(name)
            known = isinstance(mark, Mark) and mark.key.roles == tuple(key["roles"]) and not held
            assert known if killed else False, f"{name}: the key is open, and its value is lost"

    def check_raced(self):
        """What a run did whose value is safe, no other run has undone."""
        self.check()
        for name, hub in self.hubs.items():
            note, key = self.note(name), hub.keys().get(KEY)
            if isinstance(note, Record) and name in note.hubs and not note.locked_by_keyspec:
                assert key is not None, f"{name}: a key whose value is stored was deleted"
                assert not key["locked"], f"{name}: a key whose value is stored was locked"

    def check_end(self):
        self.check()
        locked = "locked" in self.scenario.key
        values = {self.stored(name) for name in self.hubs}
        for name, hub in self.hubs.items():
            assert hub.keys()[KEY]["locked"] is locked
            assert hub.check_value(self.stored(name)) == KEY, f"{name}: the store holds another value"
            assert name in self.note(name).hubs
            made = Counter(
                (each.method, each.status)
                for each in hub.requests
                if "/lock" not in each.path and "/unlock" not in each.path
            )
            assert made["POST", 201] == 1 + made["DELETE", 204], f"{name}: made {made['POST', 201]} times"
        assert self.spooled() == set()
        if "shared" in self.scenario.key:
            assert len(values) == 1


def forms_of(value):
    """Give the forms in which a value could lie about."""
    raw = value.encode()
    yield from (value, raw.hex(), raw.hex().upper(), quote(value, safe=""), quote(value), json.dumps(value)[1:-1])
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(offset) + raw).decode()
            yield text[4 if offset else 0 : len(text) // 4 * 4 - 4]
