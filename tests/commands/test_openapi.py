from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

ODD = b'{"openapi": "3.1.0", "paths": {}, "x": 1e999}'


class Odd(BaseHTTPRequestHandler):
    """A hub that has one answer for everything."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ODD)))
        self.end_headers()
        self.wfile.write(ODD)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def odd_url():
    with HTTPServer(("127.0.0.1", 0), Odd) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_document_is_written_as_the_hub_sent_it_or_shown_so_that_nothing_obeys_it(folder):
    ran = folder.run("openapi", "--hub", "lab", "--out", "hub.json")
    assert (ran.code, ran.out) == (0, "")
    next_command = "keyspec contract check --openapi hub.json --hub lab"
    assert ran.err == f"keyspec: wrote hub.json; hold your contract against it with: {next_command}\n"
    shown = folder.run("openapi", "-q")
    assert (shown.code, shown.err) == (0, "")
    assert json.loads(shown.out) == json.loads((folder.path / "hub.json").read_bytes())
    assert json.loads(shown.out)["openapi"] == "3.1.0"
    assert folder.writes == []


def test_a_hub_that_does_not_give_it_is_1(folder):
    ran = folder.run("openapi", LAB_KEY="wrong")
    assert ran.code == 1
    assert "lab: openapi: answered 401" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hub", "prod"], "there is no such hub; there are lab, two"),
        ([], "say which hub: --hub NAME; there are lab, two"),
    ],
)
def test_a_hub_that_is_not_there_or_not_named_is_64(folder, words, said):
    hub = f'{{url: "{folder.hub.url}", auth: "env:LAB_KEY", auth_key_id: keyspec_ci}}'
    folder.spec(f"keyspec: 1\nhubs: {{two: {hub}, lab: {hub}}}\n")
    ran = folder.run("openapi", *words)
    assert ran.code == 64
    assert said in ran.err
    assert folder.hub.requests == []


def test_a_file_that_cannot_be_written_is_64(folder):
    assert folder.run("openapi", "--out", "no/such/folder.json").code == 64


def test_an_invalid_spec_is_5(folder):
    folder.spec("keyspec: 2\n")
    assert folder.run("openapi").code == 5


def test_a_number_that_cannot_be_shown_is_1_and_can_still_be_written(folder, odd_url):
    folder.spec(f'keyspec: 1\nhubs: {{lab: {{url: "{odd_url}", auth: "env:LAB_KEY", auth_key_id: keyspec_ci}}}}\n')
    ran = folder.run("openapi")
    assert (ran.code, ran.out) == (1, "")
    assert "a number that is too large to be shown; --out writes it as it is" in ran.err
    assert folder.run("openapi", "--out", "hub.json").code == 0
    assert (folder.path / "hub.json").read_bytes() == ODD
