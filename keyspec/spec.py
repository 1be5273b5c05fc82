"""What the user writes, format 1: the shape of one spec file, and its JSON Schema.

Every class is a frozen, slotted dataclass validated by pydantic; a field that is None was not declared.
What one file alone cannot tell (profiles that exist, selectors that match, the same key declared twice) is
judged in `merge`. Formats and limits: README, "The spec".
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, TypeAdapter
from pydantic import WithJsonSchema as Schema
from pydantic.dataclasses import dataclass

from keyspec.duration import parse_duration
from keyspec.model import NAME_PATTERN, as_set, is_name
from keyspec.secret import parse_reference
from keyspec.selector import parse_selector
from keyspec.validation import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUE_SOURCES: Final = ("hub", "generated", "none")
"""Where a value may come from; anything else is a reference."""
DEFAULT_CONTRACT: Final = "cipherinsights-v1"
_MAX_HOST: Final = 253
_HOST: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_DOT_SEGMENT: Final = re.compile(r"(^|/)(\.|%2e){1,2}(/|;|$)", re.IGNORECASE)
_CONFIG: Final = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


def _check_name(text: str) -> str:
    if not is_name(text):
        msg = (
            "a name starts with a letter or digit and holds at most 128 letters, digits, dots, underscores and hyphens"
        )
        raise ValueError(msg)
    return text


def _check_reference(text: str) -> str:
    parse_reference(text)
    return text


def _check_origin(text: str) -> str:
    if text not in VALUE_SOURCES:
        parse_reference(text)
    return text


def _as_stores(value: object) -> object:
    return {"primary": value} if isinstance(value, str) else value


def _check_selector(text: str) -> str:
    parse_selector(text)
    return text


def _check_duration(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("a duration is a number of seconds, or 90s, 5m or 1h")  # noqa: TRY004 - pydantic reads it
    return parse_duration(value)


def _check_share(value: object) -> object:
    match = re.fullmatch(r"([0-9]{1,3})%", value) if isinstance(value, str) else None
    if not match or int(match[1]) > 100:  # noqa: PLR2004 - per cent
        raise ValueError("a share is a whole number of per cent from 0% to 100%")
    return int(match[1])


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _check_key_ids(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or not all(value):
        raise ValueError("name at least one key ID, or `none` where the contract sends no hub key")
    return () if value == ("none",) else as_set(value)


def _check_roles(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or not all(value):
        raise ValueError("a key holds at least one role, and a role has a name")
    return as_set(value)


def _check_waves(value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    if not value:
        raise ValueError("at least one entry is wanted here")
    return value


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port_ok = parts.port != 0
    except ValueError as error:
        raise ValueError("this is no URL") from error
    if not text.startswith(("https://", "http://")) or not parts.hostname or not port_ok:
        raise ValueError("a URL here starts with https:// and names a host")
    if parts.username is not None or parts.password is not None or "?" in text or "#" in text:
        raise ValueError("a URL here holds no user info, query or fragment")
    if re.search(r"[\s\\\x00-\x20\x7f]", text) or "@" in text or _DOT_SEGMENT.search(parts.path):
        raise ValueError("a URL here holds no blanks, backslashes or dot segments")
    if text.startswith("https:") and parts.hostname.endswith("."):
        raise ValueError("no certificate holds a host with a dot at its end: write it without")
    if not parts.netloc.isascii() or not _is_host(parts.hostname, bracketed="[" in parts.netloc):
        raise ValueError("this URL names no host: write a DNS name (xn--… beyond ASCII) or an IP address")
    return text.rstrip("/")


def check_proxy(text: str) -> str:
    """Judge the URL of a proxy, without user info: a spec holds no password; ValueError says what is wrong."""
    if not text.startswith(("https://", "http://")):
        raise ValueError("a proxy's URL starts with http:// or https://; SOCKS is not spoken")
    url = _check_url(text)
    if urlsplit(url).path:
        raise ValueError("a proxy's URL ends with its host and port")
    return url


def _is_host(host: str, *, bracketed: bool) -> bool:
    """Tell whether a host can be looked up: an IP address, or labels that a resolver takes."""
    if bracketed or not host.strip("0123456789."):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return "%" not in host
    return len(host) <= _MAX_HOST and _HOST.fullmatch(host) is not None


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine: localhost, 127.0.0.0/8 or ::1."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Name = Annotated[StrictStr, AfterValidator(_check_name), Schema({"type": "string", "pattern": NAME_PATTERN})]
Reference = Annotated[StrictStr, AfterValidator(_check_reference), Field(examples=["env:HUB_KEY", "file:key"])]
SelectorText = Annotated[StrictStr, AfterValidator(_check_selector), Field(examples=["prod_*", "env=prod,region!=us"])]
Selectors = Annotated[tuple[SelectorText, ...], Field(min_length=1)]
# Counted when its entries are valid: pydantic's `min_length` leaves out those that are not.
Waves = Annotated[tuple[Selectors, ...], AfterValidator(_check_waves), Field(json_schema_extra={"minItems": 1})]
Url = Annotated[StrictStr, AfterValidator(_check_url), Field(examples=["https://hub.example.com"])]
ProxyUrl = Annotated[StrictStr, AfterValidator(check_proxy), Field(examples=["http://proxy.example.com:3128"])]
PathText = Annotated[StrictStr, Field(min_length=1)]
_DURATION_SCHEMA: Final = {
    "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^[0-9]+[smhd]?$"}],
    "examples": ["5m"],
}
Duration = Annotated[int, BeforeValidator(_check_duration), Schema(_DURATION_SCHEMA)]
Share = Annotated[
    int,
    BeforeValidator(_check_share),
    Schema({"type": "string", "pattern": r"^[0-9]{1,3}%$", "examples": ["30%"]}),
]
Roles = Annotated[
    tuple[StrictStr, ...],
    AfterValidator(_check_roles),
    Schema({"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}),
]
KeyIds = Annotated[
    tuple[StrictStr, ...],
    BeforeValidator(_as_list),
    AfterValidator(_check_key_ids),
    Schema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
_STORE_SCHEMA: Final = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                "primary": {"type": "string"},
                "replicas": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            },
            "required": ["primary"],
            "additionalProperties": False,
        },
    ],
    "examples": ["file:secrets/{hub}/{key}"],
}
Labels = dict[Annotated[StrictStr, Field(min_length=1)], StrictStr]
Count = Annotated[int, Field(ge=0, strict=True)]


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Tls:
    """How a hub's certificate is judged, and ours shown. Paths are relative to the file that holds them."""

    ca_file: PathText | None = None
    client_cert: PathText | None = None
    client_key: PathText | None = None
    verify: StrictBool = True


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Hub:
    """One hub: where it is, which key keyspec uses there, and how hard it may be asked."""

    url: Url
    auth: Reference
    auth_key_id: KeyIds
    labels: Labels = field(default_factory=dict)
    tls: Tls = field(default_factory=Tls)
    contract: PathText = DEFAULT_CONTRACT
    concurrency: Annotated[int, Field(ge=1, le=128, strict=True)] = 8
    requests_per_second: Annotated[float, Field(gt=0, le=10_000, strict=True)] | None = None
    timeout: Duration = 10
    proxy: ProxyUrl | None = None
    allow_http: StrictBool = False
    role_names: dict[StrictStr, Annotated[StrictStr, Field(min_length=1)]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Stores:
    """Where a key's value is kept: the store that is read, and others that get every value after it."""

    primary: Reference
    replicas: Annotated[tuple[Reference, ...], Field(min_length=1)] = ()


StoreField = Annotated[Stores, BeforeValidator(_as_stores), Schema(_STORE_SCHEMA)]


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Value:
    """Where a key's value comes from, and whether its hubs share it.

    `from` is `hub`, `generated`, `none`, or a reference that can be read; `trust` names the values of the label
    `env` that one value may be shared across.
    """

    from_: Annotated[StrictStr, AfterValidator(_check_origin), Field(alias="from")] = "hub"
    shared: StrictBool = False
    origin: Name | None = None
    trust: tuple[StrictStr, ...] = ()
    prefix: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Fields:
    """What `defaults` and a profile may declare for the keys that build on them."""

    description: StrictStr | None = None
    roles: Roles | None = None
    reauth_timeout: Duration | None = None
    state: Literal["active", "locked"] | None = None
    store: StoreField | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Override:
    """What `per_hub` may declare for one key on some hubs."""

    description: StrictStr | None = None
    roles: Roles | None = None
    reauth_timeout: Duration | None = None
    state: Literal["active", "locked", "absent"] | None = None
    store: StoreField | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class KeySpec:
    """One declared key; its name in the spec is its Key ID."""

    extends: Name | None = None
    description: StrictStr | None = None
    roles: Roles | None = None
    reauth_timeout: Duration | None = None
    state: Literal["active", "locked", "absent"] | None = None
    store: StoreField | None = None
    hubs: Selectors | None = None
    per_hub: dict[SelectorText, Override] = field(default_factory=dict)
    value: Value = field(default_factory=Value)
    protected: StrictBool = False


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Ownership:
    """Which live keys the spec owns, by globs of their IDs, and what becomes of those nobody declares."""

    key_ids: tuple[Annotated[StrictStr, Field(min_length=1)], ...] = ()
    unlisted: Literal["report", "lock", "delete"] = "report"


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Guards:
    """How much one run may change, and how old a saved plan may be. `max_change_share` is in per cent."""

    max_deletes: Count = 5
    max_change_share: Share = 30
    unlock: StrictBool = False
    plan_max_age: Duration | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Rollout:
    """In which order hubs are changed: each belongs to the first wave with a selector that means it."""

    waves: Waves
    max_failed_hubs: Count = 0


@dataclass(frozen=True, slots=True, config=_CONFIG)
class SpecFile:
    """One spec file, whole."""

    keyspec: Literal[1]
    include: Annotated[tuple[PathText, ...], Field(min_length=1)] | None = None
    hubs: dict[Name, Hub] = field(default_factory=dict)
    defaults: Fields | None = None
    profiles: dict[Name, Fields] = field(default_factory=dict)
    ownership: Ownership | None = None
    guards: Guards | None = None
    rollout: Rollout | None = None
    keys: dict[Name, KeySpec] = field(default_factory=dict)


SHAPES: Final[Mapping[tuple[str, ...], type]] = {
    (): SpecFile,
    ("hubs", "*"): Hub,
    ("hubs", "*", "tls"): Tls,
    ("defaults",): Fields,
    ("profiles", "*"): Fields,
    ("ownership",): Ownership,
    ("guards",): Guards,
    ("rollout",): Rollout,
    ("keys", "*"): KeySpec,
    ("keys", "*", "per_hub", "*"): Override,
    ("keys", "*", "value"): Value,
    ("defaults", "store"): Stores,
    ("profiles", "*", "store"): Stores,
    ("keys", "*", "store"): Stores,
    ("keys", "*", "per_hub", "*", "store"): Stores,
}
"""Which class describes the mapping at a path; `*` stands for any name."""

SPEC_FORMAT: Final = Format("keyspec", "keyspec spec", TypeAdapter(SpecFile), SHAPES)


def spec_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a spec file, for editors and for checks in CI."""
    return SPEC_FORMAT.schema("keyspec spec, format 1")
