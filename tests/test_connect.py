from __future__ import annotations

import resource

import httpx
import pytest
from builders import spec_of
from fakes.hub import CREDENTIAL, FakeHub

from keyspec.connect import Connections, make_room
from keyspec.errors import HubError, KeyspecError

TWO = "hubs:\n" + "".join(
    f'  {name}: {{url: "https://{name}.example", auth: "env:HUB_KEY", auth_key_id: own}}\n' for name in ("one", "two")
)


def connect(fake=None, **environ):
    transport = httpx.MockTransport((fake or FakeHub()).handle)
    return Connections(environ={"HUB_KEY": CREDENTIAL} | environ, transport=transport)


def test_a_hub_is_opened_once_with_the_credential_its_reference_names():
    fake, desired = FakeHub(), spec_of(TWO)
    fake.add("ci_a")
    connections = connect(fake)
    hub = connections.open(desired.hubs["one"])
    assert hub is connections.open(desired.hubs["one"])
    assert hub is not connections.open(desired.hubs["two"])
    assert [key.key_id for key in hub.list_keys()] == ["ci_a"]
    assert fake.requests[0].headers["x-api-key"] == CREDENTIAL
    connections.close()


def test_a_credential_file_lies_beside_the_file_that_names_it(tmp_path):
    (tmp_path / "credential").write_text(f"{CREDENTIAL}\n")
    path = tmp_path / "credential"
    fake, desired = FakeHub(), spec_of(TWO.replace("env:HUB_KEY", f"file:{path}"))
    assert connect(fake).open(desired.hubs["one"]).list_keys() == ()


@pytest.mark.parametrize("reference", ["env:NOT_SET", "file:/not/there", "exec:./program"])
def test_a_reference_that_cannot_be_resolved_is_an_error_without_a_request(reference):
    fake, desired = FakeHub(), spec_of(TWO.replace("env:HUB_KEY", reference))
    with pytest.raises(KeyspecError):
        connect(fake).open(desired.hubs["one"])
    assert fake.requests == []


def test_a_ca_file_that_is_none_is_an_error(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    tls = f', tls: {{ca_file: "{tmp_path}/ca.pem"}}}}'
    desired = spec_of(TWO.replace("own}", f"own{tls}"))
    with pytest.raises(HubError, match="tls"):
        connect().open(desired.hubs["one"])


PROXY = {"HTTPS_PROXY": "http://user:hush@p.test:3128"}


@pytest.mark.parametrize(
    ("fields", "environ", "shown"),
    [
        ("", {}, "None"),
        ("", PROXY, "http://p.test:3128 (HTTPS_PROXY)"),
        ("", PROXY | {"NO_PROXY": "example"}, "None"),
        (', proxy: "http://q.test:1"', PROXY, "http://q.test:1 (`proxy`)"),
        (', proxy: "http://q.test:1"', PROXY | {"NO_PROXY": "*"}, "http://q.test:1 (`proxy`)"),
        (', proxy: "https://q.test"', {}, "https://q.test:443 (`proxy`)"),
    ],
)
def test_a_hubs_own_proxy_goes_before_the_environments(fields, environ, shown):
    desired = spec_of(TWO.replace("own}", f"own{fields}}}"))
    proxy = connect(**environ).find_proxy(desired.hubs["one"])
    assert str(proxy) == shown
    assert proxy is None or (proxy.tls is not None) is (proxy.scheme == "https")


def test_a_proxy_that_cannot_be_used_is_an_error_before_a_request_and_no_matter_on_loopback():
    fake, desired = FakeHub(), spec_of(TWO)
    with pytest.raises(HubError, match="HTTPS_PROXY is no proxy"):
        connect(fake, HTTPS_PROXY="socks5://p.test").open(desired.hubs["one"])
    assert fake.requests == []
    desired = spec_of(TWO.replace("https://one.example", "https://127.0.0.1"))
    assert connect(fake, HTTPS_PROXY="socks5://p.test").find_proxy(desired.hubs["one"]) is None


def test_what_was_opened_is_told_by_name():
    desired, connections = spec_of(TWO), connect()
    for name in ("two", "one"):
        connections.open(desired.hubs[name])
    assert [hub.name for hub in connections.opened] == ["one", "two"]


def test_hubs_with_the_same_tls_settings_share_one_context_and_those_without_tls_another():
    more = "".join(f'  {name}: {{url: "http://127.0.0.1:9", auth: "env:HUB_KEY", auth_key_id: own}}\n' for name in "ab")
    desired = spec_of(TWO + more)
    connections = connect()
    hubs = {name: connections.open(hub) for name, hub in desired.hubs.items()}
    assert len(connections._contexts) == 2
    assert hubs["one"]._transport._tls is hubs["two"]._transport._tls
    assert hubs["a"]._transport._tls is hubs["b"]._transport._tls


def test_a_hub_is_asked_by_as_many_at_once_as_its_spec_says():
    desired = spec_of(TWO.replace("auth_key_id: own}", "auth_key_id: own, concurrency: 3}"))
    assert connect().open(desired.hubs["one"])._pace._most == 3


@pytest.mark.parametrize(("count", "kept"), [(64, True), (65, False)])
def test_connections_rest_only_where_many_hubs_are_open(count, kept):
    hubs = "".join(
        f'  h{number}: {{url: "http://127.0.0.1:9", auth: "env:HUB_KEY", auth_key_id: own}}\n'
        for number in range(count)
    )
    desired, closed = spec_of("hubs:\n" + hubs), []
    connections = connect()
    for hub in desired.hubs.values():
        connections.open(hub)
    idle = httpx.MockTransport(lambda _: None)
    idle.close = lambda: closed.append(1)
    opened = connections.open(desired.hubs["h7"])
    opened._transport._idle.append(idle)
    connections.rest("h7")
    connections.rest("no hub that is open")
    assert closed == ([] if kept else [1])
    connections.close()
    assert closed == [1]


def test_as_many_files_may_be_open_as_the_system_allows():
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, most), most))
        make_room()
        wanted = 8192 if most == resource.RLIM_INFINITY else min(8192, most)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        make_room()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (least, most))
