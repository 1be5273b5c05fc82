import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from keyspec.devhub import DevHub, Refusal, Role, parse_faults

DESCRIPTORS = Path("/proc/self/fd")


def test_it_starts_and_stops_fast_and_leaves_no_thread():
    before = set(threading.enumerate())
    started = time.monotonic()
    with DevHub() as hub:
        assert time.monotonic() - started < 0.5
        assert hub.url.startswith("http://127.0.0.1:")
        assert httpx.get(hub.url).status_code == 200
    assert set(threading.enumerate()) <= before
    with pytest.raises(httpx.ConnectError):
        httpx.get(hub.url)


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="no /proc")
def test_no_descriptor_is_left_behind(tmp_path):
    def run():
        with DevHub(database=tmp_path / "hub.db") as hub, httpx.Client() as client:
            client.get(hub.url)

    run()
    before = len(list(DESCRIPTORS.iterdir()))
    for _ in range(5):
        run()
    assert len(list(DESCRIPTORS.iterdir())) <= before


def test_it_stops_while_requests_hang(hub, open_client):
    hub.set_knobs(faults=parse_faults("* ** * before:hang:100"))
    ended = []

    def ask():
        try:
            open_client(hub).get("/roles", timeout=60)
        except httpx.TransportError as error:
            ended.append(error)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    while len(hub.requests) < 3:
        time.sleep(0.01)
    started = time.monotonic()
    hub.go_down()
    assert time.monotonic() - started < 1
    for asker in askers:
        asker.join()
    assert len(ended) == 3
    assert [exchange.status for exchange in hub.requests] == [None] * 3


def test_it_goes_down_and_comes_up_with_its_content_on_its_port(hub, api):
    hub.seed_key("ci")
    url = hub.url
    hub.go_down()
    with pytest.raises(httpx.ConnectError):
        api.get("/api_keys/ci")
    hub.come_up()
    assert hub.url == url
    assert api.get("/api_keys/ci").status_code == 200


def test_several_hubs_are_strangers():
    with DevHub("a") as one, DevHub("b") as other:
        assert one.url != other.url
        assert one.check_value(other.admin_value) is None
        one.seed_key("ci")
        assert "ci" not in other


def test_a_taken_port_is_an_error_at_the_start(hub):
    port = int(hub.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), DevHub(port=port):
        pass


def test_a_database_file_outlives_the_hub(tmp_path):
    path = tmp_path / "hub.db"
    with DevHub(database=path, admin_value="first") as hub:
        value = hub.seed_key("ci", roles=["Operator"])
        hub.remove_role("User")
        hub.lock_key("keyspec_ci")
    assert value.encode() not in path.read_bytes()
    with DevHub(database=path, admin_value="second") as hub:
        assert hub.check_value(value) == "ci"
        assert hub.check_value("first") is None
        assert hub.check_value("second", usable=True) == "keyspec_ci"
        assert "User" not in hub.roles()


def test_the_admin_key_is_as_asked_for(open_client):
    with DevHub(admin_key_id="root", admin_value="given", roles=[Role("Extra", ("Login",))]) as hub:
        assert set(hub.keys()) == {"root"}
        assert set(hub.roles()) == {"Administrator", "Operator", "Unrestricted", "User", "Extra"}
        assert open_client(hub, "given").get("/api_keys/root").json()["roles"] == ["Administrator"]


def test_changes_by_hand_keep_the_rules_and_leave_no_trace(hub):
    value = hub.seed_key("any thing/at all", description="d", reauthentication_timeout=5, locked=True, value="v")
    assert value == "v"
    hub.edit_key("any thing/at all", description="e", roles=["User", "Operator", "User"])
    hub.unlock_key("any thing/at all")
    assert hub.keys()["any thing/at all"] == {
        "description": "e",
        "roles": ["Operator", "User"],
        "reauthentication_timeout": 5,
        "locked": False,
    }
    with pytest.raises(Refusal, match="no role"):
        hub.edit_key("any thing/at all", roles=["Nobody"])
    with pytest.raises(Refusal, match="no role"):
        hub.seed_key("x", roles=["Nobody"])
    with pytest.raises(Refusal, match="no key"):
        hub.lock_key("nothing")
    hub.delete_key("any thing/at all")
    assert set(hub.keys()) == {"keyspec_ci"}
    assert hub.requests == []


def test_the_hands_on_words_are_the_same_in_every_dialect(open_client):
    def use(dialect):
        with DevHub(dialect=dialect) as hub:
            value = hub.seed_key("ci", description="d", roles=["Operator"], reauthentication_timeout=5)
            hub.seed_keys(["a", "b"])
            hub.lock_key("a")
            hub.edit_key("ci", roles=["User"])
            hub.delete_key("b")
            hub.add_role("Extra", permissions=["Login"])
            hub.remove_role("Operator")
            known = (hub.check_value(value), hub.check_value(value, usable=True), "ci" in hub, "b" in hub)
            hub.go_down()
            hub.come_up()
            assert open_client(hub).get("/roles").status_code == 200
            return known, hub.keys(), hub.roles(), [(exchange.status, exchange.key_id) for exchange in hub.requests]

    assert use("cipherinsights") == use("other")


def test_a_database_is_of_no_dialect(tmp_path, open_client):
    with DevHub(database=tmp_path / "hub.db") as hub:
        value = hub.seed_key("ci", roles=["Unrestricted"])
        role_id = hub.roles()["Unrestricted"].role_id
    with DevHub(database=tmp_path / "hub.db", dialect="other") as hub:
        key = open_client(hub, value).get("/keys/ci").json()["data"]
        assert (key["role_ids"], hub.keys()["ci"]["roles"]) == ([role_id], ["Unrestricted"])


def test_many_keys_are_seeded_at_once(hub):
    values = hub.seed_keys((f"k{number}" for number in range(1000)), roles=["Operator"])
    assert len(set(values.values())) == 1000
    assert hub.check_value(values["k7"]) == "k7"


def test_tls_needs_both_files(tmp_path):
    with pytest.raises(ValueError, match="both"):
        DevHub(tls_cert=tmp_path / "cert.pem")


def test_a_missing_server_is_named_with_its_extra():
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "import keyspec.devhub\n"
        "try: keyspec.devhub.DevHub\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    assert "uvicorn" in done.stdout
    assert "pip install 'keyspec[devhub]'" in done.stdout


def test_it_imports_nothing_of_the_client_side():
    code = (
        "import sys, keyspec.devhub as d\n"
        "[getattr(d, name) for name in d.__all__]\n"
        "print(sorted(n for n in sys.modules if n.startswith('keyspec.') and not n.startswith(('keyspec.devhub', 'keyspec.version'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    assert done.stdout.strip() == "[]"


def _environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
