from __future__ import annotations

import pytest
from apis import answer, api_of, drafted, many, read, root_of, texts

from keyspec.openapi.draft import Absence, draft_contract

TEXT = {"type": "string"}
NAMES = {"type": "array", "items": TEXT}
ROW = {"type": "object", "properties": {"id": TEXT, "note": TEXT, "roles": NAMES}}
LIST = {"get": {"responses": answer(many(ROW))}}


def body(schema, media_type="application/json"):
    return {"requestBody": {"content": {media_type: {"schema": schema}}}}


def draft_of(paths, **more):
    draft = draft_contract(api_of({"/keys": {**LIST, **paths.pop("/keys", {})}, **paths}, **more))
    assert not isinstance(draft, Absence), draft.reasons
    return draft


def hole_of(paths, name):
    draft = draft_of(paths)
    assert name not in draft.content["operations"]
    return draft.holes["operations", name]


DELETE = {"/keys/{id}": {"delete": {}}}


def test_the_devhubs_own_document_gives_the_built_in_contract_but_for_names():
    content = drafted("cipherinsights").content
    assert (content["base"], content["auth"], content["paging"]) == (
        "/api/v1",
        {"header": "x-api-key"},
        {"style": "page-index", "size": 100},
    )
    assert content["key"] == {
        "id": "keyId",
        "description": "description",
        "roles": "roles",
        "reauth_timeout": "reauthenticationTimeout",
        "locked": "locked",
    }
    assert len(content["operations"]) == 10


def test_a_document_without_key_administration_gives_none_and_says_why():
    absence = drafted("no-keys.yaml")
    assert absence.reasons == (
        "none of its 7 operations lists API keys that can be changed",
        "/keys: they can be listed, and not changed",
        "/auth/token: nothing lists them",
        "/tenants/{tenant}/api-keys: stands below {tenant}, which a contract cannot fill",
    )
    assert draft_contract(read({"openapi": "3.1.0"})).reasons


@pytest.mark.parametrize(
    ("schema", "parameters", "why"),
    [
        (many(texts("label")), [], "lists keys whose ID is not found: no field of a row looks like one"),
        (
            many({"properties": {"id": {"type": "integer"}, "name": TEXT}}),
            [],
            "lists keys whose ID is not found: `id` is no text",
        ),
        (
            many(ROW),
            [{"name": "page", "in": "query"}],
            "`page` counts pages, and nothing says how large they should be",
        ),
        (many(ROW), [{"name": "org", "in": "query", "required": True}], "requires the query parameter `org`"),
        (many(ROW), [{"name": "x-org", "in": "header", "required": True}], "requires the header parameter `x-org`"),
    ],
)
def test_a_list_that_keyspec_could_not_read_gives_no_draft(schema, parameters, why):
    get = {"responses": answer(schema), "parameters": parameters}
    absence = draft_contract(api_of({"/keys": {"get": get}, "/keys/{id}": {"delete": {}}}))
    assert why in absence.reasons[0]


@pytest.mark.parametrize(
    ("post", "why"),
    [
        ({}, "holds nothing that looks like the value"),
        ({**body(texts("id", "note")), "responses": answer(texts("id", "secret"))}, "takes no roles that a row shows"),
        (
            {**body({"properties": {"note": TEXT, "roles": NAMES}}), "responses": answer(texts("secret"))},
            "takes no ID: the hub makes it",
        ),
        (
            {
                **body({**ROW, "required": ["owner"], "properties": {**ROW["properties"], "owner": TEXT}}),
                "responses": answer(texts("secret")),
            },
            "requires `owner`, and keyspec has nothing to put there",
        ),
        ({**body(ROW, "text/csv"), "responses": answer(texts("secret"))}, "is no JSON"),
    ],
)
def test_a_create_that_keyspec_could_not_send_is_a_hole(post, why):
    assert why in hole_of({"/keys": {"post": post}, **DELETE}, "create_key")


def test_what_a_create_does_not_take_is_said():
    post = {
        **body({"properties": {"id": TEXT, "roles": NAMES}}),
        "responses": answer({"properties": {"data": ROW, "key": TEXT}}, "201"),
    }
    draft = draft_of({"/keys": {"post": post}})
    create = draft.content["operations"]["create_key"]
    assert create == {
        "method": "POST",
        "path": "/keys",
        "body": {"id": "{key_id}", "roles": "{roles}"},
        "statuses": [201],
        "value": "key",
        "key": "data",
    }
    assert draft.reasons["operations", "create_key", "body"] == "it takes no description, reauth_timeout"


@pytest.mark.parametrize(
    ("schema", "why"),
    [(ROW, "takes nothing that looks like the value"), (texts("id", "secret"), "takes no roles that a row shows")],
)
def test_an_import_has_to_take_value_and_roles(schema, why):
    assert why in hole_of({"/keys/import": {"post": body(schema)}, **DELETE}, "import_key")


@pytest.mark.parametrize(("text", "takes"), [("", True), ("Ignored: the hub makes it", False)])
def test_an_import_that_ignores_the_id_is_said_to(text, takes):
    schema = {"properties": {**ROW["properties"], "secret": TEXT, "id": {**TEXT, "description": text}}}
    draft = draft_of({"/keys/import": {"post": body({"properties": {"key": schema}})}})
    assert draft.content["capabilities"]["import_takes_id"] is takes


@pytest.mark.parametrize(
    ("method", "schema", "summary", "sends"),
    [
        ("patch", ROW, "", None),
        ("put", ROW, "Replace a key", "whole"),
        ("put", ROW, "Change some fields of a key", None),
        ("patch", {**ROW, "required": ["note"]}, "", "whole"),
        ("put", {**ROW, "required": ["id"]}, "Only the given fields change", None),
    ],
)
def test_an_edit_sends_the_whole_key_where_it_must(method, schema, summary, sends):
    draft = draft_of({"/keys/{id}": {method: {**body(schema), "summary": summary}}})
    assert draft.content["operations"]["edit_key"].get("sends") == sends


def test_an_edit_that_takes_nothing_of_a_key_is_a_hole():
    assert "neither description nor roles" in hole_of(
        {"/keys/{id}": {"patch": body(texts("x")), "delete": {}}}, "edit_key"
    )
    assert "does not describe the body" in hole_of({"/keys/{id}": {"patch": {}, "delete": {}}}, "edit_key")


@pytest.mark.parametrize(
    ("lock", "edit", "locked", "unlocked"),
    [
        ({"enabled": {"type": "boolean"}}, {}, {"enabled": False}, {"enabled": True}),
        ({"status": {"enum": ["on", "active", "disabled"]}}, {}, {"status": "disabled"}, {"status": "active"}),
        (
            {"locked": {"type": "boolean"}},
            {"required": ["note"]},
            {"note": "{description}", "roles": "{roles}", "locked": True},
            {"note": "{description}", "roles": "{roles}", "locked": False},
        ),
    ],
)
def test_a_lock_is_an_edit_of_the_state_where_there_is_no_other(lock, edit, locked, unlocked):
    row = {"type": "object", "properties": {**ROW["properties"], **lock}}
    paths = {
        "/keys": {"get": {"responses": answer(many(row))}},
        "/keys/{id}": {"patch": body({**row, "properties": {**row["properties"]}, **edit})},
    }
    operations = draft_of(paths).content["operations"]
    body_of = {
        name: {part: value for part, value in operations[name]["body"].items() if part != "id"}
        for name in ("lock_key", "unlock_key")
    }
    assert (body_of["lock_key"], body_of["unlock_key"]) == (locked, unlocked)
    if edit:
        assert operations["lock_key"]["sends"] == operations["edit_key"]["sends"] == "whole"
        assert operations["edit_key"]["body"]["locked"] == "{state}"


def test_a_lock_by_an_operation_that_sets_the_state():
    status = {"status": {"enum": ["active", "locked"]}}
    row = {"properties": {**ROW["properties"], **status}}
    paths = {
        "/keys": {"get": {"responses": answer(many(row))}},
        "/keys/{id}/status": {"put": body({"properties": status, "required": ["status"]})},
    }
    operations = draft_of(paths | DELETE).content["operations"]
    assert operations["lock_key"]["body"] == {"status": "locked"}
    assert operations["unlock_key"]["path"] == "/keys/{key_id}/status"


def test_one_key_is_locked_as_many_where_there_is_no_other_way():
    many_ids = body({"properties": {"ids": NAMES}, "required": ["ids"]})
    draft = draft_of(
        {"/keys/lock": {"post": many_ids}, "/keys/delete": {"post": many_ids}, "/keys/{id}": {"patch": body(ROW)}}
    )
    for name in ("lock_key", "delete_key"):
        assert draft.content["operations"][name]["body"] == {"ids": ["{key_id}"]}
    assert draft.holes["operations", "unlock_key"] == "nothing unlocks a key: `PATCH /keys/{id}` takes no state"


def test_what_may_lock_or_delete_is_a_hole_with_its_candidates():
    paths = {"/keys/{id}": {"patch": body(ROW)}, "/keys/{id}/revoke": {"post": {}}, "/keys/purge": {"post": {}}}
    draft = draft_of(paths)
    assert not {"lock_key", "unlock_key", "delete_key"} & set(draft.content["operations"])
    assert draft.holes["operations", "lock_key"] == (
        "nothing locks a key: `PATCH /keys/{id}` takes no state; candidates, none of which says so unmistakably: "
        "`POST /keys/{id}/revoke`"
    )
    assert draft.holes["operations", "delete_key"] == (
        "nothing deletes a key; candidates, none of which says so unmistakably: `POST /keys/purge`, "
        "`POST /keys/{id}/revoke`"
    )


@pytest.mark.parametrize(
    "more",
    [
        body({"properties": {"all": {"type": "boolean", "default": True}}, "required": ["all"]}),
        body({"properties": {"cascade": {"enum": ["all"]}}, "required": ["cascade"]}),
        {"parameters": [{"name": "all", "in": "query", "required": True, "schema": {"default": 1}}]},
        {"parameters": [{"name": "cascade", "in": "query", "required": True, "schema": {"enum": ["all"]}}]},
    ],
)
def test_no_constant_goes_into_what_locks_unlocks_or_deletes(more):
    paths = {"/keys/{id}": {"delete": more}, "/keys/{id}/lock": {"post": more}, "/keys/{id}/unlock": {"post": more}}
    draft = draft_of(paths)
    for name in ("lock_key", "unlock_key", "delete_key"):
        assert name not in draft.content["operations"]
        assert " requires " in draft.holes["operations", name]


def test_an_id_deep_in_a_body_names_no_key_to_be_locked():
    lock = body({"properties": {"owner": {"properties": {"id": TEXT}, "required": ["id"]}}, "required": ["owner"]})
    assert " requires `owner`" in hole_of({"/keys/{id}/lock": {"post": lock}}, "lock_key")


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_edit_that_takes_no_id_is_a_hole(method):
    fields = {**ROW["properties"], "id": {**TEXT, "readOnly": True}}
    assert "does not take the ID of a key" in hole_of(
        {"/keys": {method: body({"properties": fields})}, **DELETE}, "edit_key"
    )


def test_roles_by_id_need_a_list_that_explains_them():
    row = {"properties": {"id": TEXT, "role_ids": NAMES}}
    paths = {"/keys": {"get": {"responses": answer(many(row))}}, **DELETE}
    draft = draft_of(dict(paths))
    assert "roles" not in draft.content["key"]
    assert draft.holes["key", "roles"] == "`role_ids` lists IDs of roles, and nothing lists roles with their IDs"
    roles = {
        "/roles": {
            "get": {
                "responses": answer(
                    {
                        "type": "array",
                        "items": {"properties": {"id": {"type": "integer"}, "name": TEXT, "permissions": NAMES}},
                    }
                )
            }
        }
    }
    content = draft_of({**paths, **roles}).content
    assert content["key"]["roles"] == {"at": "role_ids", "by": "id"}
    assert content["role"] == {"name": "name", "id": "id", "permissions": "permissions"}
    assert content["operations"]["list_roles"] == {"method": "GET", "path": "/roles", "statuses": [200], "rows": "@"}


def test_versions_are_heeded_where_a_read_tells_them():
    match = [{"name": "If-Match", "in": "header"}]
    one = {
        "get": {"responses": answer(ROW)},
        "patch": {**body(ROW), "parameters": match},
        "delete": {"parameters": match},
    }
    assert "if_match" not in draft_of({"/keys/{id}": one}).content["operations"]["edit_key"]
    one["get"]["responses"]["200"]["headers"] = {"ETag": {}}
    content = draft_of({"/keys/{id}": one}).content
    assert content["capabilities"]["etag"] is True
    assert [name for name, each in content["operations"].items() if each.get("if_match")] == ["edit_key", "delete_key"]
    del one["get"]
    assert "etag" not in draft_of({"/keys/{id}": one}).content["capabilities"]


def test_names_that_are_no_plain_words_are_quoted_and_paths_that_cannot_be_written_are_holes():
    row = {"properties": {"key-id": TEXT, "note": TEXT}}
    get = {"responses": answer(row)}
    paths = {
        "/keys": {"get": {"responses": answer(many(row))}},
        "/keys/{id}": {"get": get, "delete": {}},
        "/keys!import": {"post": {}},
    }
    draft = draft_of(paths)
    assert draft.content["key"]["id"] == '"key-id"'
    assert draft.holes["operations", "import_key"] == "a contract cannot write the path of `POST /keys!import`"


def test_a_base_that_cannot_be_written_is_said():
    draft = draft_of(dict(DELETE), servers=[{"url": "/{tenant}/api"}])
    assert "base" not in draft.content
    assert draft.holes["base",] == "a contract cannot write `/{tenant}/api`"


@pytest.mark.parametrize(
    ("title", "release", "name"),
    [("", "", "drafted"), ("Key — Hub 2!", "v3.1", "key-hub-2-v3"), ("日本", "x", "drafted")],
)
def test_the_name_is_made_of_title_and_release(title, release, name):
    assert draft_of(dict(DELETE), info={"title": title, "version": release}).content["name"] == name


def test_errors_are_read_where_failures_have_them():
    get = {"responses": {**answer(many(ROW)), **answer({"properties": {"error": texts("code", "message")}}, "400")}}
    assert draft_of({"/keys": {"get": get}, **DELETE}).content["errors"] == {
        "code": "error.code",
        "message": "error.message",
    }


def test_documents_are_left_as_they_are():
    before = root_of("other")
    draft_contract(read(before))
    assert before == root_of("other")
