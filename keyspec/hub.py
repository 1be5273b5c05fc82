"""One hub over HTTP: every operation of its contract, with what its answers mean.

    build_request ─> Pace ─> Transport ─> Answer | Broken ─> decide ─> again | give up | lost
                                                    └────────> live: keys, roles, a created key

How an operation fails tells the caller what is known:

    HubRefused      the hub answered and did nothing (HubConflict 409, 412 · HubMissing 404)
    AnswerLost      a write that may or may not have been done: no answer, a broken one, a 5xx, a redirect, an
                    HTML page; a 409 to a create or import that was sent again
    HubError        a read failed, or a write was never sent

What an answer says is quoted through `display()`, short; never where it answers a create or an import, never a 401,
never where it repeats keyspec's own key or a value that this client carried. A created value is handed out before
anything else of its answer can fail. Safe to use from several threads.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Self, TypeVar

from pydantic_core import from_json

from keyspec.display import display
from keyspec.errors import AnswerLost, HubConflict, HubError, HubMissing, HubRefused
from keyspec.listing import Listing
from keyspec.live import read_created, read_key, read_keys, read_page, read_roles
from keyspec.pace import Pace, World
from keyspec.placeholders import RULES
from keyspec.refusal import explain_answer, is_html, is_json, quote_error, repeats
from keyspec.request import build_request, encode_body
from keyspec.retry import Lost, Wait, decide, find_pause, parse_retry_after
from keyspec.secret import Secret
from keyspec.spec import is_loopback
from keyspec.transport import Answer, Broken, Transport
from keyspec.version import __version__

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import httpx

    from keyspec.contract import Contract
    from keyspec.live import Created
    from keyspec.model import FieldValue, Key, Role
    from keyspec.placeholders import OperationName
    from keyspec.request import Request
    from keyspec.retry import Decision, Kind

T = TypeVar("T")
ListName = Literal["list_keys", "list_roles"]

_SECRETIVE: Final = ("create_key", "import_key")
"""Operations whose answers are never quoted."""
_BAD_LIMIT: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_OK: Final = 200
_ELSEWHERE: Final = 300
_SERVER_FAILS: Final = 500
_CREDENTIAL: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_UNKNOWN: Final = "nobody knows whether it was done"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a hub is and how it may be asked; `auth_key_ids` only serve messages."""

    name: str
    url: str
    timeout_s: float = 10.0
    requests_per_second: float | None = None
    concurrency: int = 8
    proxy: str | None = None
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
        self._endpoint = endpoint
        self._auth = auth
        self._secrets = [] if auth is None else [auth]
        self._world = world or World()
        self._pace = Pace(
            self._world,
            timeout_s=endpoint.timeout_s,
            concurrency=endpoint.concurrency,
            requests_per_second=endpoint.requests_per_second,
        )
        self._transport = Transport(
            timeout_s=endpoint.timeout_s,
            clock=self._world.clock,
            tls=tls,
            proxy=None if is_loopback(endpoint.url) else endpoint.proxy,
            inner=transport,
        )
        self._limits: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def rest(self) -> None:
        """Close the connections that no request needs now; later ones open their own."""
        self._transport.rest()

    def begin_phase(self) -> None:
        """Start the deadline without progress anew."""
        self._pace.begin_phase()

    def list_keys(self) -> tuple[Key, ...]:
        """Read all keys, sorted by ID; HubError unless the list is complete."""
        return self._list("list_keys", read_keys, attrgetter("key_id"))

    def list_roles(self) -> tuple[Role, ...]:
        """Read all roles, sorted by name; HubError unless the list is complete."""
        return self._list("list_roles", read_roles, attrgetter("name"))

    def get_key(self, key_id: str) -> Key | None:
        """Read one key; None if the hub does not have it."""
        answer = self._ask("get_key", {"key_id": key_id}, also=(HTTPStatus.NOT_FOUND,))
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        payload = self._parse("get_key", answer)
        with self._naming("get_key"), self._reading():
            key = read_key(self.contract, payload)
            if key.key_id != key_id:
                raise HubError(f"the hub answered with another key than `{display(key_id)}`")
        return key

    def get_openapi(self) -> bytes:
        """Download the hub's OpenAPI document, as the JSON it is."""
        answer = self._ask("openapi", {})
        self._parse("openapi", answer)
        return answer.body

    def create_key(self, key: Key) -> Created:
        """Create a key. What the answer holds besides the value is judged by the caller.

        Raises:
            AnswerLost: also if it was done and no usable value can be found in the answer.
        """
        answer = self._ask("create_key", _list_fields(key))
        with self._naming("create_key"):
            try:
                return read_created(self.contract, from_json(answer.body, allow_inf_nan=False), key.key_id)
            except HubError as error:
                raise AnswerLost(f"answered {answer.status}, but {error}") from None
            except ValueError:
                raise AnswerLost(f"answered {answer.status}, but not with JSON") from None

    def import_key(self, key: Key, value: Secret) -> str | None:
        """Give the hub a key with its value; answer the ID it has there, None if the hub does not tell."""
        fields = _list_fields(key)
        if not self.contract.capabilities.import_takes_id:
            del fields["key_id"]
        self._secrets.append(value)
        answer = self._ask("import_key", {**fields, "value": value})
        try:
            key_id = read_key(self.contract, from_json(answer.body, allow_inf_nan=False)).key_id
        except (HubError, ValueError):
            return None
        return None if repeats(key_id, [value]) else key_id

    def edit_key(self, key_id: str, changes: Mapping[str, FieldValue]) -> None:
        """Change fields of a key (names as in `model.FIELDS`, but for state); what is not named stays."""
        self._ask("edit_key", {"key_id": key_id, **changes})

    def lock_key(self, key_id: str) -> None:
        """Lock a key."""
        self._ask("lock_key", {"key_id": key_id})

    def unlock_key(self, key_id: str) -> None:
        """Unlock a key."""
        self._ask("unlock_key", {"key_id": key_id})

    def delete_key(self, key_id: str) -> None:
        """Delete a key, for good."""
        self._ask("delete_key", {"key_id": key_id})

    def _list(
        self, name: ListName, read: Callable[[Contract, Iterable[Any]], tuple[T, ...]], identify: Callable[[T], str]
    ) -> tuple[T, ...]:
        listing = Listing(self._limits.get(name, self.contract.paging.size), identify)
        while (ask := listing.ask) is not None:
            also = _BAD_LIMIT if ask.page == 0 else ()
            answer = self._ask(name, {"page": ask.page, "limit": ask.limit}, also=also)
            if answer.status in _BAD_LIMIT:
                with self._naming(name):
                    if not listing.refuse():
                        self._fail(name, answer, attempt=1, lost=False)
                continue
            payload = self._parse(name, answer)
            with self._naming(name), self._reading():
                page = read_page(self.contract, name, payload)
                listing.feed(read(self.contract, page.rows), page.total)
        self._limits[name] = listing.kept_limit
        return tuple(row for _, row in sorted(listing.rows.items()))

    def _ask(self, name: OperationName, values: Mapping[str, object], *, also: Iterable[int] = ()) -> Answer:
        """Send a request until it is answered as the contract says, or with a status of `also`; else raise."""
        attempt, failed_at = 0, None
        with self._naming(name), self._pace.request() as ticket:
            request, headers = self._build(name, values)
            url = self._endpoint.url.rstrip("/") + request.target
            while True:
                attempt += 1
                with self._pace.turn(ticket):
                    result = self._transport.send(request.method, url, headers, encode_body(request))
                    self._remember(name, result)
                    if isinstance(result, Answer) and (result.status in also or self._is_done(name, result)):
                        self._pace.note_progress(ticket)
                        return result
                    failed_at = failed_at or self._world.clock()
                    spent_s = self._world.clock() - failed_at
                    decision = self._decide(name, result, ticket=ticket, attempt=attempt, spent_s=spent_s)
                if not isinstance(decision, Wait) or not self._pace.wait_to_retry(decision):
                    self._fail(name, result, attempt=attempt, lost=isinstance(decision, Lost))

    def _build(self, name: OperationName, values: Mapping[str, object]) -> tuple[Request, dict[str, str]]:
        try:
            request = build_request(self.contract, name, values)
        except (LookupError, ValueError) as error:
            raise HubError(f"{_first(error)}; nothing was sent") from error
        headers = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": f"keyspec/{__version__}"}
        if request.json is not None:
            headers["content-type"] = "application/json"
        if self.contract.auth is not None:
            headers[self.contract.auth.header] = self.contract.auth.prefix + self._credential()
        return request, headers

    def _credential(self) -> str:
        credential = "" if self._auth is None else self._auth.reveal()
        if not _CREDENTIAL.fullmatch(credential):
            raise HubError("`auth` is empty, or holds characters that no header can carry; nothing was sent")
        return credential

    def _is_done(self, name: OperationName, answer: Answer) -> bool:
        if name == "create_key" and _OK <= answer.status < _ELSEWHERE:
            return True  # a value may be in it, whatever else is wrong
        return answer.status in self.contract.operation(name).statuses and not is_html(answer)

    def _decide(
        self, name: OperationName, result: Answer | Broken, *, ticket: int, attempt: int, spent_s: float
    ) -> Decision:
        kind: Kind = "read" if RULES[name].reads else "write"
        jitter = self._world.random()
        if isinstance(result, Broken):
            self._pace.note_failure()
            return decide(attempt=attempt, kind=kind, failure=result.failure, jitter=jitter)
        if result.status >= _SERVER_FAILS or result.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._pace.note_failure()
        else:
            self._pace.note_progress(ticket)
        retry_after_s = parse_retry_after(result.retry_after, self._world.now())
        pause_s = find_pause(attempt=attempt, jitter=jitter, status=result.status, retry_after_s=retry_after_s)
        if pause_s is not None:
            self._pace.hold_back(ticket, pause_s)
        return decide(
            attempt=attempt,
            kind=kind,
            failure="status",
            jitter=jitter,
            status=result.status,
            retry_after_s=retry_after_s,
            spent_s=spent_s,
        )

    def _fail(self, name: OperationName, result: Answer | Broken, *, attempt: int, lost: bool) -> NoReturn:
        if isinstance(result, Broken):
            if lost:
                raise AnswerLost(f"{result.reason}; {_UNKNOWN}") from result.cause
            raise HubError(result.reason) from result.cause
        what = explain_answer(result, name, self.contract, self._endpoint.auth_key_ids)
        if name not in _SECRETIVE:
            said = quote_error(result, self.contract, self._secrets)
            what += f"; it says: {said}" if said else ""
        if lost or (name in _SECRETIVE and attempt > 1 and result.status == HTTPStatus.CONFLICT):
            raise AnswerLost(f"{what}; {_UNKNOWN}")
        if RULES[name].reads:
            raise HubError(what)
        if result.status == HTTPStatus.NOT_FOUND and name not in _SECRETIVE:
            raise HubMissing(what)
        if result.status in (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED):
            raise HubConflict(what)
        raise HubRefused(what)

    def _parse(self, name: OperationName, answer: Answer) -> Any:
        with self._naming(name):
            if not is_json(answer):
                raise HubError(f"the answer is {self._say_type(answer)}not JSON")
            try:
                return from_json(answer.body, allow_inf_nan=False)
            except ValueError:
                raise HubError("the answer is not the JSON it says it is, or broke off") from None

    def _say_type(self, answer: Answer) -> str:
        if not answer.content_type:
            return "without a content type, "
        return "" if repeats(answer.content_type, self._secrets) else f"`{display(answer.content_type, limit=60)}`, "

    def _remember(self, name: OperationName, result: Answer | Broken) -> None:
        """Remember what stands where a created value does, whatever else is wrong with the answer."""
        create = self.contract.operations.create_key
        if name != "create_key" or create is None or isinstance(result, Broken):
            return
        try:
            text = create.value.read(from_json(result.body))
        except ValueError:
            return
        if isinstance(text, str) and text:
            self._secrets.append(Secret(text))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say nothing of an answer that is not as the contract says where its message would repeat a value."""
        try:
            yield
        except HubError as error:
            if repeats(str(error), self._secrets):
                raise HubError("the answer is not as the contract says, and repeats a value: it is not shown") from None
            raise

    @contextmanager
    def _naming(self, name: OperationName) -> Iterator[None]:
        """Put the hub and the operation before every message."""
        try:
            yield
        except HubError as error:
            raise type(error)(f"{self.name}: {name.replace('_', ' ')}: {error}") from error.__cause__


def _list_fields(key: Key) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "description": key.description,
        "roles": key.roles,
        "reauth_timeout": key.reauth_timeout_s,
    }


def _first(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__
