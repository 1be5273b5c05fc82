from __future__ import annotations

import json
from pathlib import Path

import keyspec

BUILT_IN = Path(keyspec.__file__).parent / "contracts" / "cipherinsights-v1.yaml"


def two_hubs(folder):
    text = (
        BUILT_IN.read_text(encoding="utf-8")
        .replace("name: cipherinsights-v1", "name: ours")
        .replace("verified: false", "verified: true")
    )
    (folder.path / "ours.yaml").write_text(text, encoding="utf-8")
    hub = f'{{url: "{folder.hub.url}", auth: "env:X", auth_key_id: own'
    folder.spec(
        f"keyspec: 1\nhubs:\n  b: {hub}, contract: ours.yaml}}\n  a: {hub}, contract: ours.yaml}}\n  lab: {hub}}}\n"
    )


def test_the_contracts_of_all_hubs_are_shown_each_once_and_no_hub_is_asked(folder):
    two_hubs(folder)
    ran = folder.run("contract", "show")
    assert (ran.code, ran.err, folder.hub.requests) == (0, "", [])
    heads = [line for line in ran.out.splitlines() if line and not line.startswith(" ")]
    assert heads == [
        "ours  ours.yaml  verified",
        "cipherinsights-v1  keyspec/contracts/cipherinsights-v1.yaml  not verified",
    ]
    assert "  hubs          a, b\n" in ran.out
    assert "  list_keys     GET /api_keys · asks limit, offset, sorts: keyId asc, reportTotalCount: yes · " in ran.out
    only = folder.run("contract", "show", "--hub", "lab", "--format", "json")
    (contract,) = json.loads(only.out)["contracts"]
    assert (contract["hubs"], contract["contract"]["name"]) == (["lab"], "cipherinsights-v1")


def test_a_contract_is_shown_by_name_or_path_without_a_spec(folder):
    (folder.path / "keyspec.yaml").unlink()
    ran = folder.run("contract", "show", "cipherinsights-v1", "--yaml")
    assert (ran.code, ran.out) == (0, BUILT_IN.read_text(encoding="utf-8"))
    (folder.path / "ours.yaml").write_text(ran.out, encoding="utf-8")
    assert (
        json.loads(folder.run("contract", "show", "./ours.yaml", "--format", "json").out)["contracts"][0]["file"]
        == "ours.yaml"
    )


def test_the_file_itself_is_one_file(folder):
    two_hubs(folder)
    ran = folder.run("contract", "show", "--yaml")
    assert ran.code == 64
    assert "the hubs use 2 contracts" in ran.err
    assert "name: ours" in folder.run("contract", "show", "--yaml", "--hub", "a").out


def test_a_contract_that_is_not_there_or_not_valid_is_5(folder):
    ran = folder.run("contract", "show", "nothing")
    assert ran.code == 5
    assert "there is no contract `nothing`" in ran.err
    (folder.path / "bad.yaml").write_text("keyspec-contract: 1\nname: x\n", encoding="utf-8")
    assert "bad.yaml:1:1: missing-field" in folder.run("contract", "show", "bad.yaml").err
