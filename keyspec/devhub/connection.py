"""How an ASGI application lets go of its socket: uvicorn's protocol with one extension more.

ASGI has no way to break a connection, and a hub that can only answer is no hub to test against.
The scope gets the extension `keyspec.hang_up`: a function that takes the way to end.

    CLOSE   what was written is still sent, then FIN: half an answer, or none
    RESET   what was not sent is thrown away, then RST

Rule: after hanging up an application waits for `http.disconnect` and returns without a word.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn._types import ASGI3Application

EXTENSION = "keyspec.hang_up"
_LINGER_NOT = struct.pack("ii", 1, 0)


class HangUp(Enum):
    """A way to end a connection."""

    CLOSE = "close"
    RESET = "reset"


class Connection(H11Protocol):
    """An HTTP/1.1 connection whose application may end it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Offer the extension to every request of this connection."""
        super().connection_made(transport)
        self.app = cast("ASGI3Application", _offer_hang_up(cast("ASGIApp", self.app), transport))


async def hang_up(scope: "Scope", receive: "Receive", how: HangUp) -> None:
    """End the connection of a request, and return once it has ended."""
    scope["extensions"][EXTENSION](how)
    while (await receive())["type"] != "http.disconnect":
        pass


def _offer_hang_up(app: "ASGIApp", transport: asyncio.Transport) -> "ASGIApp":
    async def call_app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        scope.setdefault("extensions", {})[EXTENSION] = _ender(transport)
        await app(scope, receive, send)

    return call_app


def _ender(transport: asyncio.Transport) -> Callable[[HangUp], None]:
    def end(how: HangUp) -> None:
        if how is HangUp.CLOSE:
            transport.close()
            return
        end_socket = transport.get_extra_info("socket")
        if end_socket is not None:
            end_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        transport.abort()

    return end
