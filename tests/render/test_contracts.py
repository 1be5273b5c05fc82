from __future__ import annotations

import json

from apis import drafted

from keyspec.openapi.verdict import Comparison, Row
from keyspec.render.contracts import (
    render_comparisons,
    render_comparisons_json,
    render_contracts,
    render_contracts_json,
    render_draft_json,
)

HOSTILE = "x\n::error::\x1b[31m\u202e"
ROWS = (
    Row("list_keys", "answer", "rows", "found"),
    Row("list_keys", "answer", HOSTILE, "differs", "the document says " + "word " * 40),
    Row("get_key", "operation", "GET /keys/{key_id}", "missing", HOSTILE),
)


def test_a_contract_is_told_as_what_keyspec_sends_and_where_it_looks():
    text = render_contracts([("ours.yaml", ("a", "b"), drafted("other").content)], color=False, width=100)
    assert text.startswith("analytics-hub-devhub-the-other-way-v2  ours.yaml  not verified\n  hubs          a, b\n")
    assert "  credential    bearer\n" in text
    assert "  paging        cursor, 100 rows a page, the next one at meta.next\n" in text
    assert "  create_key    POST /keys · sends id, note, role_ids, ttl_ms · value at data.secret.value, key at" in text
    assert (
        "  lock_key      PATCH /keys/{key_id} · sends status: disabled · if unchanged (If-Match) · done: 202\n" in text
    )
    assert "description: note, roles: role_ids (by: id), " in text
    assert max(map(len, text.splitlines())) <= 100


def test_operations_that_are_not_there_are_named():
    text = render_contracts([("f", (), drafted("pages-and-scopes.yaml").content)], color=False, width=100)
    assert text.endswith("  not there     import_key, unlock_key, openapi\n")
    least = {"name": "x", "auth": "none", "key": {"id": "id"}, "operations": {}, "verified": True}
    text = render_contracts([("f", (), least)], color=False, width=100)
    assert text.splitlines()[:3] == [
        "x  f  verified",
        "  credential    none",
        "  paging        page-index, 100 rows a page",
    ]


def test_contracts_as_json_are_the_data_of_their_files():
    content = drafted("other").content
    shown = json.loads(render_contracts_json([("f", ("a",), content)]))
    assert shown == {"format": "keyspec-contracts/1", "contracts": [{"file": "f", "hubs": ["a"], "contract": content}]}


def test_a_comparison_is_a_table_that_nothing_in_it_can_break():
    text = render_comparisons([Comparison("c", "f", "hub.json", ROWS)], color=False, width=100)
    lines = text.splitlines()
    assert lines[0] == r"found    list_keys  answer     rows"
    assert lines[-1] == "`c` against hub.json: 1 found, 1 missing, 1 different."
    assert "::error" not in text
    assert "\u202e" not in text
    assert all(line.startswith((" ", "found", "missing", "differs", "`c`")) or not line for line in lines)


def test_colour_only_repeats_the_verdict():
    text = render_comparisons([Comparison("c", "f", "d", ROWS)], color=True, width=100)
    assert "\x1b[31mmissing\x1b[0m" in text
    assert "\x1b[31m\u202e" not in text


def test_comparisons_as_json_have_every_row_and_the_sums():
    (check,) = json.loads(render_comparisons_json([Comparison("c", "f", "d", ROWS)]))["checks"]
    assert check["summary"] == {"found": 1, "missing": 1, "differs": 1}
    assert check["rows"][0] == {
        "operation": "list_keys",
        "part": "answer",
        "name": "rows",
        "verdict": "found",
        "note": None,
    }
    assert check["rows"][1]["name"] == HOSTILE
    assert (check["contract"], check["file"], check["against"]) == ("c", "f", "d")


def test_nothing_to_compare_is_an_empty_table():
    text = render_comparisons([Comparison("c", "f", "d", ())], color=False, width=80)
    assert text == "`c` against d: 0 found, 0 missing, 0 different.\n"


def test_what_is_alike_and_has_no_note_shares_a_row_if_folded():
    rows = [
        Row("x", "answer", name, "found", note) for name, note in (("a", ""), ("b", ""), ("c", "odd"), ("d", "odd"))
    ]
    compared = [Comparison("c", "f", "d", [*rows, Row("x", "answer", "e", "missing")])]
    text = render_comparisons(compared, color=False, width=80)
    assert text.splitlines()[:4] == [
        "found    x  answer  a, b",
        "found    x  answer  c  odd",
        "found    x  answer  d  odd",
        "missing  x  answer  e",
    ]
    assert len(render_comparisons(compared, color=False, width=80, folded=False).splitlines()) == 7


def test_a_login_and_a_paging_of_its_own_are_told():
    auth = {"scheme": "login", "path": "/session", "body": {"key": "{credential}"}, "token": "t", "prefix": ""}
    listed = {"method": "GET", "path": "/k", "statuses": [200], "rows": "@", "paging": {"style": "none"}}
    edit = {"method": "PUT", "path": "/k", "statuses": [200], "sends": "whole", "body": {"a": {"b": "{roles}", "c": 1}}}
    content = {"name": "x", "auth": auth, "key": {"id": "id"}, "operations": {"list_keys": listed, "edit_key": edit}}
    text = render_contracts([("f", (), content)], color=False, width=120)
    assert '  credential    login, path /session, body (key: {credential}), token t, prefix ""\n' in text
    assert "  list_keys     GET /k · pages: none, one request holds all · rows at @ · done: 200\n" in text
    assert "  edit_key      PUT /k · sends the whole key: a.b, a.c: 1 · done: 200\n" in text


def test_a_draft_as_json_has_its_reasons_and_holes_by_their_places():
    told = json.loads(render_draft_json(drafted("cursor-and-status.json")))
    assert told["format"] == "keyspec-contract-draft/1"
    assert told["contract"]["key"]["id"] == "meta.keyId"
    assert told["reasons"]["key.id"] == "by its name"
    assert told["holes"]["operations.import_key"] == "nothing imports a key"
