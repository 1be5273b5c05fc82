"""How a hub speaks: the seam at which another REST dialect is one more module (see `dialects`).

Rules:

* A dialect is stateless; hub and request are given to it. It does no I/O but through the hub.
* `identify` never raises: an unknown credential is nobody.
* `answer` raises `Refusal` for everything it does not do. `answer_error` words every error, those of the
  gate (too large, too many, broken) and of the faults included.
* A dialect has its own names, places and parameters and nothing else: what any of them would do
  in the same way is `rest`, `parameters`, `body`, `cursor`, `etag`, `openapi`, or the hub's.
"""

from collections.abc import Iterable
from typing import Protocol

from keyspec.devhub.exchange import Answer, Call
from keyspec.devhub.hub import Hub
from keyspec.devhub.model import Caller
from keyspec.devhub.wirelog import Secrets


class Dialect(Protocol):
    """One way to speak with a hub over HTTP."""

    @property
    def base(self) -> str:
        """The path below which the API lives, without a slash at its end."""

    @property
    def secrets(self) -> Secrets:
        """The fields and headers that carry values."""

    @property
    def fragment(self) -> bytes:
        """How the answer of a list may begin, cut off somewhere."""

    def identify(self, hub: Hub, call: Call) -> Caller | None:
        """Return who sends a request."""

    def answer(self, hub: Hub, call: Call, caller: Caller | None) -> Answer:
        """Do what a request asks for; raises Refusal."""

    def answer_error(self, status: int, code: str, message: str, *, headers: Iterable[tuple[str, str]] = ()) -> Answer:
        """Answer with an error."""


def split_base(base: str, path: str) -> str | None:
    """Return what follows the base in a path, beginning with a slash; None outside the base."""
    rest = path.removeprefix(base)
    return rest if path.startswith(base) and rest.startswith("/") else None
