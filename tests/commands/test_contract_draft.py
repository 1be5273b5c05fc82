from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

DOCUMENTS = Path(__file__).parents[1] / "openapi" / "documents"


def test_a_draft_of_the_hubs_own_document_is_found_in_it(folder):
    ran = folder.run("contract", "draft", "--out", "ours.yaml")
    assert (ran.code, ran.out, folder.writes) == (0, "", [])
    assert ran.err == (
        "keyspec: wrote ours.yaml: 10 of 10 operations found\nkeyspec: next: read it, then: keyspec contract check ours.yaml\n"
    )
    assert folder.run("contract", "check", "ours.yaml", "--live").code == 0
    assert folder.run("contract", "draft", "--hub", "lab").out == (folder.path / "ours.yaml").read_text(
        encoding="utf-8"
    )


def test_a_draft_of_a_file_needs_no_spec(folder):
    (folder.path / "keyspec.yaml").unlink()
    shutil.copy(DOCUMENTS / "cursor-and-status.json", folder.path / "hub.json")
    ran = folder.run("contract", "draft", "--openapi", "hub.json", "--out", "ours.yaml")
    assert ran.code == 0
    assert "7 of 10 operations found; not found: create_key, import_key, openapi; to be filled in: auth\n" in ran.err
    assert "keyspec contract check ours.yaml --openapi hub.json\n" in ran.err
    assert folder.run("contract", "check", "ours.yaml", "--openapi", "hub.json").code == 0


def test_no_file_is_overwritten(folder):
    (folder.path / "ours.yaml").write_text("mine\n", encoding="utf-8")
    ran = folder.run("contract", "draft", "--out", "ours.yaml")
    assert ran.code == 64
    assert "ours.yaml is there already; nothing was written" in ran.err
    assert (folder.path / "ours.yaml").read_text(encoding="utf-8") == "mine\n"


def test_a_document_without_key_administration_is_1_and_leaves_no_file(folder):
    shutil.copy(DOCUMENTS / "no-keys.yaml", folder.path)
    ran = folder.run("contract", "draft", "--openapi", "no-keys.yaml", "--out", "ours.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert "no-keys.yaml describes no administration of API keys: none of its 7 operations" in ran.err
    assert not (folder.path / "ours.yaml").exists()


@pytest.mark.parametrize(
    "text", ["", "openapi: 3.1.0\npaths: [", '{"openapi": ', "swagger: '2.0'\n", "\0", "[" * 100_000]
)
def test_what_is_no_document_is_5_with_its_place(folder, text):
    (folder.path / "hub.json").write_text(text, encoding="utf-8")
    ran = folder.run("contract", "draft", "--openapi", "hub.json")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("hub.json:")


def test_a_draft_as_json_is_one_document_also_beside_a_file(folder):
    shutil.copy(DOCUMENTS / "cursor-and-status.json", folder.path / "hub.json")
    ran = folder.run("contract", "draft", "--openapi", "hub.json", "--format", "json", "--out", "ours.yaml")
    told = json.loads(ran.out)
    assert told["contract"]["name"] == "fleet-control-v2026"
    assert sorted(told["holes"]) == ["auth", "operations.create_key", "operations.import_key", "operations.openapi"]
    assert (folder.path / "ours.yaml").exists()
