"""Locks, deletes and refusals: a spec changes, and each change sends exactly what it should."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.tongues("cipherinsights", "other")

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
READ = ("GET /roles", "GET /api_keys")
LIST = "GET /api_keys"


@pytest.fixture
def hub(lab):
    (hub,) = lab.start("lab")
    return hub


def apply(lab, *words):
    ran = lab.run("apply", "--yes", "--format", "json", *words)
    return ran.code, ran.steps()


def test_the_life_of_a_key_from_birth_under_lock_to_its_end(lab, hub, wire):
    lab.write(f"{STORE}keys: {{ci_a: {{roles: [User], state: locked}}}}\n")
    assert apply(lab) == (0, ["create lab/ci_a applied", "lock lab/ci_a applied"])
    wire(hub, *READ, "POST /api_keys ci_a", "POST /api_keys/ci_a/lock", LIST)
    assert hub.check_value(lab.value("lab", "ci_a")) == "ci_a"

    assert apply(lab) == (0, [])
    wire(hub, *READ)

    lab.write(f"{STORE}keys: {{ci_a: {{roles: [User], state: active}}}}\n")
    assert apply(lab) == (0, ["unlock lab/ci_a HELD"])
    wire(hub, *READ)
    assert apply(lab, "--allow-unlock") == (0, ["unlock lab/ci_a applied"])
    wire(hub, *READ, "POST /api_keys/ci_a/unlock", LIST)

    lab.write(f"{STORE}keys: {{ci_a: {{state: absent}}}}\n")
    assert apply(lab) == (0, ["lock lab/ci_a applied"])
    wire(hub, *READ, "POST /api_keys/ci_a/lock", LIST)
    assert apply(lab) == (0, ["delete lab/ci_a HELD"])
    wire(hub, *READ)
    assert apply(lab, "--allow-delete") == (0, ["delete lab/ci_a applied"])
    wire(hub, *READ, "DELETE /api_keys/ci_a", LIST)
    assert apply(lab, "--allow-delete") == (0, [])
    wire(hub, *READ)

    lab.write(f"{STORE}keys: {{ci_a: {{roles: [Operator]}}}}\n")
    first = lab.value("lab", "ci_a")
    assert apply(lab) == (0, ["create lab/ci_a applied"])
    wire(hub, *READ, "POST /api_keys ci_a", LIST)
    assert lab.value("lab", "ci_a") != first
    assert hub.check_value(lab.value("lab", "ci_a")) == "ci_a"


def test_an_absent_key_is_never_deleted_in_the_run_that_locks_it(lab, hub, wire):
    hub.seed_key("ci_a")
    lab.write("keys: {ci_a: {state: absent}}\n")
    assert apply(lab, "--allow-delete") == (0, ["lock lab/ci_a applied"])
    wire(hub, *READ, "POST /api_keys/ci_a/lock", LIST)
    assert apply(lab, "--allow-delete") == (0, ["delete lab/ci_a applied"])


@pytest.mark.parametrize("state", ["", ", state: active"])
def test_a_key_locked_by_hand_stays_locked(lab, hub, wire, state):
    lab.write(f"{STORE}keys: {{ci_a: {{roles: [User]{state}}}}}\n")
    assert apply(lab)[0] == 0
    hub.lock_key("ci_a")
    assert apply(lab) == (0, ["unlock lab/ci_a HELD"] if state else [])
    wire(hub, *READ)
    assert hub.keys()["ci_a"]["locked"]
    ran = lab.run("plan", "--format", "json")
    assert ("locked-undeclared" in [finding["code"] for finding in ran.json["findings"]]) is not bool(state)


def test_only_what_is_declared_is_compared(lab, hub, wire):
    hub.seed_key("ci_a", description="by hand", roles=("User",), reauthentication_timeout=900)
    lab.write("keys: {ci_a: {roles: [Operator]}}\n")
    assert apply(lab) == (0, ["edit lab/ci_a applied"])
    wire(hub, *READ, "PUT /api_keys/ci_a", LIST)
    (edit,) = [exchange for exchange in hub.requests if exchange.method == "PUT"]
    assert edit.body == {"roles": ["Operator"]}
    assert hub.keys()["ci_a"]["description"] == "by hand"


def test_one_key_tightens_first_and_widens_last(lab, hub, wire):
    hub.seed_key("ci_down", roles=("Operator", "User"))
    hub.seed_key("ci_up", roles=("User",))
    hub.seed_key("ci_gone", locked=True)
    lab.write(
        f"{STORE}keys:\n  ci_up: {{roles: [Operator, User]}}\n  ci_down: {{roles: [User]}}\n"
        "  ci_new: {roles: [User]}\n  ci_gone: {state: absent}\n"
    )
    assert apply(lab, "--allow-delete")[0] == 0
    edit, gone = "PUT /api_keys/{}".format, "DELETE /api_keys/ci_gone"
    wire(hub, *READ, edit("ci_down"), "POST /api_keys ci_new", edit("ci_up"), gone, LIST)


def refused(lab, text, *words):
    lab.write(text)
    plan = lab.run("plan", *words)
    ran = lab.run("apply", "--yes", *words)
    assert plan.code == ran.code
    return ran


@pytest.mark.parametrize(
    ("code", "line", "text"),
    [
        ("own-key", 3, "keys: {keyspec_ci: {roles: [User]}}\n"),
        ("protected-key", 3, "keys: {guarded: {roles: [User], protected: true, state: locked}}\n"),
        ("empty-spec", 3, 'ownership: {key_ids: ["ci_*"], unlisted: lock}\n'),
        ("every-unlisted", 3, 'ownership: {key_ids: ["ci_*"], unlisted: lock}\nkeys: {other: {state: absent}}\n'),
        ("no-store", 3, "keys: {ci_new: {roles: [User]}}\n"),
        ("max-deletes", None, "guards: {max_deletes: 0}\nkeys: {ci_locked: {state: absent}}\n"),
    ],
)
def test_a_guard_refuses_the_whole_plan_before_anything_is_written(lab, hub, wire, code, line, text):
    hub.seed_key("guarded")
    hub.seed_key("ci_one")
    hub.seed_key("ci_locked", locked=True)
    before = hub.keys()
    ran = refused(lab, text, "--allow-delete")
    assert ran.code == 4
    assert code in ran.out + ran.err
    if line is not None:
        assert f"keyspec.yaml:{line + 1}:" in ran.out + ran.err
    wire(hub, *READ)
    assert hub.keys() == before
    assert not (lab.folder / "secrets").exists()
    assert not (lab.folder / "state").exists()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('keys: {ci_a: {roles: [User], hubs: ["prod_*"]}}\n', "keyspec.yaml:4:"),
        ("keys: {ci_a: {rolls: [User]}}\n", "keyspec.yaml:4:15:"),
        ("keys: {ci_a: {roles: [User]}\n", "keyspec.yaml:5:"),
        ('keys: {ci_a: {roles: [User], store: "nowhere:x"}}\n', "keyspec.yaml:4:"),
    ],
)
def test_an_invalid_spec_is_refused_with_its_line_and_no_request(lab, hub, wire, text, place):
    ran = refused(lab, text)
    assert ran.code == 5
    assert place in ran.err
    wire(hub)


def test_a_missing_role_stops_its_hub_alone(lab, wire):
    good, poor = lab.start("good", "poor")
    poor.remove_role("Operator")
    lab.write(f"{STORE}keys: {{ci_a: {{roles: [Operator]}}}}\n")
    assert lab.run("plan", "--exit-code").code == 1
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (3, ["create good/ci_a applied"])
    wire(good, *READ, "POST /api_keys ci_a", LIST)
    wire(poor, *READ)
    row = next(hub for hub in ran.json["hubs"] if hub["name"] == "poor")
    assert row["status"] == "refused"
    assert "keyspec.yaml:6:23: " in row["error"]
    assert lab.run("apply", "--yes").code == 1
