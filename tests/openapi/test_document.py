from __future__ import annotations

import json

import pytest
from apis import answer, api_of, read, root_of

from keyspec.errors import SpecError
from keyspec.openapi.document import MAX_BYTES, MAX_OPERATIONS, parse_api


def problem_of(data):
    with pytest.raises(SpecError) as caught:
        parse_api(data if isinstance(data, bytes) else data.encode(), "hub.yaml")
    (problem,) = caught.value.problems
    return problem


def operation_of(operation, path="/keys", method="get", **more):
    return next(iter(api_of({path: {method: operation}}, **more).operations))


def test_json_and_yaml_are_read_alike():
    text = "openapi: 3.0.3\ninfo: {title: Hub, version: '2'}\npaths:\n  /keys:\n    get: {responses: {200: {description: x}}}\n"
    data = {"openapi": "3.0.3", "info": {"title": "Hub", "version": "2"}}
    data["paths"] = {"/keys": {"get": {"responses": {"200": {"description": "x"}}}}}
    one, other = parse_api(text.encode(), "x"), parse_api(json.dumps(data).encode(), "x")
    assert one == other
    assert (one.title, one.release, one.version, one.operations[0].label) == ("Hub", "2", "3.0.3", "GET /keys")
    assert parse_api(b"\xef\xbb\xbf" + json.dumps(data).encode(), "x") == other


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "not-a-mapping", 1, 1),
        ("- a\n", "not-a-mapping", 1, 1),
        ("[]", "not-a-mapping", 1, 1),
        ("<html></html>", "not-a-mapping", 1, 1),
        ("info: {}\n", "wrong-format", 1, 1),
        ("info: {}\nswagger: '2.0'\n", "unknown-format", 2, 1),
        ("info: {}\nopenapi: 4.0.0\n", "unknown-format", 2, 1),
        ('{\n  "openapi": [3]}', "unknown-format", 2, 3),
        ("openapi: 3.1.0\npaths: []\n", "wrong-type", 2, 1),
        ('{"openapi": "3.1.0",\n "paths": 7}', "wrong-type", 2, 2),
        ('{"openapi": "3.1.0",\n "paths": }', "json-syntax", 2, 11),
        ("openapi: 3.1.0\npaths: {\n", "yaml-syntax", 3, 1),
        ("openapi: 3.1.0\nopenapi: 3.1.0\n", "duplicate-key", 2, 1),
        ('{"openapi": ' + "[" * 100_000, "too-deep", 1, 1),
        ('{"openapi": ' + "9" * 5_000 + "}", "number", 1, 1),
        (b'{"openapi": "\xff"}', "not-utf8", 1, 1),
    ],
)
def test_what_is_no_document_is_a_problem_with_its_place(text, code, line, column):
    problem = problem_of(text)
    assert (problem.code, problem.source.line, problem.source.column) == (code, line, column)
    assert "spec" not in (problem.hint or "").replace("keyspec", "")


def test_more_operations_than_anybody_has_are_a_problem():
    paths = {f"/{number}": {"get": {}} for number in range(MAX_OPERATIONS + 1)}
    assert problem_of(json.dumps({"openapi": "3.1.0", "paths": paths})).code == "too-large"


@pytest.mark.parametrize("version", ["3.1.0", "3.0", 3, 3.1, "3.2.0-rc1"])
def test_every_version_3_is_read(version):
    assert parse_api(json.dumps({"openapi": version}).encode(), "x").operations == ()


def test_what_has_the_wrong_type_is_as_if_it_were_not_there():
    paths = {
        "/a": 3,
        "/b": {"get": [], "post": {"parameters": {}, "responses": [], "tags": "x", "security": 3}},
        "c": {"get": {}},
    }
    (operation,) = api_of(
        {**paths, "/\n": {"get": {}}, "/" + "x" * 1000: {"get": {}}}, servers=3, security={}
    ).operations
    assert (operation.label, operation.parameters, operation.body, operation.answers) == ("POST /b", (), None, ())
    assert (operation.base, operation.security, operation.tags) == ("", (), ())


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        ([{"url": "https://hub.example.com/api/v1/"}], "/api/v1"),
        ([{"url": "/api"}, {"url": "/other"}], "/api"),
        ([{"url": "/{edition}", "variables": {"edition": {"default": "v2"}}}], "/v2"),
        ([{"url": "/{edition}"}], "/{edition}"),
        ([{"url": "https://[nonsense"}], ""),
        ([{"url": "relative"}], ""),
        ([], ""),
    ],
)
def test_the_base_is_the_path_of_the_first_server(servers, base):
    assert operation_of({}, servers=servers).base == base
    assert operation_of({"servers": servers}, servers=[{"url": "/x"}]).base == (base if servers else "/x")


def test_parameters_of_the_path_hold_unless_the_operation_has_its_own():
    shared = [{"name": "a", "in": "query"}, {"$ref": "#/components/parameters/B"}, {"name": 3, "in": "query"}, 7]
    item = {"parameters": shared, "get": {"parameters": [{"name": "a", "in": "query", "required": True}]}}
    parameters = {
        "B": {"name": "b", "in": "header", "description": "ours", "content": {"*/*": {"schema": {"type": "integer"}}}}
    }
    (operation,) = api_of({"/keys": item}, components={"parameters": parameters}).operations
    assert [(each.where, each.name, each.required, sorted(each.shape.kinds)) for each in operation.parameters] == [
        ("header", "b", False, ["integer"]),
        ("query", "a", True, []),
    ]


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "application/problem+json", "*/*"]
)
def test_a_body_is_that_of_any_json(media_type):
    operation = operation_of({"requestBody": {"content": {media_type: {"schema": {"type": "object"}}}}}, method="post")
    assert operation.body.kinds == {"object"}
    assert not operation.wants_other_body


def test_a_body_of_another_kind_is_none():
    operation = operation_of({"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}}}, method="post")
    assert (operation.body, operation.wants_other_body) == (None, True)


def test_success_is_2xx_and_the_default_only_where_there_is_no_other():
    responses = {**answer({"type": "object"}, "default"), **answer({"type": "array"}, "2XX"), "204": {}, "404": {}}
    operation = operation_of({"responses": responses})
    assert [each.status for each in operation.successes] == ["2XX", "204"]
    assert operation.success.kinds == {"array"}
    assert [each.status for each in operation.failures] == ["404", "default"]
    assert [each.status for each in operation_of({"responses": {"default": {}}}).successes] == ["default"]


def test_security_is_that_of_the_operation_else_of_the_document():
    assert operation_of({"security": []}, security=[{"a": []}]).security == ()
    assert operation_of({}, security=[{"b": [], "a": []}, {}]).security == (("a", "b"), ())


def test_the_devhubs_own_documents_are_read():
    assert len(read(root_of("cipherinsights")).operations) == 10
    assert len(read(root_of("other")).operations) == 8


def test_a_document_that_is_too_large_is_not_read():
    with pytest.raises(SpecError, match="larger than 16 MiB"):
        parse_api(b'{"openapi": "3.1.0", "x": "' + b"x" * MAX_BYTES + b'"}', "hub.json")
