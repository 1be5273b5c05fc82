"""Many hubs side by side: each is read and applied in a thread of its own, and none waits for another.

An item that takes long gives its place to the next, for the hub behind it is slow or dead; it goes on beside the
others, within a bound on all threads. What they do for one another is told by `after`, and nothing else.

Ctrl-C, and SIGTERM, which means the same, ends no thread. Where something may be written it is counted, and told to
`interrupted` with its number: in an apply the first one lets protocols in flight finish and skips the rest, a second
one stops waiting for the hubs themselves. Where hubs are only read, whoever waits for them is interrupted, and the
threads are left behind: one that waits for a socket or a name server cannot be ended, and has nothing to finish.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections import defaultdict, deque
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

T = TypeVar("T")
R = TypeVar("R")

PATIENCE_S: Final = 2.0
"""How long an item holds its place: a hub that answers takes less, and one that does not takes several timeouts."""
_POLL_S: Final = 0.1
"""How soon a Ctrl-C, or the end of patience, is noticed."""
_INTERRUPTS: Final = (signal.SIGINT, signal.SIGTERM)
_THREADS_PER_PLACE: Final = 8
_MOST_THREADS: Final = 512
"""Unless more places than that were asked for."""


def run_fleet(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    parallel: int,
    interrupted: Callable[[int], None] | Interrupts | None,
    after: Mapping[int, frozenset[int]] | None = None,
    patience_s: float = PATIENCE_S,
) -> tuple[R, ...]:
    """Do `work` for every item, at most `parallel` at once; give the results in the order of the items.

    An item that takes longer than `patience_s` is no longer one of these. `after` tells, for the position of an item,
    those of others that must be done before it begins, without a circle. `interrupted` is told of each interrupt; where
    several fleets are run one after the other, it collects them for all; None leaves KeyboardInterrupt as it is, and
    with it those that are under way: only for work that writes nothing.
    """
    todo = tuple(items)
    if not todo:
        return ()
    done: dict[int, Future[R]] = {}
    order, places = _Order(len(todo), after or {}), _Places(max(parallel, 1), patience_s)
    crew = Crew(work, places.most_threads, name="hub", may_be_left=interrupted is None)
    with nullcontext() if interrupted is None else collect_interrupts(interrupted) as interrupts, crew:
        while len(done) < len(todo):
            while order.ready and places.find_one() and crew.begin(order.ready[0], todo[order.ready[0]]):
                places.take(order.ready.popleft())
            with suppress(queue.Empty):
                place, outcome = crew.wait(_POLL_S)
                done[place] = outcome
                places.give_back(place)
                order.end(place)
            if interrupts is not None:
                interrupts.pass_on()
    return tuple(done[place].result() for place in range(len(todo)))


class _Order:
    """Which items may begin: those that come after none, or whose last predecessor has ended."""

    def __init__(self, count: int, after: Mapping[int, frozenset[int]]) -> None:
        self._missing = {place: len(others) for place, others in after.items() if others}
        self._followers: dict[int, list[int]] = defaultdict(list)
        for place, others in after.items():
            for other in others:
                self._followers[other].append(place)
        self.ready = deque(place for place in range(count) if place not in self._missing)

    def end(self, place: int) -> None:
        for follower in self._followers.pop(place, ()):
            self._missing[follower] -= 1
            if not self._missing[follower]:
                self.ready.append(follower)


class _Places:
    """How many more items may begin: each holds a place until it ends, or until patience with it does."""

    def __init__(self, parallel: int, patience_s: float) -> None:
        self._parallel = parallel
        self._patience_s = patience_s
        self._held: dict[int, float] = {}
        """Since when, the longest first."""

    @property
    def most_threads(self) -> int:
        return min(_THREADS_PER_PLACE * self._parallel, max(_MOST_THREADS, self._parallel))

    def find_one(self) -> bool:
        """Tell whether a place is free; the one held longest becomes so when patience ends."""
        if len(self._held) < self._parallel:
            return True
        longest, since = next(iter(self._held.items()))
        if time.monotonic() - since < self._patience_s:
            return False
        del self._held[longest]
        return True

    def take(self, place: int) -> None:
        self._held[place] = time.monotonic()

    def give_back(self, place: int) -> None:
        self._held.pop(place, None)


class Crew(Generic[T, R]):
    """Threads that work, as many as items were ever under way at once; where there is none, whoever asks works.

    At the end of its `with` they are waited for; if they `may_be_left`, an exception does not wait, nor does the
    end of the process.
    """

    def __init__(self, work: Callable[[T], R], most: int, *, name: str, may_be_left: bool = False) -> None:
        self._work = work
        self._name = name
        self._most = most
        self._may_be_left = may_be_left
        self._busy = 0
        self._threads: list[threading.Thread] = []
        self._todo: queue.SimpleQueue[tuple[int, T] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[int, Future[R]]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        for _ in self._threads:
            self._todo.put(None)
        for thread in () if self._may_be_left and kind is not None else self._threads:
            thread.join()

    def begin(self, place: int, item: T) -> bool:
        """Let a thread begin an item; False if there is none, and can be none, until another item ends."""
        if self._busy >= len(self._threads) and not self._add_thread():
            if self._threads:
                return False
            self._do(place, item)
            self._busy += 1
            return True
        self._busy += 1
        self._todo.put((place, item))
        return True

    def wait(self, seconds: float) -> tuple[int, Future[R]]:
        """Wait for an item that ends.

        Raises:
            queue.Empty: if none does.
        """
        ended = self._done.get(timeout=seconds)
        self._busy -= 1
        return ended

    def _add_thread(self) -> bool:
        if len(self._threads) == self._most:
            return False
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._run, name=name, daemon=self._may_be_left)
        try:
            thread.start()
        except RuntimeError:  # the system has no more: those there are will do
            self._most = len(self._threads)
            return False
        self._threads.append(thread)
        return True

    def _run(self) -> None:
        while (taken := self._todo.get()) is not None:
            self._do(*taken)

    def _do(self, place: int, item: T) -> None:
        outcome: Future[R] = Future()
        try:
            outcome.set_result(self._work(item))
        except BaseException as error:  # noqa: BLE001 - raised again where the results are given
            outcome.set_exception(error)
        self._done.put((place, outcome))


def collect_interrupts(interrupted: Callable[[int], None] | Interrupts) -> AbstractContextManager[Interrupts]:
    """Collect interrupts as long as this lasts, or let whoever collects them already go on."""
    return nullcontext(interrupted) if isinstance(interrupted, Interrupts) else Interrupts(interrupted)


class Interrupts:
    """Interrupts counted instead of raised as KeyboardInterrupt, where Python would and can be told not to.

    The handler does no more than append: it may interrupt anything, itself too, so it must not take a lock. What came
    is told by `pass_on`, each with its number.
    """

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._come: list[int] = []
        self._told = 0
        self._raising: tuple[signal.Signals, ...] = ()

    def __enter__(self) -> Self:
        ours = threading.current_thread() is threading.main_thread()
        raising = (each for each in _INTERRUPTS if ours and signal.getsignal(each) is signal.default_int_handler)
        self._raising = tuple(raising)
        for each in self._raising:
            signal.signal(each, lambda number, _: self._come.append(number))
        return self

    def __exit__(self, *_exception: object) -> None:
        for each in self._raising:
            signal.signal(each, signal.default_int_handler)

    def pass_on(self) -> None:
        """Tell of those that came since."""
        while self._told < len(self._come):
            self._told += 1
            self._tell(self._told)
