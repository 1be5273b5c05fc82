"""Hubs in the foreground, for `keyspec devhub`: as many as asked for, until a signal.

Rules:

* Each hub is announced once, when it accepts requests: by default one line with name and URL on
  stdout. Values are not announced here; whoever calls knows `hub.admin_value`.
* SIGINT and SIGTERM are blocked before the first thread starts and then waited for, so no signal is
  lost, no handler interrupts a half-started hub, and all hubs stop in order. (Uvicorn's own handlers
  know one server, and none outside the main thread.)
"""

import signal
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from keyspec.devhub.devhub import DevHub

_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})


def print_hub(hub: DevHub) -> None:
    """Say on stdout where a hub listens."""
    print(f"{hub.name} {hub.url}", flush=True)  # noqa: T201 - this line is what the command is for


def serve(hubs: Iterable[DevHub], *, announce: Callable[[DevHub], None] = print_hub) -> None:
    """Start hubs, announce each, and return after SIGINT or SIGTERM, when all have stopped.

    Must be called in the main thread.
    """
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        with ExitStack() as stack:
            for hub in hubs:
                announce(stack.enter_context(hub))
            signal.sigwait(_SIGNALS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
