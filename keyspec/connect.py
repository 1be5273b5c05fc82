"""How a hub of the spec becomes one that can be asked: its credential, its TLS settings, the way there, its pace.

References are resolved here and nowhere else, and only for hubs that are about to be read. Many hubs are a matter of
open files, too: one for each connection.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from keyspec.disk import beside
from keyspec.hub import Endpoint, Hub
from keyspec.pace import World
from keyspec.proxy import choose_proxy, parse_proxy
from keyspec.secret import parse_reference
from keyspec.settings import resolve_reference
from keyspec.spec import Tls, is_loopback
from keyspec.tls import make_tls, trust_nobody

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import httpx

    from keyspec.desired import DesiredHub
    from keyspec.proxy import Proxy
    from keyspec.secret import Secret

_KEPT: Final = 64
"""So many hubs keep their connections from being read to being applied: it saves them another handshake. The others
close theirs, for all would not fit under 256 open files, the least that systems start with."""
_OPEN_FILES: Final = 8192
"""The most hubs that may be under way at once, with their usual 8 connections each, twice over."""


@dataclass(frozen=True, slots=True)
class Connections:
    """All hubs opened in one run; they share one TLS context for each distinct setting, and one for no TLS.

    `environ` is what `env:` references read; `world` has the clocks, and the event that ends all waiting at once;
    `transport` takes the place of the network in tests.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    world: World = field(default_factory=World)
    transport: httpx.BaseTransport | None = None
    _contexts: dict[Tls | None, ssl.SSLContext] = field(default_factory=dict)
    _hubs: dict[str, Hub] = field(default_factory=dict)
    _targets: dict[str, DesiredHub] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def open(self, target: DesiredHub) -> Hub:
        """Give the client of a hub, the same one each time.

        Raises:
            KeyspecError: if its reference cannot be resolved, or a file of its TLS settings cannot be used.
        """
        with self._lock:
            known = self._hubs.get(target.name)
        if known is not None:
            return known
        hub = target.hub
        auth = None
        if target.contract.sends_key:
            auth = resolve_reference(
                parse_reference(hub.auth),
                file=target.connection,
                environ=self.environ,
                follow_links=not target.pinned,
            )
        opened = self._make(target, auth)
        with self._lock:
            self._targets[target.name] = target
            return self._hubs.setdefault(target.name, opened)

    @property
    def opened(self) -> tuple[DesiredHub, ...]:
        """The hubs that were opened, by name."""
        with self._lock:
            return tuple(target for _, target in sorted(self._targets.items()))

    def find_proxy(self, target: DesiredHub) -> Proxy | None:
        """Give the proxy on the way to a hub: the one declared for it, else the environment's; on loopback none.

        Raises:
            HubError: if it cannot be used.
        """
        hub = target.hub
        if is_loopback(hub.url):
            return None
        found = choose_proxy(hub.url, self.environ) if hub.proxy is None else (hub.proxy, "`proxy`")
        proxy = None if found is None else parse_proxy(*found)
        return replace(proxy, tls=self._share(Tls())) if proxy is not None and proxy.scheme == "https" else proxy

    def open_as(self, target: DesiredHub, value: Secret) -> Hub:
        """Give a client of a hub that asks with another key's value; it is the caller's to close."""
        return self._make(target, value)

    def rest(self, name: str) -> None:
        """Close a hub's connections, if many hubs are open; asked again, it opens new ones."""
        with self._lock:
            hub = self._hubs.get(name) if len(self._hubs) > _KEPT else None
        if hub is not None:
            hub.rest()

    def close(self) -> None:
        """Close every hub's connections."""
        with self._lock:
            hubs = tuple(self._hubs.values())
        for hub in hubs:
            hub.close()

    def _make(self, target: DesiredHub, auth: Secret | None) -> Hub:
        hub = target.hub
        endpoint = Endpoint(
            name=target.name,
            url=hub.url,
            timeout_s=hub.timeout,
            requests_per_second=hub.requests_per_second,
            concurrency=hub.concurrency,
            proxy=self.find_proxy(target),
            auth_key_ids=hub.auth_key_id,
        )
        return Hub(
            endpoint,
            target.contract,
            auth,
            tls=self._tls(target),
            world=self.world,
            transport=self.transport,
        )

    def _tls(self, target: DesiredHub) -> ssl.SSLContext:
        settings = None
        if target.hub.url.startswith("https:"):
            tls = target.hub.tls
            settings = replace(
                tls,
                ca_file=tls.ca_file and beside(target.connection, tls.ca_file),
                client_cert=tls.client_cert and beside(target.connection, tls.client_cert),
                client_key=tls.client_key and beside(target.connection, tls.client_key),
            )
        return self._share(settings)

    def _share(self, settings: Tls | None) -> ssl.SSLContext:
        with self._lock:
            if settings not in self._contexts:
                self._contexts[settings] = trust_nobody() if settings is None else make_tls(settings, self.environ)
            return self._contexts[settings]


def make_room() -> None:
    """Let this process open as many files as it may, up to what a large fleet takes."""
    import resource

    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(_OPEN_FILES, most)
    if least != resource.RLIM_INFINITY and least < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
