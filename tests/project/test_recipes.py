"""The recipes of examples/06-sharded: their files fit the schemas, and their shell lines are run against local hubs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import kubernetes_validate
import pytest
from placing import place
from processes import clean_environ, run_keyspec
from ruamel.yaml import YAML
from stores import kv2_server
from workflows import Workflow

from keyspec.devhub import parse_faults
from keyspec.document import parse_document

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "06-sharded"
WORKFLOW = EXAMPLE / "github-workflow.yaml"
JOBS = EXAMPLE / "kubernetes-job.yaml"
VAULT = "https://vault.example.com:8200"
ADMIN, READER = "value-of-keyspec-ci", "value-of-keyspec-plan"
SECRETS = {
    "hubs-read": {"HUB_KEY": READER, "VAULT_TOKEN": "planner"},
    "hubs-write": {"HUB_KEY": ADMIN, "VAULT_TOKEN": "writer"},
}
WAVES = (("canary-eu", "canary-us"), ("eu-1", "eu-2", "eu-3"), ("us-1", "us-2", "us-3"))
BROKEN = parse_faults("POST ** * before:status:422")


@dataclass
class Fleet:
    """The example in a folder, its hubs by the names in their URLs, and Vault."""

    folder: Path
    hubs: dict
    vault: kv2_server.Vault
    address: str
    path: str

    def sent(self, wave):
        """What the hubs of a wave were sent but reads."""
        return [each.method for name in WAVES[wave - 1] for each in self.hubs[name].requests if each.method != "GET"]

    def run(self, *words):
        environ = {"HUB_KEY": ADMIN, "VAULT_ADDR": self.address, "VAULT_TOKEN": "writer"}
        return run_keyspec(*words, cwd=self.folder, environ={**environ, "HOME": str(self.folder)})

    def values(self):
        """Every value that Vault holds."""
        secrets = (secret["versions"][secret["current"]]["data"] for secret in self.vault.secrets.values())
        return {value for data in secrets for value in data.values() if isinstance(value, str)}

    def check_done(self, said):
        """Assert that all is as declared, that every value is in Vault, and none of them in what was said."""
        ran = self.run("plan", "--exit-code")
        assert ran.code == 0, ran.out
        held = [{hub.check_value(value) for value in self.values()} - {None} for hub in self.hubs.values()]
        assert held == [set(hub.keys()) - {"keyspec_ci", "keyspec_plan"} for hub in self.hubs.values()]
        assert not [value for value in (ADMIN, READER, *self.values()) if value in said]


@pytest.fixture
def fleet(tmp_path):
    vault, address = kv2_server.start()
    vault.reset()
    path = f"{tmp_path / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with ExitStack() as stack:
        hubs = place(EXAMPLE, tmp_path / "spec", stack, value=ADMIN)
        for recipe in (WORKFLOW.name, JOBS.name):
            text = (tmp_path / "spec" / recipe).read_text(encoding="utf-8")
            (tmp_path / "spec" / recipe).write_text(text.replace(VAULT, address), encoding="utf-8")
        for hub in hubs.values():
            hub.add_role("Auditor", permissions=("Audit",))
            hub.seed_key("keyspec_plan", roles=("Auditor",), value=READER)
        yield Fleet(tmp_path / "spec", hubs, vault, address, path)


def read_workflow(fleet, **more):
    path = fleet.folder / WORKFLOW.name
    tree = parse_document(path.read_bytes(), path.name).root
    return Workflow(tree, fleet.folder.parent / "github", fleet.folder, fleet.path, SECRETS, **{"shards": 3, **more})


def said_by(workflow):
    reports = [path.read_text(encoding="utf-8") for path in workflow.artifacts.rglob("*") if path.is_file()]
    return "".join((*workflow.said, *reports))


def read_jobs():
    return list(YAML(typ="safe").load_all(JOBS.read_text(encoding="utf-8")))


# What the files say


def test_the_spec_is_valid():
    assert run_keyspec("validate", "--trusted", "trusted.yaml", cwd=EXAMPLE).code == 0


def test_the_workflow_fits_the_schemas_of_github_workflows():
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        words = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(WORKFLOW))
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", ["1.29", "1.31"])
def test_the_jobs_fit_the_schemas_of_kubernetes(version):
    for document in read_jobs():
        kubernetes_validate.validate(document, version, strict=True)


def test_every_wave_of_the_workflow_is_applied_and_merged_alike():
    jobs = parse_document(WORKFLOW.read_bytes(), WORKFLOW.name).root["jobs"]
    assert list(jobs) == ["review", "plan", *(f"{job}-{wave}" for wave in (1, 2, 3) for job in ("wave", "merge"))]
    for wave in (1, 2, 3):
        apply, merge = jobs[f"wave-{wave}"], jobs[f"merge-{wave}"]
        assert apply["needs"] == ("plan" if wave == 1 else f"merge-{wave - 1}")
        assert merge["needs"] == f"wave-{wave}"
        own = ("needs", "env")
        assert apply["env"] == merge["env"] == {"WAVE": wave}
        for job, first in ((apply, jobs["wave-1"]), (merge, jobs["merge-1"])):
            assert {name: job[name] for name in job if name not in own} == {
                name: first[name] for name in first if name not in own
            }
    assert jobs["wave-1"]["strategy"] == {"fail-fast": False, "matrix": {"shard": list(range(1, 17))}}


def test_secrets_are_given_to_keyspec_alone():
    jobs = parse_document(WORKFLOW.read_bytes(), WORKFLOW.name).root["jobs"]
    for job in jobs.values():
        steps = [step for step in job["steps"] if "secrets." in str(step)]
        assert all("keyspec" in step["run"] for step in steps)
        assert "secrets." not in str({name: job[name] for name in job if name != "steps"})


def test_the_job_has_as_many_indexes_as_shards():
    apply = read_jobs()[1]["spec"]
    environ = {each["name"]: each["value"] for each in apply["template"]["spec"]["containers"][0]["env"]}
    assert apply["completions"] == apply["parallelism"] == int(environ["SHARDS"]) == 16


# What they do


def test_the_workflow_stops_at_a_wave_that_failed_and_goes_on_when_its_failed_jobs_are_run_again(fleet):
    for hub in fleet.hubs.values():
        hub.seed_key("ci_old", locked=True)
    workflow = read_workflow(fleet)
    fleet.hubs["canary-us"].set_knobs(faults=BROKEN)
    ended = workflow.go()
    assert ended == {
        **dict.fromkeys(workflow.tree["jobs"], "skipped"),
        "plan": "success",
        "wave-1": "failure",
        "merge-1": "failure",
    }
    assert (workflow.codes["wave-1", 1], workflow.codes["wave-1", 2], workflow.codes["merge-1", None]) == (1, 0, 3)
    assert (fleet.sent(2), fleet.sent(3)) == ([], [])

    fleet.hubs["canary-us"].set_knobs(faults=())
    ended = workflow.go()
    assert ended == {**dict.fromkeys(workflow.tree["jobs"], "success"), "review": "skipped"}
    assert len([path for path in workflow.artifacts.iterdir() if path.name.startswith("wave-1")]) == 4
    assert "3 of 3 hubs verified" in workflow.said[-1]
    assert all("ci_old" in hub for hub in fleet.hubs.values()), "deletes are held"

    deleting = read_workflow(fleet, event="workflow_dispatch", inputs={"allow_delete": True}, shards=1)
    deleting.folder = fleet.folder.parent / "deleting"
    assert deleting.go() == ended
    assert not any("ci_old" in hub for hub in fleet.hubs.values())
    fleet.check_done(said_by(workflow) + said_by(deleting))


def test_a_pull_request_is_planned_as_the_base_branch_trusts_it_and_never_applied(fleet):
    review = read_workflow(fleet, event="pull_request", base=fleet.folder)
    only = {**dict.fromkeys(review.tree["jobs"], "skipped"), "review": "success"}
    assert review.go() == only
    assert "Plan: 13 to create, 6 to import" in review.said[-1]
    forked = read_workflow(fleet, event="pull_request", base=fleet.folder, fork=True, attempt=1)
    assert forked.go() == only
    assert "valid" in forked.said[-1]

    stranger = fleet.folder.parent / "stranger"
    shutil.copytree(fleet.folder, stranger)
    hubs = (stranger / "hubs.yaml").read_text(encoding="utf-8")
    (stranger / "hubs.yaml").write_text(hubs.replace(fleet.hubs["eu-1"].url, "https://evil.example.com"), "utf-8")
    (stranger / "trusted.yaml").write_text("keyspec-trusted: 1\n", encoding="utf-8")
    changed = read_workflow(fleet, event="pull_request", base=fleet.folder, attempt=2)
    changed.checkout = stranger
    assert changed.go()["review"] == "failure"
    assert "untrusted" in changed.said[-1]
    assert [fleet.sent(wave) for wave in (1, 2, 3)] == [[], [], []]


def test_the_jobs_stop_at_a_wave_that_failed_and_go_on_when_it_is_run_again(fleet, tmp_path):
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    prepare = "\n".join(re.findall(r"^\$ (kubectl .*)$", text, re.MULTILINE))
    loop = re.search(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]
    (tmp_path / "bin").mkdir()
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/kubectl.py "$@"\n', encoding="utf-8")
    kubectl.chmod(0o755)
    for name, value in (("HUB_KEY", ADMIN), ("VAULT_TOKEN", "writer")):
        (fleet.folder / name).write_text(f"{value}\n", encoding="utf-8")
    cluster = tmp_path / "cluster"

    def run(script):
        environ = clean_environ(PATH=fleet.path, CLUSTER=str(cluster), CLUSTER_SHARDS="2")
        words = ["bash", "-c", script]
        done = subprocess.run(words, cwd=fleet.folder, env=environ, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def ended():
        return {path.name: path.read_text(encoding="utf-8") for path in (cluster / "jobs").iterdir()}

    assert fleet.run("plan", "--out", "fleet.plan").code == 0
    said = run(prepare)
    fleet.hubs["canary-us"].set_knobs(faults=BROKEN)
    said += run(loop)
    assert ended() == {"keyspec-apply-wave-1": "failed", "keyspec-merge-wave-1": "failed"}
    log = (cluster / "log").read_text(encoding="utf-8")
    assert "index None: 3" in log
    assert log.count("index 0: 1") == 2, "a shard that failed is tried once more"
    assert (fleet.sent(2), fleet.sent(3)) == ([], [])

    fleet.hubs["canary-us"].set_knobs(faults=())
    for path in (cluster / "jobs").iterdir():
        path.unlink()
    said += run(loop)
    assert ended() == {f"keyspec-{job}-wave-{wave}": "complete" for job in ("apply", "merge") for wave in (1, 2, 3)}
    reports = "".join(path.read_text(encoding="utf-8") for path in (cluster / "volumes").rglob("*.json"))
    fleet.check_done(said + (cluster / "log").read_text(encoding="utf-8") + reports)
