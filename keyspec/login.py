"""A hub's token: asked for once, by whichever thread needs it first, and once more where it is refused.

A token that has served may run out, so each such one may be renewed; of tokens that never served only two are asked
for, so that a hub that refuses everything is not asked for ever.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyspec.secret import Secret

_MOST_UNPROVED: Final = 2


class Login:
    """The token of one hub, shared by its threads; `ask` exchanges the credential for one."""

    def __init__(self, ask: Callable[[], Secret]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._token: Secret | None = None
        self._unproved = 0

    def token(self) -> Secret:
        """Give the token; HubError if there is none to get."""
        with self._lock:
            if self._token is None:
                self._unproved += 1
                self._token = self._ask()
            return self._token

    def prove(self, token: Secret) -> None:
        """Take note that a request with this token was not refused."""
        if token is self._token and self._unproved:
            with self._lock:
                self._unproved = 0

    def renew(self, refused: Secret) -> bool:
        """Take note that the hub refused this token; tell whether it is worth trying with another one."""
        with self._lock:
            if self._token is not refused:
                return True
            if self._unproved >= _MOST_UNPROVED:
                return False
            self._token = None
            return True
