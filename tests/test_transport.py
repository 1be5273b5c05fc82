"""Against real sockets on loopback: what no mock can show."""

from __future__ import annotations

import base64
import gzip
import logging
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from keyspec.proxy import parse_proxy
from keyspec.tls import trust_nobody
from keyspec.transport import MAX_ANSWER_BYTES, Answer, Broken, Transport

OK = b"HTTP/1.1 200 OK\r\ncontent-type: Application/JSON; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}"
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"


@contextmanager
def serving(*scripts, connections=None):
    """Serve one script per connection: bytes are sent, numbers are pauses in seconds; then the connection closes."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def run():
        for script in scripts:
            peer, _ = listener.accept()
            with peer:
                for part in script:
                    if part == "read":
                        seen.append(peer.recv(65536))
                    elif isinstance(part, bytes):
                        try:
                            peer.sendall(part)
                        except OSError:
                            break
                    else:
                        time.sleep(part)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x", seen
    finally:
        listener.close()
        thread.join(5)


def send(url, *, timeout_s=2.0, body=b"", headers=None, method="GET", **options):
    transport = Transport(timeout_s=timeout_s, clock=time.monotonic, **options)
    try:
        return transport.send(method, url, headers or {}, body)
    finally:
        transport.close()


def test_an_answer_is_read_whole():
    with serving(["read", OK]) as (url, seen):
        assert send(url, headers={"x-api-key": "k"}) == Answer(200, "application/json", None, b"{}")
    assert b"x-api-key: k" in seen[0]


def test_a_connection_is_used_again():
    with serving(["read", OK, "read", OK]) as (url, seen):
        transport = Transport(timeout_s=2, clock=time.monotonic)
        assert isinstance(transport.send("GET", url, {}, b""), Answer)
        assert isinstance(transport.send("POST", url, {}, b"{}"), Answer)
        transport.close()
    assert len(seen) == 2


def test_after_a_rest_a_new_connection_is_opened_and_kept_again():
    with serving(["read", OK, "read"], ["read", OK, "read", OK]) as (url, seen):
        transport = Transport(timeout_s=2, clock=time.monotonic)
        assert isinstance(transport.send("GET", url, {}, b""), Answer)
        transport.rest()
        assert transport._idle == []
        for _ in range(2):
            assert isinstance(transport.send("GET", url, {}, b""), Answer)
        transport.close()
    assert [bool(read) for read in seen] == [True, False, True, True]  # the first was closed, not left to be


def test_a_rest_leaves_a_request_under_way_alone():
    with serving(["read", 0.3, OK, "read", OK]) as (url, seen):
        transport = Transport(timeout_s=2, clock=time.monotonic)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(transport.send("GET", url, {}, b"")))
        thread.start()
        while not seen:
            time.sleep(0.001)
        transport.rest()
        thread.join()
        answers.append(transport.send("GET", url, {}, b""))
        transport.close()
    assert [answer.status for answer in answers] == [200, 200]


def test_redirects_are_not_followed_and_cookies_not_kept():
    away = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    with serving(["read", away, "read", OK]) as (url, seen):
        transport = Transport(timeout_s=2, clock=time.monotonic)
        first = transport.send("GET", url, {}, b"")
        assert isinstance(first, Answer)
        assert first.status == 302
        transport.send("GET", url, {}, b"")
        transport.close()
    assert b"cookie" not in seen[1].lower()


def test_the_environment_changes_nothing(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(["read", OK]) as (url, seen):
        assert isinstance(send(url), Answer)
    assert b"authorization" not in seen[0].lower()


def test_a_proxy_that_is_given_is_asked_for_a_tunnel_and_nothing_else():
    with serving(["read", TUNNEL, "read", OK]) as (url, seen):
        proxy = parse_proxy(url.removesuffix("/x"), "HTTP_PROXY")
        assert isinstance(send("http://hub.example.com/y", proxy=proxy, headers={"x-api-key": "k"}), Answer)
    assert seen[0] == b"CONNECT hub.example.com:80 HTTP/1.1\r\nHost: hub.example.com:80\r\n\r\n"
    assert seen[1].startswith(b"GET /y HTTP/1.1\r\n")
    assert b"x-api-key: k" in seen[1]


def test_a_tunnel_is_used_again():
    with serving(["read", TUNNEL, "read", OK, "read", OK]) as (url, seen):
        proxy = parse_proxy(url.removesuffix("/x"), "HTTP_PROXY")
        transport = Transport(timeout_s=2, clock=time.monotonic, proxy=proxy)
        for _ in range(2):
            assert isinstance(transport.send("GET", "http://hub.example.com/y", {}, b""), Answer)
        transport.close()
    assert [read.split()[0] for read in seen] == [b"CONNECT", b"GET", b"GET"]


HTML = b"content-type: text/html\r\ncontent-length: 21\r\n\r\n<html>No\r\n\r\nNo</html>"


@pytest.mark.parametrize(
    ("script", "failure", "words"),
    [
        (["read"], "refused", "gave no answer, or broke off"),
        (["read", b"HTTP/1.1 200 OK\r\n"], "refused", "gave no answer, or broke off"),
        (["read", b"SSH-2.0-x\r\n\r\n"], "unsent", "not HTTP"),
        (["read", b"SSH-2.0-x\n", 1.0], "unsent", "not HTTP"),
        (["read", b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000, 1.0], "unsent", "gave an answer that does not end"),
        (["read", TUNNEL + b"x"], "unsent", "said more than that it is connected"),
        (["read", b"HTTP/1.1 502 No\r\n\r\n"], "refused", "answered 502"),
        (["read", b"HTTP/1.1 503 No\r\n" + HTML], "refused", "answered 503"),
        (["read", b"HTTP/1.1 504 No\r\n\r\n"], "refused", "answered 504"),
        (["read", b"HTTP/1.1 500 No\r\n\r\n"], "unsent", "answered 500"),
        (["read", b"HTTP/1.1 403 No\r\n" + HTML], "unsent", "answered 403"),
        (["read", b"HTTP/1.1 403 No\r\n" + HTML, 1.0], "unsent", "answered 403"),
        (["read", b"HTTP/1.1 407 No\r\n" + HTML], "unsent", "(407)"),
        (["read", b"HTTP/1.1 407 No\r\n" + HTML, 1.0], "unsent", "(407)"),
        (["read", b"HTTP/1.1 403 No\nserver: x\n\n<html>", 1.0], "unsent", "answered 403"),
        (["read", b"HTTP/1.1 302 No\r\nlocation: http://127.0.0.1:9/\r\n\r\n"], "unsent", "answered 302"),
        (["read", 1.0], "refused", "gave no answer in time"),
        (["read", b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n", 0.1] * 12], "refused", "gave no answer in time"),
    ],
)
def test_a_proxy_that_gives_no_tunnel_means_that_nothing_was_sent(script, failure, words):
    with serving(script) as (url, seen):
        proxy = parse_proxy(url.removesuffix("/x").replace("//", "//user:hush@"), "ALL_PROXY")
        result = send("http://hub.example.com/y", proxy=proxy, timeout_s=0.4, method="POST", body=b"v4lue")
    assert isinstance(result, Broken)
    assert words in result.reason
    assert result.failure == failure
    assert f"the proxy {url.removesuffix('/x')} (ALL_PROXY)" in result.reason
    assert "hush" not in f"{result.reason}{result.cause!r}"
    assert b"v4lue" not in b"".join(seen)


def test_a_proxy_whose_head_ends_with_line_feeds_alone_is_understood():
    with serving(["read", TUNNEL.replace(b"\r", b""), "read", OK]) as (url, _):
        proxy = parse_proxy(url.removesuffix("/x"), "ALL_PROXY")
        assert isinstance(send("http://hub.example.com/y", proxy=proxy), Answer)


def test_a_proxy_is_told_a_password_of_any_bytes():
    with serving(["read", TUNNEL, "read", OK]) as (url, seen):
        proxy = parse_proxy(url.removesuffix("/x").replace("//", "//u:\udcffh%FEush@"), "ALL_PROXY")
        assert isinstance(send("http://hub.example.com/y", proxy=proxy), Answer)
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"u:\xffh\xfeush") in seen[0]


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (["read"], "lost"),
        (["read", OK[:-1]], "lost"),
        (["read", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"], "lost"),
        (["read", b"\x00garbage\r\n\r\n"], "lost"),
        (["read", b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx"], "unusable"),
        (["read", b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx"], "unusable"),
        (["read", 1.0], "timeout"),
    ],
)
def test_a_broken_answer_is_named(script, failure):
    with serving(script) as (url, _):
        result = send(url, timeout_s=0.4)
    assert isinstance(result, Broken)
    assert result.failure == failure


def test_nobody_there_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    result = send(url)
    assert isinstance(result, Broken)
    assert (result.failure, result.reason) == ("refused", "no connection: Connection refused")
    assert isinstance(result.cause, ConnectionRefusedError)


def test_an_answer_that_drips_ends():
    drip = [b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"] + [b"x", 0.1] * 60
    with serving(["read", *drip]) as (url, _):
        result = send(url, timeout_s=0.3)
    assert isinstance(result, Broken)
    assert result.failure == "timeout"


def test_gzip_is_read():
    packed = gzip.compress(b'{"a": 1}')
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    with serving(["read", head + packed]) as (url, _):
        result = send(url)
    assert isinstance(result, Answer)
    assert result.body == b'{"a": 1}'


def test_a_bomb_is_not_unpacked():
    packed = gzip.compress(gzip.compress(bytes(2 * MAX_ANSWER_BYTES), 9), 9)
    bomb = gzip.compress(bytes(MAX_ANSWER_BYTES + 1), 9)
    for body, failure in ((bomb, Broken), (packed, Answer)):
        inner = httpx.MockTransport(
            lambda _request, body=body: httpx.Response(
                200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(body)
            )
        )
        result = send("https://hub.example.com/", inner=inner)
        assert isinstance(result, failure)


def test_a_plain_answer_beyond_the_limit_is_cut():
    sent = []

    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            while len(sent) < 1000:
                sent.append(1)
                yield bytes(1 << 20)

    inner = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Endless()))
    result = send("https://hub.example.com/", inner=inner)
    assert isinstance(result, Broken)
    assert "64 MiB" in result.reason
    assert len(sent) == 65


def test_threads_have_a_connection_each():
    with serving(*[["read", 0.2, OK]] * 4) as (url, seen):
        transport = Transport(timeout_s=5, clock=time.monotonic)
        threads = [threading.Thread(target=transport.send, args=("GET", url, {}, b"")) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        transport.close()
    assert len(seen) == 4


def test_no_log_holds_a_header_a_body_or_a_url(caplog):
    caplog.set_level(logging.INFO)
    with serving(["read", OK]) as (url, _):
        send(url, method="POST", headers={"x-api-key": "cr3dential"}, body=b"v4lue")
    assert caplog.text == ""


@pytest.mark.parametrize("level", [logging.DEBUG, 1])
def test_even_the_wire_log_holds_neither_credential_nor_body(caplog, level):
    caplog.set_level(level)
    with serving(["read", OK.replace(b"\r\n", b"\r\nx-echo: cr3dential\r\n", 1)]) as (url, _):
        send(url, method="POST", headers={"x-api-key": "cr3dential"}, body=b"v4lue")
    assert "cr3dential" not in caplog.text
    assert "v4lue" not in caplog.text


def test_no_broken_answer_carries_the_request():
    with serving(["read"]) as (url, _):
        result = send(url, headers={"x-api-key": "cr3dential"}, method="POST", body=b"v4lue")
    assert isinstance(result, Broken)
    assert result.cause is None or (result.cause.__traceback__ is None and result.cause.__context__ is None)


def test_without_a_context_no_certificate_is_trusted():
    with serving(["read", b"\x15\x03\x01\x00\x02\x02\x28"]) as (url, _):
        result = send(url.replace("http:", "https:"))
    assert isinstance(result, Broken)
    assert result.failure == "unsent"


@pytest.mark.parametrize("tunnelled", [False, True])
def test_a_connection_that_ends_in_the_handshake_is_no_connection_for_now(tunnelled):
    with serving(["read", *([TUNNEL, "read"] if tunnelled else [])]) as (url, _):
        proxy = parse_proxy(url.removesuffix("/x"), "ALL_PROXY") if tunnelled else None
        result = send("https://hub.test/" if proxy else url.replace("http:", "https:"), proxy=proxy, method="POST")
    assert isinstance(result, Broken)
    assert result.failure == "refused"
    assert result.reason.startswith("no connection")
    assert result.reason.endswith(": the other side closed the connection in the middle of TLS")


def test_a_proxy_that_ends_its_own_handshake_is_no_connection_for_now():
    with serving(["read"]) as (url, _):
        proxy = parse_proxy(url.removesuffix("/x").replace("http:", "https:"), "ALL_PROXY")
        result = send("https://hub.test/", proxy=replace(proxy, tls=trust_nobody()))
    assert isinstance(result, Broken)
    assert result.failure == "refused"
    assert "(ALL_PROXY) broke the connection: the other side closed" in result.reason


class Alarming(httpx.BaseTransport):
    """Answers so often, and then, when the next request is sent, an alert comes, as at the end of a handshake."""

    def __init__(self, answers):
        self.left = answers

    def handle_request(self, request):
        self.left -= 1
        if self.left >= 0:
            return httpx.Response(200, stream=httpx.ByteStream(b"{}"))
        alert = ssl.SSLError(1, "[SSL] alert")
        alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
        raise httpx.ReadError("alert", request=request) from alert


def test_an_alert_means_that_nothing_was_sent_only_where_nothing_was_answered_before(monkeypatch):
    opened = iter([1, 0, 0])
    monkeypatch.setattr(httpx, "HTTPTransport", lambda **_: Alarming(next(opened)))
    transport = Transport(timeout_s=2, clock=time.monotonic)
    results = [transport.send("POST", "https://hub.test/", {}, b"{}") for _ in range(4)]
    assert [getattr(result, "failure", None) for result in results] == [None, "reset", "unsent", "unsent"]
    assert "tls.client_cert" in results[1].reason


def test_httpx_comes_without_its_command_line():
    code = (
        "import sys, keyspec.transport\n"
        "assert 'httpx' in sys.modules and 'rich' not in sys.modules and 'click' not in sys.modules\n"
        "assert 'httpx._main' not in sys.modules\n"
        "import httpx._main, rich"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("host", ["256.1.1.1", "xn--", "xn--a", "[v1.a]", "\u200b"])
def test_a_host_that_none_can_be_is_nothing_sent(host):
    assert send(f"https://{host}/x", method="POST").failure == "unsent"
