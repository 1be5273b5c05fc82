"""Where values come from: hubs, keyspec, references; one value on three hubs, a fourth, and what holds it back."""

from __future__ import annotations

import json

import pytest

from keyspec.errors import StoreError
from keyspec.stores.file import FileStore

pytestmark = pytest.mark.tongues("cipherinsights", "other")

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
ONE_STORE = 'defaults: {store: "file:secrets/{key}"}\n'
SHARED = ONE_STORE + "keys: {ci_a: {roles: [User], value: {shared: true, origin: a}}}\n"
GIVEN = "A-value.of/some+body=else~42"


def apply(lab, *words):
    ran = lab.run("apply", "--yes", "--format", "json", *words)
    return ran.code, ran.steps()


def shared_value(lab):
    path = lab.folder / "secrets/ci_a"
    return path.read_text(encoding="ascii") if path.exists() else None


def record(lab, path="ci_a"):
    return json.loads((lab.folder / f"secrets/{path}.keyspec").read_text())["record"]


def posts(hub):
    found = (each for each in hub.requests if each.method == "POST" and "/api_keys" in each.path)
    return [each.path.removeprefix("/api/v1") for each in found]


def holders(lab, value):
    return {name for name, hub in lab.hubs.items() if hub.check_value(value) == "ci_a"}


@pytest.fixture
def three(lab):
    lab.start("a", "b", "c")
    lab.write(SHARED)
    return lab


def share(lab):
    assert apply(lab) == (0, ["create a/ci_a applied", "import b/ci_a applied", "import c/ci_a applied"])


def test_a_generated_value_is_made_once_stored_and_imported(lab):
    (hub,) = lab.start("a")
    lab.write(STORE + "keys: {ci_a: {roles: [User], value: {from: generated, prefix: ci_}}}\n")
    assert apply(lab) == (0, ["import a/ci_a applied"])
    value = lab.value("a", "ci_a")
    assert value.startswith("ci_")
    assert len(value) == 3 + 43
    assert hub.check_value(value) == "ci_a"
    assert (record(lab, "a/ci_a")["hubs"], record(lab, "a/ci_a")["asked"]) == (["a"], [])
    assert apply(lab) == (0, [])


def test_two_hubs_get_two_generated_values_unless_they_share_one(lab):
    lab.start("a", "b")
    lab.write(STORE + "keys: {ci_a: {roles: [User], value: {from: generated}}}\n")
    assert apply(lab)[0] == 0
    assert lab.value("a", "ci_a") != lab.value("b", "ci_a")
    lab.write(ONE_STORE + "keys: {ci_b: {roles: [User], value: {from: generated, shared: true}}}\n")
    assert apply(lab)[0] == 0
    value = (lab.folder / "secrets/ci_b").read_text()
    assert [hub.check_value(value) for hub in lab.hubs.values()] == ["ci_b", "ci_b"]


def test_a_value_that_exists_is_stored_and_imported(lab):
    (hub,) = lab.start("a")
    lab.patch.setenv("CI_VALUE", GIVEN)
    lab.write(STORE + 'keys: {ci_a: {roles: [User], value: {from: "env:CI_VALUE"}}}\n')
    assert apply(lab) == (0, ["import a/ci_a applied"])
    assert lab.value("a", "ci_a") == GIVEN
    assert hub.check_value(GIVEN) == "ci_a"
    assert GIVEN not in "".join(lab.said)


def test_a_reference_may_be_the_store_itself_and_then_only_the_record_is_written(lab):
    (hub,) = lab.start("a")
    (lab.folder / "secrets").mkdir(mode=0o700)
    (path := lab.folder / "secrets/ci_a").write_text(GIVEN)
    path.chmod(0o600)
    before = path.stat().st_ino
    lab.write(ONE_STORE + 'keys: {ci_a: {roles: [User], value: {from: "file:secrets/ci_a"}}}\n')
    assert apply(lab) == (0, ["import a/ci_a applied"])
    assert (path.stat().st_ino, hub.check_value(GIVEN)) == (before, "ci_a")
    assert record(lab)["hubs"] == ["a"]


def test_a_reference_that_cannot_be_read_sends_nothing(lab):
    (hub,) = lab.start("a")
    lab.write(STORE + 'keys: {ci_a: {roles: [User], value: {from: "env:NOT_THERE"}}}\n')
    assert apply(lab) == (1, ["import a/ci_a failed"])
    assert posts(hub) == []
    assert not (lab.folder / "secrets/a/ci_a").exists()


def test_a_changed_reference_is_refused_while_another_hub_has_the_older_value(lab):
    lab.start("a", "b")
    lab.patch.setenv("CI_VALUE", GIVEN)
    lab.write(ONE_STORE + 'keys: {ci_a: {roles: [User], value: {from: "env:CI_VALUE", shared: true}}}\n')
    assert apply(lab)[0] == 0
    lab.hubs["b"].delete_key("ci_a")
    lab.patch.setenv("CI_VALUE", "another-value")
    code, steps = apply(lab, "--allow-reimport")
    assert (code, steps) == (1, ["import b/ci_a failed"])
    assert posts(lab.hubs["b"]) == []


def test_a_shared_value_is_made_once_on_the_origin_and_imported_elsewhere(three):
    share(three)
    value = shared_value(three)
    assert holders(three, value) == {"a", "b", "c"}
    assert posts(three.hubs["a"]) == ["/api_keys"]
    assert (record(three)["hub"], record(three)["hubs"], record(three)["asked"]) == ("a", ["a", "b", "c"], [])
    assert apply(three) == (0, [])


def test_a_fourth_hub_gets_the_value_by_import(three):
    share(three)
    value = shared_value(three)
    three.start("d")
    three.write(SHARED)
    assert apply(three) == (0, ["import d/ci_a applied"])
    assert holders(three, value) == {"a", "b", "c", "d"}
    assert record(three)["hubs"] == ["a", "b", "c", "d"]


def test_while_the_origin_cannot_be_reached_nothing_is_made_elsewhere(three):
    three.hubs["a"].go_down()
    code, steps = apply(three)
    assert (code, steps) == (1, ["import b/ci_a HELD", "import c/ci_a HELD"])
    assert shared_value(three) is None
    assert apply(three, "--allow-reimport") == (1, ["import b/ci_a skipped", "import c/ci_a skipped"])
    assert [posts(three.hubs[name]) for name in "bc"] == [[], []]
    three.hubs["a"].come_up()
    share(three)


def test_a_key_deleted_by_hand_gets_its_value_again_only_if_that_is_allowed(three):
    share(three)
    value = shared_value(three)
    for name in ("b", "a"):
        three.hubs[name].delete_key("ci_a")
        assert apply(three) == (0, [f"import {name}/ci_a HELD"])
        assert posts(three.hubs[name]) == []
        assert apply(three, "--allow-reimport") == (0, [f"import {name}/ci_a applied"])
        assert (shared_value(three), holders(three, value)) == (value, {"a", "b", "c"})


def test_a_lock_on_one_hub_holds_the_import_elsewhere_unless_it_is_declared(three):
    share(three)
    value = shared_value(three)
    three.hubs["b"].lock_key("ci_a")
    three.start("d")
    three.write(SHARED)
    assert apply(three) == (0, ["import d/ci_a HELD"])
    locked = SHARED.replace("roles: [User]", "roles: [User], per_hub: {b: {state: locked}}")
    three.write(locked)
    assert apply(three) == (0, ["import d/ci_a applied"])
    assert holders(three, value) == {"a", "b", "c", "d"}


def test_an_import_onto_a_key_that_is_declared_locked_is_locked_at_once(three):
    three.write(SHARED.replace("roles: [User]", "roles: [User], per_hub: {c: {state: locked}}"))
    code, steps = apply(three)
    assert code == 0
    assert steps[-2:] == ["import c/ci_a applied", "lock c/ci_a applied"]
    assert three.hubs["c"].keys()["ci_a"]["locked"]


def test_replicas_get_the_value_after_the_store(three):
    three.write(
        'defaults: {store: {primary: "file:secrets/{key}", replicas: ["dotenv:copy.env#CI", "file:copies/{key}"]}}\n'
        "keys: {ci_a: {roles: [User], value: {shared: true, origin: a}}}\n"
    )
    share(three)
    value = shared_value(three)
    assert (three.folder / "copies/ci_a").read_text() == value
    assert not (three.folder / "copies/ci_a.prev").exists()
    assert value in (three.folder / "copy.env").read_text()
    copied = json.loads((three.folder / "copies/ci_a.keyspec").read_text())["record"]
    assert copied == record(three)


def copied(lab, **more):
    lab.write(
        'defaults: {store: {primary: "file:secrets/{hub}/{key}", replicas: ["file:copies/{hub}/{key}"]}}\n'
        "keys: {ci_a: {roles: [User]}}\n",
        **more,
    )
    return lab.folder / "copies/a/ci_a"


def findings(lab):
    return [(found["code"], found["message"]) for found in lab.run("plan", "--format", "json").json["findings"]]


def test_a_replica_that_could_not_be_written_is_written_by_the_next_apply(lab):
    lab.start("a")
    copy = copied(lab)
    (lab.folder / "copies").write_text("no folder")
    ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (3, ["create a/ci_a applied"])
    assert "the replica could not be written" in ran.json["steps"][0]["error"]
    assert [code for code, _ in findings(lab)] == ["store-unread"]
    (lab.folder / "copies").unlink()
    assert findings(lab) == [
        ("replica-outdated", "a replica lacks the value; the next apply writes it: file:copies/a/ci_a")
    ]
    assert apply(lab) == (0, [])
    assert copy.read_text() == lab.value("a", "ci_a")
    assert findings(lab) == []


def test_a_replica_that_is_added_later_gets_the_value_that_is_kept(lab):
    lab.start("a")
    lab.write(STORE + "keys: {ci_a: {roles: [User]}}\n")
    assert apply(lab)[0] == 0
    copy = copied(lab)
    assert apply(lab) == (0, [])
    assert copy.read_text() == lab.value("a", "ci_a")
    copy.unlink()
    assert apply(lab) == (0, [])
    assert copy.read_text() == lab.value("a", "ci_a")


def test_while_a_replica_cannot_be_written_the_keys_other_steps_are_done(lab):
    (hub,) = lab.start("a")
    copied(lab)
    assert apply(lab)[0] == 0
    (lab.folder / "copies/a/ci_a").unlink()
    hub.edit_key("ci_a", roles=("Operator",))
    with lab.patch.context() as patch:
        patch.setattr(FileStore, "preflight", refuse_copies)
        ran = lab.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (3, ["edit a/ci_a applied"])
    assert "the replica could not be written: read-only" in ran.json["hubs"][0]["error"]
    assert apply(lab) == (0, [])


def refuse_copies(self, entry):
    if entry.reference.rest.startswith("copies/"):
        raise StoreError("read-only")


def test_somebody_elses_replica_holds_the_create_until_it_is_taken_over(lab):
    (hub,) = lab.start("a")
    copy = copied(lab)
    copy.parent.mkdir(parents=True)
    copy.write_text("somebody-elses-value")
    assert apply(lab) == (0, ["create a/ci_a HELD"])
    assert findings(lab) == [
        (
            "store-foreign-entry",
            "a replica's entry was not written by keyspec for this hub and key: file:copies/a/ci_a",
        )
    ]
    assert copy.read_text() == "somebody-elses-value"
    assert apply(lab, "--take-over", "ci_a") == (0, ["create a/ci_a applied"])
    assert copy.read_text() == lab.value("a", "ci_a")
    assert copy.with_name("ci_a.prev").read_text() == "somebody-elses-value"
    assert hub.check_value(copy.read_text()) == "ci_a"


def test_somebody_elses_replica_of_a_live_key_is_left_alone_until_it_is_taken_over(lab):
    lab.start("a")
    lab.write(STORE + "keys: {ci_a: {roles: [User]}}\n")
    assert apply(lab)[0] == 0
    copy = copied(lab)
    copy.parent.mkdir(parents=True)
    copy.write_text("somebody-elses-value")
    assert apply(lab) == (0, [])
    assert copy.read_text() == "somebody-elses-value"
    assert apply(lab, "--take-over", "ci_a") == (0, [])
    assert copy.read_text() == lab.value("a", "ci_a")


def test_a_shared_value_comes_to_one_selected_hub_once_the_others_were_looked_at(three):
    share(three)
    value = shared_value(three)
    three.start("d", "e")
    three.write(SHARED)
    assert apply(three, "-l", "d") == (0, ["import d/ci_a applied"])
    assert holders(three, value) == {"a", "b", "c", "d"}
    three.hubs["b"].lock_key("ci_a")
    assert apply(three, "-l", "e") == (0, ["import e/ci_a HELD"])
    assert {each.method for name in "abcd" for each in three.hubs[name].requests} == {"GET"}
    three.hubs["b"].unlock_key("ci_a")
    three.hubs["c"].go_down()
    ran = three.run("plan", "-l", "e", "--format", "json")
    assert (ran.code, ran.steps()) == (0, ["import e/ci_a HELD"])
    assert [hub["name"] for hub in ran.json["hubs"]] == ["e"]
    assert "on `c` it cannot be read" in ran.json["steps"][0]["reason"]


def test_other_hubs_are_looked_at_only_while_a_shared_value_is_wanted(three):
    share(three)
    assert apply(three, "-l", "a") == (0, [])
    assert [three.hubs[name].requests for name in "bc"] == [[], []]


def test_a_key_whose_value_nobody_keeps_is_managed_and_never_created(lab):
    (hub,) = lab.start("a")
    lab.write("keys: {ci_a: {roles: [Operator], value: {from: none}}}\n")
    assert apply(lab) == (0, [])
    hub.seed_key("ci_a")
    assert apply(lab) == (0, ["edit a/ci_a applied"])


@pytest.mark.parametrize("value", ["{shared: true, origin: a}", "{shared: true, from: generated}"])
def test_two_runs_that_race_make_one_value(three, value, campaign):
    for number in range(12 if campaign == "full" else 2):
        for hub in three.hubs.values():
            hub.set_knobs(latency_ms=10 * (number % 3))
        three.write(SHARED.replace("ci_a", f"ci_{number}").replace("{shared: true, origin: a}", value))
        runs = [three.spawn("apply", "--yes", "--format", "json") for _ in range(2)]
        ended = [three.finish(run) for run in runs]
        assert {run.code for run in ended} <= {0, 1, 3}, [run.err for run in ended]
        for _ in range(3):
            three.finish(three.spawn("apply", "--yes"))
        kept = (three.folder / f"secrets/ci_{number}").read_text()
        assert [hub.check_value(kept, usable=True) for hub in three.hubs.values()] == [f"ci_{number}"] * 3
        assert record(three, f"ci_{number}")["hubs"] == ["a", "b", "c"]
