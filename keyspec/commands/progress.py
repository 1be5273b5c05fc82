"""What a run is at, told beside the data while it lasts: a line drawn anew on a terminal, plain lines elsewhere.

    on a terminal   hubs read: 120 of 200, 14/s; waiting for prod_eu, prod_us and 3 more
    elsewhere       keyspec: 120 of 200 hubs read; waiting for prod_eu, prod_us and 3 more

The first is drawn at most ten times a second, and is gone before anything else is written. The second is written every
30 s, so that no CI system takes a long run for a dead one. Waited for is what has begun and not ended, the longest
first. Whoever works only tells; a thread of its own writes, so that a terminal that stands still holds up nobody.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

from keyspec.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_CLEAR: Final = "\r\x1b[K"
_DRAWN_EVERY_S: Final = 0.1
_WRITTEN_EVERY_S: Final = 30.0
_MOST_NAMES: Final = 5
_NO_RATE_S: Final = 1.0
"""In the first second a rate says nothing."""


class Progress:
    """What is counted, and what is waited for; shown while in a `with`, by `tick` otherwise.

    `width` tells the columns of the terminal that `write` writes to; None if it is none.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        width: Callable[[], int] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._width = width
        self._clock = clock
        self._telling = threading.Lock()
        self._writing = threading.Lock()
        self._counted = ("", "")
        self._done = self._total = 0
        self._began_at: float | None = None
        self._waiting: dict[str, None] = {}
        self._changed = self._shown = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()
        with self.aside():
            pass

    def expect(self, noun: str, verb: str, total: int) -> None:
        """Begin to count something else, of which there are so many."""
        with self._telling:
            self._counted = noun, verb
            self._done, self._total = 0, total
            self._began_at = None

    def begin(self, name: str) -> None:
        """Take note that something began."""
        with self._telling:
            self._waiting[name] = None
            self._changed = True
            if self._began_at is None:
                self._began_at = self._clock()

    def end(self, name: str) -> None:
        """Take note that it ended."""
        with self._telling:
            self._waiting.pop(name, None)
            self._changed = True

    def count(self) -> None:
        """Take note that one more is done."""
        with self._telling:
            self._done += 1
            self._changed = True

    def tick(self) -> None:
        """Show how far it is: on a terminal if that changes, elsewhere always."""
        with self._writing:
            if self._width is None:
                self._write(f"keyspec: {self._tell(None)}\n")
            elif self._changed or self._waiting:
                self._draw(self._width())

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Keep out of the way of what else is written; what was last told has been shown by then."""
        with self._writing:
            if self._changed and self._width is not None:
                self._draw(self._width())
            if self._shown:
                self._write(_CLEAR)
                self._shown = False
            yield

    def _run(self) -> None:
        while not self._ended.wait(_WRITTEN_EVERY_S if self._width is None else _DRAWN_EVERY_S):
            self.tick()

    def _draw(self, width: int) -> None:
        self._write(f"{_CLEAR}{self._tell(width - 1)}")  # a full line would break
        self._shown = True

    def _tell(self, room: int | None) -> str:
        with self._telling:
            (noun, verb), done, total = self._counted, self._done, self._total
            names = [display(name) for name in islice(self._waiting, _MOST_NAMES)]
            waiting = len(self._waiting)
            took_s = 0.0 if self._began_at is None else self._clock() - self._began_at
            self._changed = False
        if room is None:
            return f"{done} of {total} {noun} {verb}{_name_some(names, waiting)}"
        told = f"{noun} {verb}: {done} of {total}{_tell_rate(done, took_s)}"
        return (told + _name_some(names, waiting, room - len(told)))[:room]


def _tell_rate(done: int, took_s: float) -> str:
    if not done or took_s < _NO_RATE_S:
        return ""
    rate = done / took_s
    return f", {rate:.0f}/s" if rate >= 10 else f", {rate:.1f}/s"  # noqa: PLR2004 - two digits are enough


def _name_some(names: Sequence[str], count: int, room: int | None = None) -> str:
    """Name as many as there is room for, at least one, and count the others."""
    told = ""
    for shown in range(len(names), 0, -1):
        *most, last = [*names[:shown], *([f"{count - shown} more"] if count > shown else [])]
        told = "; waiting for " + (f"{', '.join(most)} and {last}" if most else last)
        if room is None or len(told) <= room:
            break
    return told
