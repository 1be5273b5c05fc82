"""One hub's requests and what becomes of them: built, proved, paced, sent, sent again, given up.

    build_request ─> Pace ─> Transport ─> Answer | Broken ─> decide ─> again | give up | lost

How a request fails tells the caller what is known:

    HubRefused      the hub answered and did nothing (HubConflict 409, 412 · HubMissing 404)
    AnswerLost      a write that may or may not have been done: no answer, a broken one, a 5xx, a redirect, an
                    HTML page; a 409 to a create or import that was sent again
    HubError        a read failed, or a write was never sent

What an answer says is quoted through `display()`, short; never where it answers a create, an import or a login, never
a 401, never where it repeats keyspec's own key, its token, or a value that this client carried.
"""

from __future__ import annotations

import base64
import re
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from pydantic_core import from_json

from keyspec.display import display
from keyspec.errors import AnswerLost, HubConflict, HubError, HubMissing, HubRefused
from keyspec.login import Login
from keyspec.placeholders import RULES, OperationName
from keyspec.refusal import explain_answer, is_html, is_json, quote_error, repeats
from keyspec.request import Request, build_request, encode_body
from keyspec.retry import Lost, Wait, decide, find_pause, parse_retry_after
from keyspec.secret import Secret
from keyspec.template import fill
from keyspec.transport import Answer, Broken
from keyspec.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.auth import Auth
    from keyspec.contract import Contract
    from keyspec.pace import Pace, World
    from keyspec.retry import Decision, Kind
    from keyspec.transport import Transport

Name = OperationName | Literal["login"]

_SECRETIVE: Final = ("create_key", "import_key", "login")
"""Operations whose answers are never quoted."""
_OK: Final = 200
_ELSEWHERE: Final = 300
_SERVER_FAILS: Final = 500
_CREDENTIAL: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_USER: Final = re.compile(r"[^\x00-\x1f\x7f:]+:[^\x00-\x1f\x7f]*")
_UNKNOWN: Final = "nobody knows whether it was done"


class Wire:
    """The way to one hub by its contract; safe to use from several threads. `key_ids` only serve messages."""

    def __init__(
        self,
        name: str,
        url: str,
        contract: Contract,
        auth: Secret | None,
        *,
        pace: Pace,
        transport: Transport,
        world: World,
        key_ids: tuple[str, ...] = (),
    ) -> None:
        self._name = name
        self._origin = url.rstrip("/")
        self._contract = contract
        self._auth = auth
        self._pace = pace
        self._transport = transport
        self._world = world
        self._key_ids = key_ids
        self._secrets = [] if auth is None else [auth]
        scheme = contract.auth
        if scheme is not None and scheme.scheme == "basic" and auth is not None:
            self._secrets += [Secret(part) for part in auth.reveal().partition(":")[2:] if part]
        by_login = scheme is not None and scheme.scheme == "login"
        self._login = Login(lambda: self._ask_token(scheme)) if by_login and scheme is not None else None

    @property
    def root(self) -> str:
        """The URL below which all paths of the contract lie."""
        return self._origin + self._contract.base

    def hide(self, value: Secret) -> None:
        """Never quote what repeats this value."""
        self._secrets.append(value)

    def url_of(self, name: OperationName, values: Mapping[str, object]) -> str:
        """Give the URL that an operation's request goes to; HubError if it cannot be built."""
        with self.naming(name):
            return self._origin + self._build(name, values).target

    def ask(
        self,
        name: OperationName,
        values: Mapping[str, object],
        *,
        also: Iterable[int] = (),
        headers: Mapping[str, str] | None = None,
        url: str | None = None,
    ) -> Answer:
        """Send a request until it is answered as the contract says, or with a status of `also`; else raise.

        `url` is asked instead of the one that follows from the values.
        """
        with self.naming(name):
            request = self._build(name, values)
            target = url or self._origin + request.target
            sent = self._list_headers(request) | dict(headers or {})
            while True:
                token = None if self._login is None else self._login.token()
                sent |= self._prove(token)
                refusable = () if token is None else (HTTPStatus.UNAUTHORIZED,)
                answer = self._exchange(name, request, (target, sent), (*also, *refusable))
                if token is None or self._login is None or answer.status != HTTPStatus.UNAUTHORIZED:
                    if token is not None and self._login is not None:
                        self._login.prove(token)
                    return answer
                if not self._login.renew(token):
                    self.fail(name, answer, attempt=1, lost=False)

    def parse(self, name: OperationName, answer: Answer) -> Any:
        """Give the JSON of an answer; HubError if it is none."""
        with self.naming(name):
            return self._parse(answer)

    def _exchange(
        self, name: Name, request: Request, to: tuple[str, Mapping[str, str]], also: tuple[int, ...]
    ) -> Answer:
        attempt, failed_at = 0, None
        url, headers = to
        with self._pace.request() as ticket:
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
                    self.fail(name, result, attempt=attempt, lost=isinstance(decision, Lost))

    def _build(self, name: OperationName, values: Mapping[str, object]) -> Request:
        try:
            return build_request(self._contract, name, values)
        except (LookupError, ValueError) as error:
            raise HubError(f"{say_first(error)}; nothing was sent") from error

    def _list_headers(self, request: Request) -> dict[str, str]:
        headers = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": f"keyspec/{__version__}"}
        headers |= {name.lower(): value for name, value in self._contract.headers.items()}
        if request.json is not None:
            headers["content-type"] = "application/json"
        return headers

    def _prove(self, token: Secret | None) -> dict[str, str]:
        """Give the header that says who asks."""
        scheme = self._contract.auth
        if scheme is None or scheme.carrier is None:
            return {}
        if scheme.scheme == "basic":
            return {scheme.carrier: scheme.stem + self._encode_user()}
        credential = "" if self._auth is None else self._auth.reveal()
        said = credential if token is None else token.reveal()
        if not _CREDENTIAL.fullmatch(said):
            raise HubError("`auth` is empty, or holds characters that no header can carry; nothing was sent")
        return {scheme.carrier: scheme.stem + said}

    def _encode_user(self) -> str:
        credential = "" if self._auth is None else self._auth.reveal()
        if not _USER.fullmatch(credential):
            raise HubError("`auth` is not user:password, as the contract's `scheme: basic` wants; nothing was sent")
        try:
            return base64.b64encode(credential.encode()).decode("ascii")
        except UnicodeEncodeError:
            raise HubError("`auth` holds characters that cannot be sent; nothing was sent") from None

    def _ask_token(self, scheme: Auth) -> Secret:
        """Exchange the credential for a token; nothing of the answer is ever told."""
        if self._auth is None or not self._auth.reveal() or scheme.path is None or scheme.token is None:
            raise HubError("login: `auth` is empty; nothing was sent")
        body = fill(scheme.body, {"credential": self._auth})
        request = Request(scheme.method, self._contract.base + scheme.path, json=body)
        try:
            answer = self._exchange("login", request, (self._origin + request.path, self._list_headers(request)), ())
            text = scheme.token.read(self._parse(answer))
        except HubError as error:
            raise HubError(f"login: {error}") from error.__cause__
        except ValueError:
            raise HubError("login: the answer is not as the contract says; it is not shown") from None
        if not isinstance(text, str) or not _CREDENTIAL.fullmatch(text):
            raise HubError(f"login: the answer has no token at `{scheme.token.text}` that a header can carry")
        token = Secret(text)
        self._secrets.append(token)
        return token

    def _is_done(self, name: Name, answer: Answer) -> bool:
        if name == "login":
            statuses = self._contract.auth.statuses if self._contract.auth else None
            return answer.status in (statuses or ()) and not is_html(answer)
        if name == "create_key" and _OK <= answer.status < _ELSEWHERE:
            return True  # a value may be in it, whatever else is wrong
        return answer.status in self._contract.operation(name).statuses and not is_html(answer)

    def _decide(self, name: Name, result: Answer | Broken, *, ticket: int, attempt: int, spent_s: float) -> Decision:
        kind: Kind = "read" if _only_reads(name) else "write"
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

    def fail(self, name: Name, result: Answer | Broken, *, attempt: int, lost: bool) -> NoReturn:
        """Raise what an answer that is no success means."""
        if isinstance(result, Broken):
            if lost:
                raise AnswerLost(f"{result.reason}; {_UNKNOWN}") from result.cause
            raise HubError(result.reason) from result.cause
        what = explain_answer(result, name, self._contract, self._key_ids)
        what += f"; it says: {said}" if (said := self.quote(name, result)) else ""
        if lost or (name in _SECRETIVE and attempt > 1 and result.status == HTTPStatus.CONFLICT):
            raise AnswerLost(f"{what}; {_UNKNOWN}")
        if _only_reads(name):
            raise HubError(what)
        if result.status == HTTPStatus.NOT_FOUND and name not in _SECRETIVE:
            raise HubMissing(what)
        if result.status in (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED):
            raise HubConflict(what)
        raise HubRefused(what)

    def quote(self, name: Name, answer: Answer) -> str:
        """Give what an error says itself, safe to show; empty where it says nothing that may be shown."""
        return "" if name in _SECRETIVE else quote_error(answer, self._contract, self._secrets)

    def _parse(self, answer: Answer) -> Any:
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

    def _remember(self, name: Name, result: Answer | Broken) -> None:
        """Remember what stands where a created value does, whatever else is wrong with the answer."""
        create = self._contract.operations.create_key
        if name != "create_key" or create is None or create.value is None or isinstance(result, Broken):
            return
        try:
            text = create.value.read(from_json(result.body))
        except ValueError:
            return
        if isinstance(text, str) and text:
            self._secrets.append(Secret(text))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Say nothing of an answer that is not as the contract says where its message would repeat a value."""
        try:
            yield
        except HubError as error:
            if repeats(str(error), self._secrets):
                raise HubError("the answer is not as the contract says, and repeats a value: it is not shown") from None
            raise

    @contextmanager
    def naming(self, name: OperationName) -> Iterator[None]:
        """Put the hub and the operation before every message."""
        try:
            yield
        except HubError as error:
            raise type(error)(f"{self._name}: {name.replace('_', ' ')}: {error}") from error.__cause__


def say_first(error: Exception) -> str:
    """Say what an error of ours says."""
    return str(error.args[0]) if error.args else type(error).__name__


def _only_reads(name: Name) -> bool:
    """Tell whether a request may be sent again in any case; a login changes nothing that lasts."""
    return name == "login" or RULES[name].reads
