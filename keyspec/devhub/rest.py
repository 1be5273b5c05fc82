"""What every REST dialect does alike: the order in which a request is judged, and what a refusal is on the wire.

Rules:

* First who you are (401), then where you go (404, 405), whether you may (403), what you say
  (400, 413, 422), what is there (404, 409), and whether it is still what you mean (412).
* Outside the base, and with `portal=everywhere` below it too, an unknown path is a page of the portal.
* A reason has one status in every dialect; which body goes with it is the dialect's affair.
"""

from collections.abc import Iterable, Mapping

from keyspec.devhub.dialect import Dialect, split_base
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.exchange import Answer, Call, answer_page
from keyspec.devhub.hub import Hub
from keyspec.devhub.knobs import Portal
from keyspec.devhub.model import Caller
from keyspec.devhub.operations import Operation, find_operation

PORTAL_PAGE = "<!doctype html><title>Analytics Hub</title><h1>Analytics Hub</h1><p>The portal.</p>\n"

STATUS: Mapping[Reason, int] = {
    Reason.BAD_PARAMETER: 400,
    Reason.NOT_JSON: 400,
    Reason.UNAUTHENTICATED: 401,
    Reason.FORBIDDEN: 403,
    Reason.NO_SUCH_PATH: 404,
    Reason.NO_SUCH_KEY: 404,
    Reason.METHOD_NOT_ALLOWED: 405,
    Reason.KEY_EXISTS: 409,
    Reason.KEY_ID_SPENT: 409,
    Reason.VALUE_EXISTS: 409,
    Reason.PRECONDITION_FAILED: 412,
    Reason.TOO_LARGE: 413,
    Reason.INVALID_FIELD: 422,
    Reason.UNKNOWN_ROLE: 422,
    Reason.TOO_MANY_REQUESTS: 429,
    Reason.BROKEN: 500,
}


def answer_call(
    hub: Hub, call: Call, caller: Caller | None, *, base: str, operations: Iterable[Operation], credential: str
) -> Answer:
    """Do what a request asks for; raises Refusal. `credential` is the place where one is looked for."""
    if split_base(base, call.path) is None:
        if hub.knobs.portal is Portal.OFF:
            raise Refusal(Reason.NO_SUCH_PATH, "there is nothing here")
        return answer_page(200, PORTAL_PAGE)
    if caller is None:
        raise Refusal(Reason.UNAUTHENTICATED, f"this needs the value of a live, unlocked key in {credential}")
    try:
        operation, bound = find_operation(operations, call.method, call.segments[base.count("/") :])
    except Refusal as refusal:
        if refusal.reason is Reason.NO_SUCH_PATH and hub.knobs.portal is Portal.EVERYWHERE:
            return answer_page(200, PORTAL_PAGE)
        raise
    if operation.permissions and not operation.permissions & caller.permissions:
        message = f"this needs the permission {' or '.join(sorted(operation.permissions))}"
        raise Refusal(Reason.FORBIDDEN, message)
    return operation.handler(hub, call, bound)


def answer_refusal(dialect: Dialect, refusal: Refusal) -> Answer:
    """Put a refusal into the words of a dialect."""
    status, code = STATUS[refusal.reason], refusal.reason.value
    return dialect.answer_error(status, code, refusal.message, headers=refusal.headers)
