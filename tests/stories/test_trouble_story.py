"""A hub that cannot be read is alone with it, and the exit codes are those of the table."""

from __future__ import annotations

import json
import socket

import pytest

from keyspec.devhub import parse_faults

pytestmark = pytest.mark.tongues("cipherinsights", "other")

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
SPEC = f"{STORE}keys: {{ci_a: {{roles: [User]}}}}\n"
READ = ("GET /roles", "GET /api_keys")
LIST = "GET /api_keys"

TROUBLE = {
    "html": "GET /api_keys * before:html",
    "truncated": "GET /api_keys * before:truncate",
    "cut": "GET /api_keys * after:cut",
    "redirect": "GET /api_keys * before:redirect:http://127.0.0.1:9/",
    "empty": "GET /api_keys * after:empty",
    "forbidden": "GET /api_keys * before:status:403",
    "roles": "GET /roles * before:html",
}


def break_hub(lab, hub, how):
    if how == "down":
        hub.go_down()
    elif how == "unauthenticated":
        lab.patch.setenv("HUB_BAD_KEY", "not-the-credential")
    elif how == "unset":
        lab.patch.delenv("HUB_BAD_KEY")
    else:
        hub.set_knobs(faults=parse_faults(TROUBLE[how]))


@pytest.mark.parametrize("how", ["down", "unauthenticated", "unset", *TROUBLE])
def test_an_unreadable_hub_is_isolated(lab, wire, how):
    bad, good = lab.start("bad", "good")
    break_hub(lab, bad, how)
    before = bad.keys()
    lab.write(SPEC)
    plan = lab.run("plan", "--exit-code", "--format", "json")
    assert (plan.code, plan.steps()) == (1, ["create good/ci_a"])
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (3, ["create good/ci_a applied"])
    assert [hub["status"] for hub in ran.json["hubs"]] == ["unreadable", "read"]
    assert ran.json["hubs"][0]["error"]
    wire(good, *READ, "POST /api_keys ci_a", LIST)
    assert bad.keys() == before
    assert all(exchange.method == "GET" for exchange in bad.requests)
    ran = lab.run("apply", "--yes", "-l", "bad")
    assert ran.code == 1
    ran = lab.run("apply", "--yes", "-l", "good")
    assert ran.code == 0


def test_a_plan_waits_for_pending_steps_only_when_asked(lab):
    lab.start("lab")
    lab.write(SPEC)
    assert lab.run("plan").code == 0
    assert lab.run("plan", "--exit-code").code == 2
    assert lab.run("apply", "--yes").code == 0
    assert lab.run("plan", "--exit-code").code == 0


@pytest.mark.parametrize(
    "words", [["apply"], ["plan", "--nonsense"], ["plan", "-l", "nowhere"], ["nonsense"], ["apply", "--yes", "-k"]]
)
def test_wrong_usage_is_64_and_asks_no_hub(lab, wire, words):
    (hub,) = lab.start("lab")
    lab.write(SPEC)
    assert lab.run(*words).code == 64
    wire(hub)


def test_nothing_applied_and_a_failed_step_is_1_and_with_others_applied_3(lab, wire):
    (hub,) = lab.start("lab")
    hub.set_knobs(faults=parse_faults("POST /api_keys * before:status:422"))
    lab.write(SPEC)
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (1, ["create lab/ci_a failed"])
    wire(hub, *READ, "POST /api_keys ci_a -> 422", LIST)
    assert list((lab.folder / "secrets" / "lab").iterdir()) == []

    hub.seed_key("ci_b")
    lab.write(f"{STORE}keys: {{ci_a: {{roles: [User]}}, ci_b: {{roles: [Operator]}}}}\n")
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (3, ["create lab/ci_a failed", "edit lab/ci_b applied"])


def test_after_a_failure_nothing_is_deleted_on_that_hub_and_all_is_on_others(lab, wire):
    bad, good = lab.start("bad", "good")
    for hub in (bad, good):
        hub.seed_key("ci_b")
        hub.seed_key("ci_gone", locked=True)
    bad.set_knobs(faults=parse_faults("PUT /api_keys/ci_b * before:status:403"))
    lab.write("keys: {ci_b: {roles: [Operator]}, ci_gone: {state: absent}}\n")
    ran = lab.run("apply", "--yes", "--allow-delete", "--format", "json")
    assert ran.code == 3
    assert ran.steps() == [
        "edit bad/ci_b failed",
        "delete bad/ci_gone skipped",
        "edit good/ci_b applied",
        "delete good/ci_gone applied",
    ]
    wire(bad, *READ, "PUT /api_keys/ci_b -> 403", LIST)
    wire(good, *READ, "PUT /api_keys/ci_b", "DELETE /api_keys/ci_gone", LIST)


def test_a_hub_that_answers_all_but_the_verifying_list_is_not_verified(lab, wire):
    (hub,) = lab.start("lab")
    hub.set_knobs(faults=parse_faults("GET /api_keys 2 before:html"))
    lab.write(SPEC)
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (3, ["create lab/ci_a applied"])
    assert ran.json["hubs"][0]["verified"] is False
    wire(hub, *READ, "POST /api_keys ci_a", LIST)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_to_a_write_is_looked_up_before_anything_is_sent_again(lab, wire, when):
    (hub,) = lab.start("lab")
    hub.seed_key("ci_b")
    hub.set_knobs(faults=parse_faults(f"PUT /api_keys/ci_b 1 {when}:drop"))
    lab.write("keys: {ci_b: {roles: [Operator]}}\n")
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (0, ["edit lab/ci_b applied"])
    again = ["PUT /api_keys/ci_b"] if when == "before" else []
    wire(hub, *READ, "PUT /api_keys/ci_b -> None", "GET /api_keys/ci_b", *again, LIST)


LOOKED_UP = {"cipherinsights": ["GET /api_keys/ci_a"], "other": []}
"""How a key is looked up that is then locked: where a lock needs the key's ETag, by the read that tells it."""


def test_a_created_key_whose_answer_is_lost_is_locked_now_and_replaced_when_allowed(lab, wire):
    (hub,) = lab.start("lab")
    hub.set_knobs(faults=parse_faults("POST /api_keys 1 after:drop"))
    lab.write(SPEC)
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (1, ["create lab/ci_a failed"])
    looked_up = LOOKED_UP[lab.tongue.dialect]
    wire(hub, *READ, "POST /api_keys ci_a -> None", *looked_up, "POST /api_keys/ci_a/lock", LIST)
    assert hub.keys()["ci_a"]["locked"]

    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (0, ["delete lab/ci_a HELD", "create lab/ci_a HELD"])
    wire(hub, *READ)
    ran = lab.run("apply", "--yes", "--allow-delete", "--format", "json")
    assert (ran.code, ran.steps()) == (0, ["delete lab/ci_a applied", "create lab/ci_a applied"])
    wire(hub, *READ, "DELETE /api_keys/ci_a", "POST /api_keys ci_a", LIST)
    lab.check_custody()
    assert lab.run("plan", "--exit-code").code == 0


def test_a_create_that_never_arrived_is_not_sent_again_in_that_run(lab, wire):
    (hub,) = lab.start("lab")
    hub.set_knobs(faults=parse_faults("POST /api_keys 1 before:drop"))
    lab.write(SPEC)
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (1, ["create lab/ci_a failed"])
    wire(hub, *READ, "POST /api_keys ci_a -> None", "GET /api_keys/ci_a -> 404", LIST)
    assert (lab.folder / "secrets/lab/ci_a.keyspec").exists()
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (0, ["create lab/ci_a applied"])
    wire(hub, *READ, "POST /api_keys ci_a", LIST)
    lab.check_custody()


def test_a_store_that_cannot_be_read_holds_the_create_and_the_hub_is_not_asked(lab, wire):
    (hub,) = lab.start("lab")
    (lab.folder / "secrets").write_text("a file where a folder should be")
    lab.write(SPEC)
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (0, ["create lab/ci_a HELD"])
    assert [finding["code"] for finding in ran.json["findings"]] == ["store-unread"]
    wire(hub, *READ)


TRUSTED = """\
keyspec-trusted: 1
hubs:
  lab: {lab}
references: ["file:secrets/lab/*"]
"""


@pytest.fixture
def closed_port():
    """A port on which nobody listens but us, and where a connection would be noticed."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.05)
        yield listener
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    "attack",
    [
        ("url", None),
        ("auth", "env:HOME"),
        ("auth", "exec:./steal"),
        ("auth", "file:/etc/passwd"),
        ("auth_key_id", "other"),
        ("proxy", None),
        ("contract", "./contract.yaml"),
        ("store", "exec:./steal"),
        ("store", "file:elsewhere/{key}"),
        ("store", "file:secrets/lab/../../{key}"),
        ("guards", "{max_deletes: 1000}"),
        ("hub", None),
    ],
    ids=lambda attack: ":".join(filter(None, attack)),
)
def test_what_is_not_trusted_is_refused_before_a_socket_is_opened(lab, wire, closed_port, attack):
    (hub,) = lab.start("lab")
    what, text = attack
    elsewhere = f"http://127.0.0.1:{closed_port.getsockname()[1]}"
    fields = lab.fields("lab")
    if what in ("url", "auth", "auth_key_id", "proxy", "contract"):
        fields[what] = text or elsewhere
    hubs = {"lab": fields} | ({"evil": fields | {"url": elsewhere}} if what == "hub" else {})
    lines = "".join(f"  {name}: {json.dumps(one)}\n" for name, one in hubs.items())
    store = text if what == "store" else "file:secrets/{hub}/{key}"
    guards = f"guards: {text}\n" if what == "guards" else ""
    spec = f'keyspec: 1\nhubs:\n{lines}{guards}keys: {{ci_a: {{roles: [User], store: "{store}"}}}}\n'
    (lab.folder / "keyspec.yaml").write_text(spec)
    (lab.folder / "steal").write_text("#!/bin/sh\ntouch stolen\n")
    (lab.folder / "steal").chmod(0o755)
    (lab.folder / "trusted").mkdir()
    lab.tongue.place(lab.folder / "trusted")
    (lab.folder / "trusted/trusted.yaml").write_text(TRUSTED.format(lab=json.dumps(lab.fields("lab"))))
    for command in (["plan"], ["apply", "--yes"], ["list"]):
        ran = lab.run(*command, "--trusted", "trusted/trusted.yaml")
        assert ran.code == 4, ran.err
        assert "untrusted" in ran.err
        assert "keyspec.yaml:" in ran.err
        wire(hub)
    assert not (lab.folder / "stolen").exists()
    assert not (lab.folder / "secrets").exists()


def test_what_is_trusted_is_applied(lab, wire):
    (hub,) = lab.start("lab")
    (lab.folder / "trusted.yaml").write_text(TRUSTED.format(lab=json.dumps(lab.fields("lab"))))
    lab.write(SPEC)
    assert lab.run("apply", "--yes", "--trusted", "trusted.yaml").code == 0
    wire(hub, *READ, "POST /api_keys ci_a", LIST)
