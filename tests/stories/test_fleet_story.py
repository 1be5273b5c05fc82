"""Three hubs and eight keys that have drifted: planned, applied, verified, quiet; and what rate limits do to it."""

from __future__ import annotations

import pytest

from keyspec.devhub import parse_faults

pytestmark = pytest.mark.tongues("cipherinsights", "other")

KEYS = """\
defaults: {reauth_timeout: 60s, store: "file:secrets/{hub}/{key}"}
profiles: {pipeline: {roles: [Operator], reauth_timeout: 5m}}
ownership: {key_ids: ["ci_*"]}
guards: {max_change_share: 60%}
keys:
  ci_deployer: {extends: pipeline, description: Deploys, roles: [Operator, User]}
  ci_scanner: {roles: [User], description: Nightly scans}
  ci_reporter: {roles: [User]}
  ci_smoke: {roles: [User], hubs: [lab]}
  ci_backup: {extends: pipeline, hubs: ["prod_*"]}
  ci_standby: {extends: pipeline, hubs: ["prod_*"], state: locked}
  ci_legacy: {state: absent}
  break_glass: {roles: [Administrator], protected: true}
"""
LIST = "GET /api_keys"
FIRST_KEY_LINE = 11
"""Line 1 is `keyspec: 1`, then `hubs:` and three of them, then five lines of the above."""

STRANGERS = ("break_glass", "somebody_else", "ci_forgotten", "ci_deployer", "ci_scanner")


def drift(hub):
    hub.seed_key("break_glass", roles=("Administrator",))
    hub.seed_key("ci_deployer", description="deploys", roles=("User",))
    hub.seed_key("ci_scanner", description="Nightly scans", roles=("User",))
    hub.seed_key("ci_legacy", roles=("Operator",))
    hub.seed_key("somebody_else", roles=("User",))
    if hub.name == "prod_eu":
        hub.seed_key("ci_reporter", roles=("User", "Operator"), reauthentication_timeout=600)
        hub.seed_key("ci_forgotten", roles=("User",))


@pytest.fixture
def fleet(lab):
    hubs = lab.start("prod_eu", "prod_us", "lab")
    for hub in hubs:
        drift(hub)
    lab.write(KEYS)
    return hubs


EXPECTED = [
    "lock lab/ci_legacy",
    "create lab/ci_reporter",
    "create lab/ci_smoke",
    "edit lab/ci_deployer",
    "lock prod_eu/ci_legacy",
    "edit prod_eu/ci_reporter",
    "create prod_eu/ci_backup",
    "create prod_eu/ci_standby",
    "lock prod_eu/ci_standby",
    "edit prod_eu/ci_deployer",
    "lock prod_us/ci_legacy",
    "create prod_us/ci_backup",
    "create prod_us/ci_reporter",
    "create prod_us/ci_standby",
    "lock prod_us/ci_standby",
    "edit prod_us/ci_deployer",
]


def phases_of(hub, wire_read=("GET /roles", "GET /api_keys")):
    key = "/api_keys/{}".format
    create = "POST /api_keys {}".format
    tighten = [f"POST {key('ci_legacy')}/lock"]
    tighten += [f"PUT {key('ci_reporter')}"] if hub.name == "prod_eu" else []
    created = {
        "prod_eu": [create("ci_backup"), create("ci_standby"), f"POST {key('ci_standby')}/lock"],
        "prod_us": [
            create("ci_backup"),
            create("ci_reporter"),
            create("ci_standby"),
            f"POST {key('ci_standby')}/lock",
        ],
        "lab": [create("ci_reporter"), create("ci_smoke")],
    }[hub.name]
    return [*wire_read, tighten, created, f"PUT {key('ci_deployer')}", "GET /api_keys"]


def test_a_plan_lists_exactly_the_right_steps_with_reasons_and_lines(lab, fleet, wire):
    ran = lab.run("plan", "--format", "json", "--exit-code")
    assert ran.code == 2
    assert ran.steps() == EXPECTED
    told = {(step["hub"], step["key_id"], step["action"]): step for step in ran.json["steps"]}
    assert told["lab", "ci_legacy", "lock"]["reason"] == "declared absent; deleted by a later run"
    assert told["lab", "ci_reporter", "create"]["reason"] == "absent on the hub"
    assert told["prod_eu", "ci_reporter", "edit"]["reason"] == "roles and reauth_timeout differ"
    assert told["prod_eu", "ci_standby", "lock"]["reason"] == "declared locked"
    lines = {key_id: step["source"]["line"] - FIRST_KEY_LINE for (_, key_id, _), step in told.items()}
    assert lines == {"ci_deployer": 0, "ci_reporter": 2, "ci_smoke": 3, "ci_backup": 4, "ci_standby": 5, "ci_legacy": 6}
    assert {step["source"]["file"] for step in told.values()} == {"keyspec.yaml"}
    for hub in fleet:
        wire(hub, "GET /roles", "GET /api_keys")
    assert not (lab.folder / "secrets").exists()


def test_apply_does_the_plan_verifies_it_and_the_second_plan_is_empty(lab, fleet, wire):
    others = {hub.name: hub.keys()["somebody_else"] for hub in fleet}
    ran = lab.run("apply", "--yes", "--format", "json")
    assert ran.code == 0
    assert ran.steps() == [f"{step} applied" for step in EXPECTED]
    assert [hub["verified"] for hub in ran.json["hubs"]] == [True] * 3
    for hub in fleet:
        wire(hub, *phases_of(hub))
        assert hub.keys()["somebody_else"] == others[hub.name]
        assert hub.keys()["ci_deployer"]["roles"] == ["Operator", "User"]
        assert hub.keys()["ci_legacy"]["locked"]
    assert lab.hubs["prod_us"].keys()["ci_standby"]["locked"]
    lab.check_custody(strangers=(*STRANGERS, "ci_reporter"))
    assert lab.hubs["lab"].check_value(lab.value("lab", "ci_reporter")) == "ci_reporter"

    ran = lab.run("plan", "--exit-code", "--format", "json")
    assert (ran.code, ran.steps()) == (2, [f"delete {name}/ci_legacy HELD" for name in ("lab", "prod_eu", "prod_us")])

    ran = lab.run("apply", "--yes", "--allow-delete", "--format", "json")
    assert ran.code == 0
    for hub in fleet:
        wire(hub, "GET /roles", "GET /api_keys", "DELETE /api_keys/ci_legacy", "GET /api_keys")

    ran = lab.run("plan", "--exit-code", "--format", "json")
    assert (ran.code, ran.steps()) == (0, [])
    for hub in fleet:
        wire(hub, "GET /roles", "GET /api_keys")

    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (0, [])
    for hub in fleet:
        wire(hub, "GET /roles", "GET /api_keys")


def test_refusals_that_promise_nothing_happened_are_sent_again_and_nothing_else_is(lab, fleet, wire):
    refused = "before:status:429:retry-after=0"
    for hub in fleet:
        hub.set_knobs(
            faults=parse_faults(
                "GET /roles 1-2 before:status:503",
                f"GET /api_keys 1 {refused}",
                f"POST /api_keys 1 {refused}",
                f"PUT /api_keys/ci_deployer 1 {refused}",
            )
        )
    ran = lab.run("apply", "--yes", "--format", "json")
    assert ran.code == 0
    assert ran.steps() == [f"{step} applied" for step in EXPECTED]
    for hub in fleet:
        sent = [f"{exchange.method} {exchange.path.partition('?')[0]}" for exchange in hub.requests]
        assert sum(exchange.status == 503 for exchange in hub.requests) == 2
        assert sum(exchange.status == 429 for exchange in hub.requests) == 3
        plain = [phase for phases in phases_of(hub) for phase in ([phases] if isinstance(phases, str) else phases)]
        assert len(sent) == len(hub.tongue.spell(plain)) + 5
        done = [
            exchange.body["keyId"]
            for exchange in hub.requests
            if exchange.method == "POST" and exchange.path == "/api/v1/api_keys" and exchange.status == 201
        ]
        assert len(done) == len(set(done))
    lab.check_custody(strangers=(*STRANGERS, "ci_reporter"))


PAGES = [LIST, f"{LIST} page 1", f"{LIST} page 2"]
READ_IN_PAGES = {
    "cipherinsights": ["GET /roles", "GET /roles", "GET /roles page 1", LIST, *PAGES],
    "other": ["GET /roles", "GET /roles page 1", *PAGES],
}
"""How hubs are read whose pages are short: where pages have numbers, their size must be known; a cursor knows its place."""


def test_a_hub_that_caps_its_pages_is_read_whole_and_the_cap_is_remembered(lab, wire):
    (hub,) = lab.start("lab", page_cap=3)
    hub.seed_keys([f"other_{number}" for number in range(6)])
    lab.write('keys: {ci_a: {roles: [User], store: "file:secrets/{hub}/{key}"}}\n')
    ran = lab.run("apply", "--yes", "--format", "json")
    assert ran.code == 0
    wire(hub, *READ_IN_PAGES[lab.tongue.dialect], "POST /api_keys ci_a", *PAGES)


def test_a_rate_limited_hub_gets_every_write_once(lab):
    (hub,) = lab.start("lab", requests_per_second=15)
    keys = ", ".join(f"ci_{number}: {{roles: [User]}}" for number in range(12))
    lab.write(f'defaults: {{store: "file:secrets/{{hub}}/{{key}}"}}\nkeys: {{{keys}}}\n')
    ran = lab.run("apply", "--yes", "--format", "json")
    assert ran.code == 0
    done = [exchange for exchange in hub.requests if exchange.status != 429]
    assert len(done) == 2 + 12 + 1
    lab.check_custody()
