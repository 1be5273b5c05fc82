"""Many hubs in one process, as fast as Python allows: what is measured is the client, not this.

    the first port     /reset: every hub as it was, nothing counted; anything else: what was asked since then, and when
    a port for each hub, so that nobody's connection serves two of them:
                       list and show keys, list roles, edit a key, as the default contract says

Whatever does not change is answered from bytes made once. An edit changes its hub for good, so that verifying finds
it. There is no check of what is sent beyond what a client could get wrong by accident: the credential, the path, JSON.

Trouble, by hub:  hang   never answers                  stuck  likewise, after its first write
                  busy   answers 503 twice              short  serves 7 rows a page, whatever is asked
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from urllib.parse import parse_qs

from benchmarks.data import CREDENTIAL, ROLES, key_id, key_row, numbers_of, role_row

HOST = "127.0.0.1"
_BASE = b"/api/v1"
_BACKLOG = 256
_CREDENTIAL = b"x-api-key: " + CREDENTIAL.encode()
_BUSY_ANSWERS = 2
_SHORT_ROWS = 7


def encode(content):
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def answer(status, body=b""):
    kind = b"content-type: application/json\r\n" if body else b""
    return b"HTTP/1.1 %d X\r\n%scontent-length: %d\r\n\r\n%s" % (status, kind, len(body), body)


def refuse(status, code):
    return answer(status, encode({"error": {"code": code, "message": code}}))


DONE = answer(200)
BUSY = refuse(503, "busy")
NOT_FOUND = refuse(404, "no_such_key")
NOT_JSON = refuse(400, "not_json")
UNAUTHENTICATED = refuse(401, "unauthenticated")


@dataclass
class Content:
    """Keys as bytes of JSON, by ID in the order of the IDs, and the pages they make."""

    rows: dict[str, bytes]
    pages: dict[tuple[bytes, int | None], bytes] = field(default_factory=dict)

    def page(self, query, *, cap=None):
        if (query, cap) not in self.pages:
            self.pages[query, cap] = answer(200, cut_page(list(self.rows.values()), query, cap=cap))
        return self.pages[query, cap]


def cut_page(rows, query, *, cap=None):
    """Give one page of a list: `offset` counts pages of the limit that was asked for."""
    asked = {name: values[-1] for name, values in parse_qs(query.decode()).items()}
    limit = int(asked.get("limit", 100))
    start = int(asked.get("offset", 0)) * limit
    total = b',"totalCount":%d' % len(rows) if asked.get("reportTotalCount") == "true" else b""
    return b'{"rows":[%s]%s}' % (b",".join(rows[start : start + min(limit, cap or limit)]), total)


@dataclass
class Hub:
    """One hub; what it was made with is shared with others until it is edited."""

    made: Content
    trouble: str | None = None
    content: Content = field(init=False)

    def __post_init__(self):
        self.reset()

    def reset(self):
        self.content = self.made
        self.asked = self.written = 0

    def is_silent(self):
        return self.trouble == "hang" or (self.trouble == "stuck" and self.written > 0)

    def list_keys(self, query):
        return self.content.page(query, cap=_SHORT_ROWS if self.trouble == "short" else None)

    def get_key(self, name):
        row = self.content.rows.get(name)
        return NOT_FOUND if row is None else answer(200, row)

    def edit_key(self, name, body):
        self.written += 1
        row = self.content.rows.get(name)
        if row is None:
            return NOT_FOUND
        try:
            changes = json.loads(body)
        except ValueError:
            return NOT_JSON
        if "roles" in changes:
            changes["roles"] = sorted(set(changes["roles"]))
        if self.content is self.made:
            self.content = Content(dict(self.made.rows))
        self.content.rows[name] = encode(json.loads(row) | changes)
        self.content.pages.clear()
        return DONE


class Fleet:
    """All hubs, and what was asked of them."""

    def __init__(self, *, hubs, keys, own=False, latency_ms=0, trouble=None):
        self.latency_s = latency_ms / 1000
        shared = None if own else make_content(range(1, keys))
        self.roles = Content({name: encode(role_row(name, permissions)) for name, permissions in ROLES})
        self.hubs = [
            Hub(
                shared or make_content(numbers_of(hub, hubs=hubs, keys=keys, own=True)[:-1]),
                (trouble or {}).get(str(hub)),
            )
            for hub in range(hubs)
        ]
        self.reset()

    def reset(self):
        self.reads = self.writes = self.connections = 0
        self.first = self.last = self.first_write = self.last_write = 0.0
        for hub in self.hubs:
            hub.reset()

    def tell(self):
        return {
            "reads": self.reads,
            "writes": self.writes,
            "connections": self.connections,
            "span_s": self.last - self.first,
            "write_span_s": self.last_write - self.first_write,
        }

    def respond(self, hub, method, target, head, body):
        """Answer a request to a hub; None never answers it."""
        path, _, query = target.partition(b"?")
        hub.asked += 1
        if hub.is_silent():
            return None
        if _CREDENTIAL not in head:
            return UNAUTHENTICATED
        if hub.trouble == "busy" and hub.asked <= _BUSY_ANSWERS:
            return BUSY
        operation = path.removeprefix(_BASE)
        if operation == b"/api_keys" and method == b"GET":
            return hub.list_keys(query)
        if operation == b"/roles" and method == b"GET":
            return self.roles.page(query)
        key = operation.removeprefix(b"/api_keys/").decode()
        return hub.edit_key(key, body) if method == b"PUT" else hub.get_key(key)

    def count(self, method, now):
        """Take note of a request as it comes."""
        self.first = self.first or now
        if method == b"GET":
            self.reads += 1
        else:
            self.writes += 1
            self.first_write = self.first_write or now

    def note_answered(self, method):
        self.last = perf_counter()
        if method != b"GET":
            self.last_write = self.last


def make_content(numbers):
    return Content({key_id(number): encode(key_row(number)) for number in (*numbers, 0)})


class Connection(asyncio.Protocol):
    """One connection to a hub, with one request at a time; one to no hub is for control."""

    def __init__(self, fleet, hub=None):
        self.fleet = fleet
        self.hub = hub
        self.waiting = b""

    def connection_made(self, transport):
        self.transport = transport
        self.fleet.connections += self.hub is not None

    def data_received(self, data):
        data = self.waiting + data
        head, found, body = data.partition(b"\r\n\r\n")
        if not found or len(body) < read_length(head):
            self.waiting = data
            return
        self.waiting = b""
        method, target, _ = head.split(b" ", 2)
        if self.hub is None:
            self.control(target)
            return
        self.fleet.count(method, perf_counter())
        if self.fleet.latency_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self.fleet.latency_s, self.reply, method, target, head, body)
        else:
            self.reply(method, target, head, body)

    def reply(self, method, target, head, body):
        said = self.fleet.respond(self.hub, method, target, head, body)
        if said is not None:
            self.transport.write(said)
            self.fleet.note_answered(method)

    def control(self, target):
        told = self.fleet.tell()
        if target == b"/reset":
            self.fleet.reset()
        self.transport.write(answer(200, encode(told)))


def read_length(head):
    if head.startswith(b"GET "):
        return 0
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def serve(fleet):
    """Serve until whoever started this closes stdin; tell the ports on stdout."""
    loop = asyncio.get_running_loop()
    ports = []
    for hub in (None, *fleet.hubs):
        server = await loop.create_server(partial(Connection, fleet, hub), HOST, 0, backlog=_BACKLOG)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(Fleet(**json.loads(sys.argv[1]))))


if __name__ == "__main__":
    main()
