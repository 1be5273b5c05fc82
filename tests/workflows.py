"""A GitHub Actions workflow, run on this machine: its `run:` steps with bash, artifacts as folders.

`Workflow` knows what the recipes use, and fails on anything else: `needs`, conditions by their text, matrices, artifacts,
environments and their secrets, and "Re-run failed jobs". Jobs get a folder of their own, which is their home, too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from processes import clean_environ

if TYPE_CHECKING:
    from pathlib import Path

SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
NONE_SKIPPED = "${{ !cancelled() && !contains(needs.*.result, 'skipped') }}"
INSTALL = 'pip install "$KEYSPEC"'


@dataclass
class Workflow:
    """The runs of one workflow for one event; `secrets` are those of each environment, `base` is the base branch."""

    tree: dict
    folder: Path
    checkout: Path
    path: str
    secrets: dict
    shards: int
    event: str = "push"
    fork: bool = False
    base: Path | None = None
    inputs: dict = field(default_factory=dict)
    attempt: int = 0
    results: dict = field(default_factory=dict)
    said: list = field(default_factory=list)
    codes: dict = field(default_factory=dict)

    @property
    def artifacts(self):
        return self.folder / "artifacts"

    def outcome(self, job):
        """How a job ended: `success`, `failure` or `skipped`."""
        parts = self.results.get(job)
        return "skipped" if not parts else "success" if all(parts.values()) else "failure"

    def go(self):
        """Run all jobs; again, those that failed and whatever needs them. Give how each job ended."""
        self.attempt += 1
        fresh = set()
        for name, job in self.tree["jobs"].items():
            if not self._allows(name, job):
                self.results[name] = {}
                continue
            parts = job["strategy"]["matrix"]["shard"][: self.shards] if "strategy" in job else [None]
            known = {} if fresh & self._ancestors(name) else self.results.get(name, {})
            todo = [part for part in parts if not known.get(part)]
            if todo:
                fresh.add(name)
            with ThreadPoolExecutor(2) as pool:
                done = pool.map(lambda part, name=name, job=job: self._run_job(name, job, part), todo)
                self.results[name] = {**known, **dict(zip(todo, done, strict=True))}
        return {name: self.outcome(name) for name in self.tree["jobs"]}

    def _ancestors(self, name):
        needed = self.tree["jobs"][name].get("needs", [])
        needed = {needed} if isinstance(needed, str) else set(needed)
        return needed.union(*(self._ancestors(each) for each in needed))

    def _allows(self, name, job):
        succeeded = all(self.outcome(each) == "success" for each in self._ancestors(name))
        needed = job.get("needs")
        return {
            None: succeeded,
            NONE_SKIPPED: needed is not None and self.outcome(needed) != "skipped",
            "github.event_name == 'pull_request'": self.event == "pull_request",
            "github.ref == 'refs/heads/main'": self.event != "pull_request",
        }[job.get("if")]

    def _run_job(self, name, job, part):
        folder = self.folder / f"{name}-{part}-{self.attempt}"
        folder.mkdir(parents=True)
        secrets = {} if self.fork else self.secrets.get(job.get("environment"), {})
        context = {
            "github.base_ref": "main",
            "github.run_attempt": self.attempt,
            "inputs.allow_delete || false": self.inputs.get("allow_delete", False),
            "matrix.shard": part,
            "strategy.job-total": self.shards,
            **{f"secrets.{each}": secrets.get(each, "") for each in ("HUB_KEY", "VAULT_TOKEN")},
        }
        environ = expand({**self.tree["env"], **job.get("env", {})}, context)
        context |= {f"env.{each}": value for each, value in environ.items()}
        environ |= {"GITHUB_RUN_ATTEMPT": str(self.attempt), "HOME": str(folder), "PATH": self.path}
        succeeded = True
        for step in job["steps"]:
            goes_on = {None: succeeded, "always()": True, SAME_REPOSITORY: succeeded and not self.fork}
            if goes_on[step.get("if")]:
                act = self._use if "uses" in step else self._run
                succeeded = act(step, folder, context, environ, (name, part)) and succeeded
        return succeeded

    def _run(self, step, folder, context, environ, at):
        if step["run"] == INSTALL:
            return True
        assert "${{" not in step["run"], "what comes from outside goes through the environment"
        script = folder / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        done = subprocess.run(
            ["bash", "-e", str(script)],
            cwd=folder / step.get("working-directory", "."),
            env=clean_environ(**{**environ, **expand(step.get("env", {}), context)}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        self.said.append(done.stdout + done.stderr)
        self.codes[at] = done.returncode
        return done.returncode == 0

    def _use(self, step, folder, context, _environ, _at):
        given = expand(step.get("with", {}), context)
        place = folder / given.get("path", ".")
        match step["uses"].partition("@")[0]:
            case "actions/checkout":
                assert given["persist-credentials"] == "False"
                shutil.copytree(self.base if given.get("ref") else self.checkout, place, dirs_exist_ok=True)
            case "actions/setup-python":
                pass
            case "actions/upload-artifact":
                return self._upload(given, place)
            case "actions/download-artifact" if "name" in given:
                shutil.copytree(self.artifacts / given["name"], place, dirs_exist_ok=True)
            case "actions/download-artifact":
                assert given["merge-multiple"] == "True"
                for artifact in self.artifacts.glob(given["pattern"]):
                    shutil.copytree(artifact, place, dirs_exist_ok=True)
        return True

    def _upload(self, given, place):
        artifact = self.artifacts / given["name"]
        if artifact.exists() and "overwrite" not in given:
            return False
        if place.is_file():
            artifact.mkdir(parents=True, exist_ok=True)
            shutil.copy(place, artifact)
        elif place.is_dir():
            shutil.copytree(place, artifact, dirs_exist_ok=True)
        return place.exists() or "if-no-files-found" not in given


def expand(fields, context):
    """Put values in the place of `${{ … }}`; everything becomes text."""
    return {
        name: re.sub(r"\$\{\{ (.*?) \}\}", lambda match: say(context[match[1]]), str(value))
        for name, value in fields.items()
    }


def say(value):
    return str(value).lower() if isinstance(value, bool) else str(value)
