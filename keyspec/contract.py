"""How a hub speaks, as data: the contract format 1.

A contract names, for each operation, method, path, query, body and the statuses that mean it was done, and where
in an answer the rows, the total, the value and the fields of a key stand. Nothing of a hub's API is in code.

Rules kept here: operations that only read are GET; a lock is no delete; a value stands in a body, never in a URL;
what parts of a contract need of each other is there. An operation that lacks a field makes the steps impossible that
would change it (`needs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictStr, TypeAdapter
from pydantic.dataclasses import dataclass

from keyspec.auth import Auth, check_auth
from keyspec.document import locate
from keyspec.errors import Problem, SpecError
from keyspec.keyplaces import CONFIG, ErrorPlaces, KeyPlaces, RolePlaces, RolesPlace, StatePlace, TimeoutPlace
from keyspec.operation import Base, Create, Delete, Edit, Import, KeyRead, ListRead, Paging, Read, Write
from keyspec.overlay import allow_overlay
from keyspec.placeholders import ListName, OperationName, check_placeholders
from keyspec.source import Source  # noqa: TC001 - pydantic reads it
from keyspec.template import find_marks
from keyspec.validation import Format, validate_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyspec.document import Document


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Operations:
    """What the hub can be asked; one that is left out does not exist there."""

    list_keys: ListRead
    get_key: KeyRead | None = None
    create_key: Create | None = None
    import_key: Import | None = None
    edit_key: Edit | None = None
    lock_key: Edit | None = None
    unlock_key: Edit | None = None
    delete_key: Delete | None = None
    list_roles: ListRead | None = None
    openapi: Read | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Capabilities:
    """What cannot be seen from the operations.

    `created_locked`: a new key is locked until it is unlocked. `etag`: the answer to `get_key` has an ETag header.
    """

    ids_reusable: StrictBool = True
    import_takes_id: StrictBool = True
    created_locked: StrictBool = False
    etag: StrictBool = False
    bulk: Literal["none"] = "none"


def _read_auth(auth: object) -> object:
    return None if auth == "none" else auth


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class Contract:
    """One hub's API. `auth` is None (written `none`) where the hub wants no key of its own."""

    name: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    auth: Annotated[Auth | None, BeforeValidator(_read_auth)]
    operations: Operations
    key: KeyPlaces
    role: RolePlaces | None = None
    verified: StrictBool = False
    base: Base = ""
    headers: dict[StrictStr, StrictStr] = field(default_factory=dict)
    paging: Paging = field(default_factory=Paging)
    errors: ErrorPlaces = field(default_factory=ErrorPlaces)
    capabilities: Capabilities = field(default_factory=Capabilities)
    # No fields of a file: where each operation stands in it (empty where none was read), and what `carried` has found.
    sources: dict[str, Source] = field(default_factory=dict, init=False, repr=False, compare=False)
    marks: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def sends_key(self) -> bool:
        """Whether requests carry a credential of keyspec's own."""
        return self.auth is not None and self.auth.scheme != "certificate"

    def supports(self, operation: OperationName) -> bool:
        """Tell whether the hub can be asked this."""
        return getattr(self.operations, operation) is not None

    def operation(self, name: OperationName) -> Read | Write:
        """Give an operation by its name; LookupError if the contract has none."""
        found: Read | Write | None = getattr(self.operations, name)
        if found is None:
            raise LookupError(f"the contract `{self.name}` has no operation `{name}`")
        return found

    def list_read(self, name: ListName) -> ListRead:
        """Give a list by its name; LookupError as in `operation`."""
        found = self.operations.list_keys if name == "list_keys" else self.operations.list_roles
        if found is None:
            raise LookupError(f"the contract `{self.name}` has no operation `{name}`")
        return found

    def paging_of(self, name: ListName) -> Paging:
        """Tell how a list is cut."""
        return self.list_read(name).paging or self.paging

    def carried(self, name: OperationName) -> frozenset[str]:
        """Name the placeholders that stand in an operation."""
        found = self.marks.get(name)
        if found is None:
            operation = self.operation(name)
            parts = [operation.path, operation.query, body_of(operation)]
            found = self.marks[name] = frozenset(mark.name for mark in find_marks(parts))
        return found


def body_of(operation: Read | Write) -> dict[str, Any] | None:
    """Give the template of an operation's body, None if it sends none."""
    return operation.body if isinstance(operation, Write) else None


def _drop_format(root: object) -> object:
    return {name: part for name, part in root.items() if name != _FIELD} if isinstance(root, Mapping) else root


_FIELD: Final = "keyspec-contract"
_FOUND: Final = ("sources", "marks")
"""Fields that no file has."""
_ADAPTER: Final[TypeAdapter[Contract]] = TypeAdapter(Annotated[Contract, BeforeValidator(_drop_format)])
_EDITS: Final = ("edit_key", "lock_key", "unlock_key")
_LISTS: Final = ("list_keys", "list_roles")
_SHAPES: Final[Mapping[tuple[str, ...], type]] = {
    (): Contract,
    ("auth",): Auth,
    ("key",): KeyPlaces,
    ("key", "roles"): RolesPlace,
    ("key", "reauth_timeout"): TimeoutPlace,
    ("key", "state"): StatePlace,
    ("role",): RolePlaces,
    ("errors",): ErrorPlaces,
    ("paging",): Paging,
    ("capabilities",): Capabilities,
    ("operations",): Operations,
    ("operations", "get_key"): KeyRead,
    ("operations", "create_key"): Create,
    ("operations", "import_key"): Import,
    ("operations", "delete_key"): Delete,
    ("operations", "openapi"): Read,
    **{("operations", name): ListRead for name in _LISTS},
    **{("operations", name): Edit for name in _EDITS},
    ("operations", "*", "paging"): Paging,
}
CONTRACT_FORMAT: Final = Format(_FIELD, "contract", _ADAPTER, _SHAPES)


def parse_contract(document: Document) -> Contract:
    """Validate a contract file.

    Raises:
        SpecError: with every problem found.
    """
    verdict = validate_document(document, CONTRACT_FORMAT)
    contract = verdict[0]
    problems = [*verdict[1]]
    if document.root.get(_FIELD) == CONTRACT_FORMAT.version:
        problems += [*check_auth(document), *check_placeholders(document)]
    if contract is not None:
        problems += _check_parts(document, contract)
    if contract is None or problems:
        raise SpecError(problems)
    for name in document.root["operations"]:
        contract.sources[name] = locate(document, ("operations", name), key=True)
    return contract


def _check_parts(document: Document, contract: Contract) -> Iterator[Problem]:
    """Find what one part of a contract needs of another that is not there."""
    role, key = contract.role, contract.key
    if contract.supports("list_roles") and role is None:
        yield _missing(document, (), "`role` is required where `list_roles` is an operation")
    if key.roles_by_id and (role is None or role.id is None or not contract.supports("list_roles")):
        what = "roles by ID need the operation `list_roles`, and `role.id`"
        yield _missing(document, ("key", "roles"), what)
    if key.state is not None and key.locked is not None:
        what = "the state of a key stands at `locked` or at `state`, not at both"
        yield Problem("invalid-value", what, locate(document, ("key", "locked"), key=True))
    if key.state is not None and (both := _find_both(key.state)) is not None:
        what = f"`{both}` is said to mean active and locked"
        yield Problem("invalid-value", what, locate(document, ("key", "state", "locked")))
    for path, paging in _list_paging(contract):
        if (paging.style == "cursor") != (paging.next is not None):
            what = "`next` is where a cursor stands in an answer: it belongs to `style: cursor`, which requires it"
            yield _missing(document, path, what)
    yield from _check_etag(document, contract)
    yield from _check_lasting(document, contract)


def _check_lasting(document: Document, contract: Contract) -> Iterator[Problem]:
    """Find a lock, or an unlock, that deletes: it could not be undone."""
    delete = contract.operations.delete_key
    for name in ("lock_key", "unlock_key"):
        operation: Edit | None = getattr(contract.operations, name)
        if operation is None:
            continue
        source = locate(document, ("operations", name, "method"))
        if operation.method == "DELETE":
            yield Problem("invalid-value", f"`{name}` is no DELETE: a key that is locked or unlocked stays", source)
        elif delete is not None and _request_of(operation) == _request_of(delete):
            yield Problem("invalid-value", f"`{name}` and `delete_key` are one and the same request", source)


def _request_of(operation: Write) -> tuple[object, ...]:
    return operation.method, operation.path, operation.query, operation.body or None


def _check_etag(document: Document, contract: Contract) -> Iterator[Problem]:
    if contract.capabilities.etag and not contract.supports("get_key"):
        what = "`etag: true` needs the operation `get_key`, whose answer has the header"
        yield _missing(document, ("capabilities", "etag"), what)
    reads = contract.capabilities.etag or contract.key.etag is not None
    for name in (*_EDITS, "delete_key"):
        if getattr(getattr(contract.operations, name), "if_match", False) and not reads:
            what = "`if_match` needs `capabilities.etag`, or a place `key.etag`"
            yield _missing(document, ("operations", name, "if_match"), what)
    if contract.key.etag is not None and not contract.supports("get_key"):
        yield _missing(document, ("key", "etag"), "`etag` needs the operation `get_key`: it changes with every write")


def _find_both(state: StatePlace) -> object:
    pairs = ((one, other) for one in state.active for other in state.locked)
    return next((one for one, other in pairs if type(one) is type(other) and one == other), None)


def _list_paging(contract: Contract) -> Iterator[tuple[tuple[str, ...], Paging]]:
    yield ("paging",), contract.paging
    for name in _LISTS:
        operation: ListRead | None = getattr(contract.operations, name)
        if operation is not None and operation.paging is not None:
            yield ("operations", name, "paging"), operation.paging


def _missing(document: Document, path: tuple[str, ...], what: str) -> Problem:
    return Problem("missing-field", what, locate(document, path))


def contract_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a contract file."""
    schema = CONTRACT_FORMAT.schema("keyspec contract, format 1")
    fields: dict[str, Any] = {name: part for name, part in schema["properties"].items() if name not in _FOUND}
    schema["properties"] = {_FIELD: {"const": 1}, **fields, "auth": {"anyOf": [fields["auth"], {"const": "none"}]}}
    schema["required"] = [_FIELD, *schema["required"]]
    schema["$defs"].pop("Source", None)
    return allow_overlay(schema)
