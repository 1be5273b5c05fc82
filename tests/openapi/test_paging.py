from __future__ import annotations

import pytest
from apis import answer, api_of, texts

from keyspec.openapi.paging import find_cut

NUMBER, TEXT = {"type": "integer"}, {"type": "string"}


def cut_of(*parameters, fields=(), headers=(), required=False, sort_by="keyId"):
    schema = texts(*fields)
    schema["properties"] |= {"total": NUMBER, "rows": {"type": "array", "items": texts("keyId")}}
    responses = answer(schema)
    responses["200"]["headers"] = {name: {} for name in headers}
    listed = [
        {"name": name, "in": "query", "required": required, "schema": schema, "description": text}
        for name, schema, text in parameters
    ]
    (operation,) = api_of({"/keys": {"get": {"parameters": listed, "responses": responses}}}).operations
    return find_cut(operation, key_id=(sort_by,))


@pytest.mark.parametrize(
    ("parameters", "paging", "query"),
    [
        (
            [("limit", NUMBER, ""), ("offset", NUMBER, "")],
            {"style": "row-offset", "size": 100},
            {"limit": "{limit}", "offset": "{offset}"},
        ),
        (
            [("limit", NUMBER, ""), ("offset", NUMBER, "Which page")],
            {"style": "page-index", "size": 100},
            {"limit": "{limit}", "offset": "{page}"},
        ),
        (
            [("limit", NUMBER, ""), ("offset", NUMBER, ""), ("reportTotalCount", {"type": "boolean"}, "")],
            {"style": "page-index", "size": 100},
            {"limit": "{limit}", "offset": "{page}", "reportTotalCount": True},
        ),
        (
            [("limit", NUMBER, ""), ("offset", NUMBER, "Number of records, not pages")],
            {"style": "row-offset", "size": 100},
            {"limit": "{limit}", "offset": "{offset}"},
        ),
        (
            [("page", NUMBER, ""), ("per_page", NUMBER, "")],
            {"style": "page-number", "size": 100},
            {"per_page": "{limit}", "page": "{page}"},
        ),
        (
            [("page", {"type": "integer", "minimum": 0}, ""), ("size", NUMBER, "")],
            {"style": "page-index", "size": 100},
            {"size": "{limit}", "page": "{page}"},
        ),
        (
            [("page", {"type": "integer", "default": 1}, "zero"), ("size", NUMBER, "")],
            {"style": "page-number", "size": 100},
            {"size": "{limit}", "page": "{page}"},
        ),
        (
            [("pageIndex", NUMBER, ""), ("pageSize", NUMBER, "")],
            {"style": "page-index", "size": 100},
            {"pageSize": "{limit}", "pageIndex": "{page}"},
        ),
        ([("skip", NUMBER, "")], {"style": "row-offset"}, {"skip": "{offset}"}),
        ([("q", TEXT, "")], {"style": "none"}, {}),
    ],
)
def test_parameters_tell_how_a_list_is_cut(parameters, paging, query):
    cut = cut_of(*parameters)
    assert (cut.paging, cut.query, cut.lack, cut.total) == (paging, query, None, ("total",))


def test_a_cursor_needs_the_place_of_the_next_one():
    cut = cut_of(("limit", NUMBER, ""), ("pageToken", TEXT, ""), ("page", NUMBER, ""), fields=["nextPageToken"])
    assert cut.paging == {"style": "cursor", "next": ("nextPageToken",), "size": 100}
    assert cut.query == {"limit": "{limit}", "pageToken": "{cursor}"}
    assert "no place of the next one" in cut_of(("cursor", TEXT, "")).lack
    assert cut_of(("cursor", TEXT, ""), ("limit", NUMBER, ""), ("page", NUMBER, "")).paging["style"] == "page-number"


def test_pages_of_an_unknown_size_cannot_be_said():
    assert cut_of(("page", NUMBER, "")).lack == "`page` counts pages, and nothing says how large they should be"


def test_a_link_header_counts_where_no_parameter_is_known():
    assert cut_of(headers=["Link"]).paging == {"style": "link"}
    assert cut_of(("limit", NUMBER, ""), headers=["link"]).paging == {"style": "link", "size": 100}
    assert cut_of(("skip", NUMBER, ""), headers=["Link"]).paging["style"] == "row-offset"


def test_an_answer_that_tells_of_a_next_page_is_doubted():
    assert (
        cut_of(fields=["next"]).doubt
        == "`next` in the answer tells of further pages, and nothing says how they are asked for"
    )
    assert cut_of().doubt is None


@pytest.mark.parametrize(
    ("schema", "size"),
    [
        ({"maximum": 40}, 40),
        ({"maximum": 1000}, 100),
        ({"enum": [10, 50, 500]}, 50),
        ({"enum": [200, 500]}, 200),
        ({"minimum": 150}, 150),
        ({"maximum": True, "minimum": "x"}, 100),
    ],
)
def test_pages_are_as_large_as_the_document_allows(schema, size):
    assert cut_of(("limit", {"type": "integer", **schema}, "")).paging["size"] == size


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "enum": ["name", "keyId"]}, "keyId"),
        ({"type": "string", "enum": ["keyId desc", "keyId asc"]}, "keyId asc"),
        ({"type": "array", "items": {"pattern": "^(keyId|roles) (asc|desc)$"}}, "keyId asc"),
        ({"type": "string", "pattern": "^(roles|keyId):(asc|desc)$"}, "keyId:asc"),
        ({"type": "string", "pattern": "^(x.keyId|roles) (asc|desc)$"}, None),
        ({"type": "string"}, None),
    ],
)
def test_rows_are_sorted_by_their_id_where_the_document_says_how(schema, value):
    assert cut_of(("sorts", schema, "")).query.get("sorts") == value


@pytest.mark.parametrize("name", ["reportFilteredCount", "pageTotal"])
def test_other_counts_are_not_asked_for(name):
    assert cut_of((name, {"type": "boolean"}, "")).query == {}
