"""Values that must not be seen, and the references that say where they are.

A `Secret` shows itself as `Secret(***)` to whatever prints, formats or logs it, and raises TypeError for whatever
else could tell about it by accident: comparing, hashing, measuring, iterating, testing for truth, pickling. Two
doors lead out: `reveal` and, for a yes or no, `same_as`. Copies are the secret itself, so that `copy.deepcopy` and
`dataclasses.asdict` of what holds one make no second place to look after.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHOWN: Final = "Secret(***)"
_REFERENCE: Final = re.compile(r"([a-z][a-z0-9-]*):(.+)", re.DOTALL)
_FIELD: Final = re.compile(r"\{(hub|key)\}")
_MASK_CHARACTERS: Final = "*#•█▒░◆●"


@final
class Secret:
    """A value of at least one character, never shown."""

    __slots__ = ("__text",)

    __text: str

    def __init__(self, text: str) -> None:
        _check_text(text)
        object.__setattr__(self, "_Secret__text", text)

    def reveal(self) -> str:
        """Give the value, to where it must go and nowhere else."""
        return self.__text

    def same_as(self, other: Secret) -> bool:
        """Compare two values in a time that tells nothing of them but their lengths."""
        return hmac.compare_digest(_to_bytes(self.__text), _to_bytes(other.reveal()))

    def __repr__(self) -> str:
        return _SHOWN

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, format_spec: str) -> str:
        return _SHOWN

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        _refuse("changed")

    def __delattr__(self, name: str) -> NoReturn:
        _refuse("changed")

    def __eq__(self, other: object) -> NoReturn:
        _refuse("compared; use same_as()")

    def __ne__(self, other: object) -> NoReturn:
        _refuse("compared; use same_as()")

    def __hash__(self) -> NoReturn:  # noqa: PLE0309 - raises
        _refuse("hashed")

    def __bool__(self) -> NoReturn:  # noqa: PLE0304 - raises
        _refuse("tested for truth; use `is None`")

    def __len__(self) -> NoReturn:  # noqa: PLE0303 - raises
        _refuse("measured")

    def __iter__(self) -> NoReturn:
        _refuse("iterated over")

    def __contains__(self, part: object) -> NoReturn:
        _refuse("searched")

    def __getitem__(self, index: object) -> NoReturn:
        _refuse("indexed")

    def __reduce__(self) -> NoReturn:
        _refuse("pickled")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        _refuse("pickled")

    def __getstate__(self) -> NoReturn:
        _refuse("pickled")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a value is: `scheme:rest`; `rest` may hold `{hub}` and `{key}`. `str()` gives the text."""

    scheme: str
    rest: str

    @property
    def fields(self) -> frozenset[str]:
        """Which of `hub` and `key` the reference depends on."""
        return frozenset(_FIELD.findall(self.rest))

    def expand(self, *, hub: str, key: str) -> Reference:
        """Put names in the place of `{hub}` and `{key}`."""
        names = {"hub": hub, "key": key}
        return Reference(self.scheme, _FIELD.sub(lambda match: names[match[1]], self.rest))

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"


def parse_reference(text: str) -> Reference:
    """Read a reference.

    Raises ValueError, with a message that repeats nothing of the text: it may be a value pasted by mistake.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        message = "not a secret reference: write scheme:rest, like env:NAME or file:PATH, never the value itself"
        raise ValueError(message)
    scheme, rest = match.groups()
    if not rest.isprintable() or rest != rest.strip():
        message = "a secret reference holds no control characters and neither begins nor ends with a blank"
        raise ValueError(message)
    if re.search(r"[{}]", _FIELD.sub("", rest)):
        message = "a secret reference has no fields in braces but {hub} and {key}"
        raise ValueError(message)
    return Reference(scheme, rest)


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Put a mask where any of the secrets stands, plain, in base64, in hex, or escaped for URLs or JSON.

    Secrets of one or two characters take much else with them: rather that than the other way round.
    """
    forms = {form for secret in secrets for form in _forms(secret.reveal())}
    if not forms:
        return text
    # The mask has no character of any form, so no form can come about where a mask meets its neighbours.
    mask = 3 * next((mark for mark in _MASK_CHARACTERS if not any(mark in form for form in forms)), "")
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.sub("|".join(re.escape(form) for form in longest_first), mask, text)


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        message = "a secret is text"
        raise TypeError(message)
    if not text:
        message = "a secret has at least one character"
        raise ValueError(message)


def _forms(value: str) -> Iterator[str]:
    raw = _to_bytes(value)
    yield value
    yield from _base64_forms(raw)
    yield from (raw.hex(), raw.hex().upper(), raw.hex(" "), raw.hex(":"), raw.hex(":").upper())
    for escaped in (quote(raw, safe=""), quote(raw), quote_plus(raw), "".join(f"%{byte:02X}" for byte in raw)):
        yield from (escaped, re.sub("%..", lambda match: match.group().lower(), escaped))
    for plain in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield from (plain, plain.replace("/", r"\/"), json.dumps(plain)[1:-1])
    yield from (repr(value)[1:-1], ascii(value)[1:-1])


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Give the characters that stand for these bytes alone, wherever in a longer text they begin."""
    for offset in range(3):
        begin = -(-8 * offset // 6)
        end = 8 * (offset + len(raw)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(bytes(offset) + raw).decode("ascii")[begin:end]
            if core:
                yield core


def _to_bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _refuse(what: str) -> NoReturn:
    message = f"a secret cannot be {what}"
    raise TypeError(message)
