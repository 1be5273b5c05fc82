"""Many hubs, some of them in trouble: the rest is applied and verified, each troubled one is named, and a re-run finishes."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from keyspec.devhub import parse_faults

pytestmark = pytest.mark.tongues("cipherinsights", "other")

COUNT = 40
HUBS = [f"hub_{number:02}" for number in range(COUNT)]
HANGING, BUSY, DOWN, SHORT = HUBS[:2], HUBS[2:4], HUBS[4:6], HUBS[6:8]
HEALTHY = HUBS[8:]
SPEC = (
    'defaults: {store: "file:secrets/{hub}/{key}"}\n'
    "keys: {ci_a: {roles: [User], description: wanted}, ci_b: {roles: [User], description: wanted}, ci_new: {roles: [User]}}\n"
)


@pytest.fixture
def fleet(lab):
    for hub in lab.start(*HUBS):
        hub.seed_keys(["ci_a", "ci_b"])
    lab.write(SPEC, timeout="1s")
    return lab


def trouble(lab):
    """Let some hubs hang, some answer 503 twice, some be down, some serve short pages and lie about it."""
    for name in HANGING:
        lab.hubs[name].set_knobs(faults=parse_faults("GET /api_keys * before:hang:5"))
    for name in BUSY:
        lab.hubs[name].set_knobs(faults=parse_faults("* ** 1-2 before:status:503:retry-after=0"))
    for name in DOWN:
        lab.hubs[name].go_down()
    for name in SHORT:
        lab.hubs[name].set_knobs(faults=parse_faults("GET /api_keys * before:truncate"))


def heal(lab):
    for name in HUBS:
        if name in DOWN:
            lab.hubs[name].come_up()
        lab.hubs[name].set_knobs(faults=())


def outcomes(document):
    return Counter((step["hub"], step["outcome"]) for step in document["steps"])


def made(lab):
    return Counter(
        hub.name
        for hub in lab.hubs.values()
        for each in hub.requests
        if each.method == "POST" and each.path.endswith("/api_keys") and each.status == 201
    )


def test_hubs_in_trouble_are_named_and_the_rest_is_applied_and_verified(fleet):
    trouble(fleet)
    ran = fleet.run("apply", "--yes", "--format", "json")
    assert ran.code == 3
    hubs = {hub["name"]: hub for hub in ran.json["hubs"]}
    bad = {*HANGING, *DOWN, *SHORT}
    assert {name for name, hub in hubs.items() if hub["status"] != "read"} == bad
    assert all(hubs[name]["error"] and hubs[name]["verified"] is None for name in bad)
    assert all(hubs[name]["verified"] for name in [*HEALTHY, *BUSY])
    assert outcomes(ran.json) == Counter({(name, "applied"): 3 for name in [*HEALTHY, *BUSY]})
    text = fleet.run("plan").out
    assert all(name in text for name in bad)
    heal(fleet)
    ran = fleet.run("apply", "--yes", "--format", "json")
    assert ran.code == 0
    assert outcomes(ran.json) == Counter({(name, "applied"): 3 for name in bad})
    fleet.check_custody(strangers=("ci_a", "ci_b"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_fleet_apply_that_is_stopped_in_the_middle_ends_the_same(fleet, wait_for, number):
    for hub in fleet.hubs.values():
        hub.set_knobs(latency_ms=50)
    process = fleet.spawn("apply", "--yes", "--format", "json", "--parallel", "8")
    assert wait_for(process, lambda: sum(made(fleet).values()) >= 10)
    if number == signal.SIGKILL:
        fleet.kill(process)
    else:
        process.send_signal(number)
        fleet.finish(process)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    first = made(fleet)
    assert len(first) < COUNT
    for hub in fleet.hubs.values():
        hub.set_knobs(latency_ms=0)
    for _ in range(4):
        ran = fleet.finish(fleet.spawn("apply", "--yes", "--allow-delete", "--allow-unlock"))
        if ran.code == 0 and fleet.run("plan", "--exit-code").code == 0:
            break
    fleet.check_custody(strangers=("ci_a", "ci_b"))
    assert fleet.run("plan", "--exit-code").code == 0
    fleet.canary.killed = False
    for name, hub in fleet.hubs.items():
        assert hub.check_value(fleet.value(name, "ci_new")) == "ci_new"
        assert {hub.keys()[key]["description"] for key in ("ci_a", "ci_b")} == {"wanted"}


def test_the_same_plan_comes_from_any_number_of_workers(fleet):
    plans = {fleet.run("plan", "--format", "json", "--parallel", str(parallel)).out for parallel in (1, 7, 64)}
    assert len(plans) == 1
