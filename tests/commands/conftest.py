from __future__ import annotations

import os

import pytest
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


@pytest.fixture
def hub():
    """A hub with one key to lock."""
    with DevHub("lab") as started:
        started.seed_key("ci_old", roles=("User",))
        yield started


class Folder:
    """A folder with a spec of one hub, and keyspec to run in it."""

    def __init__(self, path, hub):
        self.path = path
        self.hub = hub
        self.environ = {"LAB_KEY": hub.admin_value, "XDG_STATE_HOME": str(path / "state")}
        self.spec(SPEC.format(url=hub.url))

    def spec(self, text):
        (self.path / "keyspec.yaml").write_text(text, encoding="utf-8")

    def run(self, *args, stdin=None, **environ):
        return run_keyspec(*args, cwd=self.path, environ=self.environ | environ, stdin=stdin)

    @property
    def writes(self):
        return [exchange for exchange in self.hub.requests if exchange.method != "GET"]


@pytest.fixture
def folder(tmp_path, hub):
    return Folder(tmp_path, hub)


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert not [name for name in os.environ if name.startswith("KEYSPEC_")]
