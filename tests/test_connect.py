from __future__ import annotations

import httpx
import pytest
from builders import spec_of
from fakes.hub import CREDENTIAL, FakeHub

from keyspec.connect import Connections
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


def test_hubs_with_the_same_tls_settings_share_one_context():
    desired = spec_of(TWO + '  http: {url: "http://127.0.0.1:9", auth: "env:HUB_KEY", auth_key_id: own}\n')
    connections = connect()
    for hub in desired.hubs.values():
        connections.open(hub)
    assert len(connections._contexts) == 1
