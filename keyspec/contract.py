"""How a hub speaks, as data: the contract format 1.

A contract names, for each operation, method, path, query, body and the statuses that mean it was done, and where
in an answer the rows, the total, the value and the fields of a key stand. Nothing of a hub's API is in code.

Rules kept here: operations that only read are GET; a value stands in a body, never in a URL; an operation carries
every field it is meant to carry (`placeholders`), so nothing declared is dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, TypeAdapter
from pydantic import WithJsonSchema as Schema
from pydantic.dataclasses import dataclass

from keyspec.document import locate
from keyspec.errors import Problem, SpecError
from keyspec.place import Place, parse_place
from keyspec.placeholders import OperationName, check_placeholders
from keyspec.validation import Format, validate_document

if TYPE_CHECKING:
    from keyspec.document import Document

_CONFIG: Final = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
_PATH_PATTERN: Final = r"^(/[A-Za-z0-9_~.:{}-]*)+$"
_BASE_PATTERN: Final = r"^(/[A-Za-z0-9_~.:-]+)*$"


def _check_read(method: object) -> object:
    if method != "GET":
        raise ValueError("an operation that reads is GET, in any contract: planning sends nothing else")
    return method


def _check_write(method: object) -> object:
    if method not in ("POST", "PUT", "DELETE"):
        raise ValueError("an operation that writes is POST, PUT or DELETE")
    return method


def _check_status(status: object) -> object:
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 299:  # noqa: PLR2004 - success
        raise ValueError("a status that means done is a whole number from 200 to 299")
    return status


def _check_query(query: dict[str, Any]) -> dict[str, Any]:
    for name, value in query.items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(part, str | int) for part in values):
            raise ValueError(f"the query parameter `{name}` is text, a whole number, true, false or a list of these")
    return query


def _check_path(path: str) -> str:
    if not re.match(_PATH_PATTERN, path) or "\n" in path or not {".", ".."}.isdisjoint(path.split("/")):
        raise ValueError("a path begins with / and holds letters, digits, . _ ~ : - and placeholders, no dot segments")
    return path


def _check_base(base: str) -> str:
    if base:
        _check_path(base)
    if base.endswith("/") or "{" in base:
        raise ValueError("the base of all paths ends with no / and holds no placeholder")
    return base


def _read_auth(auth: object) -> object:
    return None if auth == "none" else auth


PlaceText = Annotated[Place, BeforeValidator(parse_place), Schema({"type": "string", "minLength": 1})]
Path = Annotated[StrictStr, AfterValidator(_check_path), Schema({"type": "string", "pattern": _PATH_PATTERN})]
Base = Annotated[StrictStr, AfterValidator(_check_base), Schema({"type": "string", "pattern": _BASE_PATTERN})]
Statuses = Annotated[
    tuple[Annotated[int, BeforeValidator(_check_status), Field(ge=200, le=299)], ...], Field(min_length=1)
]
Query = Annotated[dict[StrictStr, Any], AfterValidator(_check_query)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Read:
    """An operation that changes nothing. A placeholder standing alone keeps its type; others become text."""

    method: Annotated[Literal["GET"], BeforeValidator(_check_read)]
    path: Path
    query: Query = field(default_factory=dict)
    statuses: Statuses


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class ListRead(Read):
    """A list, page by page; `total` is where the count of all rows stands, if anywhere."""

    rows: PlaceText
    total: PlaceText | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Write:
    """An operation that changes a key; members of the body that are not to be sent are left out."""

    method: Annotated[Literal["POST", "PUT", "DELETE"], BeforeValidator(_check_write)]
    path: Path
    query: Query = field(default_factory=dict)
    body: dict[StrictStr, Any] | None = None
    statuses: Statuses


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Create(Write):
    """The write whose answer holds a key's value, this once."""

    value: PlaceText


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Operations:
    """What the hub can be asked; one that is left out does not exist there."""

    list_keys: ListRead
    get_key: Read | None = None
    create_key: Create | None = None
    import_key: Write | None = None
    edit_key: Write | None = None
    lock_key: Write | None = None
    unlock_key: Write | None = None
    delete_key: Write | None = None
    list_roles: ListRead | None = None
    openapi: Read | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Auth:
    """The header that carries keyspec's own key, and what stands before it."""

    header: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9-]+$")]
    prefix: Annotated[StrictStr, Field(pattern=r"^[!-~]*[ ]?$")] = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class KeyPlaces:
    """Where the fields of a key stand in a row; a place left out cannot be compared."""

    id: PlaceText
    description: PlaceText | None = None
    roles: PlaceText | None = None
    reauth_timeout: PlaceText | None = None
    locked: PlaceText | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class RolePlaces:
    """Where the fields of a role stand in a row."""

    name: PlaceText
    permissions: PlaceText | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class ErrorPlaces:
    """Where an error's code and message stand in a body."""

    code: PlaceText | None = None
    message: PlaceText | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Paging:
    """How lists are cut: `page-index` means that `{page}` counts from 0 in multiples of `{limit}`."""

    style: Literal["page-index"] = "page-index"
    size: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 100


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Capabilities:
    """What cannot be seen from the operations; `created_locked`, `etag` and `bulk` have one meaning yet."""

    ids_reusable: StrictBool = True
    import_takes_id: StrictBool = True
    created_locked: Literal[False] = False
    etag: Literal[False] = False
    bulk: Literal["none"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Contract:
    """One hub's API. `auth` is None (written `none`) where the hub wants no key of its own."""

    name: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    auth: Annotated[Auth | None, BeforeValidator(_read_auth)]
    operations: Operations
    key: KeyPlaces
    role: RolePlaces | None = None
    verified: StrictBool = False
    base: Base = ""
    paging: Paging = field(default_factory=Paging)
    errors: ErrorPlaces = field(default_factory=ErrorPlaces)
    capabilities: Capabilities = field(default_factory=Capabilities)

    def supports(self, operation: OperationName) -> bool:
        """Tell whether the hub can be asked this."""
        return getattr(self.operations, operation) is not None

    def operation(self, name: OperationName) -> Read | Write:
        """Give an operation by its name; LookupError if the contract has none."""
        found: Read | Write | None = getattr(self.operations, name)
        if found is None:
            raise LookupError(f"the contract `{self.name}` has no operation `{name}`")
        return found


def _drop_format(root: object) -> object:
    return {name: part for name, part in root.items() if name != _FIELD} if isinstance(root, Mapping) else root


_FIELD: Final = "keyspec-contract"
_ADAPTER: Final[TypeAdapter[Contract]] = TypeAdapter(Annotated[Contract, BeforeValidator(_drop_format)])
_PARTS: Final = {"auth": Auth, "key": KeyPlaces, "role": RolePlaces, "errors": ErrorPlaces}
_SHAPES: Final[Mapping[tuple[str, ...], type]] = {
    (): Contract,
    **{(name,): part for name, part in _PARTS.items()},
    ("paging",): Paging,
    ("capabilities",): Capabilities,
    ("operations",): Operations,
    ("operations", "create_key"): Create,
    **{("operations", name): ListRead for name in ("list_keys", "list_roles")},
    **{("operations", name): Read for name in ("get_key", "openapi")},
    ("operations", "*"): Write,
}
CONTRACT_FORMAT: Final = Format(_FIELD, "contract", _ADAPTER, _SHAPES)


def parse_contract(document: Document) -> Contract:
    """Validate a contract file.

    Raises:
        SpecError: with every problem found.
    """
    verdict = validate_document(document, CONTRACT_FORMAT)
    contract = verdict[0]
    problems = [*verdict[1], *check_placeholders(document)]
    if contract and contract.supports("list_roles") and contract.role is None:
        what = "`role` is required where `list_roles` is an operation"
        problems.append(Problem("missing-field", what, locate(document, ())))
    if contract is None or problems:
        raise SpecError(problems)
    return contract


def contract_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a contract file."""
    schema = CONTRACT_FORMAT.schema("keyspec contract, format 1")
    fields: dict[str, Any] = schema["properties"]
    schema["properties"] = {_FIELD: {"const": 1}, **fields, "auth": {"anyOf": [fields["auth"], {"const": "none"}]}}
    schema["required"] = [_FIELD, *schema["required"]]
    return schema
