"""How fast and how long one hub is asked: the cap on requests, the waits, and the deadline without progress.

All threads of a hub share one `Pace`. Its deadline is 3 times timeout plus 60 s (for Retry-After) per phase without
progress: any answer that means something is progress, and the clock runs only while requests are under way, so a
question to a person or a slow store between two requests does not count. Beyond the deadline nothing is sent any
more until the next phase. Waiting ends at once when the run is to stop.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from keyspec.errors import HubError
from keyspec.retry import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

    def __init__(self, world: World, *, timeout_s: float, requests_per_second: float | None = None) -> None:
        self._world = world
        self._deadline_s = _TIMEOUTS_PER_PHASE * timeout_s + PATIENCE_S
        self._gap_s = min(1.0 / requests_per_second, _LONGEST_GAP_S) if requests_per_second else 0.0
        self._lock = threading.Lock()
        self._next_slot = float("-inf")
        self._under_way = 0
        self._idle_since = 0.0
        self._failing_since: float | None = None

    def begin_phase(self) -> None:
        """Start the deadline anew."""
        with self._lock:
            self._failing_since = None

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold one request, its retries and its waits: the clock of the deadline runs."""
        with self._lock:
            if self._failing_since is not None and not self._under_way:
                self._failing_since += self._world.clock() - self._idle_since
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._idle_since = self._world.clock()

    def take_turn(self) -> None:
        """Wait until a request may be sent.

        Raises:
            HubError: if the run is to stop, or the hub is past its deadline; nothing was sent.
        """
        with self._lock:
            now = self._world.clock()
            self._check_deadline(now)
            slot = max(now, self._next_slot)
            self._next_slot = slot + self._gap_s
        self._wait(slot - now)

    def note_progress(self) -> None:
        """Take note that the hub answered something that means something."""
        if self._failing_since is not None:
            self.begin_phase()

    def note_failure(self) -> None:
        """Take note that an attempt failed."""
        with self._lock:
            if self._failing_since is None:
                self._failing_since = self._world.clock()

    def wait_to_retry(self, seconds: float) -> bool:
        """Wait before the next attempt; False, at once, if the deadline comes first."""
        with self._lock:
            since = self._failing_since
            if since is not None and self._world.clock() + seconds - since > self._deadline_s:
                return False
        self._wait(seconds)
        return True

    def _check_deadline(self, now: float) -> None:
        if self._failing_since is not None and now - self._failing_since > self._deadline_s:
            raise HubError(f"no progress for {self._deadline_s:g} s; the hub is not asked any more")

    def _wait(self, seconds: float) -> None:
        stop = self._world.stop
        if seconds > 0:
            if self._world.sleep is None:
                stop.wait(seconds)
            else:
                self._world.sleep(seconds)
        if stop.is_set():
            raise HubError("stopped before the request was sent")
