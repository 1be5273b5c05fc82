from __future__ import annotations

import json


def checks_of(ran):
    return [(check["subject"], check["verdict"]) for check in json.loads(ran.out)["checks"]]


def test_what_works_is_said_and_nothing_is_written_or_shown(folder):
    ran = folder.run("doctor")
    assert (ran.code, folder.writes) == (0, [])
    assert "reads work: 2 live keys, 1 owned" in ran.out
    assert "store file  reads and writes would work for 1 entry" in ran.out
    assert "no value waits in" in ran.out
    assert folder.hub.admin_value not in ran.out + ran.err
    assert not (folder.path / "secrets").exists()


def test_a_hub_that_cannot_be_read_is_1(folder):
    ran = folder.run("doctor", "--format", "json", LAB_KEY="wrong")
    assert ran.code == 1
    assert ("hub lab", "failed") in checks_of(ran)


def test_an_own_key_that_is_not_live_is_1(folder):
    text = (folder.path / "keyspec.yaml").read_text(encoding="utf-8")
    folder.spec(text.replace("auth_key_id: keyspec_ci", "auth_key_id: somebody"))
    ran = folder.run("doctor")
    assert ran.code == 1
    assert "none of keyspec's own keys is live: somebody" in ran.out


def test_a_store_that_cannot_be_written_is_1_and_names_the_key(folder):
    (folder.path / "secrets").write_text("in the way", encoding="utf-8")
    ran = folder.run("doctor")
    assert ran.code == 1
    assert "failed   store file  ci_deployer: file:secrets/ci_deployer cannot be kept here" in ran.out


def test_values_that_wait_in_the_spool_are_counted(folder):
    spool = folder.path / "state" / "keyspec" / "spool"
    spool.mkdir(parents=True)
    (spool / "waiting.json").write_text("{}", encoding="utf-8")
    ran = folder.run("doctor", "--format", "json")
    assert ("spool", "warning") in checks_of(ran)
