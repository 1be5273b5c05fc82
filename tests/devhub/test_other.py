import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from keyspec.devhub import parse_faults
from keyspec.devhub.other import OPERATIONS
from keyspec.devhub.storage import Storage


@pytest.fixture
def role_id(other):
    """Give the ID of a role, by its name."""
    return lambda name: other.roles()[name].role_id


@pytest.fixture
def draft(role_id):
    return {"id": "ci", "note": "n", "role_ids": [role_id("User")], "ttl_ms": 90_000}


def problem_of(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == answer.status_code
    assert all(problem.values())
    return problem["type"].removeprefix("https://hub.example/problems/")


def fields_of(answer):
    key = answer.json()["data"]
    assert key.pop("version") >= 1
    return key


def test_create_answers_202_with_the_value_this_once(other, other_api, draft):
    created = other_api.post("/keys", json=draft)
    key = fields_of(created)
    value = key.pop("secret")["value"]
    assert (created.status_code, key) == (202, {**draft, "status": "enabled"})
    assert other.check_value(value) == "ci"
    shown = other_api.get("/keys/ci")
    assert (shown.status_code, fields_of(shown)) == (200, {**draft, "status": "enabled"})
    assert value not in other_api.get("/keys").text + shown.text


def test_create_fills_in_what_is_left_out(other_api, role_id):
    key = fields_of(other_api.post("/keys", json={"role_ids": [role_id("User")]}))
    assert key["id"].startswith("key-")
    assert (key["note"], key["ttl_ms"], key["status"]) == ("", 60_000, "enabled")


def test_import_takes_the_value_and_does_not_say_it(other, other_api, draft):
    answer = other_api.post("/keys:import", json={**draft, "secret": {"value": "from-elsewhere"}})
    assert (answer.status_code, fields_of(answer)) == (202, {**draft, "status": "enabled"})
    assert other.check_value("from-elsewhere") == "ci"
    again = other_api.post("/keys:import", json={**draft, "id": "b", "secret": {"value": "from-elsewhere"}})
    assert (again.status_code, problem_of(again)) == (409, "value-exists")


def test_a_patch_changes_what_it_has_at_once_and_answers_without_a_body(other, other_api, role_id):
    other.seed_key("ci", description="n", roles=["User", "Operator"])
    answer = other_api.patch("/keys/ci", json={"role_ids": [role_id("Unrestricted")], "status": "disabled"})
    assert (answer.status_code, answer.content, "content-type" in answer.headers) == (202, b"", False)
    assert other.keys()["ci"] == {
        "description": "n",
        "roles": ["Unrestricted"],
        "reauthentication_timeout": 60,
        "locked": True,
    }
    wrong = other_api.patch("/keys/ci", json={"note": "new", "ttl_ms": 1})
    assert (wrong.status_code, problem_of(wrong)) == (422, "invalid-field")
    assert other.keys()["ci"]["description"] == "n"


def test_disable_enable_delete(other, other_api, open_client):
    value = other.seed_key("ci", roles=["Administrator"])
    caller = open_client(other, value)
    for status, answered in [("disabled", 401), ("disabled", 401), ("enabled", 200)]:
        assert other_api.patch("/keys/ci", json={"status": status}).status_code == 202
        assert other_api.get("/keys/ci").json()["data"]["status"] == status
        assert caller.get("/keys").status_code == answered
    deleted = other_api.delete("/keys/ci")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "ci" not in other
    assert caller.get("/keys").status_code == 401


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_not_there_is_404(other_api, method):
    answer = other_api.request(method, "/keys/no", json={})
    assert (answer.status_code, problem_of(answer)) == (404, "no-such-key")


@pytest.mark.parametrize("scheme", ["Bearer {}", "bearer {}", "BEARER   {}"])
def test_the_scheme_is_bearer_in_any_case(other, scheme):
    headers = {"authorization": scheme.format(other.admin_value)}
    assert httpx.get(f"{other.url}/admin/v2/keys", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("authorization", "Bearer")],
        [("authorization", "Bearer wrong")],
        [("authorization", "{}")],
        [("authorization", "Basic {}")],
        [("authorization", "Bearer\t{}")],
        [("authorization", "Bearer {} {}")],
        [("authorization", "Bearer {}"), ("authorization", "Bearer {}")],
        [("x-api-key", "{}")],
    ],
)
def test_no_or_an_unknown_token_is_401_and_a_challenge(other, headers):
    sent = [(name, text.replace("{}", other.admin_value)) for name, text in headers]
    answer = httpx.get(f"{other.url}/admin/v2/keys", headers=sent)
    assert (answer.status_code, problem_of(answer)) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [("Administrator", 200, 202), ("Unrestricted", 200, 403), ("Operator", 403, 403), ("Keys", 200, 202)],
)
def test_roles_permit(other, open_client, draft, role, reads, writes):
    other.add_role("Keys", permissions=["User Management"])
    client = open_client(other, other.seed_key("caller", roles=[role]))
    assert client.get("/keys").status_code == client.get("/roles").status_code == reads
    assert client.get("/openapi.json").status_code == 200
    answer = client.post("/keys", json=draft)
    assert answer.status_code == writes
    assert answer.is_success or problem_of(answer) == "forbidden"


def test_role_ids_are_those_of_the_hubs_own_list(other, other_api, role_id):
    listed = {role["name"]: role for role in other_api.get("/roles").json()["data"]}
    assert {name: role["id"] for name, role in listed.items()} == {name: role_id(name) for name in other.roles()}
    assert listed["User"]["permissions"] == ["Application", "Login", "Sensor Status"]
    assert all(role["id"].startswith("r-") for role in listed.values())


def test_a_role_that_is_made_anew_is_another_one(other, other_api, draft, role_id):
    other.add_role("Keys", permissions=["Audit"])
    former = role_id("Keys")
    other.seed_key("caller", roles=["Keys", "User"])
    other.remove_role("Keys")
    assert other_api.get("/keys/caller").json()["data"]["role_ids"] == [role_id("User")]
    other.add_role("Keys", permissions=["User Management"])
    assert role_id("Keys") != former
    answer = other_api.patch("/keys/caller", json={"role_ids": [former]})
    assert (answer.status_code, problem_of(answer)) == (422, "unknown-role")


def test_a_version_is_told_and_obeyed(other, other_api):
    other.seed_key("ci")
    first = other_api.get("/keys/ci")
    tag = first.headers["etag"]
    assert tag == f'"{first.json()["data"]["version"]}"'
    assert other_api.get("/keys/ci", headers={"if-match": tag}).status_code == 200
    edited = other_api.patch("/keys/ci", json={"note": "x"}, headers={"if-match": f'"1000", {tag}'})
    assert (edited.status_code, edited.headers["etag"] == tag) == (202, False)
    assert other_api.get("/keys/ci").headers["etag"] == edited.headers["etag"]
    for method, body in (("GET", None), ("PATCH", {"note": "y"}), ("DELETE", None)):
        stale = other_api.request(method, "/keys/ci", json=body, headers={"if-match": tag})
        assert (stale.status_code, problem_of(stale)) == (412, "precondition-failed")
        wrong = other_api.request(method, "/keys/ci", json=body, headers={"if-match": tag.strip('"')})
        assert (wrong.status_code, problem_of(wrong)) == (400, "bad-parameter")
    assert other.keys()["ci"]["description"] == "x"
    assert other_api.delete("/keys/ci", headers={"if-match": "*"}).status_code == 204


def test_a_key_made_anew_is_not_taken_for_its_predecessor(other, other_api):
    other.seed_key("ci")
    tag = other_api.get("/keys/ci").headers["etag"]
    other.delete_key("ci")
    other.seed_key("ci")
    assert other_api.delete("/keys/ci", headers={"if-match": tag}).status_code == 412


def test_every_change_makes_another_version(other, other_api):
    other.add_role("Keys", permissions=["Audit"])
    other.seed_key("ci", roles=["Keys"])
    tags = [other_api.get("/keys/ci").headers["etag"]]
    changes = (
        lambda: other.lock_key("ci"),
        lambda: other.edit_key("ci", description="x"),
        lambda: other.remove_role("Keys"),
    )
    for change in changes:
        change()
        tags.append(other_api.get("/keys/ci").headers["etag"])
    assert len(set(tags)) == len(tags)


def test_of_eight_that_edit_one_version_one_wins(other, open_client):
    other.seed_key("ci")
    clients = [open_client(other) for _ in range(8)]
    headers = {"if-match": clients[0].get("/keys/ci").headers["etag"]}
    with ThreadPoolExecutor(8) as pool:
        deed = lambda client: client.patch("/keys/ci", json={"note": "x"}, headers=headers)  # noqa: E731
        answers = list(pool.map(deed, clients))
    assert sorted(answer.status_code for answer in answers) == [202] + [412] * 7


@pytest.mark.parametrize("key_id", ["a b", "a/b", "%2F", "ключ", "..", "?x#y", ":import", "a\tb"])
def test_any_id_can_be_addressed(other, other_api, key_id):
    other.seed_key(key_id)
    path = f"/keys/{quote(key_id, safe='').replace('.', '%2E')}"
    assert other_api.get(path).json()["data"]["id"] == key_id
    assert other_api.patch(path, json={"status": "disabled"}).status_code == 202
    assert other.keys()[key_id]["locked"] is True
    assert other_api.delete(path).status_code == 204


def test_an_id_that_is_taken_or_spent_is_409(other, other_api, draft):
    assert other_api.post("/keys", json=draft).status_code == 202
    taken = other_api.post("/keys", json=draft)
    assert (taken.status_code, problem_of(taken)) == (409, "key-exists")
    other.delete_key("ci")
    other.set_knobs(ids_reusable=False)
    spent = other_api.post("/keys", json=draft)
    assert (spent.status_code, problem_of(spent)) == (409, "key-id-spent")
    other.set_knobs(ids_reusable=True)
    assert other_api.post("/keys", json=draft).status_code == 202


def test_an_import_may_ignore_the_id(other, other_api, draft):
    other.set_knobs(import_takes_id=False)
    key = fields_of(other_api.post("/keys:import", json={**draft, "secret": {"value": "v"}}))
    assert key["id"] != "ci"
    assert other.check_value("v") == key["id"]


def test_extra_fields_are_in_keys_and_roles(other, other_api, draft):
    other.set_knobs(extra_fields=True)
    assert "created_at" in other_api.get("/keys").json()["data"][0]
    assert "created_at" in other_api.get("/roles").json()["data"][0]
    assert "created_at" in other_api.post("/keys", json=draft).json()["data"]


def test_beyond_the_rate_is_429(other, other_api):
    other.set_knobs(requests_per_second=1)
    refused = [answer for answer in (other_api.get("/roles") for _ in range(3)) if answer.status_code == 429]
    assert refused
    for answer in refused:
        assert problem_of(answer) == "too-many-requests"
        assert int(answer.headers["retry-after"]) >= 1


def test_latency_is_waited(other, other_api):
    other.set_knobs(latency_ms=200)
    assert other_api.get("/roles").elapsed.total_seconds() >= 0.2


def test_a_large_body_is_413(other, other_api):
    other.set_knobs(max_body_bytes=1000)
    answer = other_api.post("/keys", content=b"x" * 2000)
    assert (answer.status_code, problem_of(answer)) == (413, "too-large")


def test_a_failure_of_the_hub_is_a_problem_too(other, other_api, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(Storage, "list_roles", fail)
    answer = other_api.get("/roles")
    assert (answer.status_code, problem_of(answer)) == (500, "broken")
    assert "broken on purpose" in caplog.text


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["drop", "reset", "cut"])
def test_connections_break(other, other_api, draft, when, kind):
    other.set_knobs(faults=parse_faults(f"POST /keys 1 {when}:{kind}"))
    with pytest.raises(httpx.TransportError):
        other_api.post("/keys", json=draft)
    assert ("ci" in other) is (when == "after")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("status:503:retry-after=7", 503),
        ("html", 200),
        ("truncate", None),
        ("hang:0.05", 202),
        ("redirect:/x", 307),
        ("empty", None),
    ],
)
def test_answers_are_replaced(other, other_api, draft, when, kind, status):
    other.set_knobs(faults=parse_faults(f"POST /keys 1 {when}:{kind}"))
    answer = other_api.post("/keys", json=draft)
    assert answer.status_code == (status or (202 if when == "after" else 200))
    assert ("ci" in other) is (when == "after" or kind.startswith("hang"))
    assert other.requests[-1].fault == f"POST /keys 1 {when}:{kind}"
    if kind == "truncate":
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            answer.json()
    if status == 503:
        assert (problem_of(answer), answer.headers["retry-after"]) == ("fault", "7")


def test_an_unknown_path_of_the_api_is_404_and_another_method_405(other_api):
    assert problem_of(other_api.get("/nothing")) == "no-such-path"
    assert problem_of(other_api.get("/keys/")) == "no-such-path"
    answer = other_api.put("/keys/ci")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PATCH")
    assert other_api.get("/keys:import").headers["allow"] == "POST"


def test_the_description_names_every_operation_and_what_it_answers(other_api):
    document = other_api.get("/openapi.json").json()
    described = {
        (method.upper(), path, operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert described == {(operation.method, operation.path, operation.name) for operation in OPERATIONS}
    assert document["servers"] == [{"url": "/admin/v2"}]
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    patch = document["paths"]["/keys/{key_id}"]["patch"]
    assert set(patch["responses"]) == {
        *("202", "400", "401", "403", "404", "405", "412", "413", "422", "429", "503"),
    }
    assert "ETag" in patch["responses"]["202"]["headers"]
    assert [parameter["name"] for parameter in patch["parameters"]] == ["key_id", "If-Match"]
    problems = document["components"]["responses"].values()
    assert {media_type for problem in problems for media_type in problem["content"]} == {"application/problem+json"}


def test_the_contract_of_the_dialect_asks_for_what_is_served(other_api):
    contract = YAML(typ="safe", pure=True).load(Path(__file__).with_name("other-v2.yaml"))
    document = other_api.get("/openapi.json").json()
    assert contract["base"] == document["servers"][0]["url"]
    used = set()
    for name, asked in contract["operations"].items():
        served = document["paths"][asked["path"]][asked["method"].lower()]
        used.add(served["operationId"])
        assert {str(status) for status in asked["statuses"]} == {s for s in served["responses"] if s < "400"}, name
        parameters = {parameter["name"] for parameter in served["parameters"]}
        assert set(asked.get("query", ())) <= parameters
        assert not asked.get("if_match") or "If-Match" in parameters
        if "body" in asked:
            schema = served["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert set(asked["body"]) <= set(document["components"]["schemas"][schema]["properties"])
    assert used == {operation.name for operation in OPERATIONS}


_names = st.sampled_from(["id", "note", "role_ids", "ttl_ms", "secret", "value", "status", "version", "x"])
_items = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.just("value"), st.text(max_size=5)),
)
_bodies = st.one_of(st.binary(max_size=20), st.dictionaries(_names, _items, max_size=5))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_bodies, target=st.sampled_from([("POST", "/keys"), ("POST", "/keys:import"), ("PATCH", "/keys/ci")]))
def test_no_body_breaks_the_hub(other_api, body, target):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert other_api.request(*target, content=content).status_code in {202, 400, 404, 409, 422}
