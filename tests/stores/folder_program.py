"""A program for `exec:`: the protocol of `keyspec.stores.exec` over the folder `kept` beside the program itself."""

import fcntl
import hashlib
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEPT = HERE / "kept"


class StoreFailureError(Exception):
    pass


def load(name):
    path = KEPT / hashlib.sha256(name.encode()).hexdigest()
    try:
        return path, json.loads(path.read_text())
    except FileNotFoundError:
        return path, {"note": None, "value": None, "previous": None, "count": 0}


def save(path, kept):
    kept["count"] += 1
    path.with_suffix(".new").write_text(json.dumps(kept))
    path.with_suffix(".new").replace(path)


def version_of(kept):
    return None if kept["note"] is None and kept["value"] is None else f"v{kept['count']}"


def state_of(kept):
    return {"note": kept["note"], "has_value": kept["value"] is not None, "version": version_of(kept)}


def put(request, kept, path):
    note, value = request["note"], request.get("value")
    if kept["note"] is None and kept["value"] is not None:
        raise StoreFailureError("conflict" if "version" in request else "foreign")
    if kept["note"] != note and version_of(kept) != request.get("version"):
        raise StoreFailureError("conflict")
    if value is not None and kept["value"] not in (None, value):
        raise StoreFailureError("conflict")
    if (kept["note"], kept["value"]) != (note, value or kept["value"]):
        kept.update(note=note, value=value or kept["value"])
        save(path, kept)
    return {"version": version_of(kept)}


def change(request, kept, path):
    if version_of(kept) != request["version"]:
        raise StoreFailureError("conflict")
    match request["operation"]:
        case "set_aside":
            if kept["value"] is not None:
                kept.update(value=None, previous=kept["value"])
                save(path, kept)
            return {"version": version_of(kept)}
        case "clear":
            if kept["value"] is not None:
                raise StoreFailureError("conflict")
            kept.update(note=None)
            save(path, kept)
        case "delete":
            if kept["note"] is None:
                raise StoreFailureError("conflict")
            path.unlink()
    return {}


def answer(request):
    if request["operation"] == "look_all":
        return {"entries": {name: state_of(load(name)[1]) for name in request["entries"]}}
    path, kept = load(request["entry"])
    match request["operation"]:
        case "preflight":
            return {}
        case "look":
            return state_of(kept)
        case "read":
            return {"value": kept["value"]}
        case "put_if_absent" | "replace":
            return put(request, kept, path)
        case "set_aside" | "clear" | "delete":
            return change(request, kept, path)


def main():
    (HERE / "seen").open("a").write(json.dumps({"argv": sys.argv, "environ": dict(os.environ)}) + "\n")
    KEPT.mkdir(exist_ok=True)
    with (HERE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            said = answer(json.load(sys.stdin))
        except StoreFailureError as failure:
            said = {"error": {"code": str(failure), "message": "said by the program"}}
    json.dump(said, sys.stdout)


main()
