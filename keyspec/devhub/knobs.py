"""The knobs of a hub: how slow, how strict, how able and how broken it is.

    latency_ms=N             every request waits so long before anything happens
    requests_per_second=N    beyond it 429 with Retry-After, nothing done
    max_limit=N              a larger `limit` is refused with 400 (10000)
    page_cap=N               no page has more rows, whatever the limit; an offset still counts
                             pages of the limit that was asked for, a cursor skips nothing
    max_body_bytes=N         a larger body is refused with 413 (65536)
    ids_reusable=BOOL        false: the ID of a deleted key is refused with 409 (true)
    import_takes_id=BOOL     false: an import ignores the ID and invents one (true)
    lock_delay_ms=N          a key that is locked is recognised so long after (0)
    omit_total=BOOL          true: lists never say how many there are (false)
    extra_fields=BOOL        true: keys and roles carry fields that nobody described (false)
    portal=WHERE             where an unknown path answers a page and status 200:
                             `outside` the API (the default), `everywhere`, or `off`
    fault=LINE               see `faults`; may be repeated

Rules:

* `Knobs` is a value; turning one makes another value (and starts counting faults anew).
* Texts are read strictly, every problem is reported at once, in a `KnobError`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from keyspec.devhub.errors import KnobError
from keyspec.devhub.faults import Fault

_FLAGS = {"true": True, "false": False}


class Portal(Enum):
    """Where an unknown path is answered by a page of the portal."""

    OFF = "off"
    OUTSIDE = "outside"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How a hub behaves; the defaults are those of a good day."""

    latency_ms: float = 0
    requests_per_second: float | None = None
    max_limit: int = 10_000
    page_cap: int | None = None
    max_body_bytes: int = 65_536
    ids_reusable: bool = True
    import_takes_id: bool = True
    lock_delay_ms: float = 0
    omit_total: bool = False
    extra_fields: bool = False
    portal: Portal = Portal.OUTSIDE
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        problems = [f"knob {name}: must be {rule}" for name, rule in self._broken_rules()]
        if problems:
            raise KnobError(problems)

    def _broken_rules(self) -> Iterable[tuple[str, str]]:
        for name in ("latency_ms", "lock_delay_ms"):
            if getattr(self, name) < 0:
                yield name, "0 or more"
        if self.requests_per_second is not None and self.requests_per_second <= 0:
            yield "requests_per_second", "more than 0"
        for name in ("max_limit", "page_cap", "max_body_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield name, "1 or more"


def parse_knobs(settings: Iterable[str]) -> Knobs:
    """Read `name=value` texts; raises KnobError with every problem."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    problems: list[str] = []
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            if name == "fault":
                faults.append(Fault.parse(text))
            else:
                values[name] = _parse_knob(name, text, taken=name in values)
        except KnobError as error:
            problems.extend(error.problems)
    if problems:
        raise KnobError(problems)
    return Knobs(**values, faults=tuple(faults))


def _parse_knob(name: str, text: str, *, taken: bool) -> object:
    reader = _READERS.get(name)
    if reader is None:
        raise KnobError([f"knob {name!r}: there is none; one of {', '.join([*_READERS, 'fault'])}"])
    if taken:
        raise KnobError([f"knob {name}: given twice"])
    try:
        return reader(text)
    except (ValueError, KeyError) as error:
        raise KnobError([f"knob {name}: {text!r} is not {_EXPECTED[reader]}"]) from error


def _read_number(text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise ValueError
    return float(text)


def _read_count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError
    return int(text)


def _read_flag(text: str) -> bool:
    return _FLAGS[text]


def _read_portal(text: str) -> Portal:
    return Portal(text)


_READERS: Mapping[str, Callable[[str], object]] = {
    "latency_ms": _read_number,
    "requests_per_second": _read_number,
    "max_limit": _read_count,
    "page_cap": _read_count,
    "max_body_bytes": _read_count,
    "ids_reusable": _read_flag,
    "import_takes_id": _read_flag,
    "lock_delay_ms": _read_number,
    "omit_total": _read_flag,
    "extra_fields": _read_flag,
    "portal": _read_portal,
}
_EXPECTED: Mapping[Callable[[str], object], str] = {
    _read_number: "a number, such as 20 or 0.5",
    _read_count: "a whole number",
    _read_flag: "true or false",
    _read_portal: "one of off, outside, everywhere",
}

KNOB_NAMES = tuple(field.name for field in fields(Knobs))
