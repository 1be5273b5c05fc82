from __future__ import annotations

import pytest
from apis import drafted

from keyspec.openapi.sounding import sound_list

ROW = {"keyId": "a", "description": "", "roles": [], "reauthenticationTimeout": 60, "locked": False}


def told(payload, name="list_keys", content=None):
    rows = sound_list(name, content or drafted("cipherinsights").content, payload)
    return [f"{row.name} {row.verdict}: {row.note}".removesuffix(": ") for row in rows]


def test_everything_is_where_the_contract_says():
    assert told({"rows": [ROW, ROW], "totalCount": 2}) == [
        "rows found: 2 rows",
        "totalCount found",
        "keyId found",
        "description found",
        "roles found",
        "reauthenticationTimeout found",
        "locked found",
    ]


@pytest.mark.parametrize(
    ("payload", "row"),
    [
        ({}, "rows missing: the answer has nothing there, and no list of rows"),
        ([], "rows missing: the answer has nothing there, and no list of rows"),
        ({"rows": {"a": 1}}, "rows missing: the answer has an object there, and no list of rows"),
        ({"rows": "secret text"}, "rows missing: the answer has a string there, and no list of rows"),
    ],
)
def test_an_answer_without_rows_is_said_by_its_type_alone(payload, row):
    assert told(payload) == [row]


def test_fields_that_are_missing_or_of_another_type_are_counted():
    rows = [ROW, {**ROW, "locked": "yes", "description": None}, {"keyId": 7, "roles": {}}, "text"]
    assert told({"rows": rows, "totalCount": "4"}) == [
        "rows found: 4 rows",
        "totalCount differs: the answer has a string there",
        "keyId differs: an integer in 1 of 4 rows",
        "description found: in 1 of 4 rows",
        "roles differs: an object in 1 of 4 rows",
        "reauthenticationTimeout found: in 2 of 4 rows",
        "locked differs: a string in 1 of 4 rows",
    ]


def test_an_empty_list_shows_no_field():
    assert told({"rows": [], "totalCount": 0}) == ["rows found: no rows: no field can be seen", "totalCount found"]


def test_a_total_that_is_not_there_is_missing_and_a_next_page_that_is_not_told_is_not():
    row = {"id": "a", "note": "", "role_ids": [], "ttl_ms": 1000, "status": "enabled"}
    found = told({"data": [row], "meta": {}}, content=drafted("other").content)
    assert found[1:3] == [
        "meta.total missing: the answer has nothing there",
        "meta.next found: no further page is told",
    ]
    assert (
        told({"data": [row], "meta": {"next": 7, "total": 1}}, content=drafted("other").content)[2]
        == "meta.next differs: the answer has an integer there"
    )


def test_states_are_counted():
    rows = [{"id": "a", "status": status} for status in ("enabled", "expired", "disabled")]
    content = drafted("other").content
    assert "status found: in 2 of 3 rows" in told({"data": rows}, content=content)
    assert "status differs: in none of 1 row a state that the contract knows" in told(
        {"data": rows[1:2]}, content=content
    )


def test_roles_are_looked_at_alike():
    assert told({"rows": [{"name": "User", "permissions": ["Login"]}], "totalCount": 1}, "list_roles")[2:] == [
        "name found",
        "permissions found",
    ]
    assert told({"rows": [{}], "totalCount": 1}, "list_roles")[2] == "name missing: in none of 1 row"


def test_an_expression_that_cannot_be_applied_finds_nothing():
    content = drafted("cipherinsights").content
    content = {**content, "key": {"id": "keyId", "description": "length(`7`)"}}
    assert told({"rows": [ROW], "totalCount": 1}, content=content)[-1] == "length(`7`) missing: in none of 1 row"
