"""The way through a proxy: which one, as the operator or the spec says, and the tunnel it is asked for.

A proxy is asked for a tunnel to the hub (CONNECT) and for nothing else, for http too: no request goes to the proxy
itself, so it gets no key, no path and no header of ours but the one that proves who we are to it. Who that is stands in
the environment only; nothing here shows it.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from keyspec.errors import HubError
from keyspec.secret import Secret
from keyspec.spec import check_proxy
from keyspec.tls import explain_failure, find_system_error, is_passing

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    import httpcore

_PORTS: Final = {"https": 443, "http": 80}
_PLACE: Final = re.compile(r"(?:\[(?P<six>[^\]]*)\](?P<bits>/[0-9]+)?|(?P<name>[^:]*))(?::(?P<port>[0-9]{1,5}))?")
_MOST_HEAD_BYTES: Final = 64 * 1024
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_END: Final = re.compile(rb"\r?\n\r?\n")
_PASSING: Final = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and where it is named; `login` is `user:password`. With `https`, `tls` judges its own certificate."""

    scheme: str
    host: str
    port: int
    source: str
    login: Secret | None = None
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.scheme}://{_join(self.host, self.port)} ({self.source})"


def parse_proxy(text: str, source: str) -> Proxy:
    """Read the URL of a proxy, http where it has no scheme; `source` is what names it.

    Raises:
        HubError: it is none; the message holds nothing of it.
    """
    scheme, _, rest = text.strip().rpartition("://")
    userinfo, _, place = rest.rpartition("@")
    try:
        parts = urlsplit(check_proxy(f"{scheme.lower() or 'http'}://{place}"))
    except ValueError as error:
        raise HubError(f"{source} is no proxy that can be used: {error}") from None
    login = None if userinfo in ("", ":") else Secret(_read_login(userinfo, source))
    return Proxy(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme], source, login)


def choose_proxy(url: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Give the environment's proxy for a URL, and the variable that names it; None where there is to be none.

    A variable that is empty is not set, nor is HTTP_PROXY where a web server runs us as CGI: there it is a header of
    whoever asks. `no_proxy` lists names, each with all below it, addresses, networks and `*`, any of them with a port;
    the beginning of an address (`10.`) is none of these.
    """
    parts = urlsplit(url)
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if (text := environ.get(variable)) and not (variable == "HTTP_PROXY" and "REQUEST_METHOD" in environ):
                exempt = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
                port = parts.port or _PORTS[parts.scheme]
                return None if _is_exempt(parts.hostname or "", port, exempt) else (text, variable)
    return None


def open_tunnels(tls: ssl.SSLContext, proxy: Proxy, clock: Callable[[], float]) -> httpcore.ConnectionPool:
    """Give one connection to hubs through a proxy; `tls` judges the hub."""
    import httpcore

    backend: Any = Tunnel(proxy, clock)
    return httpcore.ConnectionPool(
        ssl_context=tls, max_connections=1, max_keepalive_connections=1, network_backend=backend
    )


class Tunnel:
    """A way through a proxy, in place of httpcore's way to the network; what it raises, it words itself.

    A failure that may pass has a system's error at its root, of a connection or of time (`tls.is_passing`).
    """

    def __init__(self, proxy: Proxy, clock: Callable[[], float]) -> None:
        self._proxy = proxy
        self._clock = clock

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> httpcore.NetworkStream:
        """Connect to a hub; ConnectError and ConnectTimeout are the proxy's, ProxyError says what it did instead."""
        import httpcore

        proxy = self._proxy
        stream: httpcore.NetworkStream = httpcore.SyncBackend().connect_tcp(proxy.host, proxy.port, timeout, **options)
        try:
            if proxy.tls is not None:
                stream = self._shake_hands(stream, proxy.tls, timeout)
            stream.write(self._ask_for(_join(host, port)), timeout)
            self._hear(stream, timeout)
        except (httpcore.ReadTimeout, httpcore.WriteTimeout):
            stream.close()
            raise httpcore.ProxyError("gave no answer in time") from None
        except (httpcore.ReadError, httpcore.WriteError):
            stream.close()
            raise httpcore.ProxyError("closed the connection") from None
        except OSError as error:
            stream.close()
            raise httpcore.ProxyError(str(error)) from error
        except BaseException:
            stream.close()
            raise
        return stream

    def _shake_hands(
        self, stream: httpcore.NetworkStream, tls: ssl.SSLContext, timeout: float | None
    ) -> httpcore.NetworkStream:
        import httpcore

        try:
            return stream.start_tls(tls, self._proxy.host, timeout)
        except httpcore.ConnectError as error:
            cause = find_system_error(error)
            words = explain_failure(cause) if cause is not None else "no TLS"
            broken = "broke the connection" if is_passing(cause) else "cannot be trusted"
            raise httpcore.ProxyError(f"{broken}: {words}") from None

    def _ask_for(self, place: str) -> bytes:
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if self._proxy.login is not None:
            coded = base64.b64encode(self._proxy.login.reveal().encode(errors="surrogateescape")).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {coded}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _hear(self, stream: httpcore.NetworkStream, timeout: float | None) -> None:
        import httpcore

        head, ends = b"", self._clock() + (timeout or 0.0)
        while (end := _END.search(head)) is None:
            if b"\n" in head and not _STATUS_LINE.match(head):
                raise httpcore.ProxyError("gave an answer that is not HTTP")
            if len(head) > _MOST_HEAD_BYTES:
                raise httpcore.ProxyError("gave an answer that does not end")
            if self._clock() > ends:
                raise TimeoutError("gave no answer in time")
            part = stream.read(_MOST_HEAD_BYTES, timeout)
            if not part:
                raise ConnectionAbortedError("gave no answer, or broke off")
            head += part
        self._judge(head[: end.end()], rest=head[end.end() :])

    def _judge(self, head: bytes, *, rest: bytes) -> None:
        import httpcore

        line = _STATUS_LINE.match(head)
        if line is None:
            raise httpcore.ProxyError("gave an answer that is not HTTP")
        status = int(line[1])
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            known = self._proxy.login is not None
            asked = "does not accept the user and password" if known else "wants a user and a password"
            raise httpcore.ProxyError(f"{asked} (407): only a variable can hold them, as http://USER:PASSWORD@HOST")
        if not 200 <= status <= 299:  # noqa: PLR2004 - success
            answered = f"did not connect to the hub: it answered {status}"
            raise ConnectionRefusedError(answered) if status in _PASSING else httpcore.ProxyError(answered)
        if rest:  # the hub speaks when it is spoken to
            raise httpcore.ProxyError("said more than that it is connected")


def _read_login(userinfo: str, source: str) -> str:
    """Give `user:password`; bytes that are no UTF-8 stand in it as Python has them in the environment."""
    user, _, password = (unquote(part, errors="surrogateescape") for part in userinfo.partition(":"))
    login = f"{user}:{password}"
    try:
        login.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise HubError(f"{source} is no proxy that can be used: its user or password cannot be sent") from None
    return login


def _is_exempt(host: str, port: int, listed: str) -> bool:
    return any(_is_named(host, port, entry) for entry in re.split(r"[\s,]+", listed.lower()) if entry)


def _is_named(host: str, port: int, entry: str) -> bool:
    """Tell whether an entry of `no_proxy` means a host."""
    split = _PLACE.fullmatch(entry)  # None for an IPv6 address without brackets
    name = entry if split is None else (split["six"] or "") + (split["bits"] or "") or split["name"] or ""
    if split is not None and split["port"] and int(split["port"]) != port:
        return False
    if name == "*":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name, host = name.removeprefix("*").strip("."), host.rstrip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    with suppress(ValueError):
        return address in ipaddress.ip_network(name, strict=False)
    return False


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
