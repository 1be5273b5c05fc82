from __future__ import annotations

import json


def test_a_valid_spec_is_said_beside_the_data(folder):
    ran = folder.run("validate", LAB_KEY="")
    assert (ran.code, ran.out, ran.err) == (0, "", "keyspec: valid: 1 hub, 2 keys\n")
    assert folder.run("validate", "--quiet").err == ""
    assert folder.hub.requests == []


def test_json_is_the_same_shape_for_good_and_bad(folder):
    assert json.loads(folder.run("validate", "--format", "json").out) == {
        "format": "keyspec-problems/1",
        "problems": [],
    }
    folder.spec("nonsense: true\n")
    ran = folder.run("validate", "--format", "json")
    assert ran.code == 5
    assert json.loads(ran.out)["problems"]


def test_every_problem_is_told_with_its_place(folder):
    folder.spec("keyspec: 1\nhubs:\n  a: {url: 'ftp://x', auth: nothing, auth_key_id: k}\nkeys:\n  k: {rolls: [A]}\n")
    ran = folder.run("validate")
    assert ran.code == 5
    assert {line.split(":")[1] for line in ran.err.splitlines() if line.startswith("keyspec.yaml:")} == {"3", "5"}
    assert ran.err.endswith("problems\n")


def test_a_spec_is_held_to_a_trusted_file(folder):
    (folder.path / "trusted.yaml").write_text("keyspec-trusted: 1\n", encoding="utf-8")
    ran = folder.run("validate", "--trusted", "trusted.yaml")
    assert ran.code == 4
    assert "untrusted" in ran.err
