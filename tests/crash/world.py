"""A world for one crash: hubs, a folder, a store, and what must hold in it whatever was killed.

After every process, and at the end, no value is anywhere but where it belongs (`canary`).

Invariants, at every moment:  an unlocked key of ours has its value in the store or the spool, or beside it stands the
mark from which the next run knows better · strangers are untouched · one value, where it is shared.
Once a run has ended without being killed, the mark alone does not do any more.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
from canary import Canary, watch
from processes import clean_environ
from stores import kv2_server

from keyspec import cli
from keyspec.desired import Entry
from keyspec.devhub import DevHub, Knobs, parse_faults
from keyspec.record import Mark, Record
from keyspec.secret import parse_reference
from keyspec.session import Session
from keyspec.spool import PLAIN, SEALED
from keyspec.stores import open_store
from keyspec.stores.age import IDENTITY, RECIPIENTS

if TYPE_CHECKING:
    from contextlib import ExitStack

RUNNER = Path(__file__).with_name("runner.py")
ROOT = Path(__file__).parents[2]
KEY = "ci_a"
FOREIGN = "somebody-elses-value-0123456789"
GIVEN = 'G1ven+value/of="some"body~42'
ALLOWED = ("--allow-delete", "--allow-unlock")
HANG_S = 0.5


@dataclass(frozen=True)
class Scenario:
    """What is declared of the key, on which hubs, where its value is kept and copied to, whether the spool is sealed.

    `foreign` says that somebody else's values lie at the store and its replica, and are taken over.
    """

    key: str
    hubs: str = "a"
    store: str = "file:secrets/{hub}/{key}"
    condition: str | None = None
    sealed: bool = False
    replica: str | None = None
    foreign: bool = False

    @property
    def places(self):
        """Where values are kept, the store first."""
        return [self.store, *([self.replica] if self.replica else [])]

    @property
    def allowed(self):
        return ("--take-over", KEY) if self.foreign else ()

    @property
    def is_vault(self):
        return self.store.startswith("vault:")


@dataclass
class World:
    """Hubs and a folder; processes that die there, and runs in this process that do not."""

    scenario: Scenario
    folder: Path
    patch: object
    capfd: object
    stack: ExitStack
    hubs: dict[str, DevHub] = field(default_factory=dict)
    seeded: dict = field(default_factory=dict)
    hours: int = 0
    canary: Canary = field(init=False)
    said: list[str] = field(init=False)

    def begin(self):
        self.folder.mkdir()
        self.canary = self.stack.enter_context(watch(self.folder))
        self.said = self.canary.said
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
        primary, *replicas = self.scenario.places
        store = json.dumps({"primary": primary, "replicas": replicas} if replicas else primary)
        text = f"keyspec: 1\nhubs:\n{lines}defaults: {{store: {store}}}\nkeys: {{{KEY}: {self.scenario.key}}}\n"
        (self.folder / "keyspec.yaml").write_text(text)
        if self.scenario.is_vault:
            self.begin_vault()
        for path in self.foreign_paths():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(FOREIGN)
            path.chmod(0o600)
        if self.scenario.sealed:
            self.seal()
        return self

    def begin_vault(self):
        server, address = kv2_server.start()
        server.reset()
        self.patch.setenv("VAULT_ADDR", address)
        self.patch.setenv("VAULT_TOKEN", "writer")
        self.canary.further = partial(self.vault_notes, server)

    def seal(self):
        identity = pyrage.x25519.Identity.generate()
        path = self.folder / "identity"
        path.write_text(str(identity))
        self.canary.allow(path)
        self.patch.setenv(RECIPIENTS, str(identity.to_public()))
        self.patch.setenv(IDENTITY, str(path))

    def foreign_paths(self):
        """Where somebody else's values lie before the first run."""
        places = self.scenario.places if self.scenario.foreign else ()
        return [self.folder / place.removeprefix("file:").format(hub="a", key=KEY) for place in places]

    @staticmethod
    def strangers(hub):
        return {key_id: key for key_id, key in hub.keys().items() if key_id != KEY}

    def spawn(self, at, what="kill", *words, **asked):
        """Run keyspec in a process of its own, to which something happens; give how it ended."""
        heard, made = os.pipe()
        told = {
            "made": made,
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
            RECIPIENTS,
            IDENTITY,
            *(f"HUB_{name.upper()}_KEY" for name in self.hubs),
        )
        environ = clean_environ(**{name: os.environ[name] for name in names if name in os.environ})
        environ["PYTHONPATH"] = str(ROOT)
        words = ("apply", "--yes", "--parallel", "1", "-v", *self.scenario.allowed, *words)
        command = [sys.executable, str(RUNNER), json.dumps(told), *words]
        with os.fdopen(heard) as values:
            with os.fdopen(made, "w"):
                done = subprocess.run(
                    command,
                    cwd=self.folder,
                    env=environ,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                    pass_fds=(made,),
                )
            self.canary.add(*values.read().splitlines())
        self.said += [done.stdout, done.stderr]
        self.canary.killed |= done.returncode == -signal.SIGKILL
        self.canary.search()
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
            code = self.run("apply", "--yes", *ALLOWED, *self.scenario.allowed)
            assert code in (0, 1, 3), self.said[-2:]
            self.check()
            if code == 0 and self.run("plan", "--exit-code") == 0:
                self.canary.killed = False
                return count
        raise AssertionError(f"not quiet after {most} runs: {self.said[-4:]}")

    # What is there

    def entry(self, hub):
        reference = parse_reference(self.scenario.store).expand(hub=hub, key=KEY)
        return open_store(reference.scheme), Entry(reference, str(self.folder / "keyspec.yaml"))

    def replicas(self, hub):
        for place in self.scenario.places[1:]:
            reference = parse_reference(place).expand(hub=hub, key=KEY)
            yield open_store(reference.scheme), Entry(reference, str(self.folder / "keyspec.yaml"))

    def stored(self, hub):
        store, entry = self.entry(hub)
        value = store.read(entry)
        return None if value is None else value.reveal()

    def note(self, hub):
        store, entry = self.entry(hub)
        return store.look(entry).note

    def spooled(self):
        spool = Session().spool
        files = [(path, path.read_bytes()) for path in spool.files()]
        texts = [spool.sealing.decode(data) if path.suffix == SEALED else data for path, data in files]
        assert {path.suffix for path, _ in files} <= {SEALED if self.scenario.sealed else PLAIN}
        return {json.loads(text)["value"] for text in texts}

    def vault_notes(self, server):
        """Give all that a Vault holds but the values, which are known from then on."""
        name = parse_reference(self.scenario.store).rest.rpartition("#")[2]
        notes = {}
        with server.lock:
            for (_, path), secret in server.secrets.items():
                for number, version in secret["versions"].items():
                    data = dict(version["data"] or {})
                    self.canary.add(data.pop(name, None), data.pop(f"{name}.prev", None))
                    notes[f"Vault: {path}, version {number}"] = json.dumps(data)
        return notes

    def hang(self):
        """From now on every write is done late, whether or not somebody waits for it."""
        for hub in self.hubs.values():
            hub.set_knobs(faults=parse_faults(f"POST ** * before:hang:{HANG_S}"))

    def heal(self):
        for hub in self.hubs.values():
            hub.set_knobs(faults=())

    # What must hold

    def check(self, *, killed=False):
        self.canary.search()
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
            for store, entry in self.replicas(name):
                assert store.read(entry).reveal() == self.stored(name), f"{name}: the replica holds another value"
                assert name in store.look(entry).note.hubs
        for path in self.foreign_paths():
            assert path.with_name(f"{path.name}.prev").read_text() == FOREIGN, "somebody else's value is lost"
        assert self.spooled() == set()
        assert list(self.folder.rglob("*.tmp")) == []
        if "shared" in self.scenario.key:
            assert len(values) == 1
