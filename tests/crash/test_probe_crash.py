"""A probe killed before and after each of its requests and journal entries: the next probe leaves no key of either."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from canary import watch
from probes import QUICK, journals, probe_keys
from processes import clean_environ

from keyspec.devhub import DevHub, Knobs, parse_faults

RUNNER = Path(__file__).with_name("probe_runner.py")
ROOT = Path(__file__).parents[2]
HANG_S = 0.6
SAMPLED = 6
"""About how many points a sample has."""


class World:
    """A sandbox hub with a stranger's key, a folder, and probes as processes."""

    def __init__(self, folder, hub, canary):
        self.folder, self.hub, self.canary = folder, hub, canary
        hub.seed_key("stranger", description="mine")
        self.stranger = hub.keys()["stranger"]
        (folder / "keyspec.yaml").write_text(
            f'keyspec: 1\nhubs: {{lab: {{url: "{hub.url}", auth: "env:LAB_KEY", auth_key_id: keyspec_ci,'
            " labels: {env: sandbox}, timeout: 1s}}\n"
        )

    def probe(self, at=0, *, during=False, log=None, broken=False):
        """Run a probe that dies at a point; give its exit code."""
        (self.folder / "seen.yaml").unlink(missing_ok=True)
        told = json.dumps({"at": at, "during": during, "log": log and str(log), "broken": broken})
        done = subprocess.run(
            [sys.executable, str(RUNNER), told, *QUICK, "--yes"],
            cwd=self.folder,
            env=clean_environ(
                LAB_KEY=self.hub.admin_value,
                XDG_STATE_HOME=str(self.folder / "state"),
                PYTHONPATH=str(ROOT),
                TMPDIR=os.environ["TMPDIR"],
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.canary.said += (done.stdout, done.stderr)
        self.canary.search()
        assert self.hub.keys()["stranger"] == self.stranger
        return done.returncode

    def check_journalled(self):
        """Whatever a dead probe has left on the hub stands in its journal."""
        texts = "".join(path.read_text() for path in journals(self.folder))
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in journals(self.folder))
        assert all(key_id in texts for key_id in probe_keys(self.hub))

    def check_clean(self):
        assert probe_keys(self.hub) == set()
        assert journals(self.folder) == []
        assert list(self.folder.rglob("*.tmp")) == []


@pytest.fixture
def world(tmp_path):
    made = 0

    @contextmanager
    def make(**knobs):
        nonlocal made
        made += 1
        folder = tmp_path / str(made)
        folder.mkdir()
        with ExitStack() as stack:
            canary = stack.enter_context(watch(folder))
            yield World(folder, stack.enter_context(DevHub("lab", knobs=Knobs(**knobs))), canary)

    return make


def list_points(world, tmp_path, **knobs):
    with world(**knobs) as each:
        assert each.probe(log=tmp_path / "points") == 0
        each.check_clean()
    return (tmp_path / "points").read_text().splitlines()


@pytest.mark.parametrize("takes_id", [True, False])
def test_killed_at_any_point_the_next_probe_leaves_no_key(world, tmp_path, campaign, takes_id):
    points = list_points(world, tmp_path, import_takes_id=takes_id)
    assert points.index("before journal write") < points.index("before POST /api_keys")
    stride = 1 if campaign == "full" else len(points) // SAMPLED
    for number in range(1 + 3 * takes_id, len(points) + 1, stride):
        with world(import_takes_id=takes_id) as each:
            assert each.probe(number) == -signal.SIGKILL, points[number - 1]
            if takes_id:
                each.check_journalled()
            assert each.probe() == 0, points[number - 1]
            each.check_clean()


def test_a_probe_killed_right_after_each_write_leaves_it_to_the_next(world, tmp_path, campaign):
    points = list_points(world, tmp_path)
    writes = [number for number, point in enumerate(points, 1) if point.startswith(("after POST", "after DELETE"))]
    for number in writes if campaign == "full" else writes[:2] + writes[-2:]:
        with world() as each:
            assert each.probe(number) == -signal.SIGKILL
            each.check_journalled()
            assert each.probe() == 0
            each.check_clean()


def test_a_key_whose_id_the_hub_made_up_is_known_by_its_mark(world, tmp_path):
    points = list_points(world, tmp_path, import_takes_id=False)
    at = len(points) - points[::-1].index("after POST /api_keys/import")
    with world(import_takes_id=False) as each:
        assert each.probe(at) == -signal.SIGKILL
        assert len(probe_keys(each.hub)) == 1
        assert each.probe() == 0
        each.check_clean()


def test_a_variant_that_journals_nothing_is_found_out(world, tmp_path):
    points = list_points(world, tmp_path)
    with world() as each:
        assert each.probe(points.index("after POST /api_keys") + 1, broken=True) == -signal.SIGKILL
        with pytest.raises(AssertionError):
            each.check_journalled()
        assert each.probe() == 0
        with pytest.raises(AssertionError):
            each.check_clean()


@pytest.mark.parametrize("operation", ["POST /api_keys", "POST /api_keys/import"])
def test_a_write_that_lands_after_the_death_is_removed(world, tmp_path, operation):
    points = list_points(world, tmp_path)
    at = points.index(f"before {operation}") + 1
    with world() as each:
        each.hub.set_knobs(faults=parse_faults(f"{operation} 1 before:hang:{HANG_S}"))
        assert each.probe(at, during=True) == -signal.SIGKILL
        each.hub.set_knobs(faults=())
        each.check_journalled()
        assert each.probe() == 0
        each.check_clean()
        time.sleep(HANG_S)
        each.check_clean()
