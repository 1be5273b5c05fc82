"""The server as a process of its own, seen from here; and the requests that a floor sends it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass

from processes import clean_environ

from benchmarks.data import edited, key_id
from benchmarks.wire import Wire

PAGE = 100
"""Rows on a page, as the default contract asks for them."""


@dataclass(frozen=True)
class Standing:
    """A server that runs, and the requests that its hubs understand: method, port, target, body."""

    ports: tuple[int, ...]
    wire: Wire

    def url(self, hub):
        return f"http://127.0.0.1:{self.ports[hub]}"

    def urls(self):
        return [self.url(hub) for hub in range(len(self.ports))]

    def reads(self, hub, keys):
        """Give the requests that read a hub whole."""
        target = f"/api/v1/roles?limit={PAGE}&offset=0&reportTotalCount=true"
        return [("GET", self.ports[hub], target, ""), *self.lists(hub, keys)]

    def lists(self, hub, keys):
        """Give the requests that list a hub's keys."""
        target = f"/api/v1/api_keys?limit={PAGE}&offset={{}}&sorts=keyId%20asc&reportTotalCount=true"
        return [("GET", self.ports[hub], target.format(page), "") for page in range(-(-keys // PAGE))]

    def edits(self, hub, count):
        """Give the requests that edit a hub's first keys."""
        bodies = {key_id(number): json.dumps({"description": edited(number)}) for number in range(1, count + 1)}
        return [("PUT", self.ports[hub], f"/api/v1/api_keys/{name}", body) for name, body in bodies.items()]

    def reset(self):
        self.wire.send("GET", "/reset")

    def tell(self):
        """Tell what was asked since the last reset."""
        return json.loads(self.wire.send("GET", "/tell")[1])


@contextmanager
def serving(path, **fleet):
    """Run a server for a fleet; `path` is where this package and keyspec are found."""
    command = [sys.executable, "-m", "benchmarks.server", json.dumps(fleet)]
    environ = clean_environ(PYTHONPATH=path)
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            control, *ports = json.loads(process.stdout.readline())
            wire = Wire(control)
            yield Standing(tuple(ports), wire)
            wire.close()
        finally:
            process.stdin.close()
            process.terminate()
