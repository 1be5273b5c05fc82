"""The query of a request, read strictly: what any dialect does with the parameters of a list.

Rule: a wrong value, an unknown parameter and a repetition that means nothing are each a 400: a hub
that ignored `page=2` would serve the first page again and call it the third.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.knobs import Knobs

Parameters = Mapping[str, list[str]]

DEFAULT_LIMIT = 100
TEXT_PATTERN = r"^[^\u0000\ufffd]*$"
_UNREADABLE = ("\0", "\ufffd")


def group_parameters(
    parameters: Iterable[tuple[str, str]], *, single: Collection[str], repeated: Collection[str] = ()
) -> Parameters:
    """Return the values of each parameter, in order; raises Refusal for what is none."""
    given: dict[str, list[str]] = {}
    for name, text in parameters:
        if name not in single and name not in repeated:
            raise refuse_parameter(name[:40], "there is no such parameter")
        if any(character in text for character in _UNREADABLE):
            raise refuse_parameter(name, "this is not text")
        given.setdefault(name, []).append(text)
        if name in single and len(given[name]) > 1:
            raise refuse_parameter(name, "given twice")
    return given


def read_number(given: Parameters, name: str, default: int, *, least: int, greatest: int) -> int:
    """Return a whole number within its bounds."""
    if name not in given:
        return min(default, greatest)
    text = given[name][0]
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= greatest:
        raise refuse_parameter(name, f"a whole number from {least} to {greatest}")
    return int(text)


def read_limit(given: Parameters, knobs: Knobs) -> int:
    """Return how many rows are asked for."""
    return read_number(given, "limit", DEFAULT_LIMIT, least=1, greatest=knobs.max_limit)


def cap_limit(limit: int, knobs: Knobs) -> int:
    """Return how many rows a page has at most where so many are asked for."""
    return limit if knobs.page_cap is None else min(limit, knobs.page_cap)


def describe_limit(knobs: Knobs) -> dict[str, Any]:
    """Describe `limit` as an OpenAPI parameter object."""
    default = min(DEFAULT_LIMIT, knobs.max_limit)
    return describe_parameter(
        "limit", "Rows on a page", {"type": "integer", "minimum": 1, "maximum": knobs.max_limit, "default": default}
    )


def describe_parameter(name: str, text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a parameter of a query as an OpenAPI parameter object."""
    return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}


def refuse_parameter(name: str, expected: str) -> Refusal:
    """Make the refusal of a parameter."""
    return Refusal(Reason.BAD_PARAMETER, f"the parameter {name!a} is wrong: {expected}", field=name)
