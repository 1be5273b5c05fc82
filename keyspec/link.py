"""Where the next page of a list is, by the Link header of an answer (RFC 8288, `rel=next`).

A link is followed with keyspec's own key in hand, so only to the origin that was asked, and below the base of the
contract's paths; anything else is an error, and nothing of it is quoted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from keyspec.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST: Final = 8192
_TARGET: Final = re.compile(r"\s*<([^<>]*)>")
_PARAMETER: Final = re.compile(r'\s*;\s*([!#$&+.^_`|~\w-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]+)))?', re.ASCII)
_PRINTABLE: Final = re.compile(r"[!-~]+")
_PORTS: Final = {"https": 443, "http": 80}


def find_next(header: str | None, *, asked: str, root: str) -> str | None:
    """Give the URL of the next page, None if the header names none; `asked` is the URL that was answered.

    `root` is the hub's URL with the contract's base: every page lies below it.

    Raises:
        HubError: if the header cannot be read, or leads elsewhere.
    """
    if header is None:
        return None
    found = {target for target, relations in _parse(header) if "next" in relations}
    if not found:
        return None
    if len(found) > 1:
        raise HubError("the Link header of the answer names several next pages")
    (target,) = found
    return _resolve(target, asked, root)


def _parse(header: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Give each link's target and relations."""
    if len(header) > _LONGEST:
        raise HubError("the Link header of the answer is too long")
    at = 0
    while header[at:].strip(" \t,"):
        at += len(header[at:]) - len(header[at:].lstrip(" \t,"))
        target = _TARGET.match(header, at)
        if target is None:
            raise HubError("the Link header of the answer cannot be read")
        at = target.end()
        relations: frozenset[str] | None = None
        while (parameter := _PARAMETER.match(header, at)) is not None:
            at = parameter.end()
            if parameter[1].lower() == "rel" and relations is None:
                relations = frozenset((parameter[2] or parameter[3] or "").lower().split())
        if header[at:].strip(" \t") and not header[at:].lstrip(" \t").startswith(","):
            raise HubError("the Link header of the answer cannot be read")
        yield target[1], relations or frozenset()


def _resolve(target: str, asked: str, root: str) -> str:
    wrong = HubError("the Link header of the answer leads outside of the hub's own API; it is not followed")
    if not _PRINTABLE.fullmatch(target) or "\\" in target:
        raise wrong
    try:
        url = urljoin(asked, target)
        parts, base = urlsplit(url), urlsplit(root)
        same = _origin(parts) == _origin(base)
    except ValueError:
        raise wrong from None
    path, below = parts.path, base.path.rstrip("/") + "/"
    strange = parts.fragment or "@" in parts.netloc or any(_is_strange(segment) for segment in path.split("/"))
    if not same or strange or not path.startswith(below):
        raise wrong
    return url


def _is_strange(segment: str) -> bool:
    """Tell whether a segment could lead elsewhere once it is decoded, however often, and its parameters are cut off."""
    plain = unquote(segment)
    while plain != segment:
        segment, plain = plain, unquote(plain)
    return plain.partition(";")[0] in (".", "..") or "/" in plain or "\\" in plain


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    scheme, host, port = parts.scheme, parts.hostname, parts.port
    return scheme, host, port or _PORTS.get(scheme)
