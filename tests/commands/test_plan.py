from __future__ import annotations

import json


def test_a_plan_says_what_differs_and_sends_nothing_but_reads(folder):
    ran = folder.run("plan")
    assert (ran.code, ran.err) == (0, "")
    assert "#1  ! lock    ci_old" in ran.out
    assert "#2  + create  ci_deployer" in ran.out
    assert folder.writes == []
    assert not (folder.path / "secrets").exists()


def test_pending_steps_are_2_only_if_asked_for(folder):
    assert folder.run("plan").code == 0
    assert folder.run("plan", "--exit-code").code == 2
    nothing = folder.run("plan", "-k", "nothing", "--exit-code")
    assert nothing.code == 0
    assert "no declared key was looked at" in nothing.out


def test_an_unreadable_hub_is_1_and_stands_in_the_plan(folder):
    ran = folder.run("plan", "--exit-code", LAB_KEY="wrong")
    assert ran.code == 1
    assert "lab  " in ran.out
    assert "unreadable" in ran.out


def test_a_refused_plan_is_4_and_still_printed(folder):
    text = (folder.path / "keyspec.yaml").read_text()
    folder.spec(text.replace(', store: "file:secrets/{key}"', ""))
    ran = folder.run("plan")
    assert ran.code == 4
    assert "REFUSED" in ran.out
    assert "no-store" in ran.out
    data = folder.run("plan", "--format", "json")
    assert data.code == 4
    assert json.loads(data.out)["format"] == "keyspec-plan/1"
    assert "no-store" in data.err


def test_an_invalid_spec_is_5_and_json_if_asked_for(folder):
    folder.spec("keyspec: 1\nhubs: {}\nkees: {}\n")
    ran = folder.run("plan", "--format", "json")
    assert ran.code == 5
    assert json.loads(ran.out)["format"] == "keyspec-problems/1"
    assert "keyspec.yaml:3:1: " in ran.err
    assert folder.run("plan").out == ""


def test_what_is_not_trusted_is_4_before_any_hub_is_asked(folder):
    (folder.path / "trusted.yaml").write_text("keyspec-trusted: 1\n", encoding="utf-8")
    ran = folder.run("plan", "--trusted", "trusted.yaml", "--format", "json")
    assert ran.code == 4
    assert json.loads(ran.out)["problems"][0]["code"] == "untrusted"
    assert folder.hub.requests == []


def test_a_selector_that_matches_no_hub_is_64(folder):
    ran = folder.run("plan", "-l", "prod")
    assert ran.code == 64
    assert "-l prod matches no hub; there are lab" in ran.err


def test_json_holds_the_whole_plan(folder):
    plan = json.loads(folder.run("plan", "--format", "json").out)
    assert [step["action"] for step in plan["steps"]] == ["lock", "create"]
    assert plan["hubs"][0]["status"] == "read"


def test_every_option_is_read_from_the_environment(folder):
    ran = folder.run("plan", KEYSPEC_EXIT_CODE="1", KEYSPEC_FORMAT="json", KEYSPEC_KEYS="ci_old other")
    assert ran.code == 2
    assert [step["key_id"] for step in json.loads(ran.out)["steps"]] == ["ci_old"]


def test_the_value_of_a_key_is_nowhere(folder):
    for form in ("text", "json"):
        ran = folder.run("plan", "-v", "--format", form)
        assert folder.hub.admin_value not in ran.out + ran.err
