"""What a hub's answer that is no success says, in words fit to be shown.

Quoted are the error's code and message, where the contract says they stand, else the beginning of the body; through
`display()`, short. Nothing is quoted of an HTML page, of a 401, or of a body that repeats keyspec's own key.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from keyspec.display import display

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.contract import Contract
    from keyspec.place import Place
    from keyspec.placeholders import OperationName
    from keyspec.transport import Answer

_LONGEST_BODY: Final = 100_000
_HTML: Final = ("text/html", "application/xhtml+xml")
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


def explain_answer(answer: Answer, name: OperationName, contract: Contract, key_ids: Iterable[str]) -> str:
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


def quote_error(answer: Answer, contract: Contract, credential: str) -> str:
    """Give what the hub says itself, safe to show; empty if it says nothing that may be shown."""
    if answer.status == HTTPStatus.UNAUTHORIZED or is_html(answer) or len(answer.body) > _LONGEST_BODY:
        return ""
    raw = answer.body.decode("utf-8", "replace")
    text = _find_message(raw, contract) or raw
    if credential and (credential in raw or credential in text):
        return ""
    return display(text.strip())


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


def _list_texts(contract: Contract, name: OperationName) -> tuple[str, ...]:
    operation = contract.operation(name)
    return (operation.path, *(str(value) for value in operation.query.values()))
