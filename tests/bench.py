"""A bench for the shell: a spec, a store and a fake hub; real planning and applying, no process and no socket.

bench.write("keys: {ci_a: {roles: [User]}}")
report = bench.run()
assert told(report) == ["create ci_a applied"]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
from fakes.hub import BASE, CREDENTIAL, URL, FakeHub, name_operation

from keyspec.connect import Connections
from keyspec.ownership import Policy
from keyspec.reconcile import apply_run, plan_run
from keyspec.session import Options, Session

if TYPE_CHECKING:
    from pathlib import Path

HUB = f'hubs: {{fake: {{url: "{URL}", auth: "env:HUB_KEY", auth_key_id: keyspec_ci, concurrency: %d, timeout: %ds}}}}\n'
STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
ALL = Policy(allow_delete=True, allow_unlock=True)


@dataclass
class Bench:
    """A spec, a store and a fake hub; each run is a session of its own, as a process would be."""

    folder: Path
    fake: FakeHub = field(default_factory=FakeHub)

    def write(self, text, *, concurrency=1, timeout_s=1):
        (self.folder / "keyspec.yaml").write_text("keyspec: 1\n" + HUB % (concurrency, timeout_s) + STORE + text)

    def session(self, *, handle=None, **settings):
        connections = Connections(
            environ={"HUB_KEY": CREDENTIAL, "XDG_STATE_HOME": str(self.folder / "state")},
            world=self.fake.time.world(),
            transport=httpx.MockTransport(handle or self.fake.handle),
        )
        return Session(connections=connections, monotonic=lambda: self.fake.time.now_s, **settings)

    def options(self, policy=ALL):
        return Options(files=(str(self.folder / "keyspec.yaml"),), policy=policy)

    def plan(self, session=None, policy=ALL):
        return plan_run(self.options(policy), session or self.session())

    def run(self, *, policy=ALL, between=None, asked=False, **settings):
        """Plan and apply; `between` happens between the two."""
        session = self.session(**settings)
        planned = self.plan(session, policy)
        if between:
            between()
        return apply_run(planned, self.options(policy), session, asked=asked)

    def value(self, key_id):
        path = self.folder / "secrets/fake" / key_id
        return path.read_text() if path.exists() else None

    def spooled(self):
        return [path.read_text() for path in (self.folder / "state").rglob("*.json")]


def told(report):
    return [f"{result.step.action} {result.step.key_id} {result.outcome}" for result in report.results]


def sent(fake, *operations):
    asked = [(name_operation(seen.method, seen.path), seen) for seen in fake.requests]
    return [
        f"{operation} {seen.json['keyId'] if operation == 'create_key' else seen.path.removeprefix(BASE + '/api_keys')}"
        for operation, seen in asked
        if operation not in ("list_roles", *operations)
    ]
