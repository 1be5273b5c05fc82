"""A saved plan is exactly what happens: its steps, on the keys it was reviewed against, as far as the spec wants them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keyspec.fingerprint import fingerprint
from keyspec.model import Key
from keyspec.plan import summarize
from keyspec.plandocument import plan_digest
from keyspec.planfile import dump_plan, load_plan

pytestmark = pytest.mark.tongues("cipherinsights", "other")

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
EDIT = STORE + "keys: {ci_a: {roles: [User], description: wanted}}\n"


def save(lab, *words):
    ran = lab.run("plan", "--out", "fleet.plan", "--format", "json", *words)
    assert ran.code == 0
    assert "saved; apply exactly this with: keyspec apply fleet.plan" in ran.err
    return ran


def apply(lab, *words):
    ran = lab.run("apply", "--yes", "--format", "json", "fleet.plan", *words)
    return ran.code, ran.steps()


def problems(lab, *words):
    ran = lab.run("apply", "--yes", "--format", "json", "fleet.plan", *words)
    assert [hub.requests for hub in lab.hubs.values()] == [[] for _ in lab.hubs]
    return ran.code, [problem["code"] for problem in ran.json["problems"]]


def writes(hub):
    return [each for each in hub.requests if each.method != "GET"]


def rewrite(lab, change):
    """Write the plan file anew, as somebody could who knows how seals are made."""
    path = lab.folder / "fleet.plan"
    saved = load_plan(path.read_bytes(), "fleet.plan")
    path.write_bytes(dump_plan(change(saved.plan), created_at=saved.created_at))


@pytest.fixture
def one(lab):
    (hub,) = lab.start("a")
    hub.seed_key("ci_a")
    lab.write(EDIT)
    return lab


def test_a_saved_plan_is_applied_and_its_report_has_its_digest(one):
    planned = save(one).json
    ran = one.run("apply", "--yes", "--format", "json", "fleet.plan")
    assert (ran.code, ran.steps()) == (0, ["edit a/ci_a applied"])
    assert ran.json["digest"] == planned["digest"]
    assert ran.json["hubs"][0]["verified"] is True
    assert apply(one) == (0, ["edit a/ci_a already"])


def test_what_was_planned_is_all_that_is_done(one):
    save(one)
    one.write(STORE + "keys: {ci_a: {roles: [User], description: wanted}, ci_b: {roles: [User]}}\n")
    assert apply(one) == (0, ["edit a/ci_a applied"])
    assert "ci_b" not in one.hubs["a"]


def test_a_key_that_changed_since_is_a_conflict_and_the_others_are_done(lab):
    (hub,) = lab.start("a")
    hub.seed_keys([f"ci_{number:03}" for number in range(500)])
    keys = ", ".join(f"ci_{number:03}: {{roles: [User], description: wanted}}" for number in range(500))
    lab.write(f"guards: {{max_change_share: 100%}}\nkeys: {{{keys}}}\n", concurrency=8)
    save(lab)
    hub.edit_key("ci_250", description="by hand")
    ran = lab.run("apply", "--yes", "--format", "json", "fleet.plan")
    assert ran.code == 3
    assert ran.json["outcomes"] == {
        "applied": 499, "already": 0, "conflict": 1, "failed": 0, "skipped": 0, "held": 0
    }  # fmt: skip
    (conflict,) = [step for step in ran.json["steps"] if step["outcome"] == "conflict"]
    assert conflict["key_id"] == "ci_250"
    assert conflict["error"] == "the live key is not as it was when this was planned"
    assert hub.keys()["ci_250"]["description"] == "by hand"
    assert {key["description"] for key_id, key in hub.keys().items() if key_id.startswith("ci_")} == {
        "wanted",
        "by hand",
    }
    assert len(writes(hub)) == 499


def test_a_field_that_nobody_declared_counts_too(one):
    save(one)
    one.hubs["a"].edit_key("ci_a", reauthentication_timeout=999)
    assert apply(one) == (3, ["edit a/ci_a conflict"])
    assert writes(one.hubs["a"]) == []


def test_a_saved_create_waits_for_nobody_who_came_first(lab):
    (hub,) = lab.start("a")
    lab.write(STORE + "keys: {ci_a: {roles: [User]}, ci_b: {roles: [User]}}\n")
    save(lab)
    hub.seed_key("ci_a", roles=("User",))
    hub.seed_key("ci_b", roles=("Administrator",))
    assert apply(lab) == (3, ["create a/ci_a already", "create a/ci_b conflict"])
    assert writes(hub) == []


def test_a_lock_that_was_done_by_hand_is_already_so(lab):
    (hub,) = lab.start("a")
    hub.seed_key("ci_a")
    lab.write("keys: {ci_a: {roles: [User], state: locked}}\n")
    save(lab)
    hub.lock_key("ci_a")
    assert apply(lab) == (0, ["lock a/ci_a already"])


def test_what_was_saved_as_held_is_never_done(lab):
    (hub,) = lab.start("a")
    hub.seed_key("ci_a", locked=True)
    lab.write("keys: {ci_a: {roles: [User], state: active}}\n")
    save(lab)
    assert apply(lab, "--allow-unlock") == (0, ["unlock a/ci_a HELD"])
    assert writes(hub) == []


def test_what_would_be_held_now_needs_its_allowance_now(lab):
    (hub,) = lab.start("a")
    hub.seed_key("ci_a", locked=True)
    lab.write("keys: {ci_a: {roles: [User], state: active}}\n")
    save(lab, "--allow-unlock")
    ran = lab.run("apply", "--yes", "--format", "json", "fleet.plan")
    assert (ran.code, ran.json["steps"][0]["outcome"]) == (0, "held")
    assert ran.json["steps"][0]["error"] == "not done without --allow-unlock"
    assert writes(hub) == []
    assert apply(lab, "--allow-unlock") == (0, ["unlock a/ci_a applied"])


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        (EDIT.replace("wanted", "another"), ["plan-step"]),
        (STORE + "keys: {ci_b: {roles: [User]}}\n", ["plan-step"]),
        (STORE + "keys: {ci_a: {state: absent}}\n", ["plan-step"]),
        (EDIT + "rollout: {waves: [['*']]}\n", ["plan-wave"]),
    ],
)
def test_a_plan_that_the_spec_at_hand_does_not_want_is_refused(one, spec, codes):
    save(one)
    one.write(spec)
    assert problems(one) == (4, codes)


def test_a_hub_with_another_url_or_none_is_refused(lab):
    lab.start("a", "b")
    lab.hubs["a"].seed_key("ci_a")
    lab.write(EDIT)
    save(lab)
    text = (lab.folder / "keyspec.yaml").read_text()
    (lab.folder / "keyspec.yaml").write_text(text.replace(lab.hubs["a"].url, lab.hubs["b"].url + "/x"))
    assert problems(lab) == (4, ["plan-hub"])
    (lab.folder / "keyspec.yaml").write_text(text.replace("  a:", "  c:"))
    assert problems(lab) == (4, ["plan-hub"])


def test_a_forged_plan_does_only_what_the_spec_asks_for(one):
    hub = one.hubs["a"]
    hub.seed_key("stranger")
    save(one)
    for change in (
        lambda step: {"key_id": "stranger"},
        lambda step: {"action": "delete", "reversible": False},
        lambda step: {"action": "lock"},
        lambda step: {"changes": (type(step.changes[0])("roles", ("User",), ("Administrator",)),)},
        lambda step: {"recovery": True, "action": "lock"},
    ):

        def twist(plan, change=change):
            steps = tuple(replace(step, **change(step)) for step in plan.steps)
            return replace(plan, steps=steps, summary=summarize(plan.hubs, steps))

        save(one)
        rewrite(one, twist)
        assert problems(one) == (4, ["plan-step"])


def test_a_forged_expectation_brings_no_more_than_the_spec_asks_for(one):
    hub = one.hubs["a"]
    save(one)
    hub.edit_key("ci_a", reauthentication_timeout=999)
    now = fingerprint(Key("ci_a", "", ("User",), 999, "active"))
    rewrite(one, lambda plan: replace(plan, steps=tuple(replace(step, expects=now) for step in plan.steps)))
    assert apply(one) == (0, ["edit a/ci_a applied"])
    assert writes(hub)[0].body == {"description": "wanted"}


@pytest.mark.parametrize(
    ("damage", "code", "codes"),
    [
        (lambda data: data.replace(b"wanted", b"wanteD"), 4, ["plan-seal"]),
        (lambda data: data.replace(b"keyspec-plan/1", b"keyspec-plan/2"), 4, ["plan-version"]),
        (lambda data: data[:-30], 5, ["plan-syntax"]),
        (lambda _: b"keyspec: 1\n", 5, ["plan-syntax"]),
    ],
)
def test_a_file_that_is_not_as_it_was_saved_is_refused(one, damage, code, codes):
    save(one)
    path = one.folder / "fleet.plan"
    path.write_bytes(damage(path.read_bytes()))
    assert problems(one) == (code, codes)


def test_a_plan_that_is_not_there_is_said(one):
    assert problems(one) == (5, ["file-missing"])


def test_a_plan_may_be_too_old(one):
    one.write(EDIT + "guards: {plan_max_age: 1h}\n")
    save(one)
    assert apply(one)[0] == 0
    path = one.folder / "fleet.plan"
    saved = load_plan(path.read_bytes(), "fleet.plan")
    before = datetime.now(UTC) - timedelta(hours=2)
    path.write_bytes(dump_plan(saved.plan, created_at=before.isoformat(timespec="seconds")))
    assert problems(one) == (4, ["plan-too-old"])


def test_guards_are_judged_again(lab):
    (hub,) = lab.start("a")
    hub.seed_keys([f"ci_{number}" for number in range(20)])
    keys = ", ".join(f"ci_{number}: {{roles: [User], description: wanted}}" for number in range(5))
    lab.write(f"keys: {{{keys}}}\n")
    save(lab)
    for number in range(10, 20):
        hub.delete_key(f"ci_{number}")
    ran = lab.run("apply", "--yes", "--format", "json", "fleet.plan")
    assert ran.code == 4
    assert [refusal["code"] for refusal in ran.json["refusals"]] == ["max-change-share"]
    assert writes(hub) == []


def test_a_refused_plan_is_not_saved(lab):
    (hub,) = lab.start("a")
    hub.seed_key("ci_a")
    lab.write("keys: {ci_a: {roles: [User], description: x}, ci_b: {roles: [User]}}\n")
    ran = lab.run("plan", "--out", "fleet.plan")
    assert ran.code == 4
    assert not (lab.folder / "fleet.plan").exists()


def test_a_hub_that_cannot_be_read_any_more_fails_alone(lab):
    lab.start("a", "b")
    for hub in lab.hubs.values():
        hub.seed_key("ci_a")
    lab.write(EDIT, timeout="1s")
    save(lab)
    lab.hubs["a"].go_down()
    ran = lab.run("apply", "--yes", "--format", "json", "fleet.plan")
    assert (ran.code, ran.steps()) == (3, ["edit a/ci_a failed", "edit b/ci_a applied"])
    assert "the hub is unreadable" in ran.json["steps"][0]["error"]


def test_only_hubs_with_steps_are_asked(lab):
    lab.start("a", "b")
    lab.hubs["a"].seed_key("ci_a")
    lab.hubs["b"].seed_key("ci_a", description="wanted")
    lab.write(EDIT)
    save(lab)
    assert apply(lab) == (0, ["edit a/ci_a applied"])
    assert lab.hubs["b"].requests == []


def test_a_saved_plan_can_be_narrowed(lab):
    lab.start("a", "b")
    for hub in lab.hubs.values():
        hub.seed_key("ci_a")
    lab.write(EDIT)
    save(lab)
    ran = lab.run("apply", "--yes", "--format", "json", "fleet.plan", "-l", "b")
    assert (ran.code, ran.steps()) == (0, ["edit b/ci_a applied"])
    assert [hub["name"] for hub in ran.json["hubs"]] == ["b"]
    assert lab.hubs["a"].requests == []


def test_values_of_saved_creates_are_kept_like_any_others(lab):
    (hub,) = lab.start("a")
    lab.write(STORE + "keys: {ci_a: {roles: [User]}}\n")
    save(lab)
    assert apply(lab) == (0, ["create a/ci_a applied"])
    assert hub.check_value(lab.value("a", "ci_a")) == "ci_a"


def test_a_saved_delete_is_done_with_its_allowance_only(lab):
    (hub,) = lab.start("a")
    hub.seed_key("ci_a", locked=True)
    lab.write("keys: {ci_a: {state: absent}}\n")
    save(lab, "--allow-delete")
    ran = lab.run("apply", "--yes", "--format", "json", "fleet.plan")
    assert (ran.code, ran.json["steps"][0]["outcome"], ran.json["steps"][0]["held"]) == (0, "held", False)
    assert "held" in lab.run("apply", "--yes", "fleet.plan").out
    assert apply(lab, "--allow-delete") == (0, ["delete a/ci_a applied"])
    assert "ci_a" not in hub


def test_the_file_is_the_plan_that_was_printed(one):
    printed = save(one).json
    saved = json.loads((one.folder / "fleet.plan").read_text())
    assert {name: saved[name] for name in printed} == printed
    assert set(saved) - set(printed) == {"created_at", "seal"}
    assert load_plan((one.folder / "fleet.plan").read_bytes(), "x").digest == printed["digest"]
    assert plan_digest(load_plan((one.folder / "fleet.plan").read_bytes(), "x").plan) == printed["digest"]
