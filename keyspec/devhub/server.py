"""A uvicorn server on a thread of its own, on a socket that is open before it starts.

Rules:

* The socket is bound by the caller's thread, so the port is known, and a taken port or a wrong
  certificate is an exception there, not a log line elsewhere.
* Stopping is quick and complete: sockets are closed, connections aborted, tasks cancelled and
  awaited, the thread joined. Requests that wait (latency, hang) are not waited for.
* Uvicorn's own waiting (a tick of 0.1 s at the start, in the middle and at the end) is replaced by
  one event; nothing else of it is.
* No signal handler is installed: a server in a thread cannot have one (see `serving`).
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from keyspec.devhub.connection import Connection

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_BACKLOG = 1024
_KEEP_ALIVE_S = 75
_START_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for HTTPS; with `client_ca` every client needs a certificate of it."""

    cert: Path
    key: Path
    client_ca: Path | None = None


class Server:
    """One application on one socket, until it is stopped."""

    def __init__(self, app: "ASGIApp", *, host: str, port: int, tls: Tls | None = None) -> None:
        """Bind the socket, start the thread, and return when requests are accepted."""
        config = _build_config(app, tls)
        config.load()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        # Accepted sockets inherit it; asyncio sets it only on sockets made with an explicit protocol number.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._uvicorn = _EventServer(config)
        self._thread = threading.Thread(target=self._run, name=f"devhub-{self.port}", daemon=True)
        self._thread.start()
        if not self._uvicorn.ready.wait(_START_TIMEOUT_S):
            raise TimeoutError(f"the devhub on port {self.port} did not start")

    def stop(self) -> None:
        """Stop, whatever is in flight; may be called twice."""
        self._uvicorn.request_stop()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._uvicorn.serve(sockets=[self._socket]))


class _EventServer(uvicorn.Server):
    """A uvicorn server that waits for an event instead of looking at a flag ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    def request_stop(self) -> None:
        """Ask the server to stop, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    async def main_loop(self) -> None:
        """Serve until asked to stop."""
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        await self._stop.wait()

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """End everything at once."""
        for server in self.servers:
            server.close()
        for opened in sockets or ():
            opened.close()
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        tasks = tuple(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()


def _build_config(app: "ASGIApp", tls: Tls | None) -> uvicorn.Config:
    asks_client = tls is not None and tls.client_ca is not None
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        ssl_certfile=tls.cert if tls else None,
        ssl_keyfile=tls.key if tls else None,
        ssl_ca_certs=tls.client_ca if tls else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if asks_client else ssl.CERT_NONE,
    )
