"""One probe under way: what it asks, how it looks at answers, and what it has seen so far.

Each answer is looked at as it is: a status that the contract does not expect is an observation, no error. What goes
wrong with one step is noted, and the next begins; what is to stop is `Stopped`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from keyspec.content import fill_name, needs_etag
from keyspec.errors import AnswerLost, HubError, KeyspecError
from keyspec.foreseen import say_short
from keyspec.live import read_key, with_etag
from keyspec.model import Key
from keyspec.probe import Capability, Observation, changed, judge_capability, judge_status
from keyspec.refusal import is_html
from keyspec.removal import WATCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keyspec.content import ChangeName
    from keyspec.contract import Contract
    from keyspec.desired import DesiredHub
    from keyspec.foreseen import Setting
    from keyspec.hub import Hub
    from keyspec.live import RoleNames
    from keyspec.model import FieldValue
    from keyspec.placeholders import OperationName
    from keyspec.probe import Verdict
    from keyspec.removal import Removal
    from keyspec.secret import Secret
    from keyspec.session import Session
    from keyspec.transport import Answer

T = TypeVar("T")

_SUCCESS: Final = range(200, 300)
_AGAIN: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
SEEN: Final = tuple(status for status in (*_SUCCESS, *range(400, 500)) if status not in _AGAIN)
"""Answers that say what happened; all others are left to the client, which asks again or gives up."""


class Stopped(Exception):  # noqa: N818 - the wish to stop, no error
    """Somebody interrupted the probe, or it must not go on."""


@dataclass(slots=True, eq=False)
class Trial:
    """One probe of one hub: its key as it was read last, its value, and all that was seen.

    `asked_s` is the timeout that its creates and imports ask for, `timeout_s` the one that the key has. `changed_at_s`
    is when the last change was answered; `unseen` tells that nobody could see whether other keys were spared.
    """

    setting: Setting
    target: DesiredHub
    session: Session
    hub: Hub
    removal: Removal
    key_id: str
    asked_s: int
    timeout_s: int
    live: Key
    value: Secret | None = None
    created: bool = False
    sends_whole: bool = False
    denied_after_s: float | None = None
    changed_at_s: float = 0.0
    unseen: bool = False
    notes: list[Observation] = field(default_factory=list)
    found: dict[str, Capability] = field(default_factory=dict)

    @property
    def contract(self) -> Contract:
        """How the hub speaks, as far as is known."""
        return self.setting.contract

    # What was seen

    def note(self, step: str, sent: str, seen: str, verdict: Verdict) -> None:
        """Note an observation."""
        self.notes.append(Observation(step, sent, seen, verdict))

    def tell(self, name: str, why: str, *, value: bool) -> None:
        """Note a capability, the first time it is seen."""
        if name not in self.found:
            self.found[name] = Capability(name, value, why)
            self.note(name, "", why, judge_capability(self.contract, self.found[name]))

    def attempt(self, step: str, sent: str, deed: Callable[[], T]) -> T | None:
        """Do something; None if it went wrong, which is noted."""
        try:
            return deed()
        except KeyspecError as error:
            self.note(step, sent, str(error), "unknown")
        return None

    def judge(self, step: str, name: OperationName, sent: str, answer: Answer) -> bool:
        """Note the status of an answer; tell whether it was done."""
        if answer.status in _SUCCESS:
            self.note(step, sent, *judge_status(self.contract, name, answer.status))
            return True
        hidden = self.created and self.value is None  # nobody knows what must not be shown
        said = "" if hidden else self.hub.wire.quote(name, answer)
        self.note(step, sent, f"{answer.status}; it says: {said}" if said else f"{answer.status}", "differs")
        return False

    # What is asked

    def go_on(self) -> None:
        """Begin another request, unless somebody wants to stop."""
        if self.session.cancelled.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until somebody wants to stop."""
        sleep = self.session.connections.world.sleep
        if sleep is None:
            self.session.cancelled.wait(seconds)
        else:
            sleep(seconds)
        self.go_on()

    def ask(
        self, name: OperationName, values: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; give its answer, whatever it says.

        Raises:
            HubError: there is none that says what happened.
        """
        self.go_on()
        answer = self.hub.wire.ask(name, values, also=SEEN, headers=headers)
        if answer.status in _SUCCESS and is_html(answer):
            raise AnswerLost(
                f"answered {answer.status} with an HTML page, as a portal gives for a path it does not know"
            )
        return answer

    def ask_unsure(self, name: OperationName, values: Mapping[str, object], key_id: str) -> Answer:
        """Send what makes a key, and remember it if nobody can say whether it did."""
        self.go_on()
        self.removal.unsent.discard(key_id)
        try:
            return self.ask(name, values)
        except AnswerLost:
            self.removal.unsure.add(key_id)
            raise

    def list_keys(self) -> tuple[Key, ...]:
        """List all keys."""
        self.go_on()
        return self.hub.list_keys()

    def meet(self, key_id: str, told: Key | None) -> Key:
        """Give a key that was made, as far as it must be known to be asked for: with its handle where it has one."""
        if self.contract.key.handle is None:
            return Key(key_id)
        if told is not None and told.handle is not None:
            return Key(key_id, handle=told.handle)
        return next((key for key in self.list_keys() if key.key_id == key_id), Key(key_id))

    def read(self, key: Key, step: str = "read") -> Key | None:
        """Read a key, and note how that went; None if it cannot be."""
        if self.contract.supports("get_key"):
            sent = say_short(self.setting, "get_key")
            return self.attempt(step, sent, lambda: self._get(step, sent, key))
        sent = say_short(self.setting, "list_keys")
        listed = self.attempt(step, sent, self.list_keys)
        found = next((each for each in listed or () if each.key_id == key.key_id), None)
        if listed is not None:
            self.note(step, sent, "in the list" if found else "not in the list", "agrees" if found else "differs")
        return found

    def is_gone(self, key: Key) -> bool:
        """Read a key that was deleted, and note whether it is gone; False, too, if nobody can tell."""
        by_itself = self.contract.supports("get_key")
        sent = say_short(self.setting, "get_key" if by_itself else "list_keys")
        seen = self.attempt("gone", sent, lambda: self._find_deleted(key, by_itself=by_itself))
        if seen is not None:
            self.note("gone", sent, seen[0], "differs" if seen[1] else "agrees")
        return seen is not None and not seen[1]

    def change(self, step: str, name: ChangeName, key: Key, changes: Mapping[str, FieldValue]) -> bool:
        """Change a key, and note how that went; tell whether it was done."""
        if not self.contract.supports(name):
            self.note(step, "", f"not sent: the contract has no `{name}`", "unknown")
            return False
        if needs_etag(self.contract, name) and key.etag is None:
            self.note(step, "", "not sent: the contract wants If-Match, and the hub told no ETag", "unknown")
            return False
        sent = say_short(self.setting, name, () if "state" in changes else changes)
        answer = self.attempt(step, sent, lambda: self._send(name, key, changes))
        self.changed_at_s = self.session.connections.world.clock()
        done = answer is not None and self.judge(step, name, sent, answer)
        if name in self.removal.sent - self.removal.proved:
            self._look_at_others()
        if done and key.key_id == self.key_id:
            self.live = changed(key, changes)
        return done

    def names(self) -> RoleNames | None:
        """Give the names of roles by their IDs, where keys hold IDs."""
        if not self.contract.key.roles_by_id:
            return None
        return {role_id: name for name, role_id in self.setting.role_ids.items()}

    def _look_at_others(self) -> None:
        """See whether all other keys are as they were; stop at once if not, or if nobody can tell."""
        sent = say_short(self.setting, "list_keys")
        looked = self.attempt("other keys", sent, self.removal.look)
        self.unseen = looked is None
        for key_id, what in self.removal.harmed.items():
            self.note("other keys", sent, f"{key_id}: {what}", "differs")
        if self.unseen or self.removal.harmed:
            raise Stopped
        self.note("other keys", sent, "as before", "agrees")

    def _find_deleted(self, key: Key, *, by_itself: bool) -> tuple[str, bool]:
        """Look for a key that was deleted; say what was seen, and tell whether it is still there."""
        if by_itself:
            status = self.ask("get_key", self._name(key)).status
            return str(status), status != HTTPStatus.NOT_FOUND
        there = any(each.key_id == key.key_id for each in self.list_keys())
        return "still in the list" if there else "not in the list", there

    def _name(self, key: Key) -> dict[str, object]:
        try:
            return fill_name(self.contract, "get_key", key)
        except ValueError as error:
            raise HubError(f"{error.args[0]}; nothing was sent") from error

    def _send(self, name: ChangeName, key: Key, changes: Mapping[str, FieldValue]) -> Answer:
        try:
            values = self.setting.fill(name, key, changes)
        except (LookupError, ValueError) as error:
            raise HubError(f"{error.args[0]}; nothing was sent") from error
        self.go_on()
        if name in WATCHED:
            self.removal.sent.add(name)
        headers = {"if-match": key.etag} if needs_etag(self.contract, name) and key.etag else None
        return self.ask(name, values, headers)

    def _get(self, step: str, sent: str, asked: Key) -> Key | None:
        answer = self.ask("get_key", self._name(asked))
        if not self.judge(step, "get_key", sent, answer):
            return None
        payload = self.hub.wire.parse("get_key", answer)
        with self.hub.wire.naming("get_key"), self.hub.wire.reading():
            key = replace(read_key(self.contract, payload, self.names()), handle=asked.handle)
        if key.key_id != asked.key_id:
            self.note(step, sent, "the answer tells another key", "differs")
            return None
        tagged = with_etag(key, answer.etag)
        told = tagged.etag is not None
        self.tell("etag", f"a key is read {'with' if told else 'without'} an ETag header", value=told)
        return key if self.contract.key.etag is not None and not self.contract.capabilities.etag else tagged
