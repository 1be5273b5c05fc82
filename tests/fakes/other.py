"""An in-memory hub that speaks `tests/contracts/other-v2.yaml`, and on demand the styles that another contract names.

    other = OtherHub()
    other.add("ci_deployer", roles=["Operator"])
    with other.connect() as hub:
        hub.lock_key("ci_deployer")
    assert other.writes == [("PATCH", "/admin/v2/keys/ci_deployer", {"status": "disabled"})]

`change` rewrites parts of the contract's text; `style` tells how lists are cut.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
from fakes.hub import CREDENTIAL, URL, FakeTime

from keyspec.contract import Contract, parse_contract
from keyspec.document import parse_document
from keyspec.hub import Endpoint, Hub
from keyspec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyspec.pace import World

BASE = "/admin/v2"
OTHER = Path(__file__).parents[1] / "contracts" / "other-v2.yaml"
OTHER_TEXT = OTHER.read_text(encoding="utf-8")
ROLES = {"Administrator": "r-1", "Operator": "r-2", "User": "r-3"}


def other_contract(*changes: tuple[str, str]) -> Contract:
    """Give the contract with some parts of its text replaced; each must be there."""
    text = OTHER_TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_contract(parse_document(text.encode(), "other.yaml"))


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    json: Any
    headers: httpx.Headers


@dataclass
class OtherHub:
    """`authorized` judges the headers of a request; `answer` may take the place of what the hub answers."""

    style: str = "cursor"
    tells_total: bool = True
    page_cap: int = 1000
    locked_at_birth: bool = False
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=lambda: dict(ROLES))
    requests: list[Asked] = field(default_factory=list)
    time: FakeTime = field(default_factory=FakeTime)
    authorized: Callable[[httpx.Headers], bool] = lambda headers: headers.get("authorization") == f"Bearer {CREDENTIAL}"
    before: Callable[[Asked], httpx.Response | None] = lambda _: None

    def __post_init__(self) -> None:
        self._lock = threading.RLock()

    def add(self, key_id: str, **fields: Any) -> None:
        row = {"id": key_id, "note": "", "role_ids": ["r-3"], "ttl_ms": 60_000, "status": "enabled", "version": 1}
        if "roles" in fields:
            fields["role_ids"] = [self.roles[role] for role in fields.pop("roles")]
        self.keys[key_id] = row | fields

    def connect(self, *, contract: Contract | None = None, auth: str = CREDENTIAL, url: str = URL) -> Hub:
        return Hub(
            Endpoint("other", url, auth_key_ids=("keyspec_ci",)),
            contract or other_contract(),
            Secret(auth),
            world=self.world(),
            transport=httpx.MockTransport(self.handle),
        )

    def world(self) -> World:
        return self.time.world()

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        return [(each.method, each.path, each.json) for each in self.requests if each.method != "GET"]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(each.method, each.path) for each in self.requests]

    def handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            path = request.url.raw_path.decode().partition("?")[0]
            body = json.loads(request.content) if request.content else None
            asked = Asked(request.method, path, dict(request.url.params), body, request.headers)
            self.requests.append(asked)
            return self.before(asked) or self._answer(asked)

    def _answer(self, asked: Asked) -> httpx.Response:
        if not self.authorized(asked.headers):
            return problem(401, "unauthenticated", "who are you?")
        match asked.method, [unquote(part) for part in asked.path.removeprefix(BASE).split("/")[1:]]:
            case "GET", ["keys"]:
                return self._page(asked, [self.keys[key_id] for key_id in sorted(self.keys)])
            case "GET", ["roles"]:
                return self._page(asked, [{"name": name, "id": role_id} for name, role_id in self.roles.items()])
            case "POST", ["keys" | "keys:import"]:
                return self._create(asked)
            case method, ["keys", key_id] if key_id in self.keys:
                return self._change(method, key_id, asked)
        return problem(404, "not-found", "no such thing")

    def _page(self, asked: Asked, rows: list[dict[str, Any]]) -> httpx.Response:
        query = asked.query
        size = min(int(query.get("limit", self.page_cap)), self.page_cap)
        start = self._find_start(query, int(query.get("limit", size)))
        end = len(rows) if self.style == "none" else start + size
        meta: dict[str, Any] = {"total": len(rows)} if self.tells_total else {}
        headers = {}
        if self.style == "cursor":
            meta["next"] = base64.b64encode(f"at={end}".encode()).decode() if end < len(rows) else None
        if self.style == "link" and end < len(rows):
            headers["link"] = f'<{asked.path}?page={end}>; rel="next", <{asked.path}>; rel="first"'
        return httpx.Response(200, json={"data": rows[start:end], "meta": meta}, headers=headers)

    def _find_start(self, query: dict[str, str], limit: int) -> int:
        match self.style:
            case "cursor" if "cursor" in query:
                return int(base64.b64decode(query["cursor"]).decode().removeprefix("at="))
            case "link" if "page" in query:
                return int(query["page"])
            case "page-index":
                return int(query["page"]) * limit
            case "page-number":
                return (int(query["page"]) - 1) * limit
            case "row-offset":
                return int(query["offset"])
        return 0

    def _create(self, asked: Asked) -> httpx.Response:
        body = dict(asked.json)
        if body["id"] in self.keys:
            return problem(409, "exists", "the ID exists")
        if not set(body["role_ids"]) <= set(self.roles.values()):
            return problem(422, "unknown-role", "no such role")
        secret = body.pop("secret", None)
        status = "disabled" if self.locked_at_birth else "enabled"
        self.keys[body["id"]] = {"note": "", "ttl_ms": 60_000, **body, "status": status, "version": 1}
        row = dict(self.keys[body["id"]])
        if secret is None:
            row["secret"] = {"value": f"v4lue-of-{body['id']}"}
        return httpx.Response(202, json={"data": row})

    def _change(self, method: str, key_id: str, asked: Asked) -> httpx.Response:
        key = self.keys[key_id]
        etag = f'"{key["version"]}"'
        if method == "GET":
            return httpx.Response(200, json={"data": key}, headers={"etag": etag})
        if asked.headers.get("if-match", etag) not in (etag, str(key["version"])):
            return problem(412, "changed", "it is another version")
        if method == "DELETE":
            del self.keys[key_id]
            return httpx.Response(204)
        self.keys[key_id] = key | asked.json | {"version": key["version"] + 1}
        return httpx.Response(202)


def problem(status: int, title: str, detail: str) -> httpx.Response:
    body = {"type": f"https://errors.example.com/{title}", "title": title, "status": status, "detail": detail}
    return httpx.Response(status, content=json.dumps(body), headers={"content-type": "application/problem+json"})
