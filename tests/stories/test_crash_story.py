"""Runs that are interrupted or killed: the next ones converge, nothing is made twice, and no value is lost or shown."""

from __future__ import annotations

import random
import signal
import stat
from collections import Counter
from contextlib import suppress
from subprocess import TimeoutExpired

import pytest

from keyspec.commands import running
from keyspec.devhub import parse_faults

pytestmark = pytest.mark.tongues("cipherinsights", "other")

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
KEYS = [f"ci_{number}" for number in range(6)]
CREATES = f"{STORE}keys: {{{', '.join(f'{key}: {{roles: [User]}}' for key in KEYS)}}}\n"


def created(hub):
    """How often each key was made."""
    return Counter(
        exchange.body["keyId"]
        for exchange in hub.requests
        if (exchange.method, exchange.path, exchange.status) == ("POST", "/api/v1/api_keys", 201)
    )


def posts(hub):
    return sum((exchange.method, exchange.path) == ("POST", "/api/v1/api_keys") for exchange in hub.requests)


def apply_until_quiet(lab, *, most=6):
    """Apply until a plan is empty; give how many runs it took."""
    for count in range(1, most + 1):
        ran = lab.finish(lab.spawn("apply", "--yes", "--allow-delete", "--allow-unlock"))
        assert ran.code in (0, 1, 3), ran.err
        assert "Traceback" not in ran.err
        if ran.code == 0 and lab.finish(lab.spawn("plan", "--exit-code")).code == 0:
            lab.canary.killed = False
            return count
    raise AssertionError(f"not quiet after {most} runs: {ran.out}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_what_is_in_flight_and_the_next_run_goes_on(lab, wait_for, number):
    (hub,) = lab.start("lab", latency_ms=100)
    lab.write(CREATES, concurrency=2)
    process = lab.spawn("apply", "--yes", "--format", "json")
    assert wait_for(process, lambda: posts(hub) >= 2)
    process.send_signal(number)
    ran = lab.finish(process)
    assert ran.code == 130, ran.err
    assert ran.json["interrupted"] is True
    outcomes = Counter(step["outcome"] for step in ran.json["steps"])
    made = created(hub)
    assert outcomes["applied"] == sum(made.values()) == posts(hub)
    assert outcomes["skipped"] == len(KEYS) - outcomes["applied"] > 0
    lab.check_custody()

    assert apply_until_quiet(lab) == 1
    assert created(hub) == dict.fromkeys(KEYS, 1)
    lab.check_custody()


def test_ctrl_c_after_the_last_step_does_not_lose_the_report(lab, monkeypatch):
    lab.start("lab")
    lab.write(CREATES)
    show_report = running.show_report

    def interrupt_and_show(report, screen):
        signal.raise_signal(signal.SIGINT)
        show_report(report, screen)

    monkeypatch.setattr(running, "show_report", interrupt_and_show)
    ran = lab.run("apply", "--yes", "--format", "json")
    assert ran.code == 0
    assert {step["outcome"] for step in ran.json["steps"]} == {"applied"}


def test_ctrl_c_between_create_and_lock_still_locks_a_key_declared_locked(lab, wait_for, interrupt):
    (hub,) = lab.start("lab", latency_ms=200)
    lab.write(f"{STORE}keys: {{ci_0: {{roles: [User], state: locked}}}}\n")
    process = lab.spawn("apply", "--yes", "--format", "json")
    assert wait_for(process, lambda: posts(hub) == 1)
    interrupt(process)
    ran = lab.finish(process)
    assert (ran.code, ran.steps()) == (130, ["create lab/ci_0 applied", "lock lab/ci_0 applied"])
    assert hub.keys()["ci_0"]["locked"]


def test_a_second_ctrl_c_stops_waiting_for_the_hub(lab, wait_for, interrupt):
    (hub,) = lab.start("lab")
    hub.seed_key("ci_0")
    hub.set_knobs(faults=parse_faults("PUT /api_keys/ci_0 * before:status:503:retry-after=30"))
    lab.write(f"{STORE}keys: {{ci_0: {{roles: [Operator]}}}}\n")
    process = lab.spawn("apply", "--yes", "--format", "json")
    assert wait_for(process, lambda: any(exchange.method == "PUT" for exchange in hub.requests))
    interrupt(process)
    with pytest.raises(TimeoutExpired):
        process.wait(timeout=0.5)
    interrupt(process)
    ran = lab.finish(process)
    assert (ran.code, ran.steps()) == (130, ["edit lab/ci_0 failed"])


def test_ctrl_c_while_hubs_are_read_ends_at_once(lab, wait_for, interrupt):
    (hub,) = lab.start("lab")
    hub.set_knobs(faults=parse_faults("GET /api_keys * before:status:503:retry-after=30"))
    lab.write(CREATES)
    process = lab.spawn("apply", "--yes")
    assert wait_for(process, lambda: any(exchange.status == 503 for exchange in hub.requests))
    interrupt(process)
    ran = lab.finish(process)
    assert (ran.code, ran.out) == (130, "")
    assert "Traceback" not in ran.err


def moments(campaign):
    chance = random.Random(20261123)
    return [(chance.randrange(1, 12), chance.random() * 0.03) for _ in range(60 if campaign == "full" else 5)]


def test_killed_at_any_moment_it_converges_and_no_value_is_lost(lab, wait_for, campaign):
    spec = (
        f"{STORE}guards: {{max_change_share: 100%}}\nkeys:\n"
        "  ci_0: {roles: [User]}\n  ci_1: {roles: [User], state: locked}\n  ci_2: {roles: [Operator]}\n"
        "  ci_wide: {roles: [Operator, User]}\n  ci_gone: {state: absent}\n"
    )
    for number, (request, delay_s) in enumerate(moments(campaign)):
        (hub,) = lab.start(f"hub{number}", latency_ms=15)
        hub.seed_key("ci_wide")
        hub.seed_key("ci_gone")
        hub.seed_key("stranger")
        strangers = {key_id: hub.keys()[key_id] for key_id in ("stranger", "keyspec_ci")}
        lab.hubs = {hub.name: hub}
        lab.write(spec, concurrency=2)
        process = lab.spawn("apply", "--yes")
        wait_for(process, lambda hub=hub, request=request: len(hub.requests) >= request)
        with suppress(TimeoutExpired):
            process.wait(timeout=delay_s)
        lab.kill(process)

        apply_until_quiet(lab)
        lab.check_custody(strangers=("stranger", "ci_wide"))
        keys = hub.keys()
        assert {key_id: keys[key_id] for key_id in strangers} == strangers
        assert set(keys) - set(strangers) == {"ci_0", "ci_1", "ci_2", "ci_wide"}
        assert keys["ci_1"]["locked"]
        assert [keys[key_id]["locked"] for key_id in ("ci_0", "ci_2", "ci_wide")] == [False] * 3
        deleted = Counter(
            exchange.path.rpartition("/")[2]
            for exchange in hub.requests
            if (exchange.method, exchange.status) == ("DELETE", 204)
        )
        for key_id, count in created(hub).items():
            assert count == 1 + deleted[key_id], f"{key_id} was made {count} times, killed at {request}, {delay_s}"


def test_after_lost_answers_all_values_stand_in_the_store_which_is_ours_alone(lab):
    first, second = lab.start("first", "second")
    second.set_knobs(faults=parse_faults("POST /api_keys 2 after:cut", "POST /api_keys/ci_3/lock 1 after:html"))
    lab.write(CREATES.replace("ci_3: {roles: [User]}", "ci_3: {roles: [User], state: locked}"))
    for words in (
        ["plan", "-v"],
        ["apply", "--yes", "-v"],
        ["apply", "--yes", "--allow-delete", "--format", "json"],
        ["apply", "--yes", "--allow-delete", "--allow-unlock", "-v"],
        ["plan", "-v", "--format", "json"],
        ["list", "-v"],
    ):
        lab.run(*words)
    assert lab.run("plan", "--exit-code").code == 0
    lab.check_custody()
    store = [path for path in (lab.folder / "secrets").rglob("*") if path.is_file()]
    values = {path.read_text() for path in store if path.suffix == ""}
    assert len(values) == 2 * len(KEYS)
    assert values | {first.admin_value, second.admin_value} <= lab.canary.values
    assert {stat.S_IMODE(path.stat().st_mode) for path in store} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in store} == {0o700}
