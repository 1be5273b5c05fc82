import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from keyspec.devhub import parse_faults
from keyspec.devhub.storage import Storage

KEY = {"keyId": "ci", "roles": ["User"]}


def strike(hub, *lines):
    hub.set_knobs(faults=parse_faults(*lines))


@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
@pytest.mark.parametrize(
    ("kind", "error"),
    [("drop", httpx.RemoteProtocolError), ("reset", httpx.ReadError), ("cut", httpx.RemoteProtocolError)],
)
def test_a_connection_breaks_before_or_after_the_deed(hub, api, when, done, kind, error):
    strike(hub, f"POST /api_keys 1 {when}:{kind}")
    with pytest.raises(error):
        api.post("/api_keys", json=KEY)
    assert ("ci" in hub) is done
    assert api.get("/api_keys").status_code == 200


@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
def test_an_answer_is_replaced_before_or_after_the_deed(hub, api, when, done):
    strike(hub, f"POST /api_keys 1 {when}:status:503:retry-after=7")
    answer = api.post("/api_keys", json=KEY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert ("ci" in hub) is done


def test_other_answers(hub, api):
    hub.seed_key("ci")
    strike(
        hub,
        "GET /api_keys/ci 1 after:html",
        "GET /api_keys/ci 2 after:truncate",
        "GET /api_keys/ci 3 after:empty",
        "GET /api_keys/ci 4 after:redirect:https://login.example/",
    )
    page, half, empty, moved = (api.get("/api_keys/ci") for _ in range(4))
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert half.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        half.json()
    assert (empty.status_code, empty.content) == (200, b"")
    assert (moved.status_code, moved.headers["location"]) == (307, "https://login.example/")
    assert api.get("/api_keys/ci").status_code == 200


def test_ordinals_count_what_matches_only(hub, api):
    strike(hub, "GET /api_keys/* 2-3 before:status:500")
    api.get("/api_keys")
    assert [api.get(f"/api_keys/{name}").status_code for name in "abcd"] == [404, 500, 500, 404]


def test_turning_a_knob_counts_anew(hub, api):
    strike(hub, "GET /roles 1 before:status:500")
    assert [api.get("/roles").status_code for _ in range(2)] == [500, 200]
    hub.set_knobs(latency_ms=0)
    assert api.get("/roles").status_code == 500


def test_what_hangs_is_done_though_nobody_waits(hub, api):
    strike(hub, "POST /api_keys 1 before:hang:0.3")
    with pytest.raises(httpx.ReadTimeout):
        api.post("/api_keys", json=KEY, timeout=0.1)
    assert "ci" not in hub
    deadline = time.monotonic() + 5
    while "ci" not in hub and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "ci" in hub


def test_what_hangs_after_is_done_at_once(hub, api):
    strike(hub, "POST /api_keys 1 after:hang:60")
    with pytest.raises(httpx.ReadTimeout):
        api.post("/api_keys", json=KEY, timeout=0.1)
    assert "ci" in hub


def test_latency_is_waited_side_by_side(hub, open_client):
    hub.set_knobs(latency_ms=200)
    clients = [open_client(hub) for _ in range(8)]
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.get("/roles"), clients))
    assert {answer.status_code for answer in answers} == {200}
    assert 0.2 <= time.monotonic() - started < 1.2


def test_beyond_the_rate_nothing_is_done(hub, api):
    hub.set_knobs(requests_per_second=2)
    answers = [api.post("/api_keys", json={"roles": ["User"]}) for _ in range(4)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert len(hub.keys()) == 1 + len(answers) - len(refused)


def test_a_large_body_is_413_and_the_connection_survives(hub, api):
    hub.set_knobs(max_body_bytes=1000)
    answer = api.post("/api_keys", content=b"x" * 300_000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert api.get("/roles").status_code == 200


def test_a_failure_of_the_hub_is_500_and_logged(hub, api, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(Storage, "list_roles", fail)
    answer = api.get("/roles")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "broken")
    assert "broken on purpose" in caplog.text
    assert "broken on purpose" not in answer.text


def test_the_log_has_the_key_also_of_what_was_dropped(hub, api):
    strike(hub, "* ** 1 before:drop")
    with pytest.raises(httpx.RemoteProtocolError):
        api.get("/api_keys", params={"limit": 5})
    (exchange,) = hub.requests
    assert (exchange.method, exchange.path) == ("GET", "/api/v1/api_keys?limit=5")
    assert (exchange.status, exchange.key_id, exchange.fault) == (None, "keyspec_ci", "* ** 1 before:drop")
