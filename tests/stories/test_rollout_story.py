"""Waves: each begins when those before it are applied and verified. Shards: many machines, one plan, one report."""

from __future__ import annotations

import json

import pytest

from keyspec.devhub import parse_faults
from keyspec.shard import fleet_digest, shard_of
from keyspec.transport import Transport

pytestmark = pytest.mark.tongues("cipherinsights", "other")

HUBS = [f"hub_{number:02}" for number in range(12)]
STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
KEYS = "keys: {ci_a: {roles: [User], description: wanted}, ci_b: {roles: [User]}}\n"
WAVES = "rollout: {waves: [[a], [b, c], ['*']]}\n"


def apply(lab, *words):
    ran = lab.run("apply", "--yes", "--format", "json", *words)
    return ran.code, ran.steps()


def seed(lab, *names):
    hubs = lab.start(*names)
    for hub in hubs:
        hub.seed_key("ci_a")
    return hubs


def sent(hub):
    return [each.method for each in hub.requests if each.method != "GET"]


@pytest.fixture
def four(lab):
    seed(lab, "a", "b", "c", "d")
    lab.write("keys: {ci_a: {roles: [User], description: wanted}}\n" + WAVES, timeout="1s")
    return lab


def test_waves_go_one_after_the_other_and_stand_in_the_plan(four):
    ran = four.run("plan", "--format", "json")
    assert [(hub["name"], hub["wave"]) for hub in ran.json["hubs"]] == [("a", 1), ("b", 2), ("c", 2), ("d", 3)]
    assert "wave 2" in four.run("plan").out
    order = record_requests(four)
    assert apply(four) == (0, [f"edit {name}/ci_a applied" for name in "abcd"])
    last = {name: max(place for place, (hub, _) in enumerate(order) if hub == name) for name in "abcd"}
    writes = [place for place, (_, method) in enumerate(order) if method != "GET"]
    written = {order[place][0]: place for place in reversed(writes)}
    assert last["a"] < min(written["b"], written["c"])
    assert max(last["b"], last["c"]) < written["d"]


def record_requests(lab):
    """Note every answer from now on, in order: whose, and to which method."""
    names, order, send = {hub.url: name for name, hub in lab.hubs.items()}, [], Transport.send

    def recorded(self, method, url, headers, body):
        answer = send(self, method, url, headers, body)
        order.append((next(names[root] for root in names if url.startswith(f"{root}/")), method))
        return answer

    lab.patch.setattr(Transport, "send", recorded)
    return order


def test_a_wave_that_fails_stops_those_after_it(four):
    four.hubs["b"].set_knobs(faults=parse_faults("PUT ** * before:status:422"))
    ran = four.run("apply", "--yes", "--format", "json")
    assert (ran.code, ran.steps()) == (
        3,
        ["edit a/ci_a applied", "edit b/ci_a failed", "edit c/ci_a applied", "edit d/ci_a skipped"],
    )
    assert ran.json["steps"][-1]["error"] == "an earlier wave failed on b; `rollout.max_failed_hubs` is 0"
    assert sent(four.hubs["d"]) == []
    four.hubs["b"].set_knobs(faults=())
    assert apply(four) == (0, ["edit b/ci_a applied", "edit d/ci_a applied"])


def test_a_hub_that_cannot_be_read_has_failed(four):
    four.hubs["a"].go_down()
    assert apply(four) == (1, [f"edit {name}/ci_a skipped" for name in "bcd"])
    assert [sent(four.hubs[name]) for name in "bcd"] == [[], [], []]


def test_a_conflict_and_an_unverified_hub_have_failed_too(four):
    four.run("plan", "--out", "fleet.plan")
    four.hubs["a"].edit_key("ci_a", description="by hand")
    code, steps = apply(four, "fleet.plan")
    assert (code, steps[0], steps[1:]) == (3, "edit a/ci_a conflict", [f"edit {name}/ci_a skipped" for name in "bcd"])
    four.hubs["a"].set_knobs(faults=parse_faults("GET /api_keys 2-9 before:status:403"))
    code, steps = apply(four)
    assert (code, steps) == (3, ["edit a/ci_a applied", *(f"edit {name}/ci_a skipped" for name in "bcd")])


def test_so_many_hubs_may_fail(four):
    four.write(
        "keys: {ci_a: {roles: [User], description: wanted}}\nrollout: {waves: [[a, b], ['*']], max_failed_hubs: 1}\n"
    )
    four.hubs["a"].set_knobs(faults=parse_faults("PUT ** * before:status:422"))
    assert apply(four) == (3, ["edit a/ci_a failed", *(f"edit {name}/ci_a applied" for name in "bcd")])


def test_a_wave_alone(four):
    assert apply(four, "--wave", "2") == (0, ["edit b/ci_a applied", "edit c/ci_a applied"])
    assert four.hubs["a"].requests == []
    assert four.run("plan", "--wave", "4").code == 64
    assert four.run("plan", "--wave", "0").code == 64


def test_a_shared_value_is_made_in_the_first_wave_and_imported_in_the_others(lab):
    lab.start("a", "b", "c")
    lab.write(
        'defaults: {store: "file:secrets/{key}"}\nkeys: {ci_a: {roles: [User], value: {shared: true, origin: a}}}\n'
        "rollout: {waves: [[a], ['*']]}\n"
    )
    assert apply(lab) == (0, ["create a/ci_a applied", "import b/ci_a applied", "import c/ci_a applied"])


# Shards


@pytest.fixture
def fleet(lab):
    seed(lab, *HUBS)
    lab.write(STORE + KEYS)
    return lab


def print_shards(lab, of, *words):
    """Run a command as every shard, and give the names of the files that they printed."""
    files = []
    for number in range(1, of + 1):
        ran = lab.run(*words, "--format", "json", "--shard", f"{number}/{of}")
        assert ran.code in (0, 3), ran.err
        path = lab.folder / f"shard-{number}.json"
        path.write_text(ran.out)
        files.append(path.name)
    return files


@pytest.mark.parametrize("of", [1, 3, 16])
def test_plans_of_all_shards_join_to_the_plan_of_the_fleet_byte_for_byte(fleet, of):
    whole = fleet.run("plan", "--format", "json")
    files = print_shards(fleet, of, "plan")
    assert fleet.run("report", "merge", *reversed(files), "--format", "json").out == whole.out
    assert fleet.run("report", "merge", *files, "--exit-code").code == 2
    assert fleet.run("report", "merge", *files).out == fleet.run("plan").out
    assert fleet.run("plan", "--parallel", "1", "--format", "json").out == whole.out


def test_every_hub_is_in_one_shard_and_stays_there(fleet):
    files = print_shards(fleet, 5, "plan")
    for number, file in enumerate(files, 1):
        document = json.loads((fleet.folder / file).read_text())
        whole = fleet_digest(HUBS)
        assert document["shard"] == {"number": number, "of": 5, "wave": None, "plan": None, "fleet": whole, "keys": []}
        assert [hub["name"] for hub in document["hubs"]] == [name for name in HUBS if shard_of(name, 5) == number]
    assert [shard_of(name, 16) for name in ("hub_00", "prod_eu", "a")] == [11, 3, 11]


def test_shards_apply_a_saved_plan_and_their_reports_join_to_one(fleet):
    planned = fleet.run("plan", "--out", "fleet.plan", "--format", "json").json
    files = print_shards(fleet, 4, "apply", "--yes", "fleet.plan")
    merged = fleet.run("report", "merge", *files, "--format", "json")
    assert merged.code == 0
    assert merged.json["digest"] == planned["digest"]
    assert merged.json["outcomes"]["applied"] == 24
    assert [hub["verified"] for hub in merged.json["hubs"]] == [True] * 12
    assert {json.loads((fleet.folder / file).read_text())["shard"]["plan"] for file in files} == {planned["digest"]}
    text = fleet.run("report", "merge", *files)
    assert "24 applied; 12 of 12 hubs verified" in text.out
    assert apply(fleet) == (0, [])


def test_one_exit_code_for_all_shards(fleet):
    fleet.hubs["hub_03"].set_knobs(faults=parse_faults("PUT ** * before:status:422"))
    files = print_shards(fleet, 4, "apply", "--yes")
    assert fleet.run("report", "merge", *files).code == 3


def test_a_shard_that_is_missing_or_does_not_belong_is_said(fleet):
    files = print_shards(fleet, 3, "plan")
    assert fleet.run("report", "merge", *files[:2]).code == 4
    ran = fleet.run("report", "merge", *files, files[0], "--format", "json")
    assert ran.code == 4
    assert "stands in shard-1.json, too" in ran.json["problems"][0]["message"]
    ran = fleet.run("report", "merge", files[0], "--format", "json")
    assert [problem["message"] for problem in ran.json["problems"]] == ["shards are missing: 2/3, 3/3"]
    (fleet.folder / "whole.json").write_text(fleet.run("plan", "--format", "json").out)
    assert "made without --shard" in fleet.run("report", "merge", "whole.json").err
    fleet.write(STORE + KEYS.replace("wanted", "another"))
    (fleet.folder / "shard-2.json").write_text(fleet.run("plan", "--format", "json", "--shard", "2/3").out)
    assert "another spec" in fleet.run("report", "merge", *files).err


def test_a_shard_that_was_refused_refuses_the_whole(lab):
    seed(lab, "a", "b")
    lab.write("keys: {ci_a: {roles: [User]}, ci_new: {roles: [User]}}\n")
    for number in (1, 2):
        ran = lab.run("plan", "--format", "json", "--shard", f"{number}/2")
        (lab.folder / f"{number}.json").write_text(ran.out)
    ran = lab.run("report", "merge", "1.json", "2.json", "--format", "json")
    assert ran.code == 4
    assert {problem["code"] for problem in ran.json["problems"]} == {"no-store"}


def test_a_shard_that_could_not_plan_refuses_the_whole_and_says_why(lab):
    seed(lab, "a", "b")
    lab.write("keys: {ci_a: {roles: [User]}}\n")
    (lab.folder / "1.json").write_text(lab.run("plan", "--format", "json", "--shard", "1/2").out)
    (lab.folder / "trusted.yaml").write_text("keyspec-trusted: 1\nhubs: {}\n")
    ran = lab.run("plan", "--format", "json", "--shard", "2/2", "--trusted", "trusted.yaml")
    (lab.folder / "2.json").write_text(ran.out)
    assert ran.code == 4
    merged = lab.run("report", "merge", "1.json", "2.json")
    assert merged.code == 4
    assert "2.json:1:1: not-planned: untrusted: " in merged.err


def test_every_file_is_judged_and_one_that_is_no_report_is_invalid(lab):
    (lab.folder / "x.json").write_text("{}")
    (lab.folder / "y.json").write_text('{"format": "keyspec-problems/1", "problems": []}')
    ran = lab.run("report", "merge", "x.json", "y.json", "--format", "json")
    assert ran.code == 5
    assert [problem["code"] for problem in ran.json["problems"]] == ["plan-invalid", "not-planned"]


def test_what_is_no_report_is_said(lab):
    (lab.folder / "x.json").write_text("{}")
    assert lab.run("report", "merge", "x.json").code == 5
    assert lab.run("report", "merge", "nowhere.json").code == 5
    assert lab.run("report", "merge").code == 64
    assert lab.run("report", "nothing").code == 64


def test_a_shard_deletes_only_from_a_saved_plan(lab):
    hubs = lab.start("a", "b", "c")
    for hub in hubs:
        hub.seed_key("ci_old", locked=True)
    lab.write("keys: {ci_old: {state: absent}}\n")
    of_a = f"{shard_of('a', 2)}/2"
    ran = lab.run("apply", "--yes", "--allow-delete", "--shard", of_a, "--format", "json")
    assert ran.code == 0
    assert {step["allow"] for step in ran.json["steps"]} == {"a plan saved of the whole fleet"}
    assert lab.run("plan", "--allow-delete", "--out", "fleet.plan").code == 0
    ran = lab.run("apply", "--yes", "--allow-delete", "--shard", of_a, "--format", "json", "fleet.plan")
    assert {step["outcome"] for step in ran.json["steps"]} == {"applied"}
    assert "ci_old" not in lab.hubs["a"]


def test_the_deletes_of_all_shards_count_together(lab):
    hubs = lab.start("a", "b", "c")
    for hub in hubs:
        hub.seed_key("ci_old", locked=True)
    lab.write("keys: {ci_old: {state: absent}}\n")
    assert lab.run("plan", "--allow-delete", "--out", "fleet.plan").code == 0
    lab.write("guards: {max_deletes: 2}\nkeys: {ci_old: {state: absent}}\n")
    ran = lab.run("apply", "--yes", "--allow-delete", "--shard", "1/2", "fleet.plan")
    assert ran.code == 4
    assert "max-deletes" in ran.out


def test_shards_of_several_waves_say_which(four):
    ran = four.run("apply", "--yes", "--shard", "1/2")
    assert ran.code == 64
    assert "say which with --wave" in ran.err
    first = f"{shard_of('a', 2)}/2"
    ran = four.run("apply", "--yes", "--shard", first, "--wave", "1", "--format", "json")
    assert (ran.code, ran.steps()) == (0, ["edit a/ci_a applied"])
    assert ran.json["shard"]["wave"] == 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "x/2", "1/99999", "-1/3", "1/3/5"])
def test_a_shard_that_is_none_is_wrong_usage(lab, text):
    lab.start("a")
    lab.write("keys: {}\n")
    assert lab.run("plan", "--shard", text).code == 64


def test_a_shared_value_comes_to_every_shard_once_its_origin_has_made_it(lab):
    lab.start("a", "b", "c", "d")
    lab.write(
        'defaults: {store: "file:secrets/{key}"}\nkeys: {ci_a: {roles: [User], value: {shared: true, origin: a}}}\n'
    )
    for _ in range(2):
        for number in (1, 2, 3):
            assert lab.run("apply", "--yes", "--shard", f"{number}/3").code in (0, 1, 3)
    value = (lab.folder / "secrets/ci_a").read_text()
    assert [hub.check_value(value) for hub in lab.hubs.values()] == ["ci_a"] * 4
