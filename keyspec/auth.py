"""How keyspec proves itself to a hub, as data: the schemes of a contract's `auth`, and its constant headers.

scheme        what is sent
header        the credential in a header of that name, behind a prefix (the default)
bearer        Authorization: Bearer <credential>
basic         Authorization: Basic <base64 of the credential, which is user:password>
certificate   nothing: the hub knows keyspec by its client certificate
login         a token, for which the credential is exchanged once
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, StrictStr
from pydantic.dataclasses import dataclass

from keyspec.document import locate
from keyspec.errors import Problem
from keyspec.keyplaces import CONFIG, PlaceText
from keyspec.operation import Body, Path, Statuses  # noqa: TC001 - pydantic reads them
from keyspec.template import find_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.document import Document

Scheme = Literal["header", "bearer", "basic", "certificate", "login"]
_HEADER: Final = r"^[A-Za-z0-9-]+$"
_FIELDS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "header": (("header",), ("prefix",)),
    "bearer": ((), ()),
    "basic": ((), ()),
    "certificate": ((), ()),
    "login": (("path", "body", "statuses", "token", "header"), ("method", "prefix")),
}
"""The fields that each scheme must have, and those it may have."""
_OURS: Final = frozenset(
    (
        "accept-encoding",
        "connection",
        "expect",
        "host",
        "if-match",
        "if-none-match",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Headers that say how a message is carried: the client's own."""
_SECRETS: Final = frozenset(("authorization", "cookie", "proxy-authorization"))
_VALUE: Final = re.compile(r"[!-~]+(?: +[!-~]+)*")


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Auth:
    """Which scheme, and what it takes; `carrier` and `stem` are the header and what stands before the credential."""

    scheme: Scheme = "header"
    header: Annotated[StrictStr, Field(pattern=_HEADER)] | None = None
    prefix: Annotated[StrictStr, Field(pattern=r"^[!-~]*[ ]?$")] = ""
    method: Literal["POST"] = "POST"
    path: Path | None = None
    body: Body | None = None
    statuses: Statuses | None = None
    token: PlaceText | None = None

    @property
    def carrier(self) -> str | None:
        """The header that carries the credential, the token, or neither."""
        if self.scheme in ("bearer", "basic"):
            return "authorization"
        return self.header

    @property
    def stem(self) -> str:
        """What stands before the credential in its header."""
        return {"bearer": "Bearer ", "basic": "Basic "}.get(self.scheme, self.prefix)


def check_auth(document: Document) -> Iterator[Problem]:
    """Find what a scheme lacks, or has that belongs to another, and constant headers that are not to be set."""
    auth = document.root.get("auth")
    if isinstance(auth, dict):
        yield from _check_scheme(document, auth)
    headers = document.root.get("headers")
    if isinstance(headers, dict):
        yield from _check_headers(document, headers, auth if isinstance(auth, dict) else {})


def _check_scheme(document: Document, auth: dict[str, Any]) -> Iterator[Problem]:
    scheme = auth.get("scheme", "header")
    if not isinstance(scheme, str) or scheme not in _FIELDS:
        return  # said elsewhere
    must, may = _FIELDS[scheme]
    known = {name for both in _FIELDS.values() for names in both for name in names}
    for name in auth:
        if name in known and name not in (*must, *may):
            what = f"`scheme: {scheme}` has no field `{name}`"
            yield Problem("unknown-field", what, locate(document, ("auth", name), key=True))
    for name in must:
        if name not in auth:
            what = f"`{name}` is required here, by `scheme: {scheme}`"
            yield Problem("missing-field", what, locate(document, ("auth",)))
    header = auth.get("header")
    if isinstance(header, str) and _is_ours(header):
        what = f"the header `{header}` is not one that a credential can stand in"
        yield Problem("invalid-value", what, locate(document, ("auth", "header")))
    if scheme == "login":
        yield from _check_login(document, auth)


def _check_login(document: Document, auth: dict[str, Any]) -> Iterator[Problem]:
    found = False
    for mark in find_marks({"path": auth.get("path"), "body": auth.get("body")}):
        good = mark.name == "credential" and mark.alone and mark.path[:1] == ("body",)
        found = found or good
        if not good:
            what = "only `{credential}` stands in a login, alone in its body"
            yield Problem("wrong-placeholder", what, locate(document, ("auth", *mark.path)))
    if "body" in auth and not found:
        what = "the login must carry {credential}"
        yield Problem("missing-placeholder", what, locate(document, ("auth", "body"), key=True))


def _check_headers(document: Document, headers: dict[str, Any], auth: dict[str, Any]) -> Iterator[Problem]:
    carrier = auth.get("header")
    own = carrier.lower() if isinstance(carrier, str) else None
    seen: set[str] = set()
    for name, value in headers.items():
        folded = name.lower()
        where = locate(document, ("headers", name), key=True)
        if not re.match(_HEADER, name) or not name.isascii() or "\n" in name:
            yield Problem("invalid-value", "the name of a header holds letters, digits and -", where)
        elif _is_ours(folded) or folded in _SECRETS or folded == own:
            yield Problem("invalid-value", f"the header `{name}` is not one that a contract may set", where)
        elif folded in seen:
            yield Problem("invalid-value", f"the header `{name}` stands here twice", where)
        seen.add(folded)
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            what = "the value of a header is printable ASCII, not empty, without blanks around it"
            yield Problem("invalid-value", what, locate(document, ("headers", name)))


def _is_ours(header: str) -> bool:
    folded = header.lower()
    return folded in _OURS or folded.startswith(("content-", "proxy-"))
