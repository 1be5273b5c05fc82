"""One part of a run alone, as a program that prints the CPU seconds it took: `python -m benchmarks.inner PART FOLDER KEYS`.

events    a YAML parser reads every file of the spec and keeps nothing: the floor of reading a spec
load      keyspec reads and resolves the spec
compare   two tuples of keys are joined by ID and compared for equality: the floor of planning
plan      keyspec plans and holds the plan to its guards, with all that is live at hand
"""

from __future__ import annotations

import gc
import json
import sys
from collections import deque
from functools import partial
from importlib import import_module
from pathlib import Path
from time import process_time

from benchmarks.data import ROLES, key_row
from keyspec.model import Key, Role


def read_events(folder, _keys):
    parse = import_module("_ruamel_yaml").CParser
    texts = [path.read_bytes() for path in sorted(folder.glob("*.yaml"))]
    return lambda: [deque(iter(parse(text).get_event, None), maxlen=0) for text in texts]


def load_spec(folder, _keys):
    from keyspec.loader import load_desired
    from keyspec.session import Options

    return partial(load_desired, Options(files=(str(folder / "keyspec.yaml"),)))


def compare_keys(_folder, keys):
    declared, live = list_live(keys), list_live(keys)

    def compare():
        left, right = ({key.key_id: key for key in side} for side in (declared, live))
        return [key_id for key_id in sorted({*left, *right}) if left.get(key_id) != right.get(key_id)]

    return compare


def plan_keys(folder, keys):
    from keyspec.guard import check_guards
    from keyspec.live import LiveHub
    from keyspec.ownership import Policy
    from keyspec.planner import make_plan

    desired = load_spec(folder, keys)()
    roles = {name: Role(name, permissions) for name, permissions in ROLES}
    live = {name: LiveHub(name, {key.key_id: key for key in list_live(keys)}, roles) for name in desired.hubs}

    def plan():
        planned = make_plan(desired, live, {}, Policy())
        return check_guards(planned, desired, live)

    return plan


def list_live(keys):
    rows = map(key_row, range(keys))
    return [
        Key(row["keyId"], row["description"], tuple(row["roles"]), row["reauthenticationTimeout"], "active")
        for row in rows
    ]


_GC_THRESHOLD = 100_000
"""As the command line has it."""
PARTS = {"events": read_events, "load": load_spec, "compare": compare_keys, "plan": plan_keys}


def main():
    part, folder, keys = sys.argv[1:]
    work = PARTS[part](Path(folder), int(keys))
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    begun = process_time()
    work()
    print(json.dumps({"cpu_s": process_time() - begun}))


if __name__ == "__main__":
    main()
