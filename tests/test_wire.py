"""What stands in every request and how pages are asked for, by the contract; the rest is told in `test_hub`."""

from __future__ import annotations

import base64
import traceback
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import respx
from fakes.hub import CREDENTIAL, URL
from fakes.other import OtherHub, other_contract, problem

from keyspec.errors import HubConflict, HubError, HubMissing, HubRefused
from keyspec.hub import Endpoint, Hub
from keyspec.model import Key
from keyspec.secret import Secret

BEARER = "auth: {scheme: bearer}"
LOGIN = (
    'auth: {scheme: login, path: /session, body: {key: "{credential}"}, statuses: [200], token: data.token,'
    ' header: authorization, prefix: "Bearer "}'
)
PAGING = "paging: {style: cursor, size: 100, next: meta.next}"
QUERY = '{limit: "{limit}", cursor: "{cursor}"}'
STYLES = {
    "cursor": (PAGING.replace("100", "2"), QUERY),
    "page-index": ("paging: {style: page-index, size: 2}", '{limit: "{limit}", page: "{page}"}'),
    "page-number": ("paging: {style: page-number, size: 2}", '{limit: "{limit}", page: "{page}"}'),
    "row-offset": ("paging: {style: row-offset, size: 2}", '{limit: "{limit}", offset: "{offset}"}'),
    "link": ("paging: {style: link, size: 2}", '{limit: "{limit}"}'),
    "none": ("paging: {style: none}", "{all: true}"),
}
ASKED = {
    "cursor": [{"limit": "2"}, {"limit": "2", "cursor": "YXQ9Mg=="}, {"limit": "2", "cursor": "YXQ9NA=="}],
    "page-index": [{"limit": "2", "page": str(page)} for page in (0, 1, 2)],
    "page-number": [{"limit": "2", "page": str(page)} for page in (1, 2, 3)],
    "row-offset": [{"limit": "2", "offset": str(offset)} for offset in (0, 2, 4)],
    "link": [{"limit": "2"}, {"page": "2"}, {"page": "4"}],
    "none": [{"all": "true"}],
}
FIVE = [f"k{number}" for number in range(5)]


def style_contract(style):
    paging, query = STYLES[style]
    return other_contract((PAGING, paging), (QUERY, query))


def five(**settings):
    other = OtherHub(**settings)
    for key_id in FIVE:
        other.add(key_id)
    return other


@pytest.mark.parametrize("style", STYLES)
def test_a_list_is_asked_for_page_by_page_as_its_style_says(style):
    other = five(style=style, page_cap=2)
    with other.connect(contract=style_contract(style)) as hub:
        hub.list_roles()
        other.requests.clear()
        assert [key.key_id for key in hub.list_keys()] == FIVE
    assert [asked.query for asked in other.requests] == ASKED[style]
    assert {asked.path for asked in other.requests} == {"/admin/v2/keys"}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [0, 1, 2, 4, 5])
def test_without_a_total_too_a_list_is_read_to_its_end(style, size):
    other = OtherHub(style=style, page_cap=2, tells_total=False)
    for key_id in FIVE[:size]:
        other.add(key_id)
    with other.connect(contract=style_contract(style)) as hub:
        assert [key.key_id for key in hub.list_keys()] == FIVE[:size]


@pytest.mark.parametrize("style", ["cursor", "page-number", "row-offset", "link"])
def test_a_hub_that_caps_pages_loses_no_row(style):
    other = five(style=style, page_cap=1)
    with other.connect(contract=style_contract(style)) as hub:
        assert [key.key_id for key in hub.list_keys()] == FIVE


@pytest.mark.parametrize(
    "link", ["https://elsewhere.example.com/admin/v2/keys", "/other", "http://hub.example.com/admin/v2/keys"]
)
def test_a_link_is_followed_to_the_same_origin_and_below_the_base_only(link):
    other = five(style="link")
    headers = {"link": f"<{link}>; rel=next"}
    other.before = lambda asked: (
        httpx.Response(200, json={"data": [other.keys["k0"]]}, headers=headers) if "keys" in asked.path else None
    )
    with other.connect(contract=style_contract("link")) as hub:
        hub.list_roles()
        other.requests.clear()
        with pytest.raises(HubError, match="not followed") as caught:
            hub.list_keys()
    assert "elsewhere" not in str(caught.value)
    assert len(other.requests) == 1


@pytest.mark.parametrize(
    ("following", "says"), [(7.5, "a number"), (["x"], "a list"), ("x" * 9000, "short text"), (True, "true or false")]
)
def test_a_cursor_is_short_text(following, says):
    other = five()
    other.before = lambda asked: (
        httpx.Response(200, json={"data": [], "meta": {"next": following}}) if "keys" in asked.path else None
    )
    with other.connect() as hub, pytest.raises(HubError, match=says):
        hub.list_keys()


def test_a_cursor_is_percent_encoded():
    other = five()
    answers = [
        httpx.Response(200, json={"data": [], "meta": {"next": "a&b=c/+ü"}}),
        httpx.Response(200, json={"data": [], "meta": {"next": ""}}),
    ]
    other.before = lambda asked: answers.pop(0) if "keys" in asked.path else None
    with other.connect() as hub:
        assert hub.list_keys() == ()
    assert other.requests[-1].query == {"limit": "100", "cursor": "a&b=c/+ü"}


# who asks


def headers_of(auth, credential=CREDENTIAL, headers=""):
    other = OtherHub(authorized=lambda _: True)
    with other.connect(contract=other_contract((BEARER, f"auth: {auth}\n{headers}")), auth=credential) as hub:
        hub.list_keys()
    return other.requests[-1].headers


def test_each_scheme_sends_what_it_says_and_nothing_else():
    assert headers_of("{scheme: bearer}")["authorization"] == f"Bearer {CREDENTIAL}"
    basic = headers_of("{scheme: basic}", "us\u00e9r:p:w")["authorization"]
    assert basic == "Basic " + base64.b64encode("us\u00e9r:p:w".encode()).decode()
    for auth in ("none", "{scheme: certificate}"):
        sent = headers_of(auth)
        assert "authorization" not in sent
        assert CREDENTIAL not in str(sent.raw)


@pytest.mark.parametrize("credential", ["no-colon", ":pa55", "user:pass\nword"])
def test_basic_wants_user_and_password_and_tells_neither(credential):
    with pytest.raises(HubError, match="user:password") as caught:
        headers_of("{scheme: basic}", credential)
    assert credential not in str(caught.value)


def test_an_answer_that_repeats_the_password_alone_is_not_quoted():
    other = OtherHub(authorized=lambda _: True, before=lambda _: problem(403, "no", "not with pa55word-long"))
    with (
        other.connect(contract=other_contract((BEARER, "auth: {scheme: basic}")), auth="user:pa55word-long") as hub,
        pytest.raises(HubError) as caught,
    ):
        hub.list_roles()
    assert "pa55word" not in str(caught.value)


def test_constant_headers_stand_in_every_request():
    sent = headers_of("{scheme: bearer}", headers="headers: {Accept-Language: en, accept: application/vnd.x+json}")
    assert sent["accept-language"] == "en"
    assert sent["accept"] == "application/vnd.x+json"
    assert sent["authorization"] == f"Bearer {CREDENTIAL}"


# login


class Sessions(OtherHub):
    """A hub that gives tokens, and takes the latest of them."""

    def __init__(self):
        super().__init__()
        self.made, self.good = 0, None
        self.answer = None
        self.authorized = lambda headers: headers.get("authorization") == f"Bearer {self.good}"
        self.before = self.login

    def login(self, asked):
        if asked.path != "/admin/v2/session":
            return None
        if self.answer is not None:
            return self.answer
        assert asked.method == "POST"
        assert asked.json == {"key": CREDENTIAL}
        assert "authorization" not in asked.headers
        self.made += 1
        self.good = f"t0ken-{self.made}-of-this-session"
        return httpx.Response(200, json={"data": {"token": self.good}})


@pytest.fixture
def sessions():
    return Sessions()


def connect_login(sessions):
    return sessions.connect(contract=other_contract((BEARER, LOGIN)))


def test_a_token_is_asked_for_once_for_all_threads_and_never_again(sessions):
    for number in range(20):
        sessions.add(f"k{number}")
    with connect_login(sessions) as hub, ThreadPoolExecutor(8) as workers:
        list(workers.map(hub.lock_key, sessions.keys))
    assert sessions.made == 1
    assert [asked.path for asked in sessions.requests].count("/admin/v2/session") == 1


def test_a_plan_sends_no_other_post(sessions):
    with connect_login(sessions) as hub:
        hub.list_keys()
        hub.get_key("k")
    assert sessions.writes == [("POST", "/admin/v2/session", {"key": CREDENTIAL})]


def test_after_a_401_a_token_is_asked_for_once_more_and_the_request_is_sent_again(sessions):
    sessions.add("k")
    with connect_login(sessions) as hub:
        hub.list_keys()
        sessions.good = "expired"
        hub.lock_key("k")
        assert sessions.keys["k"]["status"] == "disabled"
        assert sessions.made == 2


def test_a_hub_that_refuses_every_token_is_given_up(sessions):
    sessions.authorized = lambda _: False
    with connect_login(sessions) as hub:
        for _ in range(3):
            with pytest.raises(HubError, match="answered 401"):
                hub.list_keys()
    assert sessions.made == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (problem(401, "no", CREDENTIAL), "other: list roles: login: answered 401"),
        (problem(403, "no", f"t0ken {CREDENTIAL}"), "login: answered 403"),
        (problem(404, "no", "t0ken"), "login: answered 404"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example.com"}), "redirects are not followed"),
        (httpx.Response(200, html="t0ken"), "login: .*HTML page"),
        (httpx.Response(200, json={"data": {"token": ""}}), "no token at `data.token`"),
        (httpx.Response(200, json={"data": {"token": "t0ken\n"}}), "no token"),
        (httpx.Response(200, json={"data": {"token": ["t0ken"]}}), "no token"),
        (httpx.Response(200, json="t0ken"), "no token"),
        (httpx.Response(200, text="t0ken"), "not JSON"),
        (httpx.Response(201, json={"data": {"token": "t0ken"}}), "login: answered 201"),
    ],
)
def test_a_login_that_fails_sends_nothing_else_and_tells_nothing_of_its_answer(sessions, answer, says):
    sessions.answer = answer
    with connect_login(sessions) as hub, pytest.raises(HubError, match=says) as caught:
        hub.list_keys()
    shown = "".join(traceback.format_exception(caught.value))
    assert "t0ken" not in str(caught.value)
    assert CREDENTIAL not in shown
    assert {asked.path for asked in sessions.requests} == {"/admin/v2/session"}


def test_an_answer_that_repeats_the_token_is_not_quoted(sessions):
    with connect_login(sessions) as hub:
        hub.list_roles()
        sessions.before = lambda _: problem(403, "no", f"not with {sessions.good}")
        with pytest.raises(HubError, match="answered 403") as caught:
            hub.list_keys()
    assert "t0ken" not in str(caught.value)


@respx.mock
def test_a_login_goes_to_the_declared_origin_below_its_prefix():
    login = respx.post(f"{URL}/prefix/admin/v2/session").respond(json={"data": {"token": "t"}})
    roles = respx.get(f"{URL}/prefix/admin/v2/roles").respond(json={"data": [], "meta": {}})
    with Hub(Endpoint("h", f"{URL}/prefix"), other_contract((BEARER, LOGIN)), Secret(CREDENTIAL)) as hub:
        assert hub.list_roles() == ()
    assert login.call_count == 1
    assert roles.calls[0].request.headers["authorization"] == "Bearer t"


# writes


@pytest.fixture
def other():
    made = OtherHub()
    made.add("ci", roles=["User"])
    return made


def test_every_write_is_exactly_this(other):
    with other.connect() as hub:
        created = hub.create_key(Key("new", "d", ("Operator", "User"), 90))
        assert created.value.reveal() == "v4lue-of-new"
        assert created.key == Key("new", "d", ("Operator", "User"), 90, "active")
        assert hub.import_key(Key("two", "", ("User",), 60), Secret("1mported")) == "two"
        key = hub.get_key("ci")
        assert key is not None
        assert key.etag == '"1"'
        hub.edit_key(key, {"roles": ("Administrator",), "reauth_timeout": 5})
        hub.lock_key("ci")
        hub.delete_key("ci")
    assert other.writes == [
        ("POST", "/admin/v2/keys", {"id": "new", "note": "d", "role_ids": ["r-2", "r-3"], "ttl_ms": 90_000}),
        (
            "POST",
            "/admin/v2/keys:import",
            {"id": "two", "note": "", "role_ids": ["r-3"], "ttl_ms": 60_000, "secret": {"value": "1mported"}},
        ),
        ("PATCH", "/admin/v2/keys/ci", {"role_ids": ["r-1"], "ttl_ms": 5000}),
        ("PATCH", "/admin/v2/keys/ci", {"status": "disabled"}),
        ("DELETE", "/admin/v2/keys/ci", None),
    ]
    assert other.told.count(("GET", "/admin/v2/roles")) == 1
    sent = [asked.headers.get("if-match") for asked in other.requests if asked.method in ("PATCH", "DELETE")]
    assert sent == ['"1"', None, '"3"']


def test_a_key_of_another_version_is_a_conflict(other):
    with other.connect() as hub:
        key = hub.get_key("ci")
        other.keys["ci"]["version"] = 9
        with pytest.raises(HubConflict, match="412"):
            hub.edit_key(key, {"description": "x"})
        with pytest.raises(HubMissing, match="gone"):
            hub.edit_key("nobody", {"description": "x"})
    assert other.keys["ci"]["note"] == ""


def test_a_row_may_tell_the_etag(other):
    contract = other_contract(
        ("  etag: true  ", "  etag: false  "), ("locked: [disabled]}", "locked: [disabled]}\n  etag: version")
    )
    with other.connect(contract=contract) as hub:
        (key,) = hub.list_keys()
        hub.edit_key(key, {"description": "x"})
    assert other.requests[-1].headers["if-match"] == "1"
    assert ("GET", "/admin/v2/keys/ci") not in other.told


@pytest.mark.parametrize("etag", [None, "a\x7f", "x" * 2000])
def test_without_an_etag_nothing_is_sent(other, etag):
    headers = {} if etag is None else {"etag": etag}
    other.before = lambda asked: (
        httpx.Response(200, json={"data": other.keys["ci"]}, headers=headers) if asked.path.endswith("/ci") else None
    )
    with other.connect() as hub, pytest.raises(HubError, match=r"no ETag.*nothing was sent"):
        hub.delete_key("ci")
    assert other.writes == []


def test_a_whole_edit_fills_every_field_from_the_live_key(other):
    whole = (
        "    statuses: [202]\n    if_match: true\n  lock_key:",
        "    statuses: [202]\n    sends: whole\n  lock_key:",
    )
    with other.connect(contract=other_contract(whole)) as hub:
        (key,) = hub.list_keys()
        hub.edit_key(key, {"description": "x"})
        hub.edit_key("ci", {"reauth_timeout": 5})
    assert [body for _, _, body in other.writes] == [
        {"note": "x", "role_ids": ["r-3"], "ttl_ms": 60_000},
        {"note": "x", "role_ids": ["r-3"], "ttl_ms": 5000},
    ]


def test_what_the_hub_has_no_id_for_is_not_sent(other):
    with other.connect() as hub, pytest.raises(HubError, match="the ID of role `Nobody` is not known"):
        hub.create_key(Key("new", "", ("Nobody",), 60))
    assert other.writes == []


def test_a_create_without_a_place_for_its_value_is_not_sent(other):
    contract = other_contract(("    value: data.secret.value\n", ""))
    with other.connect(contract=contract) as hub, pytest.raises(HubError, match=r"where the value stands; nothing"):
        hub.create_key(Key("new", "", ("User",), 60))
    assert other.writes == []


def test_a_problem_document_is_quoted_by_its_title_and_detail(other):
    with other.connect() as hub, pytest.raises(HubRefused, match=r"answered 409"):
        hub.create_key(Key("ci", "", ("User",), 60))
    other.before = lambda _: problem(422, "invalid", "no such note")
    with other.connect() as hub, pytest.raises(HubError, match="it says: invalid: no such note"):
        hub.list_roles()
