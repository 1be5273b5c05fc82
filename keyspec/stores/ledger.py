"""What keyspec knows of the values in one AWS secret: the notes of its entries, as text and as decisions, no I/O.

A secret of AWS Secrets Manager is a row of versions that never change, and labels that move between them. The values
are the version labelled AWSCURRENT. The ledger is another version, labelled KEYSPEC:

    {"format": "keyspec-ledger/1",
     "current": "<the version of the values it knows>", "names": ["<field>", ..],
     "lines": {"<field>": {"note": "<note>" | null, "put": "<prefix>", "holds": "" | "ours" | "aside"}}}

`names` are the fields that version has; one that is a value as a whole has the field "". `put` announces how the ID of
the version begins that will bring this note's value: so when AWSCURRENT is found there, that value has come, though the
writer died before it could say so in the ledger. `holds` says what stands under the field's name: this note's value, or
an older one that was set aside; what is neither is somebody else's. AWSCURRENT cannot be taken away, so a value set
aside stays readable until the next one comes; then AWSPREVIOUS, or `FIELD.prev` in a secret of many fields, has it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

from keyspec.errors import StoreError
from keyspec.stores.standing import PREVIOUS_SUFFIX, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FORMAT: Final = "keyspec-ledger/1"
LEDGER_PREFIX: Final = "keyspec-note-"
VALUE_PREFIX: Final = "keyspec-value-"
WHOLE: Final = ""
"""The field of a secret whose text is the value."""

Holds = Literal["", "ours", "aside"]


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of one field."""

    note: str | None
    put: str
    holds: Holds = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is known of one secret; `current` is None while it has no values."""

    current: str | None = None
    names: tuple[str, ...] = ()
    lines: Mapping[str, Line] = field(default_factory=dict)

    def judge(self, name: str) -> Standing:
        """Tell what stands at a field."""
        line = self.lines.get(name, Line(None, ""))
        if name not in self.names or line.holds == "aside":
            return Standing(line.note, has_value=False)
        return Standing(line.note, has_value=True, alien=line.holds == "")

    def check_kind(self, name: str) -> None:
        """Raise StoreError if this entry is a field and others are the whole secret, or the other way round."""
        if any((other == WHOLE) != (name == WHOLE) for other in self.lines):
            raise StoreError("another entry keeps the secret as a whole, or a field of it: write both with #FIELD")

    def with_line(self, name: str, line: Line | None) -> Ledger:
        """Give the ledger with another line for a field, or none."""
        lines = {other: kept for other, kept in self.lines.items() if other != name}
        return replace(self, lines=lines if line is None else {**lines, name: line})

    def with_note(self, name: str, note: str, found_in: str | None) -> Ledger:
        """Give the ledger with another note for a field; `found_in` is the version this ledger was found in."""
        line = self.lines.get(name, Line(None, ""))
        put = line.put if line.note == note else _announce(found_in, name, note)
        return self.with_line(name, Line(note, put, line.holds))

    def with_aside(self, name: str, note: str | None, found_in: str | None) -> Ledger:
        """Give the ledger with what stands at a field counted as an older value."""
        return self.with_line(name, Line(note, _announce(found_in, name, note), "aside"))

    def without_note(self, name: str) -> Ledger:
        """Give the ledger without a field's note; an older value stays one."""
        line = self.lines.get(name)
        return self.with_line(name, replace(line, note=None) if line and line.holds == "aside" else None)

    def at(self, current: str | None, list_names: Callable[[str], Iterable[str]]) -> Ledger:
        """Give the ledger as it is now that AWSCURRENT is at `current`; `list_names` reads the names of a version."""
        if current == self.current and self.lines:
            return self
        for name, line in self.lines.items():
            if current is not None and line.put and current.startswith(line.put):
                names = tuple(sorted({*self.names, name}))
                return replace(self.with_line(name, replace(line, holds="ours")), current=current, names=names)
        names = () if current is None else tuple(sorted(list_names(current)))
        lines = {name: _recheck(name, line, names) for name, line in self.lines.items()}
        return Ledger(current, names, lines)


def _announce(found_in: str | None, name: str, note: str | None) -> str:
    digest = sha256(json.dumps([found_in, name, note]).encode()).hexdigest()
    return f"{VALUE_PREFIX}{digest[:24]}-"


def _recheck(name: str, line: Line, names: tuple[str, ...]) -> Line:
    """Judge a line anew after somebody else changed the values: a whole value set aside is not there any more."""
    gone = name not in names or (name == WHOLE and line.holds == "aside")
    return replace(line, holds="") if gone else line


def dump_ledger(ledger: Ledger) -> str:
    """Write a ledger as JSON."""
    lines = {name: {"note": line.note, "put": line.put, "holds": line.holds} for name, line in ledger.lines.items()}
    body = {"format": FORMAT, "current": ledger.current, "names": ledger.names, "lines": lines}
    return json.dumps(body, sort_keys=True)


def load_ledger(text: str) -> Ledger:
    """Read a ledger.

    Raises:
        StoreError: it is none that `dump_ledger` wrote.
    """
    try:
        body = json.loads(text)
        if body["format"] == FORMAT:
            lines = {str(name): _load_line(line) for name, line in body["lines"].items()}
            return Ledger(body["current"], tuple(body["names"]), lines)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise StoreError("the version labelled KEYSPEC is not what this keyspec writes")


def name_ledger(text: str, found_in: str | None) -> str:
    """Give the ID of the version that a ledger is put as: the same change of the same ledger is one version."""
    return LEDGER_PREFIX + sha256(f"{found_in}\n{text}".encode()).hexdigest()[:40]


def list_names(name: str, text: str) -> tuple[str, ...]:
    """Give the names in a version's text, for an entry that is the field `name`, or the whole.

    Raises:
        StoreError: the text has no fields.
    """
    return (WHOLE,) if name == WHOLE else tuple(sorted(_need_fields(text)))


def pick_value(name: str, text: str) -> Any:
    """Give a field of a version's text; None if it has none."""
    return text if name == WHOLE else (_load_fields(text) or {}).get(name)


def add_value(name: str, text: str | None, value: str, holds: Holds) -> str:
    """Give the text of a version with a value added; one that was set aside is kept beside it.

    Raises:
        StoreError: the text has no fields.
    """
    if name == WHOLE:
        return value
    fields = _need_fields(text)
    if holds == "aside" and name in fields:
        fields[name + PREVIOUS_SUFFIX] = fields[name]
    return json.dumps({**fields, name: value}, sort_keys=True)


def drop_value(name: str, text: str | None) -> str:
    """Give the text of a version without a field and its older value."""
    return json.dumps({n: v for n, v in _need_fields(text).items() if n not in (name, name + PREVIOUS_SUFFIX)})


def _load_line(line: Any) -> Line:
    if line["holds"] not in ("", "ours", "aside") or not isinstance(line["note"], str | None):
        raise TypeError("a line is wanted")
    return Line(line["note"], str(line["put"]), line["holds"])


def _load_fields(text: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _need_fields(text: str | None) -> dict[str, Any]:
    fields = {} if text is None else _load_fields(text)
    if fields is None:
        raise StoreError("the secret is no JSON object, so it has no fields")
    return fields
