"""The tongues of hubs: stories speak of requests in the first dialect's words, whatever their hubs are asked in.

    fault      PUT /api_keys/ci_a 1 after:drop     is laid on    PATCH /keys/ci_a
    exchange   PATCH /keys/ci_a {"note": "x"}      is told as    PUT /api_keys/ci_a {"description": "x"}
    request    PUT /api_keys/ci_a                  is sent as    GET /api_keys/ci_a, PUT /api_keys/ci_a

* Of the dialect `other` a PATCH is an edit, a lock or an unlock. What was sent is told apart by its body; a fault of
  any of them strikes, and counts, every PATCH of that key.
* Its writes of a live key carry the ETag of a GET before them; that GET is told, too, and counts for faults.
* What there are no words for is an error: no fault of a story may mean nothing.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from keyspec.devhub import DevHub, Knobs, cipherinsights, other

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BASE = cipherinsights.BASE
CONTRACT = Path(__file__).parents[1] / "devhub/other-v2.yaml"

_SAID = {
    r"POST /api_keys/import": r"POST /keys:import",
    r"POST /api_keys/([^/]+)/(?:un)?lock": r"PATCH /keys/\1",
    r"PUT /api_keys/([^/]+)": r"PATCH /keys/\1",
    r"PUT \*\*": r"PATCH **",
    r"(GET|POST) /api_keys": r"\1 /keys",
    r"(GET|DELETE) /api_keys/([^/]+)": r"\1 /keys/\2",
    r"GET /roles|(?:GET|\*) \*\*": r"\g<0>",
}
_HEARD = {
    r"POST /keys:import": r"POST /api_keys/import",
    r"PATCH /keys/([^/]+) disabled": r"POST /api_keys/\1/lock",
    r"PATCH /keys/([^/]+) enabled": r"POST /api_keys/\1/unlock",
    r"PATCH /keys/([^/ ]+)": r"PUT /api_keys/\1",
    r"(GET|POST) /keys": r"\1 /api_keys",
    r"(GET|DELETE) /keys/([^/]+)": r"\1 /api_keys/\2",
    r"GET /roles|GET /openapi.json": r"\g<0>",
}
_DONE = {("POST", 202): 201, ("PATCH", 202): 200}
_FIELDS = {
    "id": ("keyId", lambda key_id, _: key_id),
    "note": ("description", lambda note, _: note),
    "role_ids": ("roles", lambda ids, names: sorted(names[role_id] for role_id in ids)),
    "ttl_ms": ("reauthenticationTimeout", lambda ttl_ms, _: ttl_ms // 1000),
    "secret": ("apiKey", lambda secret, _: secret["value"]),
}
_LIVE_WRITE = r"(?:PUT|DELETE) (/api_keys/[^/ ]+)|POST (/api_keys/[^/ ]+)/(?:un)?lock"


@dataclass(frozen=True)
class Tongue:
    """How one dialect is spoken; as it stands, the first one.

    `fields` are what a hub's line of the spec says beside URL and credential, `files` what that needs. `rows` is where
    a list has its rows. `said` and `heard` translate `METHOD PATH`, `read` an exchange, and `matched` are the requests,
    in the first dialect's words, before which their key is read.
    """

    dialect: str = "cipherinsights"
    base: str = BASE
    rows: str = "rows"
    fields: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    said: Mapping[str, str] = field(default_factory=lambda: {r".+": r"\g<0>"})
    heard: Mapping[str, str] = field(default_factory=lambda: {r"(\S+ \S+).*": r"\1"})
    read: Callable = lambda exchange, *_: exchange
    matched: str = r"(?!)"

    def place(self, folder):
        """Put what the fields name into a folder."""
        for file in self.files:
            shutil.copy(file, folder)

    def lay(self, faults):
        """Give the faults that a story means."""
        return tuple(self._lay(fault) for fault in faults)

    def name(self, call):
        """Tell a request as a story would: method and path below the base."""
        state = call.body.get("status", "") if isinstance(call.body, dict) else ""
        path = call.path.partition("?")[0].removeprefix(self.base)
        return _translate(self.heard, f"{call.method} {path} {state}".rstrip())

    def spell(self, requests):
        """Give all that is sent for some requests, as a story tells them."""
        return [each for request in requests for each in (*self._reads(request), request)]

    def find_unmatched(self, told):
        """Give the writes of live keys, of exchanges with their texts, that did not carry what a GET before them read."""
        read, unmatched = set(), []
        for exchange, text in told:
            for before in self._reads(text):
                if before not in read or not re.fullmatch(r'"[0-9]+"', exchange.headers.get("if-match", "")):
                    unmatched.append(text)
                read.discard(before)
            read |= {text} if exchange.status == 200 else set()
        return unmatched

    def _lay(self, fault):
        method, path = _translate(self.said, f"{fault.method} {fault.path}").split()
        return replace(fault, method=method, path=path)

    def _reads(self, request):
        found = re.match(self.matched, request)
        return [f"GET {found[1] or found[2]}"] if found else []


def _translate(words, text):
    for pattern, template in words.items():
        if found := re.fullmatch(pattern, text):
            return found.expand(template)
    raise AssertionError(f"there are no words for {text!r}")


def _read_other(exchange, page, names):
    method, path = OTHER.name(exchange).split()
    query = f"?offset={page}" if page else ""
    status = _DONE.get((exchange.method, exchange.status), exchange.status)
    return replace(
        exchange, method=method, path=f"{BASE}{path}{query}", body=_read_body(exchange.body, names), status=status
    )


def _read_body(body, names):
    if not isinstance(body, dict) or body.keys() == {"status"}:
        return None
    return {name: read(body[theirs], names) for theirs, (name, read) in _FIELDS.items() if theirs in body}


FIRST = Tongue()
OTHER = Tongue(
    dialect="other",
    base=other.BASE,
    rows="data",
    fields={"contract": f"./{CONTRACT.name}"},
    files=(CONTRACT,),
    said=_SAID,
    heard=_HEARD,
    read=_read_other,
    matched=_LIVE_WRITE,
)
TONGUES = {tongue.dialect: tongue for tongue in (FIRST, OTHER)}


class StoryHub(DevHub):
    """A hub whose faults and requests are told in the first dialect's words, whichever it speaks."""

    def __init__(self, name, tongue, *, dialect=None, knobs=None, **more):
        knobs = knobs or Knobs()
        self.tongue = tongue
        super().__init__(
            name, dialect=dialect or tongue.dialect, knobs=replace(knobs, faults=tongue.lay(knobs.faults)), **more
        )

    @property
    def requests(self):
        sent = super().requests
        names = {role.role_id: role.name for role in self.roles().values()}
        return [self.tongue.read(each, page, names) for each, page in zip(sent, _count_pages(sent), strict=True)]

    def set_knobs(self, knobs=None, **changes):
        if "faults" in changes:
            changes["faults"] = self.tongue.lay(changes["faults"])
        super().set_knobs(knobs, **changes)


def _count_pages(exchanges):
    """Give the number of the page that each request asks for: a cursor has none."""
    cursors = {}
    for each in exchanges:
        path, _, query = each.path.partition("?")
        (cursor,) = parse_qs(query).get("cursor", [None])
        seen = [None] if cursor is None else cursors.get(path, [None])
        cursors[path] = seen = seen if cursor in seen else [*seen, cursor]
        yield seen.index(cursor)


def name_request(call):
    """Tell a request of any dialect, as it arrives, as a story would."""
    (tongue,) = (each for each in TONGUES.values() if call.path.startswith(f"{each.base}/"))
    return tongue.name(replace(call, body=json.loads(call.body or b"null")))
