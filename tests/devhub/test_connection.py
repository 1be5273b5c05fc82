import socket

import httpx
import pytest

from keyspec.devhub import parse_faults


def test_a_drop_ends_by_fin_and_a_reset_by_rst(hub):
    hub.set_knobs(faults=parse_faults("* ** 1 before:drop", "* ** 2 before:reset"))
    port = int(hub.url.rpartition(":")[2])
    request = b"GET /api/v1/roles HTTP/1.1\r\nhost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as dropped:
        dropped.sendall(request)
        assert dropped.recv(100) == b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as reset:
        reset.sendall(request)
        with pytest.raises(ConnectionResetError):
            reset.recv(100)


def test_other_connections_stay(hub, api, open_client):
    assert api.get("/roles").status_code == 200
    hub.set_knobs(faults=parse_faults("* ** 1 before:reset"))
    with pytest.raises(httpx.ReadError):
        open_client(hub).get("/roles")
    assert api.get("/roles").status_code == 200


def test_what_is_no_http_does_not_end_the_hub(hub, api):
    port = int(hub.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as stranger:
        stranger.sendall(b"\x00\x01nonsense\r\n\r\n")
        assert b"400" in stranger.recv(1000)
    assert api.get("/roles").status_code == 200
