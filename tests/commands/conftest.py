from __future__ import annotations

import io
import os

import pytest
from canary import watch
from processes import run_keyspec

from keyspec.devhub import DevHub

SPEC = """\
keyspec: 1
hubs:
  lab: {{url: "{url}", auth: "env:LAB_KEY", auth_key_id: keyspec_ci, labels: {{env: lab}}}}
ownership: {{key_ids: ["ci_*"]}}
keys:
  ci_deployer: {{roles: [Operator], store: "file:secrets/{{key}}"}}
  ci_old: {{state: absent}}
"""


@pytest.fixture(autouse=True)
def canary(tmp_path):
    """Every value that is made or given in this test; in the end none is anywhere but where it belongs."""
    with watch(tmp_path) as canary:
        yield canary


@pytest.fixture
def keyspec(canary):
    """Run keyspec to its end; what it says is searched for values."""

    def run(*args, environ=None, **more):
        canary.read_specs(environ)
        ran = run_keyspec(*args, environ=environ, **more)
        canary.said.extend((ran.out, ran.err))
        return ran

    return run


@pytest.fixture
def hub(canary):
    """A hub with one key to lock."""
    with DevHub("lab") as started:
        started.seed_key("ci_old", roles=("User",))
        yield started


class Folder:
    """A folder with a spec of one hub, and keyspec to run in it; what terminals show is to be put into `heard`."""

    def __init__(self, path, hub, keyspec, heard):
        self.path = path
        self.hub = hub
        self.keyspec = keyspec
        self.heard = heard
        self.environ = {"LAB_KEY": hub.admin_value, "XDG_STATE_HOME": str(path / "state")}
        self.spec(SPEC.format(url=hub.url))

    def spec(self, text):
        (self.path / "keyspec.yaml").write_text(text, encoding="utf-8")

    def run(self, *args, stdin=None, **environ):
        return self.keyspec(*args, cwd=self.path, environ=self.environ | environ, stdin=stdin)

    @property
    def writes(self):
        return [exchange for exchange in self.hub.requests if exchange.method != "GET"]


@pytest.fixture
def folder(tmp_path, hub, keyspec, canary):
    heard = io.StringIO()
    canary.further = lambda: {"terminal": heard.getvalue()}
    return Folder(tmp_path, hub, keyspec, heard)


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert not [name for name in os.environ if name.startswith("KEYSPEC_")]
