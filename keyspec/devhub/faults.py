"""Faults by request: what goes wrong with which request, in one line each.

    METHOD PATH ORDINALS WHEN:KIND[:ARGUMENT]

    POST /api_keys 3 after:drop                    the 3rd create is done, its answer never comes
    GET /api_keys * before:status:503:retry-after=1
    PUT /api_keys/* 2-4 before:reset
    * ** 1 before:redirect:https://login.example/

`METHOD` is a method or `*`. `PATH` is what the client sends below the base, percent-encoded,
without the query; in it `*` stands for any text within one segment and `**` for any text at all.
`ORDINALS` count from 1 the requests that match method and path: `3`, `2-4`, or `*` for all.
`WHEN` is `before` (the hub does nothing) or `after` (the hub does it, and then this happens).

    drop                  the connection closes without an answer
    reset                 the same, by a TCP reset (over TLS it may look like a drop)
    status:NNN            an error answer instead; `:retry-after=SECONDS` may follow
    html                  a page of the portal instead, with status 200
    truncate              half of the JSON, as if that were all of it
    cut                   half of the announced bytes, then the connection closes
    hang:SECONDS          silence for so long, then the answer (with `before`, it is done late)
    redirect:URL          307 to another place
    empty                 the status of success without a body

Rules:

* Every request that matches counts, whatever becomes of it; each fault counts for itself.
* If several are due, the first one of the list happens.
* Lines are read strictly: what is not described here is a `KnobError` that says what is.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from keyspec.devhub.errors import KnobError

_FORM = "METHOD PATH ORDINALS WHEN:KIND[:ARGUMENT], for example 'POST /api_keys 3 after:drop'"
_METHODS = frozenset({"*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PARTS = 4


class When(Enum):
    """Whether the hub does what was asked."""

    BEFORE = "before"
    AFTER = "after"


class Kind(Enum):
    """What goes wrong."""

    DROP = "drop"
    RESET = "reset"
    STATUS = "status"
    HTML = "html"
    TRUNCATE = "truncate"
    CUT = "cut"
    HANG = "hang"
    REDIRECT = "redirect"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the language above; `last` is None where no request is the last one."""

    method: str
    path: str
    first: int
    last: int | None
    when: When
    kind: Kind
    status: int = 200
    retry_after_s: int | None = None
    hang_s: float = 0.0
    url: str = ""
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one line."""
        parts = text.split()
        if len(parts) != _PARTS:
            raise _problem(text, f"expected {_FORM}")
        method, path, ordinals, deed = parts
        if method not in _METHODS:
            raise _problem(text, f"{method!r} is no method; one of {', '.join(sorted(_METHODS))}")
        if not path.startswith(("/", "*")):
            raise _problem(text, f"the path {path!r} begins with neither '/' nor '*'")
        first, last = _parse_ordinals(text, ordinals)
        when, kind, argument = _split_deed(text, deed)
        details = _ARGUMENTS[kind](text, argument)
        return cls(method, path, first, last, when, kind, text=" ".join(parts), **details)

    def matches(self, method: str, path: str) -> bool:
        """Say whether a request counts for this fault."""
        return self.method in {"*", method} and _compile(self.path).fullmatch(path) is not None

    def due(self, ordinal: int) -> bool:
        """Say whether it happens to the request of this ordinal."""
        return self.first <= ordinal and (self.last is None or ordinal <= self.last)


class FaultCount:
    """Faults with a count each of the requests seen so far."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Begin to count."""
        self._faults = tuple(faults)
        self._seen = [0] * len(self._faults)

    def draw(self, method: str, path: str) -> Fault | None:
        """Count a request and return the fault that is due, if any."""
        due: Fault | None = None
        for index, fault in enumerate(self._faults):
            if fault.matches(method, path):
                self._seen[index] += 1
                if due is None and fault.due(self._seen[index]):
                    due = fault
        return due


def parse_fault(text: str) -> Fault:
    """Read one fault; raises KnobError."""
    return Fault.parse(text)


def parse_faults(*lines: str) -> tuple[Fault, ...]:
    """Read several faults; raises KnobError with every problem."""
    faults: list[Fault] = []
    problems: list[str] = []
    for line in lines:
        try:
            faults.append(Fault.parse(line))
        except KnobError as error:
            problems.extend(error.problems)
    if problems:
        raise KnobError(problems)
    return tuple(faults)


def _compile(pattern: str) -> re.Pattern[str]:
    wild = {"*": "[^/]*", "**": ".*"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in re.split(r"(\*+)", pattern)))


def _parse_ordinals(text: str, ordinals: str) -> tuple[int, int | None]:
    if ordinals == "*":
        return 1, None
    found = re.fullmatch(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?", ordinals)
    if not found:
        raise _problem(text, f"{ordinals!r} is no ordinal; write 3, 2-4 or * (the first request is 1)")
    first = int(found[1])
    last = int(found[2] or first)
    if last < first:
        raise _problem(text, f"{ordinals!r} ends before it begins")
    return first, last


def _split_deed(text: str, deed: str) -> tuple[When, Kind, str]:
    when, _, rest = deed.partition(":")
    kind, colon, argument = rest.partition(":")
    if when not in {member.value for member in When}:
        raise _problem(text, f"{when!r} is neither 'before' nor 'after'")
    kinds = [member.value for member in Kind]
    if kind not in kinds:
        raise _problem(text, f"{kind!r} is no kind of fault; one of {', '.join(kinds)}")
    if colon and not argument:
        raise _problem(text, f"nothing follows '{kind}:'")
    return When(when), Kind(kind), argument


def _read_nothing(text: str, argument: str) -> dict[str, Any]:
    if argument:
        raise _problem(text, f"nothing may follow the kind, not {argument!r}")
    return {}


def _read_status(text: str, argument: str) -> dict[str, Any]:
    found = re.fullmatch(r"([2-5][0-9]{2})(?::retry-after=([0-9]{1,9}))?", argument)
    if not found:
        raise _problem(text, f"status:{argument} should read status:503 or status:503:retry-after=2")
    return {"status": int(found[1]), "retry_after_s": None if found[2] is None else int(found[2])}


def _read_hang(text: str, argument: str) -> dict[str, Any]:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", argument):
        raise _problem(text, f"hang:{argument} should read hang:5 or hang:0.5, in seconds")
    return {"hang_s": float(argument)}


def _read_redirect(text: str, argument: str) -> dict[str, Any]:
    if not re.fullmatch(r"(https?://|/)[!-~]*", argument):
        raise _problem(text, f"redirect:{argument} should read redirect:https://host/path or redirect:/path")
    return {"url": argument}


def _problem(text: str, message: str) -> KnobError:
    return KnobError([f"fault {text!r}: {message}"])


_ARGUMENTS: Mapping[Kind, Callable[[str, str], dict[str, Any]]] = {
    Kind.DROP: _read_nothing,
    Kind.RESET: _read_nothing,
    Kind.STATUS: _read_status,
    Kind.HTML: _read_nothing,
    Kind.TRUNCATE: _read_nothing,
    Kind.CUT: _read_nothing,
    Kind.HANG: _read_hang,
    Kind.REDIRECT: _read_redirect,
    Kind.EMPTY: _read_nothing,
}
