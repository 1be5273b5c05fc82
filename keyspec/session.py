"""One run: what it was asked for, and what it takes from the world and tells it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from keyspec.connect import Connections
from keyspec.ownership import Policy
from keyspec.settings import state_folder
from keyspec.spool import Spool
from keyspec.stores import open_store
from keyspec.stores.age import RECIPIENTS, AgeCoding

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyspec.live import LiveHub
    from keyspec.report import StepResult
    from keyspec.shard import Shard
    from keyspec.stores import Store

DEFAULT_FILES = ("keyspec.yaml",)
DEFAULT_PARALLEL = 32


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for: `hubs` are selectors (-l), `policy.keys` globs (-k); none means all.

    `shard` and `wave` narrow the hubs further.
    """

    files: tuple[str, ...] = DEFAULT_FILES
    hubs: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    trusted: str | None = None
    parallel: int = DEFAULT_PARALLEL
    shard: Shard | None = None
    wave: int | None = None
    allow_exec: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What a run takes from the world, and tells it: connections, clocks, the wish to stop, progress.

    `allow_exec` names the programs that `exec:` stores may run; None leaves it to the environment.
    `cancelled` lets protocols in flight finish and skips the rest. `on_begin` and `on_end` are given the name of a hub
    as its reading or its turn begins and ends; these, `on_read` and `on_step` are called from the threads that work.
    `on_interrupt` is given the number of each interrupt once it has taken effect.
    """

    connections: Connections = field(default_factory=Connections)
    cancelled: Event = field(default_factory=Event)
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    new_nonce: Callable[[], str] = lambda: secrets.token_hex(16)
    on_begin: Callable[[str], None] = lambda _: None
    on_end: Callable[[str], None] = lambda _: None
    on_read: Callable[[LiveHub], None] = lambda _: None
    on_step: Callable[[StepResult], None] = lambda _: None
    on_interrupt: Callable[[int], None] = lambda _: None
    allow_exec: tuple[str, ...] | None = None
    _stores: dict[str, Store] = field(default_factory=dict)

    def open_store(self, scheme: str) -> Store:
        """Give the store of a scheme, the same one each time: it holds the locks that keep marks alive."""
        if scheme not in self._stores:
            self._stores.setdefault(scheme, self._make_store(scheme))
        return self._stores[scheme]

    def _make_store(self, scheme: str) -> Store:
        if scheme != "exec" or self.allow_exec is None:
            return open_store(scheme)
        from keyspec.stores.exec import open_exec

        return open_exec(self.allow_exec)

    @property
    def spool(self) -> Spool:
        """Where values wait whose store failed.

        Raises:
            UsageError: the environment names no folder for state.
        """
        environ = self.connections.environ
        return Spool(Path(state_folder(environ)) / "spool", AgeCoding(environ) if environ.get(RECIPIENTS) else None)

    def cancel(self, interrupts: int = 1) -> None:
        """Skip what has not begun; from the second time on stop waiting for hubs, too."""
        self.cancelled.set()
        if interrupts > 1:
            self.connections.world.stop.set()
        self.on_interrupt(interrupts)

    def cancel_reading(self) -> None:
        """Let those who still read send nothing more: they have nothing to finish."""
        self.cancelled.set()
        self.connections.world.stop.set()
