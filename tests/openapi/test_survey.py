from __future__ import annotations

import pytest
from apis import answer, api_of, many, read, root_of, texts

from keyspec.openapi.survey import read_aim, survey_api

ROWS = {"responses": answer(many(texts("id")))}
BODY = {"requestBody": {"content": {"application/json": {"schema": {**texts("id"), "required": ["id"]}}}}}
MANY = {"requestBody": {"content": {"application/json": {"schema": {"properties": {"ids": {"type": "array"}}}}}}}


def aim_of(path):
    (operation,) = api_of({path: {"get": {}}}).operations
    aim = read_aim(operation)
    return None if aim is None else (aim.below, aim.thing, aim.item, aim.verbs)


def keys_of(paths, **more):
    keys = survey_api(api_of(paths, **more)).keys
    return None if keys is None else {purpose: found.operation.label for purpose, found in keys.found.items()}


@pytest.mark.parametrize(
    ("path", "aim"),
    [
        ("/v1/api-keys", (("v1",), ("api", "key"), None, ())),
        ("/v1/apiKeys/{id}", (("v1",), ("api", "key"), "id", ())),
        ("/keys/{id}/lock", ((), ("key",), "id", ("lock",))),
        ("/keys/{id}:disable", ((), ("key",), "id", ("disable",))),
        ("/keys:import", ((), ("key",), None, ("import",))),
        ("/createApiKey", ((), ("api", "key"), None, ("create",))),
        ("/keys/bulk/delete", ((), ("key",), None, ("delete",))),
        ("/keys/{id}/roles", (("keys", "{id}"), ("role",), None, ())),
        ("/keys.json", ((), ("key",), None, ())),
        ("/keys/{a}/{b}", None),
        ("/lock", None),
        ("/", None),
    ],
)
def test_a_path_tells_the_thing_one_of_it_and_what_is_done(path, aim):
    assert aim_of(path) == aim


@pytest.mark.parametrize(
    ("path", "method", "operation", "purpose"),
    [
        ("/keys", "post", {}, "create_key"),
        ("/keys", "post", {"operationId": "importKey"}, "import_key"),
        ("/keys", "post", {"summary": "Add an existing key, to import it"}, "import_key"),
        ("/keys/import", "put", {}, "import_key"),
        ("/keys/{id}", "get", {}, "get_key"),
        ("/keys/{id}", "put", {}, "edit_key"),
        ("/keys/{id}", "patch", {"summary": "Enable or disable a key"}, "edit_key"),
        ("/keys/{id}", "patch", {"operationId": "disableKey"}, "lock_key"),
        ("/keys/{id}", "delete", {}, "delete_key"),
        ("/keys/{id}/remove", "post", {}, "delete_key"),
        ("/keys/{id}/suspend", "post", {}, "lock_key"),
        ("/keys/{id}/reactivate", "put", {}, "unlock_key"),
        ("/keys/{id}/status", "put", {}, "set_state"),
        ("/keys/disable", "post", BODY, "lock_key"),
        ("/keys/disable", "post", MANY, "lock_keys"),
        ("/keys/{id}", "delete", {"operationId": "revokeApiKey"}, "delete_key"),
        ("/keys/{id}:lock", "post", {}, "lock_key"),
        ("/keys/delete", "delete", {"parameters": [{"name": "keyId", "in": "query", "required": True}]}, "delete_key"),
    ],
)
def test_path_then_method_then_words_tell_what_an_operation_is_for(path, method, operation, purpose):
    paths = {"/keys": {"get": ROWS}}
    paths.setdefault(path, {})[method] = operation
    paths["/keys/{key_id}"] = {"delete": {}} if purpose not in ("delete_key", "lock_keys") else {}
    paths["/keys/{key_id}"] |= {"put": {}} if purpose != "edit_key" else {}
    assert keys_of(paths)[purpose] == f"{method.upper()} {path}"


@pytest.mark.parametrize("path", ["/keys/{id}/rotate", "/keys/{id}/usage", "/keys/{id}/export", "/keys/{id}/a/{b}"])
def test_what_keyspec_does_not_do_is_nothing(path):
    found = keys_of({"/keys": {"get": ROWS, "post": {}}, path: {"post": {}, "get": {}}})
    assert found == {"list_keys": "GET /keys", "create_key": "POST /keys"}


def lists(*names, **more):
    """A body of lists of texts, and of other fields."""
    fields = {**{name: {"type": "array", "items": {"type": "string"}} for name in names}, **more}
    return {"requestBody": {"content": {"application/json": {"schema": {"properties": fields}}}}}


def query(name, *, required=True):
    return {"parameters": [{"name": name, "in": "query", "required": required, "schema": {"type": "string"}}]}


@pytest.mark.parametrize(
    ("path", "method", "operation", "may"),
    [
        ("/keys/{id}", "delete", {"operationId": "disableApiKey"}, {"delete_key"}),
        ("/keys/{id}", "delete", {"operationId": "deleteAllKeys"}, {"delete_key"}),
        ("/keys/{id}", "patch", {"operationId": "revokeApiKey"}, {"lock_key", "delete_key"}),
        ("/keys/{id}", "post", {"operationId": "deleteApiKeyRole"}, {"delete_key"}),
        ("/keys/{id}/revoke", "post", {}, {"lock_key", "delete_key"}),
        ("/keys/{id}/invalidate", "post", {}, {"lock_key", "delete_key"}),
        ("/keys/{id}/enable", "delete", {}, {"delete_key"}),
        ("/keys/{id}/lock", "delete", {}, {"unlock_key"}),
        ("/keys/{id}/remove_block", "post", {}, {"lock_key", "delete_key"}),
        ("/keys/{id}/delete_lock", "post", {}, {"lock_key", "delete_key"}),
        ("/keys/{id}/remove", "post", lists("roles"), {"delete_key"}),
        ("/keys/{id}/lock", "post", {"operationId": "unlockKey"}, {"lock_key"}),
        ("/keys/{userId}/lock", "post", {}, {"lock_key"}),
        ("/keys/all/{userId}", "delete", {}, {"delete_key"}),
        ("/keys/all/{id}", "delete", {}, {"delete_key"}),
        ("/keys", "delete", query("user_id"), {"delete_key"}),
        ("/keys", "delete", query("roleId"), {"delete_key"}),
        ("/keys", "delete", query("id", required=False), {"delete_key"}),
        ("/keys/lock", "post", query("tenant_id"), {"lock_key"}),
        ("/keys/lock", "post", {}, {"lock_key"}),
        ("/keys/delete", "post", lists("excludedKeyIds"), {"delete_key"}),
        ("/keys/delete", "post", lists("exceptIds"), {"delete_key"}),
        ("/keys/delete", "post", lists("userIds"), {"delete_key"}),
        ("/keys/delete", "post", lists("keyIds", "roles"), {"delete_key"}),
        ("/keys/delete", "post", lists("ids", all={"type": "boolean"}), {"delete_key"}),
        ("/keys/delete", "post", lists("ids", scope={"default": "all"}), {"delete_key"}),
        ("/keys/disable", "post", lists(userId={"type": "string"}), {"lock_key"}),
    ],
)
def test_what_does_not_say_unmistakably_that_it_locks_unlocks_or_deletes_is_only_named(path, method, operation, may):
    paths = {"/keys": {"get": ROWS, "post": {}}}
    paths.setdefault(path, {})[method] = operation
    keys = survey_api(api_of(paths)).keys
    assert set(keys.found) == {"list_keys", "create_key"}
    assert keys.doubts == dict.fromkeys(may, (f"{method.upper()} {path}",))


def test_a_summary_decides_no_lock_unlock_or_delete():
    for summary in ("Remove expiry", "Lock it", "Revoke the key"):
        found = keys_of({"/keys": {"get": ROWS, "post": {}}, "/keys/{id}": {"post": {"summary": summary}}})
        assert found == {"list_keys": "GET /keys", "create_key": "POST /keys", "edit_key": "POST /keys/{id}"}


@pytest.mark.parametrize("name", ["id", "ids", "keys", "keyId", "keyIds", "api_key_ids", "APIKeyIDs"])
def test_the_only_list_that_is_called_after_the_keys_is_the_keys(name):
    for thing in ("keys", "api-keys"):
        found = keys_of({f"/{thing}": {"get": ROWS, "post": {}}, f"/{thing}/bulk/delete": {"post": lists(name)}})
        assert found["delete_keys"] == f"POST /{thing}/bulk/delete"


def test_the_most_telling_name_is_taken_whatever_else_is_called_a_key():
    write = {"get": ROWS, "post": {}}
    paths = {
        "/keys": write,
        "/api-keys": write,
        "/ssh-keys": write,
        "/refresh-tokens": write,
        "/certificates/keys": write,
    }
    assert survey_api(api_of(paths)).keys.path == "/api-keys"
    del paths["/api-keys"]
    assert survey_api(api_of(paths)).keys.path == "/keys"
    del paths["/keys"]
    assert survey_api(api_of(paths)).keys is None


def test_keys_that_cipher_are_not_meant_though_they_are_called_keys():
    assert keys_of({"/keys": {"get": {**ROWS, "summary": "List certificate keys"}, "post": {}}}) is None


def test_words_beside_the_path_tell_where_it_does_not():
    paths = {"/integrations": {"get": {**ROWS, "operationId": "listApiKeys"}, "post": {"tags": ["API keys"]}}}
    assert keys_of(paths) == {"list_keys": "GET /integrations", "create_key": "POST /integrations"}


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        ({"/keys": {"get": ROWS}}, "/keys: they can be listed, and not changed"),
        ({"/keys": {"post": {}}}, "/keys: nothing lists them"),
        ({"/keys": {"get": {}, "post": {}}}, "/keys: `GET /keys` does not say what rows it answers"),
        (
            {"/o/{org}/keys": {"get": ROWS, "post": {}}},
            "/o/{org}/keys: stands below {org}, which a contract cannot fill",
        ),
    ],
)
def test_why_something_is_not_the_keys_is_said(paths, why):
    assert survey_api(api_of(paths)).near == (why,)


def test_operations_below_another_base_are_not_taken():
    paths = {"/keys": {"get": ROWS, "post": {}, "put": {**BODY, "servers": [{"url": "/old"}]}}}
    assert keys_of(paths, servers=[{"url": "/new"}]) == {"list_keys": "GET /keys", "create_key": "POST /keys"}


def test_roles_are_found_by_what_they_are_called_and_the_document_by_its_path():
    paths = {
        "/keys": {"get": ROWS, "post": {}},
        "/v1/roles": {"get": ROWS},
        "/roles": {"get": ROWS},
        "/scopes": {"get": ROWS},
    }
    paths |= {
        "/users/{id}/roles": {"get": ROWS},
        "/openapi.yaml": {"get": {}},
        "/v3/api-docs": {"get": {}},
        "/openapi.json": {"get": {}},
    }
    found = survey_api(api_of(paths))
    assert {noun: each.operation.path for noun, each in found.roles.items()} == {"role": "/roles", "scope": "/scopes"}
    assert found.openapi.operation.path == "/openapi.json"


def test_the_devhubs_operations_are_all_recognised_for_what_they_are():
    for name in ("cipherinsights", "other"):
        for purpose, found in survey_api(read(root_of(name))).keys.found.items():
            assert found.operation.name == purpose
