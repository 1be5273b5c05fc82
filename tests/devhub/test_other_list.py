import pytest


@pytest.fixture
def stocked(other):
    other.seed_keys(f"k{number}" for number in range(5))
    return other


def walk(api, path="/keys", name="id", limit=2, between=None):
    """Give the pages of a list, each as the names of its rows."""
    pages, cursor = [], None
    while cursor is not None or not pages:
        answer = api.get(path, params={"limit": limit} | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        pages.append([row[name] for row in answer.json()["data"]])
        cursor = answer.json()["meta"]["next"]
        if between:
            between(len(pages))
    return pages


def test_pages_follow_each_other_to_the_end(stocked, other_api):
    assert walk(other_api) == [["k0", "k1"], ["k2", "k3"], ["k4", "keyspec_ci"]]
    assert walk(other_api, limit=5) == [["k0", "k1", "k2", "k3", "k4"], ["keyspec_ci"]]
    assert walk(other_api, limit=6) == [["k0", "k1", "k2", "k3", "k4", "keyspec_ci"]]
    assert walk(other_api, "/roles", "name", 3) == [["Administrator", "Operator", "Unrestricted"], ["User"]]


def test_a_cursor_stays_good_while_keys_come_and_go(stocked, other_api):
    def change(pages):
        if pages == 1:
            stocked.delete_key("k1")
            stocked.delete_key("k2")
            stocked.seed_key("k00")
            stocked.seed_key("k31")

    assert walk(other_api, between=change) == [["k0", "k1"], ["k3", "k31"], ["k4", "keyspec_ci"]]


def test_a_page_may_turn_out_to_be_the_last_one(stocked, other_api):
    def change(pages):
        for name in ("k2", "k3", "k4") if pages == 1 else ():
            stocked.delete_key(name)

    assert walk(other_api, between=change) == [["k0", "k1"], ["keyspec_ci"]]


def test_any_id_can_be_where_a_page_ends(other, other_api):
    for key_id in ("a b", "ключ", "x\ny", "z/☃"):
        other.seed_key(key_id)
    assert walk(other_api, limit=1) == [["a b"], ["keyspec_ci"], ["x\ny"], ["z/☃"], ["ключ"]]


def test_a_page_has_100_rows_unless_asked(other, other_api):
    other.seed_keys(f"n{number}" for number in range(150))
    answer = other_api.get("/keys").json()
    assert (len(answer["data"]), answer["meta"]["total"]) == (100, 151)
    other.set_knobs(max_limit=50)
    assert len(other_api.get("/keys").json()["data"]) == 50


def test_a_page_cap_serves_fewer_and_skips_nothing(stocked, other_api):
    stocked.set_knobs(page_cap=2)
    assert walk(other_api, limit=5) == [["k0", "k1"], ["k2", "k3"], ["k4", "keyspec_ci"]]


def test_a_greatest_limit_is_refused_beyond(stocked, other_api):
    stocked.set_knobs(max_limit=50)
    assert other_api.get("/keys", params={"limit": 51}).status_code == 400
    assert other_api.get("/keys", params={"limit": 50}).status_code == 200


def test_a_total_counts_all_keys_on_every_page_unless_it_is_omitted(stocked, other_api):
    first = other_api.get("/keys", params={"limit": 4}).json()["meta"]
    assert (first["total"], set(first)) == (6, {"next", "total"})
    last = other_api.get("/keys", params={"limit": 4, "cursor": first["next"]}).json()["meta"]
    assert last == {"next": None, "total": 6}
    stocked.set_knobs(omit_total=True)
    assert set(other_api.get("/keys").json()["meta"]) == {"next"}


def test_a_cursor_is_of_its_list_and_hub_and_unchanged(stocked, other_api):
    cursor = other_api.get("/keys", params={"limit": 1}).json()["meta"]["next"]
    of_roles = other_api.get("/roles", params={"limit": 1}).json()["meta"]["next"]
    for wrong in ("", "x", cursor[:-1], cursor + "=", cursor.swapcase(), of_roles, "keys", "☃"):
        answer = other_api.get("/keys", params={"cursor": wrong})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, "bad-parameter")
    assert other_api.get("/keys", params={"cursor": cursor}).status_code == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1&limit=1", "offset=1", "page=1", "sorts=id", "q=x"])
@pytest.mark.parametrize("path", ["/keys", "/roles"])
def test_a_bad_parameter_is_400(other_api, path, query):
    assert other_api.get(f"{path}?{query}").status_code == 400
