"""What stands between a socket and a dialect: the log, the knobs, and the faults.

    read the request > enter it in the log > draw a fault > wait (latency) > take a token (429)
    > before: the fault  |  let the dialect answer > after: the fault > complete the log > send

Rules:

* Everything that reads or writes the database runs without an `await`, on the one thread of the
  server: a request is handled whole, then the next one. Only waiting is done side by side.
* What the client does meanwhile changes nothing: a request that hangs is done late, also when
  nobody waits for it any more. When the server stops, waiting requests end at once and unanswered.
* Requests that are refused for the rate or their size have done nothing, but they count and
  are logged.
* A failure of this program answers 500, its traceback goes to the log of Python.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from keyspec.devhub.connection import HangUp, hang_up
from keyspec.devhub.dialect import Dialect, split_base
from keyspec.devhub.distortion import Delivery, Ending, distort_answer
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.exchange import Answer, Call, read_headers
from keyspec.devhub.faults import Fault, FaultCount, Kind, When
from keyspec.devhub.hub import Hub
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.model import Caller
from keyspec.devhub.pace import Pace
from keyspec.devhub.rest import answer_refusal
from keyspec.devhub.wirelog import WireLog

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_HANG_UPS = {Ending.SILENT: HangUp.CLOSE, Ending.CUT: HangUp.CLOSE, Ending.RESET: HangUp.RESET}
_log = logging.getLogger(__name__)


class Gate:
    """The ASGI application of one hub."""

    def __init__(self, hub: Hub, dialect: Dialect, wire_log: WireLog, knobs: Knobs) -> None:
        """Stand before a hub that speaks a dialect."""
        self._hub = hub
        self._dialect = dialect
        self._wire_log = wire_log
        self.turn_knobs(knobs)

    def turn_knobs(self, knobs: Knobs) -> None:
        """Behave differently from the next request on; faults are counted anew."""
        self._faults = FaultCount(knobs.faults)
        self._pace = Pace(knobs.requests_per_second, time.monotonic)
        self._hub.knobs = knobs

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return
        try:
            call, fits = await self._read_call(scope, receive)
            delivery = await self._handle(call, fits=fits)
            await _deliver(delivery, scope, receive, send)
        except (ClientDisconnect, asyncio.CancelledError):
            return

    async def _read_call(self, scope: "Scope", receive: "Receive") -> tuple[Call, bool]:
        """Read a request; a body that is too large is left where it is, and said not to fit."""
        body = bytearray()
        fits = True
        async for chunk in Request(scope, receive).stream():
            body += chunk
            if len(body) > self._hub.knobs.max_body_bytes:
                body.clear()
                fits = False
                break
        path = scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return Call(scope["method"], path, query, read_headers(scope["headers"]), bytes(body)), fits

    async def _handle(self, call: Call, *, fits: bool) -> Delivery:
        number = self._wire_log.enter(call)
        below = split_base(self._dialect.base, call.path)
        fault = self._faults.draw(call.method, call.path if below is None else below)
        if self._hub.knobs.latency_ms:
            await asyncio.sleep(self._hub.knobs.latency_ms / 1000)
        caller, delivery = await self._respond(call, fault, fits=fits)
        self._wire_log.complete(
            number,
            status=delivery.status,
            key_id=caller.key_id if caller else None,
            fault=fault.text if fault else None,
        )
        return delivery

    async def _respond(self, call: Call, fault: Fault | None, *, fits: bool) -> tuple[Caller | None, Delivery]:
        if fault is None:
            caller, answer = self._process(call, fits=fits)
            return caller, Delivery(answer)
        if fault.when is When.BEFORE:
            await asyncio.sleep(fault.hang_s)
            if fault.kind is not Kind.HANG:
                return self._dialect.identify(self._hub, call), distort_answer(fault, None, self._dialect)
        caller, answer = self._process(call, fits=fits)
        if fault.when is When.AFTER:
            await asyncio.sleep(fault.hang_s)
        return caller, distort_answer(fault, answer, self._dialect)

    def _process(self, call: Call, *, fits: bool) -> tuple[Caller | None, Answer]:
        """Let the dialect answer, or say why not."""
        caller: Caller | None = None
        try:
            caller = self._dialect.identify(self._hub, call)
            self._check_admission(fits=fits)
            return caller, self._dialect.answer(self._hub, call, caller)
        except Refusal as refusal:
            return caller, answer_refusal(self._dialect, refusal)
        except Exception:  # noqa: BLE001 - a bug here must not look like a dropped connection
            _log.exception("the devhub failed at %s %s", call.method, call.path)
            broken = Refusal(Reason.BROKEN, "the devhub failed; its log says why")
            return caller, answer_refusal(self._dialect, broken)

    def _check_admission(self, *, fits: bool) -> None:
        seconds = self._pace.take_token()
        if seconds is not None:
            headers = [("retry-after", str(seconds))]
            raise Refusal(Reason.TOO_MANY_REQUESTS, "too many requests", headers=headers)
        if not fits:
            raise Refusal(Reason.TOO_LARGE, f"a body has at most {self._hub.knobs.max_body_bytes} bytes")


async def _deliver(delivery: Delivery, scope: "Scope", receive: "Receive", send: "Send") -> None:
    answer = delivery.answer
    response = Response(answer.body, answer.status, dict(answer.headers), answer.media_type)
    if delivery.ending is Ending.CLEAN:
        await response(scope, receive, send)
        return
    if delivery.ending is Ending.CUT:
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.start", "status": answer.status, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
    await hang_up(scope, receive, _HANG_UPS[delivery.ending])
