"""The same requests without keyspec: `python -m benchmarks.floor CLIENT FILE`.

CLIENT is `httpx`, one client for each thread, all with one TLS context, or `raw`, a `Wire` that a thread keeps for as
long as it asks one hub. FILE is JSON: threads, and stages; each stage is a barrier and holds groups, each a sequence of
requests [method, port, target, body] that one thread sends one after another.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.data import CREDENTIAL
from benchmarks.wire import Wire

HEADERS = {"accept": "application/json", "x-api-key": CREDENTIAL}


def make_httpx(threads):
    import ssl

    import httpx

    context = ssl.create_default_context()
    clients = [httpx.Client(headers=HEADERS, verify=context, trust_env=False, timeout=60) for _ in range(threads)]

    def sender(client):
        def send(method, port, target, body):
            return client.request(method, f"http://127.0.0.1:{port}{target}", content=body or None).status_code

        return send

    return [sender(client) for client in clients]


def make_raw(threads):
    def sender():
        wires = {}

        def send(method, port, target, body):
            if port not in wires:
                for wire in wires.values():
                    wire.close()
                wires.clear()
                wires[port] = Wire(port, HEADERS)
            return wires[port].send(method, target, body.encode())[0]

        return send

    return [sender() for _ in range(threads)]


MAKERS = {"httpx": make_httpx, "raw": make_raw}


def main():
    client, file = sys.argv[1:]
    work = json.loads(Path(file).read_text(encoding="utf-8"))
    idle = MAKERS[client](work["threads"])
    own = threading.local()

    def do(group):
        if not hasattr(own, "send"):
            own.send = idle.pop()
        for method, port, target, body in group:
            status = own.send(method, port, target, body)
            if status != 200:
                raise RuntimeError(f"{method} {target}: {status}")

    with ThreadPoolExecutor(work["threads"]) as workers:
        for groups in work["stages"]:
            list(workers.map(do, groups))


if __name__ == "__main__":
    main()
