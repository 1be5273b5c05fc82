"""How a hub speaks: the seam at which another REST dialect would be added as one more module.

Rules:

* A dialect is stateless; hub and request are given to it. It does no I/O but through the hub.
* `identify` never raises: an unknown credential is nobody.
* `answer` raises `Refusal` for everything it does not do; `refuse` puts any refusal into words, the
  gate's own included (too large, too many, broken).
"""

from typing import Protocol

from keyspec.devhub.errors import Refusal
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

    def identify(self, hub: Hub, call: Call) -> Caller | None:
        """Return who sends a request."""

    def answer(self, hub: Hub, call: Call, caller: Caller | None) -> Answer:
        """Do what a request asks for; raises Refusal."""

    def refuse(self, refusal: Refusal) -> Answer:
        """Put a refusal into the dialect's words."""


def split_base(base: str, path: str) -> str | None:
    """Return what follows the base in a path, beginning with a slash; None outside the base."""
    rest = path.removeprefix(base)
    return rest if path.startswith(base) and rest.startswith("/") else None
