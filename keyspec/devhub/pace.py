"""How many requests a hub takes in a second, and when it says to come back.

Rules:

* A bucket of tokens: it holds one second's worth (at least one), is full at the start, and fills
  evenly. A request takes one token or is refused; a refused one takes none.
* `Retry-After` is in whole seconds, rounded up, at least 1: a client that waits so long finds a token.
* The clock is an argument: a monotonic one in service, a made-up one in tests.
"""

import math
from collections.abc import Callable


class Pace:
    """A token bucket; without a rate it never runs dry."""

    def __init__(self, requests_per_second: float | None, clock: Callable[[], float]) -> None:
        """Start with a full bucket."""
        self._rate = requests_per_second
        self._clock = clock
        self._capacity = max(1.0, requests_per_second or 1.0)
        self._tokens = self._capacity
        self._filled_at = clock()

    def take_token(self) -> int | None:
        """Take a token and return None, or return the seconds after which there will be one."""
        if self._rate is None:
            return None
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return max(1, math.ceil((1 - self._tokens) / self._rate))
        self._tokens -= 1
        return None
