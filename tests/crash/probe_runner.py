"""`keyspec contract probe` as a process that is killed at a numbered point: before or after a request or its journal.

    python probe_runner.py '{"at": 7, "during": false, "log": null}' contract probe ...

at      which point, from 1; 0: none, and the names of all points are written to the file `log`
during  SIGKILL a little after the request that begins there
broken  a variant that journals nothing, and must not survive the campaign
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from keyspec import cli
from keyspec.journal import Journal
from keyspec.transport import Transport

DURING_S = 0.15

asked = json.loads(sys.argv[1])
points: list[str] = []


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def reach(name):
    points.append(name)
    if asked["at"] == len(points):
        (threading.Timer(DURING_S, kill).start if asked["during"] else kill)()


def number(holder, name, label):
    call = getattr(holder, name)

    def numbered(self, *args, **kwargs):
        reach(f"before {label(*args)}")
        done = call(self, *args, **kwargs)
        reach(f"after {label(*args)}")
        return done

    setattr(holder, name, numbered)


if asked["broken"]:
    Journal.write = lambda *_: None
number(Transport, "send", lambda method, url, *_: f"{method} {url.partition('/v1')[2].partition('?')[0]}")
number(Journal, "write", lambda *_: "journal write")
number(Journal, "remove", lambda *_: "journal remove")
code = cli.call(sys.argv[2:])
if asked["log"]:
    Path(asked["log"]).write_text("\n".join(points))
sys.exit(code)
