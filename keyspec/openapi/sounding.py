"""A contract held against what a hub answered: are rows, total and fields where it says?

Only counts and types are told, nothing of the rows themselves.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.payloads import list_looks
from keyspec.openapi.verdict import Row
from keyspec.place import parse_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from keyspec.openapi.payloads import Look

_KINDS: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def sound_list(name: str, content: Mapping[str, Any], payload: Any) -> Iterator[Row]:
    """Judge the first page of a list operation of a contract."""
    rows: Sequence[Any] = ()
    for look in list_looks(name, content["operations"][name], content):
        if look.opens == "rows":
            found = _read(look, payload)
            if not isinstance(found, list):
                yield Row(
                    name, "live", look.place, "missing", f"the answer has {_say(found)} there, and no list of rows"
                )
                return
            rows = found
            yield Row(name, "live", look.place, "found", _count(rows) if rows else "no rows: no field can be seen")
        elif look.within == "rows":
            yield from _judge_rows(name, look, rows)
        else:
            yield _judge_one(name, look, payload)


def _judge_one(name: str, look: Look, payload: Any) -> Row:
    value = _read(look, payload)
    if value is None:
        last = look.kinds == ("string",)  # no next page is null, or not there at all
        note = "no further page is told" if last else "the answer has nothing there"
        return Row(name, "live", look.place, "found" if last else "missing", note)
    if _KINDS.get(type(value)) not in look.kinds:
        return Row(name, "live", look.place, "differs", f"the answer has {_say(value)} there")
    return Row(name, "live", look.place, "found")


def _judge_rows(name: str, look: Look, rows: Sequence[Any]) -> Iterator[Row]:
    if not rows:
        return
    values = [value for row in rows if (value := _read(look, row)) is not None]
    wrong = Counter(_say(value) for value in values if look.kinds and _KINDS.get(type(value)) not in look.kinds)
    states = sum(value in look.states for value in values)
    many = f"of {_count(rows)}"
    if not values:
        yield Row(name, "live", look.place, "missing", f"in none {many}")
    elif wrong:
        yield Row(name, "live", look.place, "differs", f"{', '.join(sorted(wrong))} in {wrong.total()} {many}")
    elif look.states and not states:
        yield Row(name, "live", look.place, "differs", f"in none {many} a state that the contract knows")
    else:
        less = states if look.states else len(values)
        yield Row(name, "live", look.place, "found", "" if less == len(rows) else f"in {less} {many}")


def _read(look: Look, payload: Any) -> Any:
    try:
        return parse_place(look.place).read(payload)
    except ValueError:
        return None


def _count(rows: Sequence[Any]) -> str:
    return "1 row" if len(rows) == 1 else f"{len(rows)} rows"


def _say(value: Any) -> str:
    kind = _KINDS.get(type(value))
    return "nothing" if kind is None else f"{'an' if kind[0] in 'aio' else 'a'} {kind}"
