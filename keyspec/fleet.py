"""Many hubs side by side: each is read and applied in a thread of its own, and none waits for another.

The first Ctrl-C sets `cancelled`: protocols in flight are finished, the rest is skipped. A second one stops waiting
for the hubs themselves.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from threading import Event

T = TypeVar("T")
R = TypeVar("R")


def run_fleet(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    parallel: int,
    cancelled: Event,
    abort: Callable[[], None],
) -> tuple[R, ...]:
    """Do `work` for every item, at most `parallel` at once; give the results in the order of the items."""
    todo = tuple(items)
    if not todo:
        return ()
    with ThreadPoolExecutor(min(parallel, len(todo)), thread_name_prefix="hub") as workers:
        futures = [workers.submit(work, item) for item in todo]
        _wait_for(futures, cancelled, abort)
        return tuple(future.result() for future in futures)


def _wait_for(futures: Iterable[Future[R]], cancelled: Event, abort: Callable[[], None]) -> None:
    pending = set(futures)
    while pending:
        try:
            _, pending = wait(pending)
        except KeyboardInterrupt:
            if cancelled.is_set():
                abort()
            cancelled.set()
