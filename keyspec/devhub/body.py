"""The bodies of writes, read strictly: what any dialect does from bytes to checked fields.

Rules:

* What is no JSON is a 400, what is JSON of the wrong shape a 422 that names the field.
* Unknown members are refused. A member that is left out is None here; `null` is refused.
* A number is an integer if JSON Schema says so: `60.0` is, `true` is not.
* Whether a role exists or an ID is well-formed is for the domain to say.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from keyspec.devhub.errors import Reason, Refusal

Fields = dict[str, Any]


def read_fields(body: bytes, known: Collection[str]) -> Fields:
    """Read the members of a JSON object."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(Reason.NOT_JSON, "the body is not JSON") from error
    if not isinstance(content, dict):
        raise Refusal(Reason.INVALID_FIELD, "the body is not a JSON object")
    _check_members(content, known)
    return content


def read_object(fields: Mapping[str, Any], name: str, known: Collection[str]) -> Fields | None:
    """Read a field that holds an object."""
    if name not in fields:
        return None
    content = fields[name]
    if not isinstance(content, dict):
        raise refuse_field(name, "is not an object")
    _check_members(content, known)
    return content


def read_text(fields: Mapping[str, Any], name: str) -> str | None:
    """Read a field that holds text."""
    return _check_text(name, fields[name]) if name in fields else None


def read_texts(fields: Mapping[str, Any], name: str, items: str) -> tuple[str, ...] | None:
    """Read a field that holds a list of texts, called `items`."""
    if name not in fields:
        return None
    texts = fields[name]
    if not isinstance(texts, list):
        raise refuse_field(name, f"is not a list of {items}")
    return tuple(_check_text(name, text) for text in texts)


def read_integer(fields: Mapping[str, Any], name: str, unit: str) -> int | None:
    """Read a field that holds a whole number of something."""
    if name not in fields:
        return None
    number = fields[name]
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise refuse_field(name, f"is not a whole number of {unit}")
    return number


def refuse_field(name: str, problem: str) -> Refusal:
    """Make the refusal of a field."""
    return Refusal(Reason.INVALID_FIELD, f"{name[:40]!a} {problem}", field=name)


def _check_members(content: Mapping[str, Any], known: Collection[str]) -> None:
    for name in content:
        if name not in known:
            raise refuse_field(name, f"is no field here; there are {', '.join(sorted(known))}")


def _check_text(name: str, text: Any) -> str:
    if not isinstance(text, str):
        raise refuse_field(name, "is not text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refuse_field(name, "holds half of a surrogate pair") from error
    return text
