"""How long a locked key is still let in, and an unlocked one kept out: the throw-away key is tried until that changes.

Which read tells a live key from a locked one is found out first: the weakest role may not be allowed to read anything,
and a hub may answer a locked key with the same status as one that lacks a permission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keyspec.errors import HubError
from keyspec.foreseen import USES, say_short
from keyspec.probe import choose_use, is_denied, judge_denial, longest_wait, next_gap, say_delay
from keyspec.trial import SEEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyspec.hub import Hub
    from keyspec.placeholders import OperationName
    from keyspec.probe import Verdict
    from keyspec.secret import Secret
    from keyspec.trial import Trial

_MORE_S: Final = 1.0


def try_lock(trial: Trial) -> None:
    """Use the key, lock it, use it until it is denied, unlock it, use it until it is let in."""
    if not trial.contract.supports("lock_key"):
        trial.note("lock", "", "not sent: the contract has no `lock_key`", "unknown")
        return
    if trial.value is None or not trial.setting.carries_key:
        what = "its value is not known" if trial.value is None else "its value alone is no credential here"
        trial.note("use", "", f"the key cannot be tried: {what}", "unknown")
        _lock_and_unlock(trial, None)
        return
    _use(trial, trial.value)


def _use(trial: Trial, value: Secret) -> None:
    user = trial.session.connections.open_as(trial.target, value)
    try:
        tried: dict[OperationName, int] = {}
        for name in filter(trial.contract.supports, USES):
            status = _try_key(trial, user, name)
            told = "no answer" if status is None else str(status)
            trial.note("use", say_short(trial.setting, name), f"{told}, to the new key", "noted")
            tried |= {} if status is None else {name: status}
            if choose_use(tried, good=True) is not None:
                break
        chosen = choose_use(tried)
        if chosen is None:
            trial.note("use", "", "the hub does not let the new key in", "unknown")
        _lock_and_unlock(trial, None if chosen is None else _Use(trial, user, chosen, tried[chosen]))
    finally:
        user.close()


def _lock_and_unlock(trial: Trial, use: _Use | None) -> None:
    if trial.change("lock", "lock_key", trial.live, {"state": "locked"}):
        if use is not None:
            use.wait_for_denial()
        _see_state(trial, "locked")
    if trial.change("unlock", "unlock_key", trial.live, {"state": "active"}):
        if use is not None:
            use.wait_for_entry()
        _see_state(trial, "active")


class _Use:
    """A read by which to tell how the key stands: `live` is what it answers to a live one."""

    def __init__(self, trial: Trial, user: Hub, name: OperationName, live: int) -> None:
        self._trial = trial
        self._user = user
        self._name: OperationName = name
        self._live = live
        self._sent = say_short(trial.setting, name)

    def wait_for_denial(self) -> None:
        trial, step = self._trial, "use until denied"
        found = self._wait(lambda status: is_denied(status, self._live))
        if found is not None:
            trial.denied_after_s = round(found[0], 1)
            trial.note(step, self._sent, *judge_denial(found[0], trial.timeout_s, found[1]))
            return
        waited_s = longest_wait(trial.timeout_s)
        if waited_s <= trial.timeout_s:
            seen = f"not denied within {waited_s:g} s, and its timeout is {trial.timeout_s} s"
            trial.note(step, self._sent, seen, "unknown")
            return
        trial.pause(trial.timeout_s + _MORE_S)
        status = _try_key(trial, self._user, self._name)
        late = status is not None and is_denied(status, self._live)
        more = "but once it was left alone for its timeout" if late else "nor when it was left alone for its timeout"
        trial.note(step, self._sent, f"not denied within {waited_s:g} s, {more}", "differs")

    def wait_for_entry(self) -> None:
        found = self._wait(lambda status: status == self._live)
        seen = "still denied" if found is None else f"let in again {say_delay(found[0])}"
        self._trial.note("use until let in", self._sent, seen, "agrees" if found else "differs")

    def _wait(self, is_so: Callable[[int], bool]) -> tuple[float, int] | None:
        """Try the key until a status is as wanted; give how long that took, None if it takes too long."""
        clock = self._trial.session.connections.world.clock
        began, longest_s = self._trial.changed_at_s, longest_wait(self._trial.timeout_s)
        while True:
            status = _try_key(self._trial, self._user, self._name)
            waited_s = clock() - began
            if status is not None and is_so(status):
                return waited_s, status
            if waited_s > longest_s:
                return None
            self._trial.pause(next_gap(waited_s))


def _try_key(trial: Trial, user: Hub, name: OperationName) -> int | None:
    """Ask with the throw-away key; None if nobody can say how that was answered."""
    trial.go_on()
    try:
        values = user.fill_page(name) if name in ("list_keys", "list_roles") else {}
        return user.wire.ask(name, values, also=SEEN).status
    except HubError:
        return None


def _see_state(trial: Trial, state: str) -> None:
    read = trial.read(trial.live)
    if read is not None:
        trial.live = read
        agreed: Verdict = "agrees" if read.state == state else "differs"
        seen = "its state cannot be read" if read.state is None else f"read as {read.state}"
        trial.note("state", "", seen, "unknown" if read.state is None else agreed)
