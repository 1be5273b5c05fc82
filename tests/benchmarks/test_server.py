from __future__ import annotations

import json

import httpx
import pytest

from benchmarks.cases import PYTHONPATH
from benchmarks.data import CREDENTIAL, OWN, ROLES, edited, key_id, key_row, numbers_of
from benchmarks.standing import serving
from benchmarks.wire import Wire
from keyspec.devhub import DevHub

KEYS = 23
HEADERS = {"x-api-key": CREDENTIAL}
FIRST = "/api_keys/k000001"
BODIES = (
    {"description": "größer"},
    {"roles": ["User", "Operator", "User"]},
    {"reauthenticationTimeout": 7, "description": ""},
)
LISTS = (
    "/roles?limit=100&offset=0&reportTotalCount=true",
    "/api_keys?limit=100&offset=0&sorts=keyId%20asc&reportTotalCount=true",
    "/api_keys?limit=10&offset=1&sorts=keyId%20asc&reportTotalCount=true",
    "/api_keys?limit=10&offset=2&sorts=keyId%20asc&reportTotalCount=true",
    "/api_keys?limit=10&offset=3&sorts=keyId%20asc",
)


@pytest.fixture(scope="module")
def server():
    with serving(PYTHONPATH, hubs=4, keys=KEYS, trouble={"1": "short", "3": "busy"}) as standing:
        yield standing


@pytest.fixture
def standing(server):
    server.reset()
    return server


@pytest.fixture(scope="module")
def devhub():
    with DevHub(admin_value=CREDENTIAL, admin_key_id=OWN) as hub:
        for name in hub.roles().keys() - dict(ROLES).keys():
            hub.remove_role(name)
        for name, permissions in ROLES:
            hub.add_role(name, permissions=permissions)
        own = key_row(0)
        hub.edit_key(
            OWN,
            roles=own["roles"],
            description=own["description"],
            reauthentication_timeout=own["reauthenticationTimeout"],
        )
        yield hub


@pytest.fixture
def both(standing, devhub):
    """The two, with the same content; asks both and gives what each answered."""
    for number in range(1, KEYS):
        row = key_row(number)
        if key_id(number) in devhub:
            devhub.delete_key(key_id(number))
        devhub.seed_key(
            key_id(number),
            description=row["description"],
            roles=row["roles"],
            reauthentication_timeout=row["reauthenticationTimeout"],
        )
    with httpx.Client(trust_env=False) as client:

        def ask(method, target, **settings):
            urls = (standing.url(0), devhub.url)
            return [told(client.request(method, f"{url}/api/v1{target}", **settings)) for url in urls]

        yield ask


def told(response):
    """Give what a client can see of an answer, the words of an error apart."""
    content = response.json() if response.content else None
    if response.is_error:
        content = content["error"]["code"]
    return response.status_code, response.headers.get("content-type"), content


@pytest.mark.parametrize("target", [*LISTS, FIRST, "/api_keys/nobody"])
def test_it_shows_what_the_devhub_shows(both, target):
    ours, theirs = both("GET", target, headers=HEADERS)
    assert ours == theirs


@pytest.mark.parametrize("body", BODIES)
def test_an_edit_changes_what_the_devhub_changes(both, body):
    ours, theirs = both("PUT", FIRST, headers=HEADERS, json=body)
    assert ours == theirs
    for target in (FIRST, *LISTS):
        ours, theirs = both("GET", target, headers=HEADERS)
        assert ours == theirs


@pytest.mark.parametrize(
    ("method", "target", "settings"),
    [
        ("GET", FIRST, {}),
        ("PUT", FIRST, {"json": BODIES[0]}),
        ("PUT", "/api_keys/nobody", {"headers": HEADERS, "json": BODIES[0]}),
        ("PUT", FIRST, {"headers": HEADERS, "content": b"{"}),
    ],
)
def test_it_refuses_what_the_devhub_refuses(both, method, target, settings):
    ours, theirs = both(method, target, **settings)
    assert ours == theirs
    assert ours[0] >= 400


@pytest.fixture
def send(standing):
    """Sends a request to a hub, over one connection for each."""
    wires = {}

    def send(method, port, target, body):
        if port not in wires:
            wires[port] = Wire(port, HEADERS)
        return wires[port].send(method, target, body.encode())

    yield send
    for wire in wires.values():
        wire.close()


def test_hubs_do_not_share_what_is_edited_and_a_reset_forgets_it(standing, send):
    def shown():
        return [send(*standing.lists(hub, KEYS)[0]) for hub in (0, 2)]

    before = shown()
    assert send(*standing.edits(0, 1)[0]) == (200, b"")
    after = shown()
    assert json.loads(after[0][1])["rows"][0]["description"] == edited(1)
    assert after[1] == before[1]
    standing.reset()
    assert shown() == before


def test_it_counts_what_it_is_asked(standing, send):
    for request in (*standing.reads(0, KEYS), *standing.edits(0, 3)):
        assert send(*request)[0] == 200
    told = standing.tell()
    assert (told["reads"], told["writes"], told["connections"]) == (2, 3, 1)
    assert 0 < told["write_span_s"] < told["span_s"]


def test_a_hub_in_trouble_is_busy_twice_or_serves_short_pages(standing, send):
    short, busy = (standing.lists(hub, KEYS)[0] for hub in (1, 3))
    page = json.loads(send(*short)[1])
    assert (len(page["rows"]), page["totalCount"]) == (7, KEYS)
    assert [send(*busy)[0] for _ in range(3)] == [503, 503, 200]


def test_every_hub_may_have_keys_of_its_own():
    numbers = [numbers_of(hub, hubs=3, keys=8, own=True) for hub in range(3)]
    assert numbers == [(3, 6, 0), (1, 4, 7, 0), (2, 5, 0)]
