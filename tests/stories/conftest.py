"""Stories run on a lab: real devhubs, a folder with a spec and a store, the real command line, the exact wire log.

`pytest.mark.tongues("cipherinsights", "other")` tells a module's or a story's tongues (see `tongues`); the closest mark
counts, and a story without one is told on the first dialect only. After each story no value is anywhere but where it belongs (`canary`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import canary as canaries
import pytest
from stories.tongues import BASE, FIRST, TONGUES, StoryHub

from keyspec import cli
from keyspec.devhub import Knobs

if TYPE_CHECKING:
    from pathlib import Path

    from canary import Canary
    from stories.tongues import Tongue

    from keyspec.devhub import DevHub


def pytest_configure(config):
    config.addinivalue_line("markers", "tongues(*dialects, reason): the dialects that a story's hubs speak in turn")


def pytest_generate_tests(metafunc):
    mark = metafunc.definition.get_closest_marker("tongues")
    if mark is not None and "tongue" in metafunc.fixturenames:
        metafunc.parametrize("tongue", [TONGUES[name] for name in mark.args], ids=mark.args)


@pytest.fixture
def tongue():
    """How the hubs of a lab are spoken to."""
    return FIRST


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    def steps(self):
        """The steps of a plan or report as short texts: action, hub, key, and what became of it."""
        return [
            " ".join(
                filter(
                    None,
                    (
                        step["action"],
                        f"{step['hub']}/{step['key_id']}",
                        "HELD" if step["held"] else None,
                        step.get("outcome") if step.get("outcome") != "held" else None,
                    ),
                )
            )
            for step in self.json["steps"]
        ]


@dataclass
class Lab:
    """One folder, some hubs, and what was ever said there."""

    folder: Path
    capfd: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    stack: ExitStack
    canary: Canary
    tongue: Tongue
    hubs: dict[str, DevHub] = field(default_factory=dict)

    @property
    def said(self):
        """All that was said: what is put here is searched for values."""
        return self.canary.said

    def allow(self, path):
        """Declare a file that a story puts a value into itself, and the values of which may stand nowhere else."""
        self.canary.allow(path)

    def start(self, *names, **knobs):
        """Start hubs; their credentials stand in HUB_<NAME>_KEY."""
        for name in names:
            self.hubs[name] = hub = self.stack.enter_context(StoryHub(name, self.tongue, knobs=Knobs(**knobs)))
            self.patch.setenv(f"HUB_{name.upper()}_KEY", hub.admin_value)
        return [self.hubs[name] for name in names]

    def fields(self, name):
        """What a spec says of a hub."""
        own = {"url": self.hubs[name].url, "auth": f"env:HUB_{name.upper()}_KEY", "auth_key_id": "keyspec_ci"}
        return own | self.tongue.fields

    def hub_lines(self, **more):
        """The `hubs:` section, one line a hub, for all hubs of the lab; `more` is put into each."""
        lines = []
        for name in self.hubs:
            fields = {field: json.dumps(value) for field, value in self.fields(name).items()} | more
            lines.append(f"  {name}: {{{', '.join(f'{field}: {value}' for field, value in fields.items())}}}\n")
        return "hubs:\n" + "".join(lines)

    def write(self, text, *, file="keyspec.yaml", **more):
        """Write the spec: the hubs' lines, then `text`."""
        (self.folder / file).write_text("keyspec: 1\n" + self.hub_lines(**more) + text, encoding="utf-8")

    def run(self, *words):
        """Run a command in this process."""
        self.canary.read_specs()
        for hub in self.hubs.values():
            hub.clear_requests()
        self.capfd.readouterr()
        code = cli.call(list(words))
        out, err = self.capfd.readouterr()
        self.said.extend((out, err))
        return Ran(code, out, err)

    def spawn(self, *words):
        """Start a command as a process of its own; it does not outlive the test."""
        self.canary.read_specs()
        process = subprocess.Popen(
            [sys.executable, "-m", "keyspec", *words],
            cwd=self.folder,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stack.enter_context(process)
        self.stack.callback(process.kill)
        return process

    def finish(self, process):
        """Wait for such a process."""
        out, err = process.communicate(timeout=60)
        self.said.extend((out, err))
        return Ran(process.returncode, out, err)

    def kill(self, process):
        """Kill such a process, and look for values in what it leaves."""
        process.kill()
        self.finish(process)
        self.canary.killed = True
        self.canary.search()

    def value(self, hub, key_id):
        """The value that the store holds for a key, None without one."""
        path = self.folder / "secrets" / hub / key_id
        return path.read_text(encoding="ascii") if path.exists() else None

    def spooled(self):
        """The values that wait in the spool."""
        files = (self.folder / "state").rglob("*.json")
        return {content["value"] for content in (json.loads(path.read_bytes()) for path in files)}

    def check_custody(self, *, strangers=()):
        """Every unlocked key that the hubs hold has its value in the store or the spool, but for `strangers`."""
        for hub in self.hubs.values():
            for key_id, key in hub.keys().items():
                if key_id in (hub.admin_key_id, *strangers) or key["locked"]:
                    continue
                held = {self.value(hub.name, key_id), *self.spooled()} - {None}
                assert key_id in {hub.check_value(value) for value in held}, f"{hub.name}: {key_id} has no value"


@pytest.fixture(autouse=True)
def canary(tmp_path):
    """Every value that is made or given in this test; in the end none is anywhere but where it belongs."""
    with canaries.watch(tmp_path) as canary:
        yield canary


@pytest.fixture
def lab(tmp_path, monkeypatch, capfd, canary, tongue):
    folder = tmp_path / "lab"
    folder.mkdir()
    tongue.place(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    with ExitStack() as stack:
        yield Lab(folder, capfd, monkeypatch, stack, canary, tongue)


def tell(exchange):
    """One request as a short text: method, path, page, and the status where it is no success."""
    path, _, query = exchange.path.removeprefix(BASE).partition("?")
    page = parse_qs(query).get("offset", ["0"])[0]
    said = f"{exchange.method} {path}" + (f" page {page}" if page != "0" else "")
    if isinstance(exchange.body, dict) and path == "/api_keys":
        said += f" {exchange.body['keyId']}"
    return said if exchange.status in (200, 201, 204) else f"{said} -> {exchange.status}"


@pytest.fixture
def wire():
    """Assert the exact requests of a hub, phase by phase; within a phase any order will do.

    Where a tongue reads a key before it writes to it, that read is part of the phase, and the write carries its ETag.
    """

    def check(hub, *phases):
        sent = [tell(exchange) for exchange in hub.requests]
        expected = [hub.tongue.spell([phase] if isinstance(phase, str) else phase) for phase in phases]
        found, rest = [], list(sent)
        for phase in expected:
            found.append(sorted(rest[: len(phase)]))
            rest = rest[len(phase) :]
        assert [*found, rest] == [*map(sorted, expected), []], f"{hub.name} was sent {sent}"
        assert hub.tongue.find_unmatched(zip(hub.requests, sent, strict=True)) == []

    return check


@pytest.fixture
def wait_for():
    """Wait until something is so, as long as the process that should bring it about runs; tell if it came."""

    def wait(process, is_so, seconds=20.0):
        ends = time.monotonic() + seconds
        while not is_so() and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.002)
        return is_so()

    return wait


@pytest.fixture
def forms_of():
    """Give the forms in which a value could lie about."""
    return canaries.forms_of


@pytest.fixture
def interrupt():
    """Send the signal of Ctrl-C."""
    return lambda process: process.send_signal(signal.SIGINT)
