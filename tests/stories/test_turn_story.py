"""What happens between planning and a hub's turn, and while steps are done: nothing is opened that somebody closed."""

from __future__ import annotations

import shutil
import signal
import time

import pytest

from keyspec.devhub import parse_faults

pytestmark = pytest.mark.tongues("cipherinsights", "other")

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
WAVES = 'rollout: {waves: [["first"], ["*"]]}\nguards: {max_change_share: 100%}\n'


@pytest.mark.parametrize("saved", [False, True])
def test_what_changes_while_an_earlier_wave_is_done_is_a_conflict(lab, wait_for, saved):
    first, second = (*lab.start("first", latency_ms=300), *lab.start("second"))
    for hub in (first, second):
        hub.seed_key("ci_a")
        hub.seed_key("ci_b")
    lab.write(f"{STORE}{WAVES}keys: {{ci_a: {{roles: [Operator, User]}}, ci_b: {{roles: [Operator, User]}}}}\n")
    if saved:
        assert lab.run("plan", "--out", "fleet.plan").code == 0
    process = lab.spawn("apply", "--yes", "--format", "json", *(("fleet.plan",) if saved else ()))
    assert wait_for(process, lambda: any(each.method != "GET" for each in first.requests))
    second.lock_key("ci_a")
    ran = lab.finish(process)
    assert ran.code == 3
    assert ran.steps()[2:] == ["edit second/ci_a conflict", "edit second/ci_b applied"]
    assert second.keys()["ci_a"]["locked"]
    assert second.keys()["ci_a"]["roles"] == ["User"]


def test_of_a_saved_plan_each_hub_is_listed_again_as_its_turn_begins(lab, wire):
    (hub,) = lab.start("lab")
    hub.seed_key("ci_a")
    lab.write(f"{STORE}keys: {{ci_a: {{roles: [Operator, User]}}}}\n")
    assert lab.run("plan", "--out", "a.plan").code == 0
    assert lab.run("apply", "--yes", "a.plan").code == 0
    read, listed = ("GET /roles", "GET /api_keys"), "GET /api_keys"
    wire(hub, *read, listed, "PUT /api_keys/ci_a", listed)


LOCKED = "keys: {ci_0: {roles: [Administrator], state: locked}}\n"


def send_twice(lab, wait_for, hub, pair=(signal.SIGINT, signal.SIGINT)):
    """Apply, and send two signals while the first key is made."""
    process = lab.spawn("apply", "--yes", "--format", "json")
    assert wait_for(process, lambda: "ci_0" in hub or any(each.method == "POST" for each in hub.requests))
    for number in pair:
        process.send_signal(number)
        time.sleep(0.15)
    return lab.finish(process)


@pytest.mark.parametrize("pair", [(signal.SIGINT, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)])
@pytest.mark.parametrize("busy", [False, True])
def test_two_signals_leave_no_key_wider_than_it_is_declared(lab, wait_for, pair, busy):
    (hub,) = lab.start("lab", latency_ms=400)
    hub.set_knobs(faults=parse_faults("POST /api_keys/ci_0/lock 1 before:status:429:retry-after=1") if busy else ())
    lab.write(STORE + LOCKED)
    ran = send_twice(lab, wait_for, hub, pair)
    assert (ran.code, ran.steps()) == (130, ["create lab/ci_0 applied", "lock lab/ci_0 applied"])
    assert hub.keys()["ci_0"]["locked"]
    lab.check_custody()


def test_two_signals_leave_no_key_open_whose_answer_was_lost(lab, wait_for):
    (hub,) = lab.start("lab", latency_ms=400)
    hub.set_knobs(faults=parse_faults("POST /api_keys 1 after:drop"))
    lab.write(STORE + "keys: {ci_0: {roles: [Administrator]}}\n")
    ran = send_twice(lab, wait_for, hub)
    assert ran.code == 130
    assert "its value reached nobody; the key is locked" in ran.json["steps"][0]["error"]
    assert hub.keys()["ci_0"]["locked"]


def test_two_signals_leave_no_key_open_whose_store_failed(lab, wait_for):
    (hub,) = lab.start("lab", latency_ms=400)
    lab.write(STORE + "keys: {ci_0: {roles: [Administrator]}}\n")
    (lab.folder / "secrets/lab").mkdir(parents=True)
    process = lab.spawn("apply", "--yes", "--format", "json")
    assert wait_for(process, lambda: "ci_0" in hub or any(each.method == "POST" for each in hub.requests))
    shutil.rmtree(lab.folder / "secrets/lab")
    (lab.folder / "secrets/lab").write_text("")
    process.send_signal(signal.SIGINT)
    time.sleep(0.15)
    process.send_signal(signal.SIGINT)
    ran = lab.finish(process)
    assert ran.code == 130
    assert "the key is locked; the value waits in" in ran.json["steps"][0]["error"]
    assert hub.keys()["ci_0"]["locked"]
