from __future__ import annotations

import pytest
from apis import DIALECTS, OTHERS, answer, drafted, many, read, root_of

from keyspec.openapi.comparison import compare_contract, find_operation
from keyspec.openapi.verdict import Comparison, Row, find_near


@pytest.fixture
def root():
    return root_of("cipherinsights")


def content_of(name="cipherinsights"):
    return drafted(name).content


def told(content, root):
    """What is not found: operation, part, name, verdict, note."""
    rows = compare_contract(content, read(root))
    return [
        f"{row.operation} {row.part} {row.name} {row.verdict}: {row.note}" for row in rows if row.verdict != "found"
    ]


@pytest.mark.parametrize("name", [*DIALECTS, *OTHERS[:2]])
def test_a_draft_is_found_whole_in_the_document_it_was_drafted_from(name):
    assert told(content_of(name), root_of(name)) == []


def test_every_operation_parameter_and_field_is_a_row(root):
    rows = compare_contract(content_of(), read(root))
    assert {row.operation for row in rows} == {"auth", *content_of()["operations"]}
    assert [(row.part, row.name) for row in rows if row.operation == "create_key"] == [
        ("operation", "POST /api/v1/api_keys"),
        *(("request", name) for name in ("description", "keyId", "reauthenticationTimeout", "roles")),
        ("status", "201"),
        ("answer", "apiKey"),
        ("answer", "keyId"),
    ]


def test_another_hub_is_another_hub_and_what_looks_like_it_is_named():
    rows = told(content_of(), root_of("other"))
    assert rows[:3] == [
        "auth credential x-api-key differs: the document says authorization Bearer",
        "list_keys operation GET /api/v1/api_keys missing: `GET /admin/v2/keys` looks like it",
        "get_key operation GET /api/v1/api_keys/{key_id} missing: `GET /admin/v2/keys/{key_id}` looks like it",
    ]
    assert (
        "lock_key operation POST /api/v1/api_keys/{key_id}/lock missing: `PATCH /admin/v2/keys/{key_id}` looks like it"
        in rows
    )
    assert "list_roles operation GET /api/v1/roles differs: the document has it below `/admin/v2`" in rows


def test_another_method_and_a_path_nearby_are_named(root):
    paths = root["paths"]
    paths["/api_keys/{keyId}"]["patch"] = paths["/api_keys/{keyId}"].pop("put")
    paths["/api_keys/{keyId}/lock"]["post"]["operationId"] = "x"
    paths["/openapi.jsn"] = paths.pop("/openapi.json")
    assert told(content_of(), root) == [
        "edit_key operation PUT /api/v1/api_keys/{key_id} differs: the document has DELETE, GET, PATCH there",
        "openapi operation GET /api/v1/openapi.json missing: `GET /api/v1/openapi.jsn` looks like it",
    ]
    del paths["/api_keys/{keyId}/unlock"]
    del paths["/openapi.jsn"]
    assert [row for row in told(content_of(), root) if row.startswith(("unlock", "openapi"))] == [
        "unlock_key operation POST /api/v1/api_keys/{key_id}/unlock missing: `POST /api/v1/api_keys/{keyId}/lock` is near",
        "openapi operation GET /api/v1/openapi.json missing: ",
    ]


def parameter(root, name):
    return next(each for each in root["paths"]["/api_keys"]["get"]["parameters"] if each["name"] == name)


def test_parameters_are_held_against_their_schemas(root):
    parameter(root, "limit")["schema"]["maximum"] = 50
    parameter(root, "reportTotalCount")["name"] = "report_total_count"
    parameter(root, "search")["required"] = True
    parameter(root, "sorts")["schema"] = {"type": "string", "enum": ["a", "b"]}
    assert told(content_of(), root) == [
        "list_keys parameter limit differs: at most 50, and the contract asks for 100",
        "list_keys parameter reportTotalCount missing: the document has `report_total_count`",
        "list_keys parameter sorts differs: one of a, b",
        "list_keys parameter search differs: the document requires it, and the contract does not send it",
    ]


def test_a_flag_for_what_is_none_and_a_header_that_nobody_sends(root):
    parameter(root, "reportTotalCount")["schema"] = {"type": "integer"}
    root["paths"]["/roles"]["get"]["parameters"].append({"name": "X-Tenant", "in": "header", "required": True})
    assert told(content_of(), root) == [
        "list_keys parameter reportTotalCount differs: the document says integer",
        "list_roles parameter X-Tenant differs: the document requires it, and the contract does not send it",
    ]
    assert told({**content_of(), "headers": {"x-tenant": "a"}}, root)[1:] == []


def test_what_is_sent_is_held_against_the_body(root):
    schemas = root["components"]["schemas"]
    edit = schemas["KeyEdit"]["properties"]
    edit["role_names"] = edit.pop("roles")
    edit["reauthenticationTimeout"] = {"type": "string"}
    schemas["ImportedKey"]["required"].append("owner")
    del root["paths"]["/api_keys"]["post"]["requestBody"]
    assert told(content_of(), root) == [
        "create_key request body missing: the document does not describe this body",
        "import_key request owner differs: the document requires it, and the contract does not send it",
        "edit_key request reauthenticationTimeout differs: the document says string",
        "edit_key request roles missing: the document has `role_names`",
    ]


def test_constants_are_held_against_their_values():
    root = root_of("other")
    root["components"]["schemas"]["KeyEdit"]["properties"]["status"]["enum"] = ["on", "off"]
    assert [row for row in told(content_of("other"), root) if "request" in row] == [
        "lock_key request status differs: the document has on, off",
        "unlock_key request status differs: the document has on, off",
    ]


def test_a_success_that_the_contract_would_take_for_a_failure_differs(root):
    responses = root["paths"]["/api_keys/{keyId}"]["delete"]["responses"]
    responses["202"] = {"description": ""}
    assert told(content_of(), root) == ["delete_key status 204 differs: the document says 202, 204"]
    del responses["202"], responses["204"]
    assert told(content_of(), root) == ["delete_key status 204 missing: the document names no success"]


def test_answers_are_held_against_their_schemas(root):
    schemas = root["components"]["schemas"]
    row = schemas["KeyRow"]["properties"]
    row["note"] = row.pop("description")
    row["is_locked"] = row.pop("locked")
    row["roles"] = {"type": "string"}
    schemas["KeyPage"]["properties"]["total_count"] = schemas["KeyPage"]["properties"].pop("totalCount")
    del root["paths"]["/api_keys/{keyId}"]["get"]["responses"]["200"]["content"]
    schemas["RolePage"]["properties"].pop("rows")
    assert told(content_of(), root) == [
        "list_keys answer totalCount missing: the document has `total_count`",
        "list_keys answer description missing: the document has `note`",
        "list_keys answer roles differs: the document says string",
        "list_keys answer locked missing: the document has `is_locked`",
        "get_key answer body missing: the document does not describe this body",
        "list_roles answer rows missing: ",
    ]


def test_states_that_the_document_does_not_know_differ_and_others_are_said():
    root, content = root_of("other"), content_of("other")
    status = root["components"]["schemas"]["Key"]["properties"]["status"]
    status["enum"] = ["enabled", "disabled", "expired"]
    rows = [row for row in compare_contract(content, read(root)) if row.name == "status" and row.part == "answer"]
    assert {(row.verdict, row.note) for row in rows} == {("found", "expired: neither unlocked nor locked")}
    status["enum"] = ["enabled", "blocked"]
    assert "list_keys answer status differs: no disabled: the document has enabled, blocked" in told(content, root)


def test_a_unit_and_a_place_that_only_an_answer_can_be_asked():
    root, content = root_of("other"), content_of("other")
    content["key"] = {**content["key"], "reauth_timeout": {"at": "ttl_ms", "unit": "text"}, "description": "note || id"}
    assert told(content, root)[:2] == [
        "list_keys answer note || id missing: this expression cannot be followed in a document, only in an answer",
        "list_keys answer ttl_ms differs: the document says integer",
    ]


@pytest.mark.parametrize(
    ("auth", "schemes", "row"),
    [
        ({"header": "Authorization", "prefix": "Bearer "}, {"a": {"type": "http", "scheme": "bearer"}}, None),
        ({"scheme": "basic"}, {"a": {"type": "http", "scheme": "basic"}}, None),
        ("none", {}, None),
        ({"header": "x-a"}, {}, "missing: the document names no credential"),
        ("none", {"a": {"type": "http", "scheme": "basic"}}, "differs: the document says basic"),
        ({"scheme": "login", "header": "x-t"}, {"a": {"type": "apiKey", "in": "header", "name": "X-T"}}, None),
        (
            {"header": "x-a"},
            {"a": {"type": "mutualTLS"}, "b": {"type": "http", "scheme": "basic"}},
            "differs: the document says basic or certificate",
        ),
    ],
)
def test_credentials_are_the_same_however_they_are_written(root, auth, schemes, row):
    root["components"]["securitySchemes"] = schemes
    root["security"] = [{name: []} for name in schemes]
    (found,) = told({**content_of(), "auth": auth}, root) or [None]
    assert found == row or found.endswith(row)


def test_a_parameter_in_a_path_may_have_any_name(root):
    assert find_operation(read(root), "GET", "/api/v1/api_keys/{whatever}").name == "get_key"
    assert find_operation(read(root), "GET", "/api_keys/{keyId}") is None


def test_a_write_of_another_thing_than_what_is_listed_differs(root):
    content = content_of()
    root["paths"]["/users/{userId}"] = {"delete": {"responses": {"204": {"description": ""}}}}
    content["operations"]["delete_key"] = {"method": "DELETE", "path": "/users/{key_id}", "statuses": [204]}
    assert told(content, root) == [
        "delete_key operation DELETE /api/v1/users/{userId} differs: the path is about `user`, and list_keys about `api key`",
        "delete_key parameter userId differs: it carries {key_id}, and does not sound like the ID of a key",
    ]


@pytest.mark.parametrize(
    ("parameter", "sounds"),
    [("user_id", False), ("roleId", False), ("id", True), ("keyId", True), ("api_key_id", True)],
)
def test_what_carries_the_id_in_the_document_sounds_like_the_id_of_a_key(root, parameter, sounds):
    content = content_of()
    declared = [{"name": parameter, "in": "query", "required": True, "schema": {"type": "string"}}]
    root["paths"]["/api_keys"]["delete"] = {"parameters": declared, "responses": {"204": {"description": ""}}}
    content["operations"]["delete_key"] = {
        "method": "DELETE",
        "path": "/api_keys",
        "query": {parameter: "{key_id}"},
        "statuses": [204],
    }
    note = "it carries {key_id}, and does not sound like the ID of a key"
    assert told(content, root) == ([] if sounds else [f"delete_key parameter {parameter} differs: {note}"])


@pytest.mark.parametrize(("field", "sounds"), [("ids", True), ("excludedKeyIds", False), ("userIds", False)])
def test_a_list_that_carries_the_id_is_one_of_keys(root, field, sounds):
    content = content_of()
    lists = {"properties": {field: {"type": "array", "items": {"type": "string"}}}}
    root["paths"]["/api_keys/delete"] = {
        "post": {
            "requestBody": {"content": {"application/json": {"schema": lists}}},
            "responses": {"204": {"description": ""}},
        }
    }
    content["operations"]["delete_key"] = {
        "method": "POST",
        "path": "/api_keys/delete",
        "body": {field: ["{key_id}"]},
        "statuses": [204],
    }
    assert [row.split(":")[0] for row in told(content, root)] == (
        [] if sounds else [f"delete_key parameter {field} differs"]
    )


def test_a_document_of_nothing_has_nothing():
    rows = compare_contract(content_of(), read({"openapi": "3.1.0"}))
    assert {row.verdict for row in rows} == {"missing"}


def test_what_is_near_is_the_same_words_or_nearly_the_same_letters():
    known = ("total_count", "totalAmount", "rows")
    assert (find_near("totalCount", known), find_near("row", known), find_near("zzz", known)) == (
        "total_count",
        "rows",
        None,
    )


def test_verdicts_are_counted():
    rows = (Row("a", "answer", "x", "found"), Row("a", "answer", "y", "missing"), Row("a", "answer", "z", "found"))
    assert Comparison("c", "f", "d", rows).count("found") == 2


def test_a_list_of_lists_is_no_trouble():
    root = {
        "openapi": "3.1.0",
        "paths": {"/keys": {"get": {"responses": answer(many({"type": "array", "items": {}}))}}},
    }
    content = {
        **content_of(),
        "base": "",
        "operations": {"list_keys": {**content_of()["operations"]["list_keys"], "path": "/keys", "rows": "items"}},
    }
    assert [row.verdict for row in compare_contract(content, read(root)) if row.name == "items"] == ["found"]
