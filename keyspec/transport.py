"""One request over the wire, within limits: the only module that knows httpx.

    send(method, url, headers, body) ──> Answer    the hub answered, whatever it said
                                     └─> Broken    it did not: what happened, as `retry` names it

Requests go straight to httpx's transports, below its client: there is nothing here that could follow a redirect,
keep a cookie, read netrc or the environment's proxies, or log a URL. A transport (one connection) serves one
request at a time; as many exist as requests were under way at once since the last `rest`. Measured: sharing a pool
between threads or sessions is slower.

Limits: 64 MiB an answer, decoded, counted as it arrives; one answer within 3 times timeout. An answer's text and
httpx's exceptions with their requests never leave: `Broken.reason` is made of our words and the system's.
"""

from __future__ import annotations

import logging
import ssl
import sys
import threading
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from keyspec.proxy import open_tunnels
from keyspec.tls import explain_failure, find_system_error, is_passing, is_refusal, trust_nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from keyspec.proxy import Proxy
    from keyspec.retry import Failure

# httpx imports its own command line, with rich and pygments: 60 ms nobody here needs. None in `sys.modules` makes
# that one import fail, which httpx provides for; the mark is taken back so that others can still import it.
_WITHOUT_CLI: Final = "httpx" not in sys.modules
if _WITHOUT_CLI:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
import httpx  # noqa: E402 - after the line above

if _WITHOUT_CLI:
    del sys.modules["httpx._main"]

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_TIMEOUTS_PER_ANSWER: Final = 3
_ONE_CONNECTION: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1)
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hub answered; `content_type` is lower case and without parameters."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes = field(repr=False)
    link: str | None = field(default=None, repr=False)
    etag: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Broken:
    """No whole answer: what happened, and in words that hold nothing of request or answer."""

    failure: Failure
    reason: str
    cause: Exception | None = None


class Transport:
    """The way to one origin; safe to use from several threads."""

    def __init__(
        self,
        *,
        timeout_s: float,
        clock: Callable[[], float],
        tls: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
        inner: httpx.BaseTransport | None = None,
    ) -> None:
        # At DEBUG httpcore logs the headers of answers, in which a hub may repeat a key.
        logging.getLogger("httpcore").setLevel(logging.INFO)
        self._timeout_s = timeout_s
        self._timeouts = httpx.Timeout(timeout_s).as_dict()
        self._clock = clock
        self._tls = tls if tls is not None else trust_nobody()
        self._proxy = proxy
        self._inner = inner
        self._lock = threading.Lock()
        self._idle: list[httpx.BaseTransport] = []
        self._closed = False

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer | Broken:
        """Send one request and read its answer whole."""
        try:
            request = httpx.Request(
                method, url, headers=headers, content=body or None, extensions={"timeout": self._timeouts}
            )
            _ = request.url.host  # read while connecting, too; an `xn--` label that is none shows only here
        except (httpx.InvalidURL, UnicodeError):
            return Broken("unsent", "no connection can be made to this URL")
        inner, answered = self._take()
        result: Answer | Broken | None = None
        try:
            result = self._exchange(inner, request)
        except httpx.HTTPError as error:
            result = _explain(error, self._proxy, answered=answered)
        finally:
            self._give_back(inner, usable=isinstance(result, Answer))
        return result

    def rest(self) -> None:
        """Close the connections that no request uses now; later requests open their own."""
        with self._lock:
            idle, self._idle = self._idle, []
        for inner in idle:
            inner.close()

    def close(self) -> None:
        """Close all connections; one still in use closes when its request ends."""
        with self._lock:
            self._closed = True
        self.rest()

    def _exchange(self, inner: httpx.BaseTransport, request: httpx.Request) -> Answer | Broken:
        ends = self._clock() + _TIMEOUTS_PER_ANSWER * self._timeout_s
        response = inner.handle_request(request)
        try:
            body = self._read(response, ends)
        finally:
            response.close()
        if isinstance(body, Broken):
            return body
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        told = response.headers
        return Answer(
            response.status_code, content_type, told.get("retry-after"), body, told.get("link"), told.get("etag")
        )

    def _read(self, response: httpx.Response, ends: float) -> bytes | Broken:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            return Broken("unusable", "the answer is encoded in a way that was not asked for")
        inflate = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
        parts: list[bytes] = []
        left = MAX_ANSWER_BYTES + 1
        for raw in _stream(response):
            try:
                part = inflate.decompress(raw, left) if inflate else raw
            except zlib.error:
                return Broken("unusable", "the answer is not the gzip it says it is")
            parts.append(part)
            left -= len(part)
            if left <= 0:
                return Broken("unusable", f"the answer is larger than {MAX_ANSWER_BYTES >> 20} MiB")
            if self._clock() > ends:
                return Broken("timeout", f"the answer took longer than {_TIMEOUTS_PER_ANSWER * self._timeout_s:g} s")
        if inflate is not None and parts and not inflate.eof:
            return Broken("lost", "the answer broke off")
        return b"".join(parts)

    def _take(self) -> tuple[httpx.BaseTransport, bool]:
        """Give a transport, and whether it has had an answer."""
        if self._inner is not None:
            return self._inner, True
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        opened = httpx.HTTPTransport(verify=self._tls, trust_env=False, limits=_ONE_CONNECTION)
        if self._proxy is not None:
            # httpx's own way through a proxy gives it requests to http hubs in full, and cannot name an IPv6 address.
            opened._pool = open_tunnels(self._tls, self._proxy, self._clock)  # noqa: SLF001
        return opened, False

    def _give_back(self, inner: httpx.BaseTransport, *, usable: bool) -> None:
        if inner is self._inner:
            return
        with self._lock:
            if usable and not self._closed:
                self._idle.append(inner)
                return
        inner.close()


def _stream(response: httpx.Response) -> Iterator[bytes]:
    if not isinstance(response.stream, httpx.SyncByteStream):
        raise TypeError("only streams that are not asynchronous can be read here")
    yield from response.stream


def _explain(error: httpx.HTTPError, proxy: Proxy | None, *, answered: bool) -> Broken:
    """Say what went wrong; `answered`: the hub has answered before where this was sent."""
    cause = find_system_error(error)
    words = f": {explain_failure(cause)}" if cause is not None else ""
    through = f" through the proxy {proxy}" if proxy is not None else ""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return Broken("unsent", f"no connection in time{through}", cause)
        case httpx.ConnectError() if isinstance(cause, ssl.SSLError) and not is_passing(cause):
            return Broken("unsent", f"no trust in the connection{through}{words}", cause)
        case httpx.NetworkError() if is_refusal(cause) and not answered:
            return Broken("unsent", f"no connection{through}{words}", cause)
        case httpx.ConnectError():
            return Broken("refused", f"no connection{through}{words}", cause)
        case httpx.ProxyError():
            return Broken("refused" if is_passing(cause) else "unsent", f"the proxy {proxy} {error}", cause)
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return Broken("unsent", "the request is not valid HTTP", cause)
        case httpx.TimeoutException():
            return Broken("timeout", f"no answer in time{through}", cause)
        case httpx.RemoteProtocolError():
            return Broken("lost", "the connection was closed in the middle, or the answer is not valid HTTP", cause)
    return Broken("reset", f"the connection broke{through}{words}", cause)
