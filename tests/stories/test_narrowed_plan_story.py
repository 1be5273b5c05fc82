"""What is left of a saved plan: narrowed, on hubs that changed or are gone, in shards; the report says what is so."""

from __future__ import annotations

import json
import time
from datetime import datetime

import pytest

from keyspec import reconcile
from keyspec.commands import running

pytestmark = pytest.mark.tongues("cipherinsights", "other")

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
TWO = STORE + (
    'ownership: {key_ids: ["ci_*"]}\n'
    "keys: {ci_a: {roles: [User], description: wanted}, ci_b: {roles: [User], description: wanted}}\n"
)
FLEET = ("a", "b", "c", "d", "e")


@pytest.fixture
def two(lab):
    """A fleet of which every hub lacks `ci_a`'s text, all but `a` that of `ci_b`, and some hold more than is declared."""
    for hub in lab.start(*FLEET):
        hub.seed_key("ci_a")
        hub.seed_key("ci_b", description="wanted" if hub is lab.hubs["a"] else "")
        hub.seed_key("ci_stray")
    lab.hubs["b"].seed_key("ci_other")
    lab.write(TWO, timeout="1s")
    assert lab.run("plan", "--out", "fleet.plan").code == 0
    return lab


def apply(lab, *words):
    return lab.run("apply", "--yes", "--format", "json", "fleet.plan", *words)


def rows(ran):
    return [{name: value for name, value in row.items() if name != "verified"} for row in ran.json["hubs"]]


def print_shards(lab, *words, of=3):
    """Apply as every shard, and give the names of the files that they printed; of three the first has no hub."""
    for number in range(1, of + 1):
        (lab.folder / f"{number}.json").write_text(apply(lab, *words, "--shard", f"{number}/{of}").out)
    return [f"{number}.json" for number in range(1, of + 1)]


def assert_merged(lab, *words):
    """Hold the merge of all shards to a single run, byte for byte; nothing may be left to be written."""
    whole = apply(lab, *words)
    files = print_shards(lab, *words)
    merged = lab.run("report", "merge", *files, "--format", "json")
    assert merged.out == whole.out
    assert merged.code == whole.code
    return whole


@pytest.mark.parametrize("key", ["ci_b", "ci_s*", "ci_[ab]", "nothing"])
def test_a_saved_plan_narrowed_by_keys_says_what_a_plan_narrowed_by_keys_says(two, key):
    planned = two.run("plan", "-k", key, "--format", "json")
    ran = apply(two, "-k", key)
    assert rows(ran) == rows(planned)
    assert ran.json["summary"] == planned.json["summary"]
    assert ran.json["findings"] == planned.json["findings"]
    assert ran.json["digest"] == planned.json["digest"]


def test_what_is_shown_before_a_narrowed_plan_is_applied_forecasts_what_is_left(two):
    text = two.run("apply", "--yes", "fleet.plan", "-k", "ci_b").out
    count = 4 * len(two.tongue.spell(["PUT /api_keys/ci_b", "GET /api_keys"]))
    assert f"Apply sends {count} requests to 4 hubs" in text
    for hub in two.hubs.values():
        hub.edit_key("ci_b", description="by hand")
    two.run("plan", "--out", "fleet.plan", "-k", "ci_b")
    two.hubs["a"].go_down()
    assert f"Apply sends {count} requests to 4 hubs" in two.run("apply", "--yes", "fleet.plan").out


def test_the_report_of_a_narrowed_plan_is_of_the_saved_one(two):
    saved = json.loads((two.folder / "fleet.plan").read_text())["digest"]
    narrowed = apply(two, "-k", "ci_b").json
    assert narrowed["saved"] == saved != narrowed["digest"]


def test_a_hub_that_is_lost_stands_in_the_report_as_such(two):
    two.hubs["c"].go_down()
    ran = apply(two)
    assert ran.code == 3
    lost = ran.json["hubs"][2]
    assert (lost["status"], lost["live_keys"], lost["forecast"], lost["verified"]) == ("unreadable", None, None, None)
    assert lost["error"]
    assert ran.err == "keyspec: not to be done of the saved steps: 2 on hubs that cannot be read or planned\n"
    text = two.run("apply", "--yes", "fleet.plan").out
    assert "  c  unreadable: " in text
    assert "4 of 5 hubs verified" in text
    assert "c  not touched" not in text


def test_what_is_left_out_is_said_by_its_reason(two):
    assert apply(two, "-l", "a").code == 0
    ran = apply(two, "-l", "a")
    assert ran.err == "keyspec: not to be done of the saved steps: 1 already so or in conflict\n"
    two.write(TWO + "guards: {max_change_share: 100%}\n")
    assert apply(two).code == 0
    assert apply(two, "-k", "ci_a").json["outcomes"]["already"] == 5


def test_a_plan_that_is_as_it_was_saved_has_the_same_digest_before_and_after_it_is_applied(two):
    saved = json.loads((two.folder / "fleet.plan").read_text())["digest"]
    for outcome in ("applied", "already"):
        ran = apply(two)
        assert {step["outcome"] for step in ran.json["steps"]} == {outcome}
        assert (ran.json["digest"], ran.json["saved"]) == (saved, saved)


@pytest.mark.parametrize("words", [(), ("-k", "ci_b"), ("-k", "ci_b", "-k", "ci_stray"), ("-l", "b", "-l", "d")])
def test_shards_of_a_narrowed_plan_join_to_a_single_run(two, words):
    apply(two)
    assert_merged(two, *words)


def test_shards_of_a_plan_whose_hubs_changed_join_to_a_single_run(two):
    apply(two)
    two.hubs["a"].go_down()
    two.hubs["b"].seed_key("ci_new")
    two.hubs["c"].edit_key("ci_a", description="by hand")
    two.hubs["d"].delete_key("ci_b")
    whole = assert_merged(two)
    assert whole.code == 1
    assert "ci_new" in {found["key_id"] for found in whole.json["findings"]}


def test_globs_are_the_same_in_any_order(two):
    (two.folder / "1.json").write_text(apply(two, "-k", "ci_a", "-k", "ci_b", "--shard", "1/2").out)
    (two.folder / "2.json").write_text(apply(two, "-k", "ci_b", "-k", "ci_a", "-k", "ci_a", "--shard", "2/2").out)
    assert two.run("report", "merge", "1.json", "2.json").code == 0


def test_a_plan_of_some_hubs_is_applied_by_shards_that_do_not_say_which(two):
    assert two.run("plan", "-l", "b", "-l", "c", "-l", "d", "--out", "fleet.plan").code == 0
    assert apply(two).err == "keyspec: not in the saved plan: a, e\n"
    whole = assert_merged(two)
    assert [row["name"] for row in whole.json["hubs"]] == ["b", "c", "d"]
    files = print_shards(two)
    (two.folder / "1.json").write_text(apply(two, "--shard", "1/3", "-l", "b").out)
    assert "it was made for other hubs" in two.run("report", "merge", *files).err


def test_a_plan_saved_as_a_shard_is_applied_as_that_shard(two):
    digests = []
    for number in (1, 2):
        planned = two.run("plan", "--shard", f"{number}/2", "--out", "fleet.plan", "--format", "json")
        ran = apply(two)
        assert ran.json["digest"] == planned.json["digest"]
        assert ran.json["shard"] == planned.json["shard"]
        assert "shard" not in apply(two, "-k", "ci_a").json
        (two.folder / f"{number}.json").write_text(ran.out)
        digests.append(planned.json["digest"])
    merged = two.run("report", "merge", "1.json", "2.json", "--format", "json")
    assert merged.code == 0
    assert len(merged.json["hubs"]) == 5
    assert "saved" not in merged.json


# What is found when a plan is applied


def test_a_key_that_somebody_created_by_hand_is_already_so_and_its_value_is_said_to_be_nowhere(lab):
    (hub,) = lab.start("a")
    lab.write(STORE + "keys: {ci_a: {roles: [User]}}\n")
    lab.run("plan", "--out", "fleet.plan")
    hub.seed_key("ci_a", roles=("User",))
    ran = apply(lab)
    assert (ran.code, ran.steps()) == (0, ["create a/ci_a already"])
    (finding,) = ran.json["findings"]
    assert (finding["code"], finding["hub"], finding["key_id"]) == ("value-not-held", "a", "ci_a")
    said = "value-not-held  ci_a: keyspec does not hold this key's value"
    assert said in lab.run("apply", "--yes", "--quiet", "fleet.plan").out
    (lab.folder / "1.json").write_text(apply(lab, "--shard", "1/1").out)
    assert said in lab.run("report", "merge", "1.json").out


def test_what_is_found_now_is_told_beside_what_was_saved_once_each(two):
    (two.folder / "secrets/b").mkdir(parents=True)
    saved = {
        (found["hub"], found["code"], found["key_id"]) for found in two.run("plan", "--format", "json").json["findings"]
    }
    two.hubs["b"].lock_key("ci_a")
    two.hubs["b"].delete_key("ci_stray")
    (two.folder / "secrets/b/ci_b").mkdir()
    now = [(found["hub"], found["code"], found["key_id"]) for found in apply(two).json["findings"]]
    assert len(now) == len(set(now))
    assert set(now) >= saved
    assert {("b", "locked-undeclared", "ci_a"), ("b", "store-unread", "ci_b")} <= set(now)


def test_a_finding_is_told_once_however_the_spec_was_named(two):
    before = two.run("plan", "--format", "json").json["findings"]
    two.run("plan", "--out", "fleet.plan", "-f", str(two.folder / "keyspec.yaml"))
    assert len(apply(two).json["findings"]) == len(before)


# Guards and verdicts


def test_the_deletes_of_a_whole_saved_plan_count_and_narrowing_it_is_no_way_out(lab):
    for hub in lab.start("a", "b", "c"):
        hub.seed_key("ci_old", locked=True)
    lab.write("keys: {ci_old: {state: absent}}\n")
    assert lab.run("plan", "--allow-delete", "--out", "fleet.plan").code == 0
    lab.write("guards: {max_deletes: 2}\nkeys: {ci_old: {state: absent}}\n")
    ran = apply(lab, "--allow-delete", "-l", "a")
    assert ran.code == 4
    (refusal,) = ran.json["refusals"]
    assert refusal["code"] == "max-deletes"
    assert refusal["hint"] == "save smaller plans with -l or -k, or raise the guard"
    assert all("ci_old" in hub for hub in lab.hubs.values())
    assert "delete in smaller runs" in lab.run("apply", "--yes", "--allow-delete").out


def test_a_step_that_was_saved_as_held_leaves_nothing_to_verify(lab):
    (hub,) = lab.start("a")
    hub.seed_key("ci_a", locked=True)
    lab.write("keys: {ci_a: {roles: [User], description: wanted, state: active}}\n")
    lab.run("plan", "--out", "fleet.plan")
    ran = apply(lab, "--allow-unlock")
    assert (ran.code, ran.steps()) == (0, ["edit a/ci_a applied", "unlock a/ci_a HELD"])
    assert ran.json["hubs"][0]["verified"] is True


def test_a_refused_plan_of_a_shard_whose_hub_is_lost_refuses_the_merge(lab):
    for hub in lab.start("a", "b"):
        hub.seed_key("ci_old", locked=True)
    lab.write("keys: {ci_old: {state: absent}}\n", timeout="1s")
    lab.run("plan", "--allow-delete", "--out", "fleet.plan")
    lab.write("guards: {max_deletes: 1}\nkeys: {ci_old: {state: absent}}\n", timeout="1s")
    lab.hubs["a"].go_down()
    files = print_shards(lab, "--allow-delete", of=1)
    merged = lab.run("report", "merge", *files, "--format", "json")
    assert (merged.code, [problem["code"] for problem in merged.json["problems"]]) == (4, ["max-deletes"])


# Files and times


def test_a_plan_that_could_not_be_saved_is_not_made(two):
    (two.folder / "folder").mkdir()
    for path in ("nowhere/x.plan", "folder", "keyspec.yaml/x", "folder/"):
        ran = two.run("plan", "--out", path)
        assert ran.code == 64, path
        assert "cannot be written" in ran.err
        assert all(hub.requests == [] for hub in two.hubs.values())


def test_a_plan_is_as_old_as_its_reading_began(two):
    read, began = reconcile.read_fleet, []

    def read_slowly(*args, **named):
        began.append(time.time())
        time.sleep(1.1)
        return read(*args, **named)

    two.patch.setattr(reconcile, "read_fleet", read_slowly)
    assert two.run("plan", "--out", "slow.plan").code == 0
    created_at = json.loads((two.folder / "slow.plan").read_text())["created_at"]
    assert datetime.fromisoformat(created_at).timestamp() <= began[0]


@pytest.mark.parametrize(("words", "count"), [((), 5), (("-k", "ci_b"), 4), (("-k", "ci_b", "-l", "a"), 0)])
def test_progress_counts_the_hubs_that_will_be_read(two, words, count):
    start, counted = running.start, []

    def counting(*args, hubs):
        counted.append(hubs)
        return start(*args, hubs=hubs)

    two.patch.setattr(running, "start", counting)
    apply(two, *words)
    assert counted == [count]
    assert sum(bool(hub.requests) for hub in two.hubs.values()) == count


@pytest.mark.parametrize("path", ["-", "/dev/fd/0"])
def test_a_report_is_read_from_a_regular_file_only(two, path):
    ran = two.run("report", "merge", path)
    assert ran.code == 5
    assert "keyspec reads regular files only, no stdin and no pipe: write it to a file first" in ran.err


def test_a_shard_of_several_waves_is_applied_wave_by_wave_however_it_is_named(two):
    spec = (two.folder / "keyspec.yaml").read_text()
    (two.folder / "keyspec.yaml").write_text(spec + 'rollout: {waves: [["a"], ["*"]]}\n')
    assert two.run("plan", "--shard", "1/1", "--out", "fleet.plan").code == 0
    assert apply(two).code == 64
    assert apply(two, "--wave", "1").code == 0
