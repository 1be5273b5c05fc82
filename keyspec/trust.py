"""A spec may come from a stranger's pull request: what a trusted file lets it do.

The trusted file is named on the command line or in the environment, never by a spec. It pins every hub's
connection, lists globs of references, and gives the least guards. Everything else in the spec is `untrusted`, and
the run is refused before a reference is resolved or a socket opened. Files that a pinned hub names are read from
beside the trusted file.

References are compared expanded and normalised; `*` and `?` do not cross `/`; a relative path is compared as it is
written. Guards that the trusted file leaves out are held to keyspec's defaults.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictStr, TypeAdapter
from pydantic.dataclasses import dataclass

from keyspec.errors import Problem, RefusedError, SpecError
from keyspec.spec import DEFAULT_CONTRACT, Guards, KeyIds, Name, PathText, ProxyUrl, Reference, Tls, Url
from keyspec.validation import Format, validate_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.desired import Desired
    from keyspec.document import Document
    from keyspec.merge import Declared, Spec
    from keyspec.spec import Hub

PINNED: Final = ("url", "auth", "auth_key_id", "tls", "contract", "proxy", "allow_http")
"""What a trusted file says of a hub, and a spec may not change."""

_CONFIG: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=_CONFIG)
class TrustedHub:
    """A hub's connection, pinned."""

    url: Url
    auth: Reference
    auth_key_id: KeyIds
    tls: Tls = field(default_factory=Tls)
    contract: PathText = DEFAULT_CONTRACT
    proxy: ProxyUrl | None = None
    allow_http: StrictBool = False


@dataclass(frozen=True, slots=True, config=_CONFIG)
class TrustedFile:
    """One trusted file, whole."""

    keyspec_trusted: Annotated[Literal[1], Field(alias="keyspec-trusted")]
    hubs: dict[Name, TrustedHub] = field(default_factory=dict)
    references: tuple[Annotated[StrictStr, Field(min_length=1)], ...] = ()
    guards: Guards = field(default_factory=Guards)


_SHAPES: Final[Mapping[tuple[str, ...], type]] = {
    (): TrustedFile,
    ("hubs", "*"): TrustedHub,
    ("hubs", "*", "tls"): Tls,
    ("guards",): Guards,
}
TRUSTED_FORMAT: Final = Format("keyspec-trusted", "trusted file", TypeAdapter(TrustedFile), _SHAPES)


@plain_dataclass(frozen=True, slots=True)
class Trusted:
    """A trusted file that was read, and where it lies."""

    content: TrustedFile
    file: str


def parse_trusted(document: Document) -> Trusted:
    """Read a trusted file.

    Raises:
        SpecError: with every problem found.
    """
    result = validate_document(document, TRUSTED_FORMAT)
    content, problems = result
    if content is None:
        raise SpecError(problems)
    return Trusted(content, document.file)


def trusted_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a trusted file."""
    return TRUSTED_FORMAT.schema("keyspec trusted file, format 1")


def pin_hubs(spec: Spec, trusted: Trusted) -> Spec:
    """Hold a spec's hubs and guards to the trusted file; files the hubs name are then read from beside it.

    Raises:
        RefusedError: naming everything that is not trusted.
    """
    problems = [problem for hub in spec.hubs.items() for problem in _judge_hub(*hub, trusted)]
    problems += _judge_guards(spec, trusted)
    if problems:
        raise RefusedError(problems)
    return replace(spec, connections=dict.fromkeys(spec.hubs, trusted.file), pinned=True)


def check_references(desired: Desired, trusted: Trusted) -> None:
    """Hold every store and every given value of a spec to the trusted globs of references.

    Raises:
        RefusedError: naming every place that declares another reference.
    """
    problems: dict[object, Problem] = {}
    for hub in desired.hubs.values():
        for key in hub.keys.values():
            given = hub.given(key)
            named = [(entry, "store") for entry in (hub.entry(key), *hub.replicas(key)) if entry is not None]
            named += [(given, "value")] if given is not None else []
            for entry, field_name in named:
                if not is_trusted(str(entry.reference), trusted.content.references):
                    source = key.source(field_name)
                    what = f"the {field_name} of `{key.key_id}` matches no trusted reference"
                    problems.setdefault(source, Problem("untrusted", what, source, _hint(trusted)))
    if problems:
        raise RefusedError(problems.values())


def is_trusted(reference: str, globs: tuple[str, ...]) -> bool:
    """Tell whether a reference, normalised, matches one of the globs."""
    text = _normalise(reference)
    normal = (_normalise(glob) for glob in globs)
    return any(_climbs(glob) == _climbs(text) and _compile(glob).match(text) for glob in normal)


def _judge_hub(name: str, hub: Declared[Hub], trusted: Trusted) -> Iterator[Problem]:
    pinned = trusted.content.hubs.get(name)
    if pinned is None:
        yield Problem("untrusted", f"hub `{name}` is not in the trusted file", hub.source(), _hint(trusted))
        return
    for name_ in PINNED:
        if getattr(hub.value, name_) != getattr(pinned, name_):
            what = f"hub `{name}`: `{name_}` differs from the trusted file"
            yield Problem("untrusted", what, hub.source(name_), _hint(trusted))


def _judge_guards(spec: Spec, trusted: Trusted) -> Iterator[Problem]:
    have, least = spec.guards.value if spec.guards else Guards(), trusted.content.guards
    for name in Guards.__dataclass_fields__:
        if _allows_more(getattr(have, name), getattr(least, name)):
            source = spec.guards.source(name) if spec.guards else None
            what = f"`guards.{name}` allows more than the trusted file"
            yield Problem("untrusted", what, source, _hint(trusted))


def _allows_more(have: int | None, least: int | None) -> bool:
    """Compare two values of a guard; None is no limit."""
    return least is not None and (have is None or have > least)


def _hint(trusted: Trusted) -> str:
    return f"trusted is what {trusted.file} says"


def _normalise(reference: str) -> str:
    scheme, _, rest = reference.partition(":")
    return f"{scheme}:{posixpath.normpath(rest) if rest else ''}"


def _climbs(reference: str) -> int:
    """Count the `..` of a normalised reference: no `*` stands for one."""
    return reference.partition(":")[2].split("/").count("..")


@lru_cache(maxsize=1024)
def _compile(glob: str) -> re.Pattern[str]:
    parts = {"*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(parts.get(char, re.escape(char)) for char in glob) + r"\Z")
