"""An in-memory hub that speaks the default contract, behind httpx.MockTransport: real client code, no socket.

    fake = FakeHub()
    fake.add("ci_deployer", roles=["Operator"])
    with fake.connect() as hub:
        hub.lock_key("ci_deployer")
    assert fake.writes == [("POST", "/api/v1/api_keys/ci_deployer/lock", None)]

It fails on demand: `fake.fail(number, fault)` for the request of that number (from 1, all requests counted), or
`fake.fail_next(operation, fault)` for the next of a kind. Time stands still in `connect()`: sleeping moves it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import httpx

import keyspec
from keyspec.contract import Contract, parse_contract
from keyspec.document import parse_document
from keyspec.hub import Endpoint, Hub
from keyspec.pace import World
from keyspec.secret import Secret

BASE = "/api/v1"
URL = "https://hub.example.com"
CREDENTIAL = "adm1n-credential-of-keyspec"
BUILT_IN_ROLES = {
    "Administrator": ["Login", "Shell", "User Management"],
    "Operator": ["Login", "Sensor Status"],
    "Unrestricted": ["Login", "Sensor Status", "Shell"],
    "User": ["Login"],
}

Broken = Literal["refused", "connect-timeout", "reset-before", "reset-after", "timeout-before", "timeout-after"]
Fault = Broken | httpx.Response | Callable[[httpx.Request], httpx.Response]


def load_default_contract() -> Contract:
    path = Path(keyspec.__file__).parent / "contracts" / "cipherinsights-v1.yaml"
    return parse_contract(parse_document(path.read_bytes(), str(path)))


@dataclass
class FakeTime:
    """A clock that only sleeping moves."""

    now_s: float = 1_000_000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    def world(self, *, jitter: float = 0.0) -> World:
        return World(
            clock=lambda: self.now_s,
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now_s - 1_000_000.0),
            random=lambda: jitter,
            sleep=self.sleep,
        )


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    json: Any
    headers: httpx.Headers


@dataclass
class FakeHub:
    """`page_cap`: the most rows of a page. `total`: honest, absent, or what the hub says instead."""

    name: str = "fake"
    page_cap: int | None = None
    total: Literal["honest", "absent"] | int = "honest"
    largest_limit: int | None = None
    roles: dict[str, list[str]] = field(default_factory=lambda: dict(BUILT_IN_ROLES))
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    next_faults: list[tuple[str, Fault]] = field(default_factory=list)
    time: FakeTime = field(default_factory=FakeTime)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._made = 0

    def add(self, key_id: str, **fields: Any) -> None:
        """Put a key on the hub, with a value, as if it had always been there."""
        row = {"keyId": key_id, "description": "", "roles": ["User"], "reauthenticationTimeout": 60, "locked": False}
        self.keys[key_id] = row | fields
        self.values[key_id] = self._make_value()

    def fail(self, number: int, fault: Fault) -> None:
        """Fail the request of this number, counted from 1."""
        self.faults[number] = fault

    def fail_next(self, operation: str, fault: Fault) -> None:
        """Fail the next request of an operation, named as in the contract."""
        self.next_faults.append((operation, fault))

    def connect(self, *, contract: Contract | None = None, world: World | None = None, **endpoint: Any) -> Hub:
        """Give the real client, talking to this hub."""
        return Hub(
            Endpoint(self.name, **{"url": URL, "auth_key_ids": ("keyspec_ci",), **endpoint}),
            contract or load_default_contract(),
            Secret(CREDENTIAL),
            world=world or self.time.world(),
            transport=httpx.MockTransport(self.handle),
        )

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        """All requests that are no GET: method, path, body."""
        return [(seen.method, seen.path, seen.json) for seen in self.requests if seen.method != "GET"]

    def count(self, operation: str) -> int:
        """How many requests of an operation arrived."""
        return sum(name_operation(seen.method, seen.path) == operation for seen in self.requests)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or fail as asked."""
        with self._lock:
            path = request.url.raw_path.decode().partition("?")[0]
            body = json.loads(request.content) if request.content else None
            query = request.url.query.decode()
            self.requests.append(Seen(request.method, path, query, body, request.headers))
            fault = self._find_fault(name_operation(request.method, path))
            if fault is None:
                return self._answer(request, path, body)
            if isinstance(fault, httpx.Response):
                return fault
            if callable(fault):
                return fault(request)
            if fault in ("reset-after", "timeout-after"):
                self._answer(request, path, body)
            raise _ERRORS[fault](fault, request=request)

    def _find_fault(self, operation: str) -> Fault | None:
        for index, (name, fault) in enumerate(self.next_faults):
            if name == operation:
                del self.next_faults[index]
                return fault
        return self.faults.pop(len(self.requests), None)

    def _answer(self, request: httpx.Request, path: str, body: Any) -> httpx.Response:
        if request.headers.get("x-api-key") != CREDENTIAL:
            return refuse(401, "unauthenticated", "no, unknown, locked or deleted key")
        operation = name_operation(request.method, path)
        segments = [unquote(part) for part in path.removeprefix(BASE).split("/")[1:]]
        match operation:
            case "list_keys":
                rows = [self.keys[key_id] for key_id in sorted(self.keys)]
                return self._page(request, rows)
            case "list_roles":
                rows = [{"name": name, "description": "", "permissions": held} for name, held in self.roles.items()]
                return self._page(request, rows)
            case "create_key" | "import_key":
                return self._create(body)
            case "openapi":
                return httpx.Response(200, json={"openapi": "3.0.3", "info": {"title": "fake"}, "paths": {}})
            case "unknown":
                return httpx.Response(200, html="<!doctype html><title>Portal</title>")
        return self._change(operation, segments[1], body)

    def _page(self, request: httpx.Request, rows: list[dict[str, Any]]) -> httpx.Response:
        limit, page = int(request.url.params["limit"]), int(request.url.params["offset"])
        if self.largest_limit is not None and limit > self.largest_limit:
            return refuse(400, "bad_parameter", f"limit is at most {self.largest_limit}")
        size = min(limit, self.page_cap or limit)
        answer: dict[str, Any] = {"rows": rows[page * limit : page * limit + size]}
        if self.total != "absent":
            answer["totalCount"] = len(rows) if self.total == "honest" else self.total
        return httpx.Response(200, json=answer)

    def _create(self, body: dict[str, Any]) -> httpx.Response:
        key_id = body["keyId"]
        imported = body.get("apiKey")
        if key_id in self.keys or imported in self.values.values():
            return refuse(409, "key_exists", "the ID or the value exists")
        if unknown := [role for role in body["roles"] if role not in self.roles]:
            return refuse(422, "unknown_role", f"no such role: {unknown[0]}")
        row = {
            "keyId": key_id,
            "description": body.get("description", ""),
            "roles": body["roles"],
            "reauthenticationTimeout": body.get("reauthenticationTimeout", 60),
            "locked": False,
        }
        self.keys[key_id] = row
        self.values[key_id] = imported or self._make_value()
        return httpx.Response(201, json=row if imported else row | {"apiKey": self.values[key_id]})

    def _change(self, operation: str, key_id: str, body: Any) -> httpx.Response:
        if key_id not in self.keys:
            return refuse(404, "no_such_key", "no such key")
        match operation:
            case "get_key":
                return httpx.Response(200, json=self.keys[key_id])
            case "edit_key":
                self.keys[key_id] = self.keys[key_id] | body
            case "lock_key" | "unlock_key":
                self.keys[key_id] = self.keys[key_id] | {"locked": operation == "lock_key"}
            case "delete_key":
                del self.keys[key_id], self.values[key_id]
                return httpx.Response(204)
        return httpx.Response(200)

    def _make_value(self) -> str:
        self._made += 1
        return f"v4lue-made-by-{self.name}-{self._made}"


def refuse(status: int, code: str, message: str, **headers: str) -> httpx.Response:
    """Give an error as the default contract describes it."""
    return httpx.Response(status, json={"error": {"code": code, "message": message}}, headers=headers)


def name_operation(method: str, path: str) -> str:
    """Tell which operation of the default contract a request is."""
    shape = [part for part in path.removeprefix(BASE).split("/") if part]
    match method, shape:
        case "GET", ["api_keys"]:
            return "list_keys"
        case "GET", ["api_keys", _]:
            return "get_key"
        case "POST", ["api_keys"]:
            return "create_key"
        case "POST", ["api_keys", "import"]:
            return "import_key"
        case "PUT", ["api_keys", _]:
            return "edit_key"
        case "POST", ["api_keys", _, ("lock" | "unlock") as what]:
            return f"{what}_key"
        case "DELETE", ["api_keys", _]:
            return "delete_key"
        case "GET", ["roles"]:
            return "list_roles"
        case "GET", ["openapi.json"]:
            return "openapi"
    return "unknown"


_ERRORS: dict[str, type[httpx.TransportError]] = {
    "refused": httpx.ConnectError,
    "connect-timeout": httpx.ConnectTimeout,
    "reset-before": httpx.ReadError,
    "reset-after": httpx.RemoteProtocolError,
    "timeout-before": httpx.ReadTimeout,
    "timeout-after": httpx.ReadTimeout,
}
