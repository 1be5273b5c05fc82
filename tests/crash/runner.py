"""keyspec as a process that something happens to at a numbered point: before or after one of its side effects.

    python runner.py '{"at": 7, "what": "kill"}' apply --yes

made       a descriptor that hears of the values that keyspec makes
at         which point, from 1; 0: none, and the names of all points are written to the file `log`; or how its name begins
what       kill: SIGKILL there · during: SIGKILL a little after the request that begins there · race: run all of
           another keyspec there, then go on
condition  full-disk: the store takes no value
broken     a variant of keyspec that must not survive the campaign; `other` is that of the process that races
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from keyspec import cli, custody, recovery, turn
from keyspec.errors import StoreError
from keyspec.spool import Spool
from keyspec.stores.file import FileStore
from keyspec.stores.vault import VaultStore
from keyspec.transport import Transport

STORE_CALLS = ("preflight", "put_if_absent", "replace", "set_aside", "clear", "delete", "read")
FILE_CALLS = ("link", "replace", "unlink")
DURING_S = 0.15

asked = json.loads(sys.argv[1])
points: list[str] = []


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def race():
    told = {"at": 0, "what": "kill", "made": asked["made"], "broken": asked.get("other")}
    other = [sys.executable, __file__, json.dumps(told), *asked["race"]]
    done = subprocess.run(other, capture_output=True, text=True, check=False, timeout=60, pass_fds=(asked["made"],))
    sys.stderr.write(done.stdout + done.stderr)


def reach(name):
    points.append(name)
    if asked["at"] == len(points) or (isinstance(asked["at"], str) and name.startswith(asked["at"])):
        {"kill": kill, "during": threading.Timer(DURING_S, kill).start, "race": race}[asked["what"]]()


def number(holder, name, label):
    call = getattr(holder, name)

    def numbered(self, *args, **kwargs):
        what = label(*args)
        if what is None:
            return call(self, *args, **kwargs)
        reach(f"before {what}")
        done = call(self, *args, **kwargs)
        reach(f"after {what}")
        return done

    setattr(holder, name, numbered)


def number_file_calls():
    """Number what a store does to its files, so that it is killed halfway through an operation, too."""
    for name in FILE_CALLS:
        call = getattr(os, name)

        def numbered(*args, call=call, name=name, **kwargs):
            reach(f"within {name}")
            return call(*args, **kwargs)

        setattr(os, name, numbered)


def tell_made():
    make = turn.make_value

    def told(*args):
        value = make(*args)
        os.write(asked["made"], f"{value.reveal()}\n".encode())
        return value

    turn.make_value = told


def fill_disk():
    replace = FileStore.replace

    def full(self, entry, expected_version, content):
        if content.value is not None:
            raise StoreError("the disk is full")
        return replace(self, entry, expected_version, content)

    FileStore.replace = full


def mark_nothing():
    """Store after the hub, without a mark."""
    custody.Keeping._mark = lambda self, key: custody._Placed(
        custody.Mark(self.owner, key, self.run.plan, self.run.nonce, self._lease()), "absent"
    )


def overwrite():
    """Put a mark over whatever is there."""

    def put(self, key):
        self.preflight()
        for suffix in ("", ".keyspec"):
            Path(self.entry.file).parent.joinpath(self.entry.reference.rest + suffix).unlink(missing_ok=True)
        mark = custody.Mark(self.owner, key, self.run.plan, self.run.nonce, self._lease())
        return custody._Placed(mark, self.store.put_if_absent(self.entry, custody.Content(mark)))

    custody.Keeping._mark = put


def recover_the_living():
    """Take every mark for a dead run's."""
    judge = recovery._judge_mark
    recovery._judge_mark = lambda mark, kept, *rest: judge(mark, recovery.replace(kept, busy=False), *rest)


BROKEN = {"no-mark": mark_nothing, "overwrite": overwrite, "live-mark": recover_the_living}

if asked.get("broken"):
    BROKEN[asked["broken"]]()
if asked.get("condition") == "full-disk":
    fill_disk()
for store in (FileStore, VaultStore):
    for operation in STORE_CALLS:
        number(store, operation, lambda *_, operation=operation: f"store {operation}")
number(Transport, "send", lambda method, url, *_: None if method == "GET" else f"{method} {url.partition('/v1')[2]}")
number(Spool, "put", lambda *_: "spool put")
number(Spool, "remove", lambda *_: "spool remove")
number_file_calls()
tell_made()
try:
    code = cli.call(sys.argv[2:])
finally:
    if asked.get("log"):
        Path(asked["log"]).write_text("\n".join(points))
sys.exit(code)
