"""The least that can speak HTTP/1.1: one connection kept alive over a raw socket, the floor beneath every client."""

from __future__ import annotations

import socket
from contextlib import suppress

_CHUNK = 256 * 1024


class Wire:
    """One connection to this machine; it understands answers that have a content-length, and no others."""

    def __init__(self, port, headers=None):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._head = f" HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{lines}".encode()

    def send(self, method, target, body=b""):
        """Send a request; give the status and the body of its answer."""
        length = b"content-length: %d\r\n" % len(body) if body else b""
        self._socket.sendall(b"%s %s%s%s\r\n%s" % (method.encode(), target.encode(), self._head, length, body))
        data = self._receive()
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(rest) < length:
            rest += self._receive()
        return int(head[9:12]), rest

    def close(self):
        with suppress(OSError):
            self._socket.close()

    def _receive(self):
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data
