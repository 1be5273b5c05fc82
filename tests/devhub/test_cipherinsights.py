from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyspec.devhub.cipherinsights import OPERATIONS

KEY = {"keyId": "ci", "description": "d", "roles": ["User"], "reauthenticationTimeout": 90}
LIVE = {**KEY, "locked": False}


def error_code(answer):
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message"}
    return answer.json()["error"]["code"]


def test_create_answers_201_with_the_value_this_once(hub, api):
    created = api.post("/api_keys", json=KEY)
    value = created.json().pop("apiKey")
    assert (created.status_code, created.json() | {"apiKey": ""}) == (201, LIVE | {"apiKey": ""})
    assert len(value) == 43
    assert hub.check_value(value) == "ci"
    assert api.get("/api_keys/ci").json() == LIVE
    assert value not in api.get("/api_keys").text


def test_create_fills_in_what_is_left_out(api):
    key = api.post("/api_keys", json={"roles": ["User"]}).json()
    assert key["keyId"].startswith("key-")
    assert (key["description"], key["reauthenticationTimeout"], key["locked"]) == ("", 60, False)


def test_import_takes_the_value_and_does_not_say_it(hub, api):
    answer = api.post("/api_keys/import", json={**KEY, "apiKey": "from-elsewhere"})
    assert (answer.status_code, answer.json()) == (201, LIVE)
    assert hub.check_value("from-elsewhere") == "ci"


def test_a_value_is_imported_once(hub, api):
    hub.seed_key("other", value="v")
    answer = api.post("/api_keys/import", json={**KEY, "apiKey": "v"})
    assert (answer.status_code, error_code(answer)) == (409, "value_exists")


def test_edit_is_partial_and_answers_without_a_body(hub, api):
    hub.seed_key("ci", description="d", roles=["User", "Operator"])
    answer = api.put("/api_keys/ci", json={"roles": ["Unrestricted", "User"]})
    assert (answer.status_code, answer.content, "content-type" in answer.headers) == (200, b"", False)
    assert hub.keys()["ci"] == {
        "description": "d",
        "roles": ["Unrestricted", "User"],
        "reauthentication_timeout": 60,
        "locked": False,
    }


def test_lock_unlock_delete(hub, api, open_client):
    value = hub.seed_key("ci", roles=["Administrator"])
    locked = api.post("/api_keys/ci/lock")
    assert (locked.status_code, locked.content) == (200, b"")
    assert api.post("/api_keys/ci/lock").status_code == 200
    assert open_client(hub, value).get("/api_keys").status_code == 401
    assert hub.check_value(value) == "ci"
    assert hub.check_value(value, usable=True) is None
    assert api.post("/api_keys/ci/unlock").status_code == 200
    assert open_client(hub, value).get("/api_keys").status_code == 200
    deleted = api.delete("/api_keys/ci")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "ci" not in hub
    assert open_client(hub, value).get("/api_keys").status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api_keys/no"),
        ("PUT", "/api_keys/no"),
        ("DELETE", "/api_keys/no"),
        ("POST", "/api_keys/no/lock"),
        ("POST", "/api_keys/no/unlock"),
    ],
)
def test_what_is_not_there_is_404(api, method, path):
    answer = api.request(method, path, json={})
    assert (answer.status_code, error_code(answer)) == (404, "no_such_key")


@pytest.mark.parametrize("value", [None, "", "wrong", "a\xe9"])
def test_no_or_an_unknown_value_is_401(hub, value):
    headers = {} if value is None else {"x-api-key": value.encode("latin-1")}
    answer = httpx.get(f"{hub.url}/api/v1/api_keys", headers=headers)
    assert (answer.status_code, error_code(answer)) == (401, "unauthenticated")


def test_a_repeated_header_is_no_credential(hub):
    headers = [("x-api-key", hub.admin_value), ("x-api-key", hub.admin_value)]
    assert httpx.get(f"{hub.url}/api/v1/roles", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        ("Administrator", 200, 201),
        ("Unrestricted", 200, 403),
        ("Operator", 403, 403),
        ("User", 403, 403),
        ("Keys", 200, 201),
    ],
)
def test_roles_permit(hub, open_client, role, reads, writes):
    hub.add_role("Keys", permissions=["User Management"])
    client = open_client(hub, hub.seed_key("caller", roles=[role]))
    assert client.get("/api_keys").status_code == reads
    assert client.get("/roles").status_code == reads
    assert client.get("/openapi.json").status_code == 200
    assert client.post("/api_keys", json=KEY).status_code == writes


def test_removing_a_role_silently_weakens_its_keys(hub, api, open_client):
    hub.add_role("Keys", permissions=["User Management"])
    client = open_client(hub, hub.seed_key("caller", roles=["Keys", "User"]))
    hub.remove_role("Keys")
    assert client.get("/api_keys").status_code == 403
    assert api.get("/api_keys/caller").json()["roles"] == ["User"]
    assert api.post("/api_keys", json=KEY | {"roles": ["Keys"]}).status_code == 422


def test_a_key_may_shut_itself_out(hub, api):
    assert api.post(f"/api_keys/{hub.admin_key_id}/lock").status_code == 200
    assert api.get("/api_keys").status_code == 401


@pytest.mark.parametrize("key_id", ["a b", "a/b", "%2F", "ключ", "..", "?x#y", "import", "a\tb", "lock"])
def test_any_id_can_be_addressed(hub, api, key_id):
    hub.seed_key(key_id)
    path = f"/api_keys/{quote(key_id, safe='').replace('.', '%2E')}"
    assert api.get(path).json()["keyId"] == key_id
    assert api.put(path, json={"description": "x"}).status_code == 200
    assert api.post(f"{path}/lock").status_code == 200
    assert hub.keys()[key_id]["locked"] is True
    assert api.delete(path).status_code == 204


@pytest.mark.parametrize("key_id", ["", "-a", ".a", "a b", "a/b", "ä", "a\n", "a" * 129])
def test_a_new_id_has_its_charset(api, key_id):
    answer = api.post("/api_keys", json={**KEY, "keyId": key_id})
    assert (answer.status_code, error_code(answer)) == (422, "invalid_field")


def test_of_eight_that_create_one_id_one_wins(hub, open_client):
    clients = [open_client(hub) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.post("/api_keys", json=KEY), clients))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    (created,) = (answer for answer in answers if answer.status_code == 201)
    assert hub.check_value(created.json()["apiKey"]) == "ci"


def test_an_id_is_spent_where_the_hub_says_so(hub, api):
    hub.seed_key("ci")
    hub.delete_key("ci")
    hub.set_knobs(ids_reusable=False)
    answer = api.post("/api_keys", json=KEY)
    assert (answer.status_code, error_code(answer)) == (409, "key_id_spent")
    hub.set_knobs(ids_reusable=True)
    assert api.post("/api_keys", json=KEY).status_code == 201


def test_an_import_may_ignore_the_id(hub, api):
    hub.set_knobs(import_takes_id=False)
    key = api.post("/api_keys/import", json={**KEY, "apiKey": "v"}).json()
    assert key["keyId"] != "ci"
    assert hub.check_value("v") == key["keyId"]


def test_extra_fields_are_in_keys_and_roles(hub, api):
    hub.set_knobs(extra_fields=True)
    assert "createdAt" in api.get("/api_keys").json()["rows"][0]
    assert "createdAt" in api.get("/roles").json()["rows"][0]
    assert "createdAt" in api.post("/api_keys", json=KEY).json()


def test_an_unknown_path_of_the_api_is_404_and_another_method_405(api):
    assert error_code(api.get("/nothing")) == "no_such_path"
    assert error_code(api.get("/api_keys/")) == "no_such_path"
    answer = api.patch("/api_keys/ci")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PUT")


def test_the_description_is_valid_and_names_every_operation(api):
    from openapi_spec_validator import OpenAPIV31SpecValidator

    document = api.get("/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    described = {
        (method.upper(), path, operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert described == {(operation.method, operation.path, operation.name) for operation in OPERATIONS}
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/api/v1"}]
    assert document["components"]["securitySchemes"]["apiKey"]["name"] == "x-api-key"


def test_answers_keep_to_the_description(hub, api):
    from jsonschema import Draft202012Validator

    hub.set_knobs(extra_fields=True)
    document = api.get("/openapi.json").json()

    def check(schema, answer):
        whole = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
        Draft202012Validator(whole).validate(answer.json())

    check("CreatedKey", api.post("/api_keys", json=KEY))
    check("Key", api.post("/api_keys/import", json={**KEY, "keyId": "b", "apiKey": "v"}))
    check("Key", api.get("/api_keys/ci"))
    check("KeyPage", api.get("/api_keys", params={"reportTotalCount": "true", "columns": "keyId"}))
    check("RolePage", api.get("/roles", params={"reportFilteredCount": "true"}))
    check("Error", api.get("/api_keys/none"))


_names = st.sampled_from(["keyId", "description", "roles", "reauthenticationTimeout", "apiKey", "locked", "x"])
_items = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.just("User")),
    st.lists(st.integers(), max_size=2),
)
_bodies = st.one_of(st.binary(max_size=20), st.dictionaries(_names, _items, max_size=5))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_bodies, target=st.sampled_from([("POST", ""), ("POST", "/import"), ("PUT", "/ci")]))
def test_no_body_breaks_the_hub(api, body, target):
    import json

    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = api.request(target[0], f"/api_keys{target[1]}", content=content)
    assert answer.status_code in {200, 201, 400, 404, 409, 422}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["limit", "offset", "sorts", "filter", "search", "columns", "reportTotalCount"]),
    text=st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=8),
        st.builds(
            "{} {} {}".format,
            st.sampled_from(["keyId", "locked", "roles", "reauthenticationTimeout"]),
            st.sampled_from(["eq", "ne", "lt", "gt", "contains", "asc"]),
            st.sampled_from(["true", "1", "'", "User", "99999999999", ""]),
        ),
    ),
)
def test_no_parameter_breaks_a_list(api, name, text):
    assert api.get("/api_keys", params={name: text}).status_code in {200, 400}
