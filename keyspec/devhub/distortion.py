"""What a fault makes of an answer: a pure function from the answer that was due to the delivery.

Rules:

* With `before` the hub did nothing and there is no answer to distort: what would be half of an
  answer is then half of a made-up one, of which the dialect has the beginning.
* An error that a fault asks for looks like any other of the dialect.
* `html`, `status` and `redirect` replace the answer. `truncate`, `cut` and `empty` keep its status.
* An `Ending` is what the gate does to the connection; only CLEAN leaves it usable.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never

from keyspec.devhub.dialect import Dialect
from keyspec.devhub.exchange import JSON_TYPE, Answer, answer_page
from keyspec.devhub.faults import Fault, Kind

LOGIN_PAGE = "<!doctype html><title>Sign in</title><h1>Analytics Hub</h1><p>Please sign in.</p>\n"


class Ending(Enum):
    """How an exchange ends on the wire."""

    CLEAN = "clean"
    SILENT = "silent"
    RESET = "reset"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is sent, and how the connection ends; no answer is sent if it ends SILENT or RESET."""

    answer: Answer
    ending: Ending = Ending.CLEAN

    @property
    def status(self) -> int | None:
        """The status that the client gets to see."""
        return None if self.ending in {Ending.SILENT, Ending.RESET} else self.answer.status


def distort_answer(fault: Fault, answer: Answer | None, dialect: Dialect) -> Delivery:
    """Return what a fault leaves of the answer that was due; None where nothing was done."""
    made_up = Answer(200, dialect.fragment * 2, JSON_TYPE)
    due = answer or made_up
    match fault.kind:
        case Kind.DROP:
            return Delivery(due, Ending.SILENT)
        case Kind.RESET:
            return Delivery(due, Ending.RESET)
        case Kind.CUT:
            return Delivery(_ensure_body(due, made_up), Ending.CUT)
        case Kind.STATUS:
            return Delivery(_answer_status(fault, dialect))
        case Kind.HTML:
            return Delivery(answer_page(200, LOGIN_PAGE))
        case Kind.REDIRECT:
            return Delivery(Answer(307, headers=(("location", fault.url),)))
        case Kind.EMPTY:
            return Delivery(Answer(due.status))
        case Kind.TRUNCATE:
            whole = _ensure_body(due, made_up)
            return Delivery(replace(whole, body=whole.body[: len(whole.body) // 2]))
        case Kind.HANG:
            return Delivery(due)
        case _ as unreachable:
            assert_never(unreachable)


def _answer_status(fault: Fault, dialect: Dialect) -> Answer:
    seconds = fault.retry_after_s
    headers = () if seconds is None else (("retry-after", str(seconds)),)
    if fault.status in {204, 304}:
        return Answer(fault.status, headers=headers)
    return dialect.answer_error(fault.status, "fault", f"asked for by the fault {fault.text!r}", headers=headers)


def _ensure_body(answer: Answer, made_up: Answer) -> Answer:
    """An answer without a body cannot be halved: it gets the made-up one, and a status that may have it."""
    return answer if answer.body else replace(made_up, headers=answer.headers)
