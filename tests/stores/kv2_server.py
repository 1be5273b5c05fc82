"""A server that behaves as HashiCorp documents KV version 2: versions, check-and-set, patches, subkeys, policies.

Documented at developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 and .../api-docs/system; what is not needed here
(leases, wrapping, metadata writes) is not there and answers 404.
"""

from __future__ import annotations

import copy
import json
import socket
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

from stores.faults import Wire

ALL = ["create", "delete", "list", "patch", "read", "update"]
POLICIES = {
    "writer": {"data": ["create", "patch", "read", "update"], "subkeys": ["read"], "destroy": ["update"]},
    "reader": {"data": ["read"], "subkeys": ["read"]},
    "planner": {"subkeys": ["read"]},
    "old-policy": {"data": ["create", "read", "update"], "subkeys": ["read"]},
    "root": "root",
}
NEEDS = {"get": "read", "post": "update", "patch": "patch"}


class Vault:
    """The state behind the server; one request at a time."""

    def __init__(self):
        self.wire = Wire()
        self.lock = Lock()
        self.reset()

    def reset(self):
        self.wire.reset()
        self.mounts = {"secret": "2", "team/kv": "2", "old": "1"}
        self.secrets = {}
        self.sealed = False
        self.namespace = None
        self.max_versions = 10
        self.can_list_capabilities = True
        self.seen_tokens = set()

    def put(self, path, data):
        """What somebody else does: a new version of a secret of the engine `secret`."""
        with self.lock:
            self._add(self.secrets.setdefault(("secret", path), {"current": 0, "versions": {}}), data)

    def data(self, path):
        """What a consumer finds in a secret of the engine `secret`."""
        secret = self.secrets[("secret", path)]
        return secret["versions"][secret["current"]]["data"]

    def delete_latest(self, path):
        secret = self.secrets[("secret", path)]
        secret["versions"][secret["current"]]["deleted"] = True

    def answer(self, method, url, headers, body):
        """Give status and body."""
        parts = urlsplit(url)
        path = unquote(parts.path).removeprefix("/v1/")
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        token = headers.get("X-Vault-Token")
        self.seen_tokens.add(token)
        if headers.get("X-Vault-Namespace") != self.namespace or token not in POLICIES:
            return 403, {"errors": ["permission denied"]}
        if path == "sys/capabilities-self":
            if not self.can_list_capabilities:
                return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
            found = {name: self._capabilities(token, name) for name in body["paths"]}
            return 200, {"data": {**found, "capabilities": []}, **found}
        if path.startswith("sys/internal/ui/mounts/"):
            return self._show_mount(path.removeprefix("sys/internal/ui/mounts/"))
        mount = next((name for name in self.mounts if path.startswith(f"{name}/")), None)
        if mount is None:
            return 404, {"errors": [f'no handler for route "{path}". route entry not found.']}
        capabilities = self._capabilities(token, path)
        needed = NEEDS[method]
        if "root" not in capabilities and needed not in capabilities:
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        part, _, name = path.removeprefix(f"{mount}/").partition("/")
        if self.mounts[mount] != "2":
            return 204, None
        version = int(parse_qs(parts.query).get("version", ["0"])[0])
        return self._engine(method, part, (mount, name), version, body)

    def _capabilities(self, token, path):
        policy = POLICIES[token]
        if policy == "root":
            return ["root"]
        mount = next((name for name in self.mounts if path.startswith(f"{name}/")), "")
        part = path.removeprefix(f"{mount}/").partition("/")[0]
        return policy.get(part, ["deny"])

    def _show_mount(self, path):
        for mount, version in self.mounts.items():
            if f"{path}/".startswith(f"{mount}/"):
                options = {"version": version} if version == "2" else None
                return 200, {"data": {"path": f"{mount}/", "type": "kv", "options": options}}
        what = (
            f'preflight capability check returned 403, please ensure client\'s policies grant access to path "{path}/"'
        )
        return 403, {"errors": [what]}

    def _engine(self, method, part, key, version, body):
        secret = self.secrets.get(key)
        match method, part:
            case "get", "data" | "subkeys":
                return self._read(secret, part, version)
            case "post", "data":
                return self._write(key, secret, body)
            case "patch", "data":
                return self._patch(secret, body)
            case "post", "destroy":
                for number in body["versions"]:
                    if secret and number in secret["versions"]:
                        secret["versions"][number] |= {"destroyed": True, "data": None}
                return 204, None
        return 404, {"errors": []}

    def _read(self, secret, part, version):
        number = version or (secret["current"] if secret else 0)
        found = secret["versions"].get(number) if secret else None
        if found is None:
            return 404, {"errors": []}
        metadata = {"version": number, "destroyed": found["destroyed"], "custom_metadata": None, "deletion_time": ""}
        gone = found["deleted"] or found["destroyed"]
        content = None if gone else found["data"] if part == "data" else strip_values(found["data"])
        return (404 if gone else 200), {"data": {part: content, "metadata": metadata}}

    def _write(self, key, secret, body):
        if (status := self._check_and_set(secret, body)) is not None:
            return status
        secret = self.secrets.setdefault(key, {"current": 0, "versions": {}})
        return 200, self._add(secret, body["data"])

    def _patch(self, secret, body):
        found = secret["versions"].get(secret["current"]) if secret else None
        if found is None or found["deleted"] or found["destroyed"]:
            return 404, {"errors": []}
        if (status := self._check_and_set(secret, body)) is not None:
            return status
        return 200, self._add(secret, merge_patch(copy.deepcopy(found["data"]), body["data"]))

    def _check_and_set(self, secret, body):
        cas = body.get("options", {}).get("cas")
        if cas is not None and cas != (secret["current"] if secret else 0):
            return 400, {"errors": ["check-and-set parameter did not match the current version"]}
        return None

    def _add(self, secret, data):
        secret["current"] += 1
        secret["versions"][secret["current"]] = {"data": data, "deleted": False, "destroyed": False}
        for number in [number for number in secret["versions"] if number <= secret["current"] - self.max_versions]:
            del secret["versions"][number]
        return {"data": {"version": secret["current"], "destroyed": False, "deletion_time": ""}}


def strip_values(tree):
    return {name: strip_values(sub) if isinstance(sub, dict) and sub else None for name, sub in tree.items()}


def merge_patch(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_request(self):
        vault = self.server.vault
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        method = self.command.lower()
        kind = vault.wire.meet(f"{self.command} {self.path}")

        def act():
            with vault.lock:
                return vault.answer(method, self.path, self.headers, body)

        if isinstance(kind, int):
            location = {"Location": "http://127.0.0.1:1/elsewhere"} if kind == 307 else {}
            self.reply(kind, {"errors": ["a fault"]}, location)
        elif kind is None:
            late, vault.wire.late = vault.wire.late, []
            self.reply(*act())
            for other in late:
                other()
        else:
            if kind in ("lost", "hang"):
                act()
            if kind == "late":
                vault.wire.late.append(act)
            if kind == "hang":
                time.sleep(1.0)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PATCH = handle_request  # noqa: N815 - as http.server calls them

    def reply(self, status, body, headers=None):
        data = b"" if body is None else json.dumps(body).encode()
        self.server.vault.wire.texts.append(f"{self.command} {self.path} {status} {data.decode()}")
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@cache
def start():
    """Start the server, once a process; give its state and address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.vault = Vault()
    Thread(target=server.serve_forever, daemon=True).start()
    return server.vault, f"http://127.0.0.1:{server.server_port}"
