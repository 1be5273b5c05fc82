"""An in-memory hub that speaks `tests/contracts/numbered-v1.yaml`: its tokens have numbers, names are but text.

    fake = NumberedHub()
    fake.add("ci_deployer")
    with fake.connect() as hub:
        hub.lock_key("ci_deployer")
    assert fake.writes == [("POST", "/v1/tokens/suspend", {"nums": [1]})]

It is as careless as such hubs are: two tokens may have one name, and a delete that names no number deletes all.
"""

from __future__ import annotations

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

BASE = "/v1"
NUMBERED_TEXT = (Path(__file__).parents[1] / "contracts" / "numbered-v1.yaml").read_text(encoding="utf-8")
ROLES = ("Administrator", "Operator", "User")


def numbered_contract(*changes: tuple[str, str]) -> Contract:
    """Give the contract with some parts of its text replaced; each must be there."""
    text = NUMBERED_TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_contract(parse_document(text.encode(), "numbered.yaml"))


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    json: Any
    if_match: str | None = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass
class NumberedHub:
    """`before` may answer in the hub's stead; what `loses` a request is done, and its answer never comes.

    `tells`: the answers to creates and imports name the token's number.
    """

    tells: bool = True
    rows: list[dict[str, Any]] = field(default_factory=list)
    values: dict[int, str] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    time: FakeTime = field(default_factory=FakeTime)
    before: Callable[[Asked], httpx.Response | None] = lambda _: None
    loses: Callable[[Asked], bool] = lambda _: False

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._made = 0

    def add(self, name: str, **fields: Any) -> dict[str, Any]:
        self._made += 1
        row = {"num": self._made, "name": name, "grants": [{"role": "User"}], "hold": 60, "suspended": False}
        self.rows.append(row | fields)
        return self.rows[-1]

    def row(self, name: str) -> dict[str, Any]:
        (found,) = (row for row in self.rows if row["name"] == name)
        return found

    def connect(self, *, contract: Contract | None = None) -> Hub:
        return Hub(
            Endpoint("numbered", URL, auth_key_ids=("keyspec_ci",)),
            contract or numbered_contract(),
            Secret(CREDENTIAL),
            world=self.time.world(),
            transport=httpx.MockTransport(self.handle),
        )

    @property
    def told(self) -> list[str]:
        """All requests but lists: method, target, and the numbers in a body."""
        return [
            " ".join([each.method, each.target, *map(str, (each.json or {}).get("nums", ()))])
            for each in self.requests
            if "skip=" not in each.target
        ]

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        return [(each.method, each.target, each.json) for each in self.requests if each.method != "GET"]

    def handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            body = json.loads(request.content) if request.content else None
            asked = Asked(request.method, request.url.raw_path.decode(), body, request.headers.get("if-match"))
            self.requests.append(asked)
            answer = self.before(asked) or self._answer(asked, dict(request.url.params))
            if self.loses(asked):
                raise httpx.ReadTimeout("lost", request=request)
            return answer

    def _answer(self, asked: Asked, query: dict[str, str]) -> httpx.Response:
        match asked.method, [unquote(part) for part in asked.path.removeprefix(BASE).split("/")[1:]]:
            case "GET", ["tokens"]:
                return _page(self.rows, query)
            case "GET", ["roles"]:
                return _page([{"name": role} for role in ROLES], query)
            case "POST", ["tokens"]:
                return self._create(asked.json)
            case "POST", ["tokens", "suspend" | "resume" as verb]:
                return self._suspend(asked.json["nums"], suspended=verb == "suspend")
            case "DELETE", ["tokens"]:
                self.rows = [row for row in self.rows if "num" in query and str(row["num"]) != query["num"]]
                return httpx.Response(204)
            case method, ["tokens", number] if found := [row for row in self.rows if str(row["num"]) == number]:
                return self._show(found[0]) if method == "GET" else self._put(found[0], asked)
        return httpx.Response(404, json={"code": "gone", "text": "no such thing"})

    def _create(self, body: dict[str, Any]) -> httpx.Response:
        given = body.pop("secret", None)
        row = self.add(**body)
        self.values[row["num"]] = given or f"v4lue-of-{row['name']}-{row['num']}"
        told = row if self.tells else {name: part for name, part in row.items() if name != "num"}
        secret = {} if given else {"secret": self.values[row["num"]]}
        return httpx.Response(201, json={"token": told, **secret})

    def _show(self, row: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, json=row, headers={"etag": _tag(row)})

    def _put(self, row: dict[str, Any], asked: Asked) -> httpx.Response:
        if asked.if_match not in (None, _tag(row)):
            return httpx.Response(412, json={"code": "changed", "text": "somebody was faster"})
        row.update(asked.json)
        return httpx.Response(204)

    def _suspend(self, numbers: list[Any], *, suspended: bool) -> httpx.Response:
        found = [row for row in self.rows if row["num"] in numbers]
        for row in found:
            row["suspended"] = suspended
        return httpx.Response(200 if found else 404, json={"done": len(found)})


def _tag(row: dict[str, Any]) -> str:
    return f'"{row["hold"]}-{len(row["grants"])}"'


def _page(rows: list[dict[str, Any]], query: dict[str, str]) -> httpx.Response:
    start = int(query["skip"])
    return httpx.Response(200, json={"items": rows[start : start + int(query["take"])], "count": len(rows)})
