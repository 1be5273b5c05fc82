"""What may go wrong with a request on its way to a service, for the servers of these tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class Fault:
    """The next request whose line holds `what` meets with `kind`.

    drop: never arrives · lost: is done, no answer · hang: is done, no answer and no end · late: is done at the next
    request but one · a number: is not done, that status is the answer.
    """

    what: str
    kind: str | int


@dataclass
class Wire:
    """Every request of a server passes here: it is counted, written down, and may meet with a fault.

    `at` is a number of a request, and what it meets with. From the request number `dead_from` on nothing arrives any more, as if the process had died before sending it.
    """

    faults: list[Fault] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    dead_from: int | None = None
    lose_last: bool = False
    at: tuple[int, str | int] | None = None
    late: list[Any] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def reset(self):
        self.__dict__.update(Wire().__dict__)

    def meet(self, line: str) -> str | int | None:
        """Count a request, and give the kind of fault it meets."""
        with self.lock:
            self.lines.append(line)
            number = len(self.lines) - 1
            if self.dead_from is not None and number >= self.dead_from:
                return "lost" if self.lose_last and number == self.dead_from else "drop"
            if self.at is not None and self.at[0] == number:
                return self.at[1]
            for fault in self.faults:
                if fault.what in line:
                    self.faults.remove(fault)
                    return fault.kind
        return None

    def count(self, what: str) -> int:
        return sum(what in line for line in self.lines)
