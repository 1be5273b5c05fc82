"""Real processes that are killed before their first, second, ... call of something, each in a world of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]

CHILD = """
import importlib, json, os, signal, sys
from keyspec.desired import Entry
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference, Secret
from keyspec.stores import open_store

number, module, names, scheme, rest, file, what = json.loads(sys.argv[1])
store, entry = open_store(scheme), Entry(Reference(scheme, rest), file)
mark = Content(Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", "run-1"))
record = Content(Record("hub", "key", ("hub",), "fp"), Secret("Canary7Value0abcdefXYZ"))
done = 0

def counted(holder, name):
    call = getattr(holder, name)
    def counting(*args, **kwargs):
        global done
        done += 1
        if done == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    setattr(holder, name, counting)

version = store.look(entry).version
for name in names:
    counted(importlib.import_module(module), name)
match what:
    case "create":
        store.preflight(entry)
        version = store.put_if_absent(entry, mark)
        print("marked", flush=True)
        store.replace(entry, version, record)
    case "import":
        store.put_if_absent(entry, record)
    case "set_aside":
        store.set_aside(entry, version)
    case "delete":
        store.delete(entry, version)
print(done, flush=True)
"""

SYSTEM_CALLS = ("os", ("open", "close", "link", "replace", "unlink", "fsync", "mkdir", "dup"))
KEYRING_CALLS = ("keyring", ("get_password", "set_password", "delete_password"))


def kill_everywhere(calls, what, entries, environ, *, campaign):
    """Kill a child at each of its calls, one entry of `entries` for each; give the entries and what each child said.

    A campaign that is no full one takes every third call.
    """
    whole = run_child(calls, what, next(entries), environ, 0)
    assert whole.returncode == 0, whole.stderr
    numbers = range(1, int(whole.stdout.split()[-1]) + 1, 1 if campaign == "full" else 3)
    targets = {number: next(entries) for number in numbers}
    with ThreadPoolExecutor(4) as workers:
        children = tuple(workers.map(lambda number: run_child(calls, what, targets[number], environ, number), numbers))
    assert {child.returncode for child in children} == {-signal.SIGKILL}
    return [(entry, child.stdout.split()) for entry, child in zip(targets.values(), children, strict=True)]


def run_child(calls, what, entry, environ, number):
    import json

    arguments = [number, *calls, entry.reference.scheme, entry.reference.rest, entry.file, what]
    return subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ,
        check=False,
    )
