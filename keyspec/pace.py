"""How fast and how long one hub is asked: the cap on requests, those in flight, the waits, and the deadline.

All threads of a hub share one `Pace`. Its deadline is 3 times timeout plus 60 s (for Retry-After) per phase without
progress: any answer that means something is progress, and the clock runs only while requests are under way, so a
question to a person or a slow store between two requests does not count. Beyond the deadline nothing is sent any
more until the next phase. Waiting ends at once when the run is to stop.

A hub that says it is asked too much is sent nothing until the pause it wants has passed, and then half as many
requests at once, at least one. Answers that mean something give back one for every `ANSWERS_PER_STEP`. What several
requests are told that were in flight together is said once: it halves once.

Requests are sent in the order in which they began, sent again or not. Only the first of them waits for a moment; the
others wait for it to be sent, or for one in flight to end, without which the run does not end either. Whatever one of
them does wakes all the others.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Final

from keyspec.errors import HubError
from keyspec.retry import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keyspec.retry import Wait

ANSWERS_PER_STEP: Final = 10
OWED_S: Final = 30.0
"""How long after the wish to stop what is owed may still be sent: the lock of a key that is not in safe hands."""
_TIMEOUTS_PER_PHASE: Final = 3
_LONGEST_GAP_S: Final = 86_400.0
"""Beyond it a cap on requests is no pace, and the wait no number that a clock takes."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class World:
    """What asking a hub takes from the world: two clocks, chance, sleep, and the wish to stop.

    `sleep` is given seconds; without it, waiting is on `stop`, and so can be cut short.
    """

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
    random: Callable[[], float] = random.random
    sleep: Callable[[float], object] | None = None
    stop: threading.Event = field(default_factory=threading.Event)


class Pace:
    """The pace of one hub, shared by its threads."""

    def __init__(
        self, world: World, *, timeout_s: float, concurrency: int, requests_per_second: float | None = None
    ) -> None:
        self._world = world
        self._deadline_s = _TIMEOUTS_PER_PHASE * timeout_s + PATIENCE_S
        self._gap_s = min(1.0 / requests_per_second, _LONGEST_GAP_S) if requests_per_second else 0.0
        self._changed = threading.Condition()
        self._tickets = count()
        self._waiting: set[int] = set()
        self._in_flight: dict[int, int] = {}
        """Tickets, and how many pauses there had been when each was sent."""
        self._most = self._allowed = concurrency
        self._pauses = self._answers = 0
        self._opens_at = self._next_slot = float("-inf")
        self._under_way = 0
        self._idle_since = 0.0
        self._failing_since: float | None = None
        self._debt = threading.local()
        self._stopped_at: float | None = None

    def begin_phase(self) -> None:
        """Start the deadline anew."""
        with self._changed:
            self._failing_since = None

    @contextmanager
    def owing(self) -> Iterator[None]:
        """Let this thread's requests be sent even if the run is to stop, for `OWED_S` from then on."""
        before, self._debt.owed = self._owes(), True
        try:
            yield
        finally:
            self._debt.owed = before

    @contextmanager
    def request(self) -> Iterator[int]:
        """Hold one request, its retries and its waits: the clock of the deadline runs. Give its ticket."""
        with self._changed:
            if self._failing_since is not None and not self._under_way:
                self._failing_since += self._world.clock() - self._idle_since
            self._under_way += 1
            ticket = next(self._tickets)
        try:
            yield ticket
        finally:
            with self._changed:
                self._under_way -= 1
                self._idle_since = self._world.clock()

    @contextmanager
    def turn(self, ticket: int) -> Iterator[None]:
        """Wait until a request may be sent, and count it as in flight until it is answered.

        Raises:
            HubError: if the run is to stop, or the hub is past its deadline; nothing was sent.
        """
        self._take_place(ticket)
        try:
            yield
        finally:
            with self._changed:
                del self._in_flight[ticket]
                self._changed.notify_all()

    def note_progress(self, ticket: int) -> None:
        """Take note that the hub answered a request in flight with something that means something."""
        with self._changed:
            self._failing_since = None
            if self._allowed < self._most and self._in_flight[ticket] == self._pauses:
                self._answers += 1
                if self._answers % ANSWERS_PER_STEP == 0:
                    self._allowed += 1

    def note_failure(self) -> None:
        """Take note that an attempt failed."""
        with self._changed:
            if self._failing_since is None:
                self._failing_since = self._world.clock()

    def hold_back(self, ticket: int, seconds: float) -> None:
        """Take note that the hub answered a request in flight that it is asked too much, and wants a pause."""
        with self._changed:
            self._opens_at = max(self._opens_at, self._world.clock() + seconds)
            if self._in_flight[ticket] == self._pauses:
                self._pauses += 1
                self._answers = 0
                self._allowed = max(1, self._allowed // 2)

    def wait_to_retry(self, wait: Wait) -> bool:
        """Wait before the next attempt, or, where all wait, leave it to its turn; False if the deadline comes first."""
        with self._changed:
            since = self._failing_since
            if since is not None and self._world.clock() + wait.seconds - since > self._deadline_s:
                return False
        if self._is_owed_too_long(wait.seconds):
            return False
        if not wait.for_all:
            self._wait(wait.seconds)
        return True

    def _take_place(self, ticket: int) -> None:
        with self._changed:
            self._waiting.add(ticket)
        moment = None
        try:
            while (moment := self._try_to_take(ticket, moment)) is not None:
                self._wait(moment - self._world.clock())
        finally:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _try_to_take(self, ticket: int, waited_for: float | None) -> float | None:
        """Take a place in flight as soon as there is one; give the moment to wait for, if it is too early.

        A moment that was waited for has come, whatever the clock says.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped() or self._is_next(ticket))
            self._check_stop()
            now = self._world.clock()
            self._check_deadline(now)
            moment = max(self._opens_at, self._next_slot)
            if moment > now and moment != waited_for:
                return moment
            self._in_flight[ticket] = self._pauses
            self._next_slot = now + self._gap_s
            return None

    def _is_next(self, ticket: int) -> bool:
        return ticket == min(self._waiting) and len(self._in_flight) < self._allowed

    def _check_deadline(self, now: float) -> None:
        since = self._failing_since
        if since is not None and now - since > self._deadline_s:
            raise HubError(f"no progress for {self._deadline_s:g} s; the hub is not asked any more")
        if self._opens_at - (now if since is None else since) > self._deadline_s:
            raise HubError(f"the hub wants a pause of {self._opens_at - now:.0f} s more; it is not asked any more")

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            if self._world.sleep is not None:
                self._world.sleep(seconds)
            elif not self._world.stop.is_set():
                self._world.stop.wait(seconds)
            elif self._is_owed_too_long(seconds):
                raise HubError(f"stopped; the hub would have to be waited for {seconds:.0f} s more")
            elif self._owes():
                time.sleep(seconds)
        self._check_stop()

    def _check_stop(self) -> None:
        if self._is_stopped():
            raise HubError("stopped before the request was sent")

    def _is_stopped(self) -> bool:
        return self._world.stop.is_set() and (not self._owes() or self._is_owed_too_long(0))

    def _owes(self) -> bool:
        return getattr(self._debt, "owed", False)

    def _is_owed_too_long(self, seconds: float) -> bool:
        """Tell whether what this thread owes would be sent too late, after so long a wait."""
        if not self._world.stop.is_set():
            return False
        now = self._world.clock()
        with self._changed:
            self._stopped_at = now if self._stopped_at is None else self._stopped_at
            return now + seconds > self._stopped_at + OWED_S
