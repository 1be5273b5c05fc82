"""Many hubs side by side: each is read and applied in a thread of its own, and none waits for another.

Ctrl-C ends no thread: it is counted, and told to `interrupted` with its number. In an apply the first one lets
protocols in flight finish and skips the rest, a second one stops waiting for the hubs themselves.
"""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

T = TypeVar("T")
R = TypeVar("R")

_POLL_S: Final = 0.1
"""How soon a Ctrl-C is noticed."""


def run_fleet(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    parallel: int,
    interrupted: Callable[[int], None],
    after: Mapping[int, frozenset[int]] | None = None,
) -> tuple[R, ...]:
    """Do `work` for every item, at most `parallel` at once; give the results in the order of the items.

    `after` tells, for the position of an item, those of others that must be done before it begins, without a circle.
    """
    todo = tuple(items)
    if not todo:
        return ()
    told = 0
    futures: dict[int, Future[R]] = {}
    with _counted_interrupts() as interrupts, ThreadPoolExecutor(min(parallel, len(todo)), "hub") as workers:
        waiting = tuple(range(len(todo)))
        while waiting or not all(future.done() for future in futures.values()):
            ready = [place for place in waiting if _are_done((after or {}).get(place, frozenset()), futures)]
            futures.update((place, workers.submit(work, todo[place])) for place in ready)
            waiting = tuple(place for place in waiting if place not in futures)
            pending = [future for future in futures.values() if not future.done()]
            wait(pending, timeout=_POLL_S, return_when=FIRST_COMPLETED if waiting else ALL_COMPLETED)
            while told < len(interrupts):
                told += 1
                interrupted(told)
    return tuple(futures[place].result() for place in range(len(todo)))


def _are_done(places: Iterable[int], futures: Mapping[int, Future[R]]) -> bool:
    return all(place in futures and futures[place].done() for place in places)


@contextmanager
def _counted_interrupts() -> Iterator[list[int]]:
    """Collect SIGINTs instead of raising KeyboardInterrupt, where Python would and where it can be told not to.

    The handler does no more than append: it may interrupt anything, itself too, so it must not take a lock.
    """
    interrupts: list[int] = []
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupts
        return
    signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
