import pytest

from keyspec.devhub import DevHub, Knobs
from keyspec.devhub.cipherinsights_list import parse_listing
from keyspec.devhub.errors import Refusal
from keyspec.devhub.query import KEY_COLUMNS


def ids(api, *parameters, path="/api_keys", name="keyId"):
    answer = api.get(path, params=list(parameters))
    assert answer.status_code == 200, answer.text
    return [row[name] for row in answer.json()["rows"]]


@pytest.fixture
def stocked(hub):
    hub.seed_keys([f"k{number}" for number in range(5)], description="made Alike")
    hub.edit_key("k1", reauthentication_timeout=300)
    hub.edit_key("k2", roles=["Operator"])
    hub.lock_key("k3")
    return hub


def test_the_offset_counts_pages(stocked, api):
    pages = [ids(api, ("limit", 2), ("offset", page)) for page in range(4)]
    assert pages == [["k0", "k1"], ["k2", "k3"], ["k4", "keyspec_ci"], []]


def test_a_page_has_100_rows_unless_asked(hub, api):
    hub.seed_keys(f"n{number}" for number in range(150))
    answer = api.get("/api_keys", params={"reportTotalCount": "true"}).json()
    assert (len(answer["rows"]), answer["totalCount"]) == (100, 151)


def test_counts_are_told_on_request_only(stocked, api):
    assert set(api.get("/api_keys").json()) == {"rows"}
    query = [("reportTotalCount", "true"), ("reportFilteredCount", "true"), ("search", "ALIKE"), ("limit", 1)]
    answer = api.get("/api_keys", params=query).json()
    assert (answer["totalCount"], answer["filteredCount"], len(answer["rows"])) == (6, 5, 1)
    stocked.set_knobs(omit_total=True)
    assert set(api.get("/api_keys", params=query).json()) == {"rows"}


def test_sorts_are_applied_in_order(stocked, api):
    sorts = [("sorts", "locked desc"), ("sorts", "reauthenticationTimeout desc"), ("sorts", "keyId desc")]
    assert ids(api, *sorts) == ["k3", "k1", "keyspec_ci", "k4", "k2", "k0"]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("locked eq true", ["k3"]),
        ("reauthenticationTimeout gt 60", ["k1"]),
        ("roles contains Operator", ["k2"]),
        ("keyId contains SPEC", ["keyspec_ci"]),
        ("keyId lt k1", ["k0"]),
        ("description eq made Alike", ["k0", "k1", "k2", "k3", "k4"]),
        ("description ne made Alike", ["keyspec_ci"]),
        ("description eq ' OR 1=1 --", []),
    ],
)
def test_filters(stocked, api, condition, found):
    assert ids(api, ("filter", condition)) == found


def test_all_filters_must_hold(stocked, api):
    assert ids(api, ("filter", "keyId gt k1"), ("filter", "roles contains User")) == ["k3", "k4"]


def test_columns_are_all_that_is_shown(stocked, api):
    rows = api.get("/api_keys?columns=keyId,locked&columns=roles&limit=1").json()["rows"]
    assert rows == [{"keyId": "k0", "locked": False, "roles": ["User"]}]


def test_a_page_cap_serves_fewer_and_counts_offsets_as_asked(stocked, api):
    stocked.set_knobs(page_cap=2)
    assert ids(api, ("limit", 3)) == ["k0", "k1"]
    assert ids(api, ("limit", 3), ("offset", 1)) == ["k3", "k4"]


def test_a_greatest_limit_is_refused_beyond(stocked, api):
    stocked.set_knobs(max_limit=50)
    assert api.get("/api_keys", params={"limit": 51}).status_code == 400
    assert api.get("/api_keys", params={"limit": 50}).status_code == 200
    assert api.get("/api_keys").status_code == 200


def test_roles_are_listed_the_same_way(hub: DevHub, api):
    hub.add_role("Deployers EU", permissions=["Login"])
    assert ids(api, ("limit", 2), ("offset", 1), path="/roles", name="name") == ["Operator", "Unrestricted"]
    assert ids(api, ("filter", "permissions contains Shell"), path="/roles", name="name") == ["Administrator"]
    row = api.get("/roles", params={"search": "deployers", "reportTotalCount": "true"}).json()
    assert row == {"rows": [{"name": "Deployers EU", "description": "", "permissions": ["Login"]}], "totalCount": 5}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "1.0"),
        ("limit", "٣"),
        ("limit", ""),
        ("limit", "10001"),
        ("offset", "-1"),
        ("offset", "x"),
        ("sorts", "keyId"),
        ("sorts", "keyId up"),
        ("sorts", "apiKey asc"),
        ("sorts", "digest asc"),
        ("filter", "keyId"),
        ("filter", "nothing eq 1"),
        ("filter", "locked eq maybe"),
        ("filter", "locked gt true"),
        ("filter", "roles eq User"),
        ("filter", "reauthenticationTimeout eq x"),
        ("columns", ""),
        ("columns", "digest"),
        ("reportTotalCount", "yes"),
        ("page", "1"),
        ("search", "a\0"),
    ],
)
def test_a_bad_parameter_is_400(api, name, text):
    answer = api.get("/api_keys", params={name: text})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_parameter")


def test_a_single_parameter_given_twice_is_refused():
    with pytest.raises(Refusal, match="twice"):
        parse_listing([("limit", "1"), ("limit", "1")], KEY_COLUMNS, Knobs())
