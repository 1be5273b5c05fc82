from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import respx
from fakes.hub import CREDENTIAL, URL, FakeHub, load_default_contract, refuse
from fakes.numbered import NumberedHub, numbered_contract

import keyspec
from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.errors import AnswerLost, HubConflict, HubError, HubMissing, HubRefused
from keyspec.hub import Endpoint, Hub
from keyspec.model import Key, Role
from keyspec.pace import World
from keyspec.secret import Secret
from keyspec.template import quote_segment

KEY = Key("ci_deployer", "deploys", ("Operator", "User"), 300)
VALUE = "1mported-v4lue"
PORTAL = "<!doctype html><title>Portal</title>"
WRITES = {
    "edit_key": lambda hub: hub.edit_key("ci_deployer", {"description": "x"}),
    "lock_key": lambda hub: hub.lock_key("ci_deployer"),
    "unlock_key": lambda hub: hub.unlock_key("ci_deployer"),
    "delete_key": lambda hub: hub.delete_key("ci_deployer"),
}
NEW = {
    "create_key": lambda hub: hub.create_key(KEY),
    "import_key": lambda hub: hub.import_key(KEY, Secret(VALUE)),
}
READS = {"list_keys": lambda hub: hub.list_keys(), "list_roles": lambda hub: hub.list_roles()}


@pytest.fixture
def fake():
    made = FakeHub()
    made.add("keyspec_ci", roles=["Administrator"])
    return made


@pytest.fixture
def hub(fake):
    with fake.connect() as connected:
        yield connected


def has_key(fake):
    fake.add("ci_deployer")


# reading


def test_all_keys_and_roles_are_read_sorted(fake, hub):
    fake.add("b", locked=True)
    fake.add("a", description="x", roles=["User", "Operator"])
    assert hub.list_keys() == (
        Key("a", "x", ("Operator", "User"), 60, "active"),
        Key("b", "", ("User",), 60, "locked"),
        Key("keyspec_ci", "", ("Administrator",), 60, "active"),
    )
    assert [role.name for role in hub.list_roles()] == sorted(fake.roles)
    assert hub.list_roles()[3] == Role("User", ("Login",))


def test_one_key_is_read_or_is_not_there(fake, hub):
    assert hub.get_key("keyspec_ci") == Key("keyspec_ci", "", ("Administrator",), 60, "active")
    assert hub.get_key("nobody") is None
    fake.fail_next("get_key", httpx.Response(200, json={"keyId": "other"}))
    with pytest.raises(HubError, match="another key than `keyspec_ci`"):
        hub.get_key("keyspec_ci")


@pytest.mark.parametrize("total", ["honest", "absent"])
def test_a_page_cap_is_learned_once(fake, hub, total):
    fake.total, fake.page_cap = total, 10
    for number in range(49):
        fake.add(f"k{number}")
    assert len(hub.list_keys()) == 50
    before = len(fake.requests)
    assert len(hub.list_keys()) == 50
    assert len(fake.requests) - before == (5 if total == "honest" else 6)
    assert "limit=10&" in fake.requests[-1].query


def test_a_list_costs_one_request_a_page(fake, hub):
    for number in range(199):
        fake.add(f"k{number}")
    hub.list_keys()
    assert fake.count("list_keys") == 2


def test_a_hub_that_refuses_the_limit_is_asked_for_less(fake, hub):
    fake.largest_limit = 25
    for number in range(59):
        fake.add(f"k{number}")
    assert len(hub.list_keys()) == 60
    assert fake.count("list_keys") == 5
    hub.list_keys()
    assert fake.count("list_keys") == 8


def test_a_hub_that_refuses_every_limit_is_an_error(fake, hub):
    fake.largest_limit = 0
    with pytest.raises(HubError, match=r"fake: list keys: answered 400.*limit is at most 0"):
        hub.list_keys()


@pytest.mark.parametrize("lie", [0, 1, 9])
def test_a_total_that_lies_stops_the_hub(fake, hub, lie):
    fake.add("second")
    fake.total = lie
    with pytest.raises(HubError, match="fake: list keys: the list is incomplete"):
        hub.list_keys()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(200, html=PORTAL), "HTML page"),
        (httpx.Response(200, text='{"rows": []}'), "`text/plain`, not JSON"),
        (httpx.Response(200, content=b'{"rows": []}'), "without a content type"),
        (httpx.Response(200, content=b'{"rows": [', headers={"content-type": "application/json"}), "or broke off"),
        (httpx.Response(200, content=b"[" * 100_000, headers={"content-type": "application/json"}), "or broke off"),
        (httpx.Response(200, content=b'"\\ud800"', headers={"content-type": "application/json"}), "or broke off"),
        (httpx.Response(200, headers={"content-type": "application/json"}), "or broke off"),
        (httpx.Response(200, json={"keys": []}), "no list of rows"),
        (httpx.Response(200, json={"rows": [7]}), "row 1 of the page: it is a number"),
        (httpx.Response(206, json={"rows": []}), "answered 206"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example.com"}), "redirects are not followed"),
        (refuse(401, "c", "m"), "check `auth`, which is to be the value of the key `keyspec_ci`"),
        (refuse(403, "forbidden", "needs Audit"), "lacks a permission.*it says: forbidden: needs Audit"),
        (refuse(404, "c", "m"), "does the contract `cipherinsights-v1` describe it"),
    ],
)
def test_a_list_that_is_none_is_an_error_and_not_asked_again(fake, hub, answer, says):
    fake.fail(1, answer)
    with pytest.raises(HubError, match=says) as caught:
        hub.list_keys()
    assert type(caught.value) is HubError
    assert str(caught.value).startswith("fake: list keys: ")
    assert len(fake.requests) == 1


def test_nothing_but_the_declared_origin_is_asked(fake, hub):
    fake.fail(1, httpx.Response(302, headers={"location": "https://elsewhere.example.com/api/v1/api_keys"}))
    with pytest.raises(HubError):
        hub.list_keys()
    assert [seen.headers["host"] for seen in fake.requests] == ["hub.example.com"]


@pytest.mark.parametrize(
    "fault", ["refused", "reset-before", refuse(500, "c", "m"), refuse(429, "c", "m"), refuse(503, "c", "m")]
)
@pytest.mark.parametrize("operation", READS)
def test_a_read_is_tried_again(fake, hub, operation, fault):
    fake.fail(1, fault)
    fake.fail(2, fault)
    assert READS[operation](hub)
    assert fake.time.slept == [0.125, 0.25]


def test_a_read_is_given_up_after_four_attempts(fake, hub):
    for number in range(1, 9):
        fake.fail(number, "refused")
    with pytest.raises(HubError, match="fake: list keys: no connection"):
        hub.list_keys()
    assert len(fake.requests) == 4


@pytest.mark.parametrize("fault", ["timeout-before", "connect-timeout"])
def test_a_read_that_timed_out_is_not_tried_again(fake, hub, fault):
    fake.fail(1, fault)
    with pytest.raises(HubError, match="in time"):
        hub.list_keys()
    assert len(fake.requests) == 1


def test_the_openapi_document_is_downloaded_as_it_is(fake, hub):
    assert json.loads(hub.get_openapi())["openapi"] == "3.0.3"
    fake.fail_next("openapi", httpx.Response(200, html=PORTAL))
    with pytest.raises(HubError, match=r"fake: openapi: answered 200.*HTML page"):
        hub.get_openapi()


# writing


def test_every_write_is_one_request_with_exactly_this(fake, hub):
    has_key(fake)
    for write in WRITES.values():
        write(hub)
    path = "/api/v1/api_keys/ci_deployer"
    assert fake.writes == [
        ("PUT", path, {"description": "x"}),
        ("POST", f"{path}/lock", None),
        ("POST", f"{path}/unlock", None),
        ("DELETE", path, None),
    ]


def test_create_and_import_send_the_declared_fields(fake, hub):
    created = hub.create_key(KEY)
    assert created.value.reveal() == fake.values["ci_deployer"]
    assert created.key is not None
    assert created.key.field("roles") == ("Operator", "User")
    assert hub.import_key(Key("other", None, ("User",)), Secret(VALUE)) == "other"
    assert fake.writes == [
        (
            "POST",
            "/api/v1/api_keys",
            {
                "keyId": "ci_deployer",
                "description": "deploys",
                "roles": ["Operator", "User"],
                "reauthenticationTimeout": 300,
            },
        ),
        ("POST", "/api/v1/api_keys/import", {"keyId": "other", "roles": ["User"], "apiKey": VALUE}),
    ]


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200), httpx.Response(200, text="done"), httpx.Response(200, json={"anything": 1})],
)
def test_what_a_write_answers_beyond_its_status_does_not_matter(fake, hub, operation, answer):
    has_key(fake)
    fake.fail(1, answer)
    WRITES[operation](hub)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("operation", [*WRITES, *NEW])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset-before", AnswerLost),
        ("reset-after", AnswerLost),
        ("timeout-before", AnswerLost),
        ("timeout-after", AnswerLost),
        (refuse(500, "c", "m"), AnswerLost),
        (refuse(502, "c", "m"), AnswerLost),
        (refuse(503, "c", "m"), AnswerLost),
        (refuse(504, "c", "m"), AnswerLost),
        (refuse(408, "c", "m"), AnswerLost),
        (httpx.Response(200, html=PORTAL), AnswerLost),
        (httpx.Response(202), AnswerLost),
        (httpx.Response(302, headers={"location": "/login"}), AnswerLost),
        ("connect-timeout", HubError),
        (refuse(307, "c", "m"), HubRefused),
        (refuse(400, "c", "m"), HubRefused),
        (refuse(401, "c", "m"), HubRefused),
        (refuse(403, "c", "m"), HubRefused),
        (refuse(422, "c", "m"), HubRefused),
        (refuse(409, "c", "m"), HubConflict),
        (refuse(412, "c", "m"), HubConflict),
    ],
)
def test_how_a_write_fails_tells_what_is_known(fake, hub, operation, fault, error):
    if operation in WRITES:
        has_key(fake)
    fake.fail(1, fault)
    with pytest.raises(HubError) as caught:
        (WRITES | NEW)[operation](hub)
    assert type(caught.value) is error
    assert len(fake.requests) == 1, "an unclear write is never sent again"


@pytest.mark.parametrize("operation", [*WRITES, *NEW])
def test_404_is_a_missing_key_only_where_a_key_was_asked_for(fake, hub, operation):
    fake.fail(1, refuse(404, "no_such_key", "no such key"))
    with pytest.raises(HubRefused) as caught:
        (WRITES | NEW)[operation](hub)
    assert isinstance(caught.value, HubMissing) is (operation in WRITES)


@pytest.mark.parametrize("operation", [*WRITES, *NEW])
@pytest.mark.parametrize(
    "fault", ["refused", refuse(429, "c", "m"), refuse(503, "c", "m", **{"retry-after": "2"})], ids=str
)
def test_a_write_is_tried_again_where_nothing_happened(fake, hub, operation, fault):
    if operation in WRITES:
        has_key(fake)
    fake.fail(1, fault)
    (WRITES | NEW)[operation](hub)
    assert len(fake.requests) == 2


@pytest.mark.parametrize("operation", NEW)
def test_after_a_second_attempt_a_conflict_is_a_lost_answer(fake, hub, operation):
    fake.fail(1, "refused")
    fake.fail(2, refuse(409, "key_exists", "exists"))
    with pytest.raises(AnswerLost, match=r"409.*nobody knows"):
        NEW[operation](hub)


def test_retry_after_is_honoured(fake, hub):
    fake.fail(1, refuse(429, "c", "m", **{"retry-after": "7"}))
    fake.fail(2, refuse(503, "c", "m", **{"retry-after": "Thu, 01 Jan 2026 00:00:17 GMT"}))
    hub.list_keys()
    assert fake.time.slept == [7, 10]


def test_a_hub_that_wants_more_patience_than_there_is_is_given_up_without_waiting(fake, hub):
    fake.fail(1, refuse(429, "c", "m", **{"retry-after": "3600"}))
    with pytest.raises(HubRefused, match="too many requests"):
        hub.create_key(KEY)
    assert fake.time.slept == []


def test_a_hub_past_its_deadline_is_not_asked_until_the_next_phase(fake, hub):
    def lose(_request):
        fake.time.now_s += 31
        raise httpx.ReadTimeout("slow")

    has_key(fake)
    for number in range(1, 5):
        fake.fail(number, lose)
    for _ in range(4):
        with pytest.raises(AnswerLost):
            hub.lock_key("ci_deployer")
    with pytest.raises(HubError, match="no progress for 90 s") as caught:
        hub.lock_key("ci_deployer")
    assert type(caught.value) is HubError
    assert len(fake.requests) == 4
    hub.begin_phase()
    hub.lock_key("ci_deployer")


class Crowd:
    """A hub that counts who asks it at once, and answers a little later; `first` is asked before it answers."""

    def __init__(self, fake, first=None):
        self.answer, self.first = fake.handle, first or (lambda _: None)
        self.lock, self.under_way, self.most = threading.Lock(), 0, 0
        self.arrived = []
        fake.handle = self.handle
        for number in range(24):
            fake.add(f"k{number}")

    def handle(self, request):
        with self.lock:
            self.arrived.append(time.monotonic())
            number = len(self.arrived)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        answer = self.first(number)
        time.sleep(0.005)
        with self.lock:
            self.under_way -= 1
        return answer or self.answer(request)


@pytest.mark.parametrize("status", [429, 503])
def test_while_a_hub_wants_a_pause_no_thread_sends_anything_and_then_half_as_many(fake, status):
    together = threading.Barrier(8)

    def first(number):
        if number > 8:
            return None
        together.wait(10)
        if number == 1:
            return refuse(status, "c", "m", **{"retry-after": "1"})
        while not hub._pace._pauses:  # the others are under way when the first is refused
            time.sleep(0.001)
        crowd.most = 0
        return None

    crowd = Crowd(fake, first)
    with fake.connect(world=World()) as hub, ThreadPoolExecutor(8) as workers:
        list(workers.map(hub.lock_key, fake.keys))
    assert len(crowd.arrived) == 26
    assert crowd.arrived[8] - crowd.arrived[7] > 0.9
    assert crowd.most <= 5  # four, and one more after ten answers


def test_a_hub_is_asked_by_as_many_at_once_as_its_concurrency(fake):
    crowd = Crowd(fake)
    with fake.connect(world=World(), concurrency=3) as hub, ThreadPoolExecutor(8) as workers:
        list(workers.map(hub.lock_key, fake.keys))
    assert crowd.most == 3


def test_a_hub_that_rests_can_be_asked_again(hub):
    assert hub.list_keys()
    hub.rest()
    assert hub.list_keys()


def test_requests_keep_to_the_cap(fake):
    with fake.connect(requests_per_second=2) as hub:
        for _ in range(5):
            hub.list_keys()
    assert sum(fake.time.slept) == pytest.approx(2.0)


def test_stopping_cuts_waits_short_and_sends_nothing_more(fake):
    stop = threading.Event()
    with fake.connect(world=World(stop=stop)) as hub:
        fake.fail(1, refuse(429, "c", "m", **{"retry-after": "50"}))
        threading.Timer(0.05, stop.set).start()
        with pytest.raises(HubError, match="stopped before the request was sent"):
            hub.create_key(KEY)
        with pytest.raises(HubError, match="stopped"):
            hub.list_keys()
    assert len(fake.requests) == 1


# values


@pytest.mark.parametrize(
    ("status", "change", "says"),
    [
        (201, {"keyId": "other"}, "another ID"),
        (201, {"keyId": 7}, "cannot be read"),
        (200, {"roles": None}, None),
        (202, {"locked": "no"}, "cannot be read"),
    ],
)
def test_a_value_is_handed_out_however_strange_the_rest_of_its_answer(fake, hub, status, change, says):
    row = {"keyId": KEY.key_id, "apiKey": VALUE} | change
    fake.fail(1, httpx.Response(status, content=json.dumps(row), headers={"content-type": "text/html"}))
    created = hub.create_key(KEY)
    assert created.value.reveal() == VALUE
    assert (created.key_error is None) if says is None else (says in (created.key_error or ""))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(201),
        httpx.Response(201, text="created"),
        httpx.Response(201, json={"keyId": "ci_deployer"}),
        httpx.Response(201, json={"keyId": "ci_deployer", "apiKey": f"{VALUE} "}),
        httpx.Response(201, json={"apiKey": [VALUE]}),
        httpx.Response(201, json=[VALUE]),
    ],
)
def test_a_create_without_a_usable_value_is_a_lost_answer_that_tells_nothing_of_it(fake, hub, answer):
    fake.fail(1, answer)
    with pytest.raises(AnswerLost, match="answered 201, but") as caught:
        hub.create_key(KEY)
    assert VALUE not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("operation", NEW)
@pytest.mark.parametrize("status", [201, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_an_answer_that_repeats_a_value_is_never_quoted(fake, hub, operation, status, caplog):
    caplog.set_level(logging.DEBUG)
    answer = refuse(status, VALUE, f"value {VALUE} is bad: {CREDENTIAL}")
    for number in range(1, 6):
        fake.fail(number, answer)
    try:
        NEW[operation](hub)
    except HubError as error:
        shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
        assert VALUE not in shown
        assert CREDENTIAL not in shown
    assert VALUE not in caplog.text
    assert CREDENTIAL not in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500])
def test_an_answer_that_repeats_keyspecs_own_key_is_never_quoted(fake, hub, status):
    has_key(fake)
    fake.fail(1, refuse(status, "c", f"bad key {CREDENTIAL}"))
    with pytest.raises(HubError) as caught:
        hub.lock_key("ci_deployer")
    assert CREDENTIAL not in "".join(traceback.format_exception(caught.value))


ANSWERS = {
    "import": (NEW["import_key"], refuse(500, "c", "m")),
    "create": (NEW["create_key"], httpx.Response(201, json={"keyId": "ci_deployer", "apiKey": VALUE})),
    "create that broke": (NEW["create_key"], httpx.Response(500, json={"apiKey": VALUE})),
    "create without a usable value": (NEW["create_key"], httpx.Response(201, json={"apiKey": f"{VALUE}\n"})),
}


@pytest.mark.parametrize(("ask", "answer"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("form", [VALUE, VALUE.upper(), VALUE.replace("-", "%2D")])
def test_a_value_that_was_carried_is_not_quoted_from_any_later_answer(fake, hub, ask, answer, form):
    has_key(fake)
    fake.fail(1, answer)
    with suppress(AnswerLost):
        ask(hub)
    fake.fail(2, refuse(403, "c", f"no {form}"))
    with pytest.raises(HubError, match="answered 403") as caught:
        hub.get_key("ci_deployer")
    fake.fail(3, refuse(403, "c", "no other"))
    with pytest.raises(HubError, match="it says: c: no other"):
        hub.get_key("ci_deployer")
    assert form not in "".join(traceback.format_exception(caught.value))
    assert "it says" not in str(caught.value)
    assert VALUE not in repr(hub.__dict__)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"{}", headers={"content-type": f"x/{CREDENTIAL}"}),
        httpx.Response(200, json={"rows": [{"keyId": f"a{CREDENTIAL}", "description": 5}]}),
        httpx.Response(200, json={"rows": [{"keyId": f"a{CREDENTIAL}{'a' * 300}"}] * 2, "totalCount": 2}),
        httpx.Response(200, json={"rows": [{"keyId": f"{'a' * 155}{CREDENTIAL}{'a' * 300}", "locked": 7}]}),
    ],
    ids=["type", "row", "repeated row", "row that is cut"],
)
def test_nothing_of_an_answer_is_told_that_repeats_keyspecs_own_key(fake, hub, answer):
    fake.fail(1, answer)
    with pytest.raises(HubError, match="fake: list keys: the answer is not") as caught:
        hub.list_keys()
    assert CREDENTIAL[:8] not in "".join(traceback.format_exception(caught.value)).lower()


def test_an_id_that_repeats_the_imported_value_is_not_told(fake, hub):
    fake.fail(1, httpx.Response(201, json={"keyId": f"x{VALUE.upper()}"}))
    assert hub.import_key(KEY, Secret(VALUE)) is None


@pytest.mark.parametrize("operation", [*WRITES, *NEW])
@pytest.mark.parametrize("fault", ["refused", "reset-after", "timeout-after"])
def test_no_exception_carries_a_request(fake, hub, operation, fault):
    for number in range(1, 6):
        fake.fail(number, fault)
    with pytest.raises(HubError) as caught:
        (WRITES | NEW)[operation](hub)
    error = caught.value
    while error is not None:
        assert not type(error).__module__.startswith("httpx")
        assert not hasattr(error, "request")
        error = error.__cause__


@pytest.mark.parametrize("credential", ["a\nb", "a\r\nx: y", "k\u00e9y", " cr3dential", "k\x00"])
def test_a_credential_no_header_can_carry_is_refused_without_being_told(fake, credential):
    hub = Hub(
        Endpoint("h", URL), load_default_contract(), Secret(credential), transport=httpx.MockTransport(fake.handle)
    )
    with pytest.raises(HubError, match="no header can carry") as caught:
        hub.list_keys()
    assert credential not in str(caught.value)
    assert fake.requests == []


# the rest


def test_what_the_contract_cannot_say_is_an_error_and_nothing_is_sent(fake):
    from test_contract import TEXT

    contract = parse_contract(parse_document(TEXT[: TEXT.index("  lock_key:")].encode(), "c.yaml"))
    with fake.connect(contract=contract) as hub:
        with pytest.raises(
            HubError, match=r"fake: lock key: the contract .* has no operation `lock_key`; nothing was sent"
        ):
            hub.lock_key("a")
        with pytest.raises(HubError, match="cannot carry: state; nothing was sent"):
            hub.edit_key("a", {"state": "locked"})
        with pytest.raises(HubError, match="nothing was sent"):
            hub.edit_key("\ud800", {"description": "x"})
    assert fake.requests == []


def test_strange_ids_stay_in_their_segment(fake, hub):
    for key_id in ("a/b", "..", ".", "ü?#%2F", " "):
        fake.add(key_id)
        hub.lock_key(key_id)
        assert fake.keys[key_id]["locked"]


def test_a_hub_serves_several_threads(fake, hub):
    for number in range(64):
        fake.add(f"k{number}")
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(hub.lock_key, [f"k{number}" for number in range(64)]))
    assert sum(row["locked"] for row in fake.keys.values()) == 64


@respx.mock
def test_on_the_wire_a_request_says_who_asks_and_with_which_key():
    route = respx.get(f"{URL}/prefix/api/v1/api_keys").respond(json={"rows": [], "totalCount": 0})
    with Hub(Endpoint("h", f"{URL}/prefix"), load_default_contract(), Secret(CREDENTIAL)) as hub:
        assert hub.list_keys() == ()
    headers = route.calls[0].request.headers
    assert headers["x-api-key"] == CREDENTIAL
    assert headers["user-agent"].startswith("keyspec/")
    assert headers["accept"] == "application/json"
    assert "cookie" not in headers
    assert dict(route.calls[0].request.url.params) == {
        "limit": "100",
        "offset": "0",
        "sorts": "keyId asc",
        "reportTotalCount": "true",
    }


@respx.mock
def test_a_prefix_stands_before_the_credential_and_no_auth_sends_none():
    from test_contract import TEXT

    route = respx.get(url__startswith=URL).respond(json={"rows": [], "totalCount": 0})
    for auth, sent in (('{header: authorization, prefix: "Bearer "}', f"Bearer {CREDENTIAL}"), ("none", None)):
        text = TEXT.replace("auth: {header: x-api-key}", f"auth: {auth}")
        contract = parse_contract(parse_document(text.encode(), "c.yaml"))
        with Hub(Endpoint("h", URL), contract, Secret(CREDENTIAL)) as hub:
            hub.list_keys()
        assert route.calls.last.request.headers.get("authorization") == sent
        assert "x-api-key" not in route.calls.last.request.headers


# handles


@pytest.fixture
def numbered():
    made = NumberedHub()
    for name in ("keyspec_ci", "ci_deployer"):
        made.add(name)
    return made


NAMED = WRITES | {"edit_key": lambda hub: hub.edit_key("ci_deployer", {"roles": ("Operator",)})}


@pytest.mark.parametrize("write", NAMED.values(), ids=NAMED)
def test_a_key_told_by_its_id_is_looked_up_in_the_list_where_paths_want_its_handle(numbered, write):
    with numbered.connect() as hub:
        write(hub)
        assert [asked.target for asked in numbered.requests[:-1]] == ["/v1/tokens?skip=0&take=50"]
        numbered.rows.clear()
        with pytest.raises(HubMissing, match="gone from the hub; nothing was sent"):
            write(hub)
    assert len(numbered.writes) == 1


def test_a_key_as_it_is_live_is_asked_for_by_its_handle_at_once(numbered):
    with numbered.connect() as hub:
        live = hub.get_key("ci_deployer")
        assert live == Key("ci_deployer", None, ("User",), 60, "active", handle=2)
        numbered.requests.clear()
        assert hub.get_key(live) == live
        hub.edit_key(live, {"roles": ("Operator",)})
        hub.delete_key(live)
        assert hub.get_key(live) is None
    assert numbered.told == ["GET /v1/tokens/2", "PUT /v1/tokens/2", "DELETE /v1/tokens?num=2", "GET /v1/tokens/2"]


def test_a_handle_that_means_another_key_by_now_is_an_error(numbered):
    with numbered.connect() as hub:
        live = hub.get_key("ci_deployer")
        numbered.row("ci_deployer")["name"] = "renamed"
        with pytest.raises(HubError, match="answered with another key than `ci_deployer`"):
            hub.get_key(live)
        numbered.row("renamed")["name"] = "ci_deployer"
        numbered.before = lambda asked: httpx.Response(200, json=numbered.row("ci_deployer") | {"num": 3})
        with pytest.raises(HubError, match="answered with another key"):
            hub.get_key(live)


def test_an_id_that_means_another_key_by_now_is_a_conflict_before_anything_is_sent(numbered):
    by_id = ("/tokens/{handle}\n    statuses: [200]", "/tokens/{key_id}\n    statuses: [200]")
    bound = ("    sends: whole", "    sends: whole\n    if_match: true")
    etag = ("operations:", "capabilities: {etag: true}\noperations:")
    numbered.before = lambda asked: numbered._show(numbered.row("ci_deployer")) if asked.path.endswith("er") else None
    with numbered.connect(contract=numbered_contract(by_id, bound, etag)) as hub:
        with pytest.raises(HubConflict, match="another key has this ID now; nothing was sent"):
            hub.edit_key(Key("ci_deployer", None, ("User",), 60, "active", handle=9), {"roles": ("Operator",)})
        hub.edit_key("ci_deployer", {"roles": ("Operator",)})
    assert [method for method, _, _ in numbered.writes] == ["PUT"]


@pytest.mark.parametrize("handle", ["../x", "..", ".", "a/b", "%2e%2e", "x?all=true", "x#", "a b", "ü", "x" * 1024])
def test_a_hostile_handle_stays_one_segment_of_a_path(numbered, handle):
    numbered.row("ci_deployer")["num"] = handle
    with numbered.connect() as hub:
        live = hub.get_key("ci_deployer")
        hub.edit_key(live, {"roles": ("Operator",)})
    method, target, _ = numbered.writes[0]
    assert (method, target) == ("PUT", f"/v1/tokens/{quote_segment(handle)}")
    assert target.count("/") == 3
    assert numbered.row("ci_deployer")["grants"] == [{"role": "Operator"}]


@pytest.mark.parametrize("handle", ["", "x" * 2**20, "a\nb", [], {}, True, 1.5])
def test_a_list_with_a_handle_that_is_none_is_not_believed(numbered, handle):
    numbered.row("ci_deployer")["num"] = handle
    with numbered.connect() as hub, pytest.raises(HubError, match="`handle` is neither short text") as caught:
        hub.list_keys()
    assert len(str(caught.value)) < 200


def test_a_key_whose_handle_is_not_told_is_not_asked_for(numbered):
    numbered.row("ci_deployer")["num"] = None
    with numbered.connect() as hub:
        for write in NAMED.values():
            with pytest.raises(HubError, match=r"by its handle, which the hub does not tell.*nothing was sent"):
                write(hub)
    assert numbered.writes == []


def test_the_handle_of_a_new_key_is_known_from_the_answer_and_forgotten_with_the_next_create(numbered):
    key = Key("ci_new", None, ("User",), 60)
    with numbered.connect() as hub:
        hub.create_key(key)
        assert hub.handle_of("ci_new") == 3
        hub.import_key(replace(key, key_id="ci_own"), Secret(VALUE))
        assert hub.handle_of("ci_own") == 4
        assert [asked.method for asked in numbered.requests] == ["POST", "POST"]
        numbered.loses = lambda _: True
        with pytest.raises(AnswerLost):
            hub.create_key(key)
        assert hub.handle_of("ci_new") is None


def test_a_value_that_an_import_answers_as_handle_is_not_kept(numbered):
    numbered.before = lambda asked: httpx.Response(201, json={"token": {"num": VALUE, "name": asked.json["name"]}})
    with numbered.connect() as hub:
        assert hub.import_key(Key("ci_own", None, ("User",), 60), Secret(VALUE)) == "ci_own"
        assert hub.handle_of("ci_own") is None


def test_without_a_read_of_one_key_the_list_is_searched(fake):
    part = "  get_key:\n    method: GET\n    path: /api_keys/{key_id}\n    statuses: [200]\n"
    text = (Path(keyspec.__file__).parent / "contracts/cipherinsights-v1.yaml").read_text(encoding="utf-8")
    assert part in text
    with fake.connect(contract=parse_contract(parse_document(text.replace(part, "").encode(), "c.yaml"))) as hub:
        assert hub.get_key("keyspec_ci") == Key("keyspec_ci", "", ("Administrator",), 60, "active")
        assert hub.get_key("nobody") is None
