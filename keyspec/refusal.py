"""What a hub's answer that is no success says, in words fit to be shown.

Quoted are the error's code and message, where the contract says they stand, else the beginning of the body; through
`display()`, short. Nothing is quoted of an HTML page, of a 401, or of what repeats a value: keyspec's own key, or one
that was sent to this hub or came from it. A value is looked for as it is and in whatever a browser or a terminal makes
one of again; in doubt nothing is quoted.
"""

from __future__ import annotations

import base64
import re
from html import unescape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from pydantic_core import from_json

from keyspec.display import display

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.contract import Contract
    from keyspec.place import Place
    from keyspec.secret import Secret
    from keyspec.transport import Answer

_LONGEST_BODY: Final = 100_000
_HTML: Final = ("text/html", "application/xhtml+xml")
_JSON_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|(.))", re.IGNORECASE | re.DOTALL)
_CONTROLS: Final = dict(zip("bfnrt", "\b\f\n\r\t", strict=True))
_MOST_READINGS: Final = 40
"""A text that can be read in more ways is escaped in order to hide something."""
_NO_SIGN: Final = re.compile(r"[\W_]")
_LEAST: Final = 8
_PIECE: Final = 16
_MEANINGS: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "the hub finds the request invalid",
    HTTPStatus.UNAUTHORIZED: "the hub knows no such key, or it is locked or deleted: check `auth`, which is to be the"
    " value of {keys}",
    HTTPStatus.FORBIDDEN: "{keys} lacks a permission: its roles must allow to manage API keys",
    HTTPStatus.NOT_FOUND: "the hub has no such path: does the contract `{contract}` describe it?",
    HTTPStatus.METHOD_NOT_ALLOWED: "the hub does not know this method: does the contract `{contract}` describe it?",
    HTTPStatus.CONFLICT: "the hub holds another state than expected: the ID or the value exists",
    HTTPStatus.PRECONDITION_FAILED: "the hub holds another state than expected",
    HTTPStatus.UNPROCESSABLE_ENTITY: "the hub finds the request invalid",
    HTTPStatus.TOO_MANY_REQUESTS: "too many requests: lower `requests_per_second` or `concurrency`",
}


def is_html(answer: Answer) -> bool:
    """Tell whether an answer is a page for people: what a portal gives for a path it does not know."""
    return answer.content_type in _HTML


def is_json(answer: Answer) -> bool:
    """Tell whether an answer says it is JSON."""
    return answer.content_type == "application/json" or answer.content_type.endswith("+json")


def explain_answer(answer: Answer, name: str, contract: Contract, key_ids: Iterable[str]) -> str:
    """Say what a status means here; holds nothing of the answer but its status."""
    status = answer.status
    if 200 <= status <= 299:  # noqa: PLR2004 - success, of a kind that was not expected
        page = "; it is an HTML page, as a portal gives for a path it does not know" if is_html(answer) else ""
        return f"answered {status}, which the contract `{contract.name}` does not expect so{page}"
    if 300 <= status <= 399:  # noqa: PLR2004 - elsewhere
        return f"answered {status}: redirects are not followed with a key in hand; is the `url` right?"
    if status == HTTPStatus.NOT_FOUND and any("{key_id}" in part for part in _list_texts(contract, name)):
        return "answered 404: the hub has no such key"
    keys = "the key " + " or ".join(f"`{key}`" for key in key_ids) if key_ids else "keyspec's own key"
    meaning = _MEANINGS.get(status, "")
    return f"answered {status}" + (": " + meaning.format(keys=keys, contract=contract.name) if meaning else "")


def quote_error(answer: Answer, contract: Contract, secrets: Iterable[Secret]) -> str:
    """Give what the hub says itself, safe to show; empty if it says nothing that may be shown."""
    if answer.status == HTTPStatus.UNAUTHORIZED or is_html(answer) or len(answer.body) > _LONGEST_BODY:
        return ""
    raw = answer.body.decode("utf-8", "replace")
    text = _find_message(raw, contract) or raw
    return "" if repeats(f"{raw}\n{text}", secrets) else display(text.strip())


def repeats(text: str, secrets: Iterable[Secret]) -> bool:
    """Tell whether a text may hold any of the values, or 16 characters of its beginning, middle or end.

    It is looked for in any case, with anything between its letters and digits; escaped for JSON, URLs or HTML; in
    base64 and in hex. A text that nobody can read for sure may hold anything.
    """
    try:
        read = _list_readings(text)
    except ValueError:
        return True
    folded = "\n".join({form for each in read for form in (each.casefold(), _squeeze(each))})
    return any(piece in folded for secret in secrets for piece in _list_pieces(secret.reveal()))


def _list_readings(text: str) -> set[str]:
    """Give a text as it is, and as it may be read where escapes are undone, however deep; ValueError for too many."""
    found = latest = {text}
    while latest:
        # Python reads no HTML escape of more than 4300 digits: ValueError, too.
        latest = {undo(each) for each in latest for undo in (_undo_json, unquote, unescape)} - found
        found = found | latest
        if len(found) > _MOST_READINGS:
            raise ValueError("too many readings")
    return found


def _undo_json(text: str) -> str:
    return _JSON_ESCAPE.sub(_undo_escape, text)


def _undo_escape(match: re.Match[str]) -> str:
    digits, sign = match[1] or match[2], match[3]
    return chr(int(digits, 16)) if digits else _CONTROLS.get(sign, sign)


def _squeeze(text: str) -> str:
    return _NO_SIGN.sub("", text.casefold())


def _list_pieces(value: str) -> Iterator[str]:
    """Give what counts as the value where it stands in a squeezed or, of short values, in a folded text."""
    for form in _list_forms(value):
        squeezed = _squeeze(form)
        size = len(squeezed)
        if size < _LEAST:
            yield form.casefold()
        else:
            yield from {squeezed[max(at, 0) :][:_PIECE] for at in (0, (size - _PIECE) // 2, size - _PIECE)}


def _list_forms(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogatepass")
    yield from (value, raw.hex())
    for offset in range(3):
        # The characters that stand for these bytes alone, wherever in a longer text they begin.
        core = base64.b64encode(bytes(offset) + raw).decode("ascii")[-(-8 * offset // 6) : 8 * (offset + len(raw)) // 6]
        yield from (core,) if core else ()


def _find_message(raw: str, contract: Contract) -> str:
    try:
        payload = from_json(raw)
    except ValueError:
        return ""
    parts = (_read_text(place, payload) for place in (contract.errors.code, contract.errors.message))
    return ": ".join(part for part in parts if part)


def _read_text(place: Place | None, payload: Any) -> str:
    try:
        found = None if place is None else place.read(payload)
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""


def _list_texts(contract: Contract, name: str) -> tuple[str, ...]:
    operation = getattr(contract.operations, name, None)
    return () if operation is None else (operation.path, *(str(value) for value in operation.query.values()))
