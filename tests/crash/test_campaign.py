"""keyspec killed before and after every side effect, and run again until quiet: nothing is lost, nobody is touched.

By default every n-th point of each scenario, `--campaign full` all of them.
"""

from __future__ import annotations

import signal
import time

import pytest
from crash.world import HANG_S, Scenario

ONE = "file:secrets/{key}"
VAULT = "vault:secret/{hub}/{key}#value"
SCENARIOS = {
    "hub": Scenario("{roles: [User]}"),
    "locked": Scenario("{roles: [User], state: locked}"),
    "generated": Scenario("{roles: [User], value: {from: generated}}"),
    "reference": Scenario('{roles: [User], value: {from: "env:CI_VALUE"}}'),
    "shared": Scenario("{roles: [User], value: {shared: true, origin: b}}", "abc", ONE),
    "full disk": Scenario("{roles: [User]}", condition="full-disk"),
    "full disk, sealed": Scenario("{roles: [User]}", condition="full-disk", sealed=True),
    "shared, full disk": Scenario("{roles: [User], value: {shared: true, origin: a}}", "ab", ONE, "full-disk"),
    "vault": Scenario("{roles: [User]}", store=VAULT),
    "vault, generated": Scenario("{roles: [User], value: {from: generated}}", store=VAULT),
    "vault, reference": Scenario('{roles: [User], value: {from: "env:CI_VALUE"}}', store=VAULT),
    "replica": Scenario("{roles: [User]}", replica="file:copies/{hub}/{key}"),
    "replica, shared": Scenario(
        "{roles: [User], value: {shared: true, origin: b}}", "ab", ONE, replica="file:copies/{key}"
    ),
    "replica, imported": Scenario('{roles: [User], value: {from: "env:CI_VALUE"}}', replica="dotenv:copies.env#CI_A"),
    "taken over": Scenario("{roles: [User]}", replica="file:copies/{hub}/{key}", foreign=True),
    "vault, shared": Scenario("{roles: [User], value: {shared: true, origin: a}}", "abc", "vault:secret/{key}#value"),
}
SAMPLED = 4
"""About how many points of a scenario a sample has."""


def list_points(world, scenario):
    """Give the names of all points of an undisturbed run."""
    with world(scenario) as each:
        each.spawn(0)
        points = (each.folder / "points").read_text().splitlines()
        assert len(points) >= 8, each.said
        return points


def sample(points, campaign, salt, most=SAMPLED):
    """Give the numbers of the points to try."""
    numbers = range(1, len(points) + 1)
    return numbers if campaign == "full" else numbers[salt % (stride := -(-len(points) // most)) :: stride]


@pytest.fixture
def tell(capfd):
    def say(text):
        with capfd.disabled():
            print(f"\n{text}", end=" ", flush=True)

    return say


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_any_point_it_converges_and_loses_nothing(world, tell, campaign, name):
    points = list_points(world, SCENARIOS[name])
    numbers, runs = sample(points, campaign, len(name)), 0
    for number in numbers:
        with world(SCENARIOS[name]) as each:
            assert each.spawn(number) == -signal.SIGKILL, points[number - 1]
            each.check(killed=True)
            runs += each.settle()
            each.check_end()
    tell(f"{name}: killed at {len(numbers)} of {len(points)} points, {runs} runs until quiet")


@pytest.mark.parametrize("name", ["hub", "generated", "shared"])
def test_a_request_that_lands_after_the_death_is_known_again(world, tell, campaign, name):
    points = list_points(world, SCENARIOS[name])
    numbers = [number for number, point in enumerate(points, 1) if point.startswith("before POST")]
    cases = [(number, wait) for number in numbers for wait in (False, True)]
    cases = cases if campaign == "full" else cases[:2]
    for number, wait in cases:
        with world(SCENARIOS[name]) as each:
            each.hang()
            assert each.spawn(number, "during") == -signal.SIGKILL
            each.heal()
            each.check(killed=True)
            if wait:
                time.sleep(HANG_S)
            else:
                each.run("apply", "--yes")
                each.check(killed=True)
                time.sleep(HANG_S)
            each.settle()
            each.check_end()
    tell(f"{name}: {len(cases)} requests landed after the death")


@pytest.mark.parametrize("name", ["hub", "generated", "shared"])
def test_another_run_at_any_point_changes_nothing_that_is_safe(world, tell, campaign, name):
    points = list_points(world, SCENARIOS[name])
    whole = [number for number, point in enumerate(points, 1) if not point.startswith("within")]
    numbers = [whole[number - 1] for number in sample(whole, campaign, len(name), most=3)]
    for number in numbers:
        with world(SCENARIOS[name]) as each:
            assert each.spawn(number, "race", race=["apply", "--yes", "--allow-delete"]) in (0, 1, 3)
            each.check_raced()
            each.settle()
            each.check_end()
    tell(f"{name}: raced at {len(numbers)} of {len(whole)} points")


# Variants that must not survive: if one does, this campaign proves nothing


def test_a_variant_that_marks_nothing_is_found_out(world):
    with world(SCENARIOS["hub"]) as each:
        each.spawn(0, broken="no-mark")
        points = (each.folder / "points").read_text().splitlines()
    with world(SCENARIOS["hub"]) as each:
        each.spawn(points.index("after POST /api_keys") + 1, broken="no-mark")
        with pytest.raises(AssertionError, match="its value is lost"):
            each.check(killed=True)


def test_a_variant_that_overwrites_is_found_out(world):
    points = list_points(world, SCENARIOS["hub"])
    with world(SCENARIOS["hub"]) as each:
        each.spawn(points.index("after store preflight") + 1, "race", race=["apply", "--yes"], broken="overwrite")
        with pytest.raises(AssertionError, match="its value is lost"):
            each.check_raced()


def test_a_variant_that_recovers_the_living_is_found_out(world):
    points = list_points(world, SCENARIOS["hub"])
    with world(SCENARIOS["hub"]) as each:
        each.spawn(points.index("after POST /api_keys") + 1, "race", race=["apply", "--yes"], other="live-mark")
        with pytest.raises(AssertionError, match="was locked"):
            each.check_raced()
