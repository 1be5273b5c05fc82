"""One hub over HTTP: every operation of its contract, with what its answers mean.

    content, listing: what is asked ─> wire ─> Answer ─> live: keys, roles, a created key

How an operation fails tells the caller what is known: see `wire`. A created value is handed out before anything else
of its answer can fail. A key is told by its ID, or as it is live: where an operation sends more than the ID, of a key
told by its ID alone the hub is asked first. Where the hub reads keys by a handle of its own, an ID is looked up in its
list; the handles of keys that this client made are known from the answers. Safe to use from several threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from pydantic_core import from_json

from keyspec.content import fill_change, fill_name, fill_new, needs_etag, needs_key
from keyspec.display import display
from keyspec.errors import AnswerLost, HubConflict, HubError, HubMissing
from keyspec.fingerprint import is_same_key
from keyspec.link import find_next
from keyspec.listing import Ask, Listing
from keyspec.live import (
    known_handles,
    name_roles,
    read_created,
    read_imported_handle,
    read_imported_id,
    read_key,
    read_keys,
    read_page,
    read_roles,
    with_etag,
)
from keyspec.model import Key
from keyspec.pace import Pace, World
from keyspec.refusal import repeats
from keyspec.spec import is_loopback
from keyspec.transport import Transport
from keyspec.wire import Wire, say_first

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    import httpx

    from keyspec.content import ChangeName
    from keyspec.contract import Contract
    from keyspec.conversion import RoleId
    from keyspec.live import Created, RoleNames
    from keyspec.model import FieldValue, Handle, Role
    from keyspec.operation import Paging, PagingStyle
    from keyspec.placeholders import ListName, OperationName
    from keyspec.proxy import Proxy
    from keyspec.secret import Secret
    from keyspec.transport import Answer

T = TypeVar("T")

_BAD_LIMIT: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a hub is and how it may be asked; `auth_key_ids` only serve messages."""

    name: str
    url: str
    timeout_s: float = 10.0
    requests_per_second: float | None = None
    concurrency: int = 8
    proxy: Proxy | None = None
    auth_key_ids: tuple[str, ...] = ()


class Hub:
    """A hub that can be asked; close it, or use it in a `with`."""

    def __init__(
        self,
        endpoint: Endpoint,
        contract: Contract,
        auth: Secret | None,
        *,
        tls: ssl.SSLContext | None = None,
        world: World | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.name = endpoint.name
        self.timeout_s = endpoint.timeout_s
        self.contract = contract
        world = world or World()
        self._pace = Pace(
            world,
            timeout_s=endpoint.timeout_s,
            concurrency=endpoint.concurrency,
            requests_per_second=endpoint.requests_per_second,
        )
        self._transport = Transport(
            timeout_s=endpoint.timeout_s,
            clock=world.clock,
            tls=tls,
            proxy=None if is_loopback(endpoint.url) else endpoint.proxy,
            inner=transport,
        )
        self._wire = Wire(
            endpoint.name,
            endpoint.url,
            contract,
            auth,
            pace=self._pace,
            transport=self._transport,
            world=world,
            key_ids=endpoint.auth_key_ids,
        )
        self._limits: dict[str, int] = {}
        self._lock = Lock()
        self._role_names: RoleNames | None = None
        self._listed: frozenset[str] = frozenset()
        self._made: dict[str, Handle] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def wire(self) -> Wire:
        """The way that all requests go, for who wants to see the answers themselves."""
        return self._wire

    def rest(self) -> None:
        """Close the connections that no request needs now; later ones open their own."""
        self._transport.rest()

    def owing(self) -> AbstractContextManager[None]:
        """Let what this thread asks be sent even if the run is to stop: no new key is left wider, or with nobody."""
        return self._pace.owing()

    def begin_phase(self) -> None:
        """Start the deadline without progress anew."""
        self._pace.begin_phase()

    def list_keys(self) -> tuple[Key, ...]:
        """Read all keys, sorted by ID; HubError unless the list is complete."""
        names = self._name_roles()
        keys = self._list("list_keys", lambda rows: read_keys(self.contract, rows, names), attrgetter("key_id"))
        if self.contract.key.handle is not None:
            with self._wire.naming("list_keys"):
                self._listed = known_handles(keys)
        return keys

    def list_roles(self) -> tuple[Role, ...]:
        """Read all roles, sorted by name; HubError unless the list is complete."""
        roles = self._list("list_roles", lambda rows: read_roles(self.contract, rows), attrgetter("name"))
        with self._wire.naming("list_roles"), self._wire.reading():
            self._role_names = name_roles(roles)
        return roles

    def handle_of(self, key_id: str) -> Handle | None:
        """Tell the handle of a key that this client made, if the hub told it."""
        return self._made.get(key_id)

    def get_key(self, key: Key | str) -> Key | None:
        """Read one key; None if the hub does not have it. Where it cannot be asked for, the list is searched."""
        known = self._recall(key)
        by_handle = self._takes_handle("get_key")
        if (by_handle and known.handle is None) or not self.contract.supports("get_key"):
            found = next((each for each in self.list_keys() if each.key_id == known.key_id), None)
            if found is None or not self.contract.capabilities.etag:
                return found
            known = found
        names = self._name_roles()
        with self._wire.naming("get_key"):
            values = self._fill(lambda _: fill_name(self.contract, "get_key", known))
        answer = self._wire.ask("get_key", values, also=(HTTPStatus.NOT_FOUND,))
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        payload = self._wire.parse("get_key", answer)
        with self._wire.naming("get_key"), self._wire.reading():
            found = read_key(self.contract, payload, names)
            if found.key_id != known.key_id or (by_handle and not is_same_key(found, known)):
                raise HubError(f"the hub answered with another key than `{display(known.key_id)}`")
        if by_handle:
            found = replace(found, handle=known.handle)
        return with_etag(found, answer.etag) if self.contract.capabilities.etag else found

    def get_openapi(self) -> bytes:
        """Download the hub's OpenAPI document, as the JSON it is."""
        answer = self._wire.ask("openapi", {})
        self._wire.parse("openapi", answer)
        return answer.body

    def show_page(self, name: ListName) -> Any:
        """Read the first page of a list, as the hub sent it."""
        return self._wire.parse(name, self._wire.ask(name, self.fill_page(name)))

    def fill_page(self, name: ListName) -> dict[str, object]:
        """Give what the placeholders of a list are filled with for its first page."""
        paging, bounded = self._find_cut(name)
        return _page_values(Ask(0, paging.size, 0), paging.style, bounded=bounded)

    def create_key(self, key: Key) -> Created:
        """Create a key. What the answer holds besides the value is judged by the caller.

        Raises:
            AnswerLost: also if it was done and no usable value can be found in the answer.
        """
        create = self.contract.operations.create_key
        self._made.pop(key.key_id, None)
        names = self._name_roles()
        with self._wire.naming("create_key"):
            if create is not None and create.value is None:
                raise HubError("the contract does not tell where the value stands; nothing was sent")
            values = self._fill(lambda ids: fill_new(self.contract, "create_key", key, ids))
        answer = self._wire.ask("create_key", values)
        with self._wire.naming("create_key"):
            try:
                created = read_created(self.contract, from_json(answer.body, allow_inf_nan=False), key.key_id, names)
            except HubError as error:
                raise AnswerLost(f"answered {answer.status}, but {error}") from None
            except ValueError:
                raise AnswerLost(f"answered {answer.status}, but not with JSON") from None
        if created.key is not None:
            self._note_handle(created.key.key_id, created.key.handle)
        return created

    def import_key(self, key: Key, value: Secret) -> str | None:
        """Give the hub a key with its value; answer the ID it has there, None if the hub does not tell."""
        self._name_roles()
        self._made.pop(key.key_id, None)
        with self._wire.naming("import_key"):
            values = self._fill(lambda ids: fill_new(self.contract, "import_key", key, ids))
        self._wire.hide(value)
        answer = self._wire.ask("import_key", {**values, "value": value})
        try:
            payload = from_json(answer.body, allow_inf_nan=False)
            key_id, handle = read_imported_id(self.contract, payload), read_imported_handle(self.contract, payload)
        except (HubError, ValueError):
            return None
        if repeats(key_id, [value]):
            return None
        self._note_handle(key_id, None if repeats(str(handle), [value]) else handle)
        return key_id

    def edit_key(self, key: Key | str, changes: Mapping[str, FieldValue]) -> None:
        """Change fields of a key (names as in `model.FIELDS`, but for state); what is not named stays."""
        self._change("edit_key", key, changes)

    def lock_key(self, key: Key | str) -> None:
        """Lock a key."""
        self._change("lock_key", key, {"state": "locked"})

    def unlock_key(self, key: Key | str) -> None:
        """Unlock a key."""
        self._change("unlock_key", key, {"state": "active"})

    def delete_key(self, key: Key | str) -> None:
        """Delete a key, for good."""
        self._change("delete_key", key, {})

    def _change(self, name: ChangeName, key: Key | str, changes: Mapping[str, FieldValue]) -> None:
        live = self._look_up(name, key)
        self._name_roles()
        with self._wire.naming(name):
            headers = self._match(name, live)
            values = self._fill(lambda ids: fill_change(self.contract, name, live, changes, ids))
        self._wire.ask(name, values, headers=headers)

    def _look_up(self, name: ChangeName, key: Key | str) -> Key:
        """Give the live key as far as an operation needs it."""
        known = self._recall(key)
        if not self.contract.supports(name):
            return known
        if known.handle is not None or not self._takes_handle(name):
            if not needs_key(self.contract, name):
                return known
            if isinstance(key, Key) and (key.etag is not None or not needs_etag(self.contract, name)):
                return known
        found = self.get_key(known)
        with self._wire.naming(name):
            if found is None:
                raise HubMissing("the key is gone from the hub; nothing was sent")
            if not is_same_key(found, known):
                raise HubConflict("another key has this ID now; nothing was sent")
        return found

    def _recall(self, key: Key | str) -> Key:
        """Give a key with all that is known of it, but for what it holds."""
        known = Key(key) if isinstance(key, str) else key
        return replace(known, handle=self._made.get(known.key_id)) if known.handle is None else known

    def _takes_handle(self, name: OperationName) -> bool:
        return self.contract.supports(name) and "handle" in self.contract.carried(name)

    def _note_handle(self, key_id: str, handle: Handle | None) -> None:
        """Keep the handle of a key that was made; no new key has one that was listed before."""
        if handle is not None and str(handle) not in self._listed:
            self._made[key_id] = handle

    def _match(self, name: ChangeName, live: Key) -> dict[str, str]:
        if not self.contract.supports(name) or not needs_etag(self.contract, name):
            return {}
        if live.etag is None:
            raise HubError("the hub told no ETag of the key that a header can carry; nothing was sent")
        return {"if-match": live.etag}

    def _fill(self, fill: Callable[[Mapping[str, RoleId]], dict[str, object]]) -> dict[str, object]:
        ids = {role: role_id for role_id, role in (self._role_names or {}).items()}
        try:
            return fill(ids)
        except (LookupError, ValueError) as error:
            raise HubError(f"{say_first(error)}; nothing was sent") from error

    def _name_roles(self) -> RoleNames | None:
        """Give the names of roles by ID where keys hold IDs; the list of roles is read once."""
        if not self.contract.key.roles_by_id:
            return None
        with self._lock:
            if self._role_names is None:
                self.list_roles()
            return self._role_names

    def _list(
        self, name: ListName, read: Callable[[Iterable[Any]], tuple[T, ...]], identify: Callable[[T], str]
    ) -> tuple[T, ...]:
        paging, bounded = self._find_cut(name)
        listing = Listing(self._limits.get(name, paging.size), identify, style=paging.style, bounded=bounded)
        while (ask := listing.ask) is not None:
            values = _page_values(ask, paging.style, bounded=bounded)
            also = _BAD_LIMIT if ask.page == 0 and bounded else ()
            url = ask.following if paging.style == "link" else None
            answer = self._wire.ask(name, values, also=also, url=url)
            if answer.status in _BAD_LIMIT:
                with self._wire.naming(name):
                    if not listing.refuse():
                        self._wire.fail(name, answer, attempt=1, lost=False)
                continue
            payload = self._wire.parse(name, answer)
            with self._wire.naming(name), self._wire.reading():
                page = read_page(self.contract, name, payload)
                following = page.next
                if paging.style == "link":
                    following = self._find_next(answer, url or self._wire.url_of(name, values))
                listing.feed(read(page.rows), page.total, following)
        self._limits[name] = listing.kept_limit
        return tuple(row for _, row in sorted(listing.rows.items()))

    def _find_cut(self, name: ListName) -> tuple[Paging, bool]:
        """Tell how a list is cut, and whether its requests say how large pages should be."""
        with self._wire.naming(name):
            try:
                return self.contract.paging_of(name), "limit" in self.contract.carried(name)
            except LookupError as error:
                raise HubError(f"{say_first(error)}; nothing was sent") from error

    def _find_next(self, answer: Answer, asked: str) -> str | None:
        return find_next(answer.link, asked=asked, root=self._wire.root)


def _page_values(ask: Ask, style: PagingStyle, *, bounded: bool) -> dict[str, object]:
    """Give what the placeholders of a list are filled with."""
    values: dict[str, object] = {"limit": ask.limit} if bounded else {}
    match style:
        case "page-index":
            values["page"] = ask.page
        case "page-number":
            values["page"] = ask.page + 1
        case "row-offset":
            values["offset"] = ask.offset
        case "cursor":
            values["cursor"] = ask.following
    return values
