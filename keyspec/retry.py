"""When to send a request again: a decision, taken from what is known about the last attempt.

    what happened                              a read    a write
    refused   no connection, for now           again     again        nothing was sent
    unsent    no connection, for good          give up   give up      nothing was sent
    reset     the connection broke             again     lost
    lost      the answer broke off             again     lost
    timeout   no answer in time                give up   lost
    unusable  an answer beyond our limits      give up   lost
    status    429, 503 with Retry-After        again     again        the hub promises that nothing happened
              any other 5xx                    again     lost
              307, 308, 4xx but 408            give up   give up      the hub answered and did nothing
              anything else                    give up   lost

"Again" is bounded: `MAX_ATTEMPTS` attempts, or, where the hub said when to come back, `PATIENCE_S` seconds from the
first failure. So a request ends at most `MAX_ATTEMPTS` times its timeout plus `PATIENCE_S` after it was first sent, but
for its turns among the hub's other requests. What `status` promises in its first line is said to all of a hub's
requests, so all of them wait: `find_pause`. No clock and no chance here: both come in as arguments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["read", "write"]
Failure = Literal["refused", "unsent", "reset", "lost", "timeout", "unusable", "status"]
_Verdict = Literal["again", "give up", "lost"]

MAX_ATTEMPTS: Final = 4
PATIENCE_S: Final = 60.0
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 8.0
_LONGEST_RETRY_AFTER_S: Final = 86_400.0

_TABLE: Final[Mapping[Failure, tuple[_Verdict, _Verdict]]] = {
    "refused": ("again", "again"),
    "unsent": ("give up", "give up"),
    "reset": ("again", "lost"),
    "lost": ("again", "lost"),
    "timeout": ("give up", "lost"),
    "unusable": ("give up", "lost"),
}


@dataclass(frozen=True, slots=True)
class Wait:
    """Send the same request again after this time; `for_all`: it is the hub's pause, and no request is sent before."""

    seconds: float
    for_all: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not send it again; nothing happened."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Do not send it again; nobody knows what happened."""


Decision = Wait | GiveUp | Lost


def decide(
    *,
    attempt: int,
    kind: Kind,
    failure: Failure,
    jitter: float,
    status: int | None = None,
    retry_after_s: float | None = None,
    spent_s: float = 0.0,
) -> Decision:
    """Decide what follows a failed attempt.

    `attempt` counts from 1; `jitter` is in [0, 1); `spent_s` is the time since its first attempt
    failed.
    """
    verdict = _judge(kind, failure, status, retry_after_s)
    if verdict != "again":
        return GiveUp() if verdict == "give up" else Lost()
    wait = Wait(_pause(attempt, jitter, retry_after_s), for_all=_is_asked_too_much(status, retry_after_s))
    if retry_after_s is None:
        return GiveUp() if attempt >= MAX_ATTEMPTS else wait
    return GiveUp() if spent_s + _pause(attempt, 0.0, retry_after_s) > PATIENCE_S else wait


def find_pause(*, attempt: int, jitter: float, status: int, retry_after_s: float | None) -> float | None:
    """Give for how many seconds the hub wants nobody to ask it; None if its answer to this attempt says no such thing.

    Where `decide` says to wait `for_all`, it is for as long.
    """
    return _pause(attempt, jitter, retry_after_s) if _is_asked_too_much(status, retry_after_s) else None


def parse_retry_after(header: str | None, now: datetime) -> float | None:
    """Read a Retry-After header (RFC 9110, 10.2.3): seconds or a date, at most a day; None if it is neither."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        return min(float(text), _LONGEST_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone that no date has
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), _LONGEST_RETRY_AFTER_S)


def _judge(kind: Kind, failure: Failure, status: int | None, retry_after_s: float | None) -> _Verdict:
    if failure == "status":
        return _judge_status(kind, status or 0, retry_after_s)
    read, write = _TABLE[failure]
    return read if kind == "read" else write


def _judge_status(kind: Kind, status: int, retry_after_s: float | None) -> _Verdict:
    if _is_asked_too_much(status, retry_after_s):
        return "again"
    if status in (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT):
        return "give up"
    if 400 <= status <= 499 and status != HTTPStatus.REQUEST_TIMEOUT:  # noqa: PLR2004 - the client's errors
        return "give up"
    if kind == "read":
        return "again" if 500 <= status <= 599 else "give up"  # noqa: PLR2004 - the server's errors
    return "lost"


def _is_asked_too_much(status: int | None, retry_after_s: float | None) -> bool:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return retry_after_s is not None
    return status == HTTPStatus.TOO_MANY_REQUESTS


def _pause(attempt: int, jitter: float, retry_after_s: float | None) -> float:
    if retry_after_s is None:
        return _back_off(attempt, jitter)
    least = _back_off(attempt, 0.0)
    return max(retry_after_s, least) + jitter * min(1.0, least)


def _back_off(attempt: int, jitter: float) -> float:
    longest = min(_FIRST_WAIT_S * 2.0 ** min(attempt - 1, 30), _LONGEST_WAIT_S)
    return longest * (0.5 + jitter / 2)
