from __future__ import annotations

import json

import pytest


def rows_of(ran, verdict):
    return [
        (row["operation"], row["part"], row["name"])
        for check in json.loads(ran.out)["checks"]
        for row in check["rows"]
        if row["verdict"] == verdict
    ]


@pytest.fixture
def document(folder):
    """The hub's own document as a file; give a function that changes it."""
    path = folder.path / "hub.json"
    path.write_text(folder.run("openapi").out, encoding="utf-8")
    folder.hub.clear_requests()

    def change(old, new):
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    return change


def test_a_hub_that_is_as_its_contract_says_is_0_and_gets_reads_alone(folder):
    ran = folder.run("contract", "check", "--live")
    assert (ran.code, ran.err) == (0, "")
    assert "`cipherinsights-v1` against the document of hub lab: 58 found, 0 missing, 0 different.\n" in ran.out
    assert "found    edit_key    request     description, roles, reauthenticationTimeout\n" in ran.out
    assert "found    list_keys   live  rows  2 rows\n" in ran.out
    assert "`cipherinsights-v1` against hub lab: 11 found, 0 missing, 0 different.\n" in ran.out
    assert [exchange.method for exchange in folder.hub.requests] == ["GET"] * 3
    assert folder.hub.admin_value not in ran.out


def test_what_differs_is_1_and_said(folder, document):
    document('"locked"', '"isLocked"')
    ran = folder.run("contract", "check", "--openapi", "hub.json", "--format", "json")
    assert ran.code == 1
    assert rows_of(ran, "missing") == [("list_keys", "answer", "locked"), ("get_key", "answer", "locked")]
    assert folder.hub.requests == []
    ran = folder.run("contract", "check", "cipherinsights-v1", "--openapi", "hub.json")
    assert "missing  list_keys   answer      locked  the document has `isLocked`\n" in ran.out
    assert ran.err.startswith("keyspec: correct a copy of the contract (keyspec contract show --yaml), or draft one")


def test_each_thing_has_a_line_of_its_own_if_that_is_wanted(folder, document):
    ran = folder.run("contract", "check", "--openapi", "hub.json", "-v")
    assert "found    edit_key    request     description\nfound    edit_key    request     roles\n" in ran.out


def test_a_contract_and_a_document_by_name_need_no_spec(folder, document):
    (folder.path / "keyspec.yaml").unlink()
    ran = folder.run("contract", "check", "cipherinsights-v1", "--openapi", "hub.json")
    assert (ran.code, ran.err) == (0, "")


def test_a_contract_named_is_tried_on_the_hub_named(folder):
    ran = folder.run("contract", "show", "cipherinsights-v1", "--yaml")
    (folder.path / "ours.yaml").write_text(
        ran.out.replace("rows: rows", "rows: data").replace("/roles", "/role"), encoding="utf-8"
    )
    ran = folder.run("contract", "check", "ours.yaml", "--hub", "lab", "--live", "--format", "json")
    assert ran.code == 1
    assert rows_of(ran, "missing") == [
        ("list_keys", "answer", "data"),
        ("list_roles", "operation", "GET /api/v1/role"),
        ("list_keys", "live", "data"),
        ("list_roles", "live", "first page"),
    ]


def test_a_hub_without_its_document_is_still_looked_at_live(folder):
    ran = folder.run("contract", "show", "cipherinsights-v1", "--yaml")
    (folder.path / "ours.yaml").write_text(ran.out.partition("  openapi:")[0], encoding="utf-8")
    assert folder.run("contract", "check", "ours.yaml").code == 1
    ran = folder.run("contract", "check", "ours.yaml", "--live", "--format", "json")
    assert rows_of(ran, "missing") == [("openapi", "live", "document")]
    assert len(rows_of(ran, "found")) == 11


def test_a_hub_that_cannot_be_asked_is_1(folder):
    ran = folder.run("contract", "check", "--live", LAB_KEY="wrong")
    assert ran.code == 1
    assert "answered 401" in ran.out
    ran = folder.run("contract", "check", LAB_KEY="wrong")
    assert ran.code == 1
    assert "download the document from the hub's portal and name it with --openapi" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["--openapi", "nothing.json"],
        ["--openapi", "."],
        ["nothing", "--openapi", "hub.json"],
        ["--openapi", "keyspec.yaml"],
    ],
)
def test_what_is_no_contract_or_no_document_is_5_with_its_place(folder, document, words):
    ran = folder.run("contract", "check", *words)
    assert ran.code == 5
    assert "Traceback" not in ran.err
    assert "include" not in ran.err


def test_a_hub_that_serves_no_openapi_at_all_is_5(folder):
    ran = folder.run("contract", "show", "cipherinsights-v1", "--yaml")
    (folder.path / "ours.yaml").write_text(ran.out.replace("path: /openapi.json", "path: /roles"), encoding="utf-8")
    ran = folder.run("contract", "check", "ours.yaml")
    assert ran.code == 5
    assert "the document of hub lab:1:1: wrong-format: this is no OpenAPI document" in ran.err
