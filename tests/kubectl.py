"""`kubectl`, as far as a recipe needs it: Jobs run on this machine, and have ended when `create` returns.

The cluster is the folder $CLUSTER: config maps (laid out by links, as a kubelet does), secrets, volumes, and how each job
ended. Paths of mounts become those of the folder. An indexed Job has $CLUSTER_SHARDS indexes, whatever it says.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ruamel.yaml import YAML

CLUSTER = Path(os.environ.get("CLUSTER", "cluster"))


def create_file(path, selector):
    """`kubectl create -f PATH -l NAME=VALUE`."""
    name, _, value = selector.partition("=")
    documents = YAML(typ="safe").load_all(Path(path).read_text(encoding="utf-8"))
    for document in (each for each in documents if each["metadata"]["labels"][name] == value):
        if document["kind"] == "Job":
            create_job(document)
        else:
            (CLUSTER / "volumes" / document["metadata"]["name"]).mkdir(parents=True)


def create_files(kind, name, sources):
    """`kubectl create configmap NAME --from-file=…`, and the same of a secret."""
    data = CLUSTER / kind / name / "..data.1"
    data.mkdir(parents=True)
    (data.parent / "..data").symlink_to(data.name)
    for source in (Path(each.removeprefix("--from-file=")) for each in sources):
        (data / source.name).write_bytes(source.read_bytes())
        (data.parent / source.name).symlink_to(f"..data/{source.name}")


def create_job(job):
    ended = CLUSTER / "jobs" / job["metadata"]["name"]
    if ended.exists():
        sys.exit(f"jobs.batch {ended.name} already exists")
    indexed = job["spec"].get("completionMode") == "Indexed"
    indexes = range(int(os.environ["CLUSTER_SHARDS"])) if indexed else [None]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda index: run_index(job["spec"], index), indexes))
    ended.parent.mkdir(exist_ok=True)
    ended.write_text("complete" if all(done) else "failed", encoding="utf-8")


def run_index(spec, index):
    """Run a pod, and another one if it fails and the Job's limits and rules say so; tell whether one succeeded."""
    rules = spec.get("podFailurePolicy", {}).get("rules", ())
    final = {code for rule in rules if rule["action"] == "FailIndex" for code in rule["onExitCodes"]["values"]}
    for _ in range(1 + spec.get("backoffLimitPerIndex", 0)):
        code = run_pod(spec["template"]["spec"], index)
        if code == 0 or code in final:
            break
    return code == 0


def run_pod(pod, index):
    container = pod["containers"][0]
    folders = {
        volume["name"]: CLUSTER / "configmap" / volume["configMap"]["name"]
        if "configMap" in volume
        else CLUSTER / "volumes" / volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["volumes"]
    }
    mounts = {mount["mountPath"]: str(folders[mount["name"]]) for mount in container["volumeMounts"]}
    paths = re.compile(rf"(?<![\w/.])({'|'.join(map(re.escape, mounts))})\b")

    def move(text):
        return paths.sub(lambda match: mounts[match[1]], text)

    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    for source in container.get("envFrom", ()):
        files = (CLUSTER / "secret" / source["secretRef"]["name"] / "..data").iterdir()
        environ |= {file.name: file.read_text(encoding="utf-8") for file in files}
    environ |= {each["name"]: move(each["value"]) for each in container["env"]}
    if index is not None:
        environ |= {"JOB_COMPLETION_INDEX": str(index), "SHARDS": os.environ["CLUSTER_SHARDS"]}
    command = [move(word) for word in (*container["command"], *container["args"])]
    with (CLUSTER / "log").open("a", encoding="utf-8") as log:
        folder = move(container["workingDir"])
        done = subprocess.run(command, cwd=folder, env=environ, stdout=log, stderr=log, check=False, timeout=120)
        log.write(f"index {index}: {done.returncode}\n")
    return done.returncode


def wait(job, condition):
    """`kubectl wait JOB --for=condition=NAME --timeout=…`: what does not come is waited for, a while."""
    ended = (CLUSTER / "jobs" / job.removeprefix("job/")).read_text(encoding="utf-8")
    if ended != condition.removeprefix("--for=condition="):
        time.sleep(2)
        sys.exit("timed out")


def main(words):
    match words:
        case ["create", "-f", path, "-l", selector]:
            create_file(path, selector)
        case ["create", "secret", "generic", name, *sources]:
            create_files("secret", name, sources)
        case ["create", "configmap", name, *sources]:
            create_files("configmap", name, sources)
        case ["wait", job, condition, _]:
            wait(job, condition)
        case _:
            sys.exit(f"unknown: {words}")


if __name__ == "__main__":
    main(sys.argv[1:])
