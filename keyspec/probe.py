"""What `contract probe` looks at, and what it makes of what it sees: pure decisions, in the order of the probe.

    create · read · list · edit · edit with a wrong ETag · use · lock · use until denied · unlock · use until let in
    import the value again · delete · import it once more, if it was refused · create with the same ID · delete · list

Rules kept here:

- Consent is twofold: the spec, which is reviewed, marks the hub by its label `env: sandbox`, and a person, or `--yes`,
  agrees to the list of all requests. Without `delete_key`, or a place for the value, nothing is made.
- The key has the weakest role: the one with the fewest permissions, of equals the first by name. Where the hub does
  not tell permissions, somebody has to name a role.
- Its timeout is short, but not so short that "at once" and "after the timeout" look alike: 5 s, or the next that the
  hub takes and the contract's unit can say. The wait for a denial ends after three timeouts and 5 s. A hub may count
  from the last use, and so never deny who goes on asking: at the end the key is left alone for a timeout, and tried
  once more.
- A lock bites as plans promise (`bites within`) if the key is denied by its timeout, a second for the way allowed.
- A capability is written down only if it was seen. That a partial edit loses fields is written as `sends: whole`, and
  that the hub has no ETags takes `if_match` away; all else that differs is for a person to judge, and stays a comment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from keyspec.conversion import write_timeout
from keyspec.errors import Problem
from keyspec.model import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.contract import Contract
    from keyspec.conversion import Unit
    from keyspec.desired import DesiredHub
    from keyspec.model import Key, Role
    from keyspec.placeholders import OperationName

Verdict = Literal["agrees", "differs", "unknown", "noted"]
"""As the contract says · otherwise · could not be told · seen, and the contract says nothing of it."""

KEY_PREFIX: Final = "keyspec_probe_"
MARK_PREFIX: Final = "keyspec contract probe "
REMARK: Final = ": a throw-away key, may be deleted"
COPY_SUFFIX: Final = "_2"
LABEL: Final = ("env", "sandbox")
"""The label that a hub must have to be probed."""

_TIMEOUTS_S: Final = (5, 30, 60, 3600)
_WAIT_TIMEOUTS: Final = 3
WAIT_MORE_S: Final = 5.0
_LONGEST_WAIT_S: Final = 900.0
_LEAST_GAP_S: Final = 0.2
_GAP_SHARE: Final = 0.05
_WAY_S: Final = 1.0
_REFUSED: Final = range(400, 500)
_NOT_ABOUT_THE_KEY: Final = (401, 403, 404, 405)
_NOT_DENIED: Final = (404, 405)
_IF_MATCH: Final = ("edit_key", "lock_key", "unlock_key", "delete_key")
_MAX_NAME: Final = 128


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was looked at: what was sent for it, what was seen."""

    step: str
    sent: str
    seen: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Capability:
    """What was seen of one of a contract's capabilities, and how."""

    name: str
    value: bool
    why: str


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe saw.

    `created` tells whether there was a key to look at, `broken` that keyspec itself failed. `left` says, by key,
    what is still on the hub or may come to be, and `harmed` what happened to keys of others. `denied_after_s` is
    how long a locked key was let in, None if that was not seen.
    """

    hub: str
    url: str
    contract: str
    role: str
    key_id: str
    created: bool
    observations: tuple[Observation, ...]
    capabilities: tuple[Capability, ...] = ()
    sends_whole: bool = False
    denied_after_s: float | None = None
    left: Mapping[str, str] | None = None
    harmed: Mapping[str, str] | None = None
    broken: bool = False
    interrupted: bool = False

    @property
    def whole(self) -> bool:
        """Whether the probe came to its end, and left nothing."""
        return self.created and not self.left and not self.harmed and not self.broken and not self.interrupted


def find_refusals(hub: DesiredHub) -> Iterator[Problem]:
    """Say why a hub may not be probed, or cannot be."""
    name, value = LABEL
    if hub.hub.labels.get(name) != value:
        what = f"hub `{hub.name}` is not marked as one that may be probed: its label `{name}` is not `{value}`"
        hint = f"say `labels: {{{name}: {value}}}` of a hub that nobody needs"
        yield Problem("not-a-sandbox", what, hub.declared.source("labels"), hint)
    operations = hub.contract.operations
    missing = [each for each in ("create_key", "delete_key") if not hub.contract.supports(each)]
    if operations.create_key is not None and operations.create_key.value is None:
        missing.append("the place of the value in `create_key`")
    if missing:
        what = f"the contract `{hub.contract.name}` has no {', no '.join(missing)}: nothing can be made and removed"
        yield Problem("cannot-probe", what, hub.declared.source("contract"))


def choose_role(roles: Iterable[Role] | None, wanted: str | None) -> str:
    """Give the role that the throw-away key gets: the one wanted, by the hub's name for it, else the weakest.

    Raises:
        ValueError: there is no such role, or nobody can tell which is the weakest.
    """
    if roles is None:
        if wanted is None:
            raise ValueError("the contract has no `list_roles`, so nobody can tell the weakest role: say --role")
        return wanted
    known = {role.name: role.permissions for role in roles}
    if wanted is not None:
        if wanted not in known:
            raise ValueError(f"--role {wanted}: the hub has no such role")
        return wanted
    told = [(len(permissions), name) for name, permissions in known.items() if permissions is not None]
    if len(told) < len(known) or not told:
        raise ValueError("the hub does not tell the permissions of all roles, so nobody knows the weakest: say --role")
    return min(told)[1]


def choose_timeouts(unit: Unit, wanted_s: int | None) -> tuple[int, ...]:
    """Give the timeouts to try a create with, one after the other.

    Raises:
        ValueError: the contract's unit cannot say the one wanted.
    """
    if wanted_s is not None:
        write_timeout(unit, wanted_s)
        return (wanted_s,)
    return tuple(seconds for seconds in _TIMEOUTS_S if can_say(unit, seconds))


def next_timeout(unit: Unit, seconds: int) -> int:
    """Give another timeout, about as short."""
    return seconds + 1 if can_say(unit, seconds + 1) else 2 * seconds


def can_say(unit: Unit, seconds: int) -> bool:
    """Tell whether a unit can say some seconds."""
    try:
        write_timeout(unit, seconds)
    except ValueError:
        return False
    return True


def longest_wait(timeout_s: int) -> float:
    """Tell how long a denial is waited for, in seconds."""
    return min(_WAIT_TIMEOUTS * timeout_s + WAIT_MORE_S, _LONGEST_WAIT_S)


def next_gap(waited_s: float) -> float:
    """Tell how long to wait before the key is tried again: the longer it took, the longer."""
    return max(_LEAST_GAP_S, waited_s * _GAP_SHARE)


def judge_status(contract: Contract, name: OperationName, status: int) -> tuple[str, Verdict]:
    """Hold the status of an answer to what the contract says means done."""
    statuses = contract.operation(name).statuses
    if status in statuses:
        return str(status), "agrees"
    return f"{status}; the contract says {' or '.join(map(str, statuses))}", "differs"


def judge_fields(sent: Key, read: Key) -> tuple[str, Verdict]:
    """Hold what is read of a key to what was sent; what the hub does not tell cannot be compared."""
    fields = [name for name in FIELDS if sent.field(name) is not None]
    other = [_say_difference(name, sent, read) for name in fields if read.field(name) not in (sent.field(name), None)]
    untold = [name for name in fields if read.field(name) is None]
    if other:
        return f"differs: {', '.join(other)}", "differs"
    if untold:
        return f"as sent, but {', '.join(untold)} cannot be read", "unknown"
    return "as sent", "agrees"


def _say_difference(name: str, sent: Key, read: Key) -> str:
    """Say a field that differs; of texts, which are the hub's, only that they do."""
    if name in ("reauth_timeout", "state"):
        unit = " s" if name == "reauth_timeout" else ""
        return f"{name} {read.field(name)}{unit} instead of {sent.field(name)}{unit}"
    return name


def judge_kept(before: Key, changes: Mapping[str, object], after: Key) -> tuple[str, Verdict, bool]:
    """Tell whether an edit changed what it should, and whether it left the rest as it was."""
    wanted = changed(before, changes)
    lost = [name for name in FIELDS if name not in changes and after.field(name) != before.field(name)]
    undone = [name for name in changes if after.field(name) != wanted.field(name)]
    kept = not lost
    if undone:
        return f"{', '.join(undone)} did not change", "differs", kept
    if lost:
        return f"{', '.join(changes)} changed, and so did {', '.join(lost)}", "differs", kept
    return f"{', '.join(changes)} changed, the rest stayed", "agrees", kept


def changed(key: Key, changes: Mapping[str, Any]) -> Key:
    """Give a key with some fields changed, without the ETag of what it was."""
    values = {("reauth_timeout_s" if name == "reauth_timeout" else name): value for name, value in changes.items()}
    return replace(key, etag=None, **values)


def is_refusal(status: int) -> bool:
    """Tell whether a status refuses what was asked because of the key, and not because of who asked or how."""
    return status in _REFUSED and status not in _NOT_ABOUT_THE_KEY


def choose_use(tried: Mapping[OperationName, int], *, good: bool = False) -> OperationName | None:
    """Choose the read by which to tell a live key from a locked one, by what each answers to the live key.

    Best is one that is answered; `good` wants no other. A key that is let in, but may not read, will do.
    """
    answered = [name for name, status in tried.items() if 200 <= status <= 299]  # noqa: PLR2004 - success
    let_in = [name for name, status in tried.items() if status != 401]  # noqa: PLR2004 - nobody
    return next(iter(answered if good else answered or let_in), None)


def is_denied(status: int, live: int) -> bool:
    """Tell whether an answer to a locked key denies it: another refusal than the live key got."""
    return status in _REFUSED and status not in _NOT_DENIED and status != live


def judge_denial(seconds: float, timeout_s: int, status: int) -> tuple[str, Verdict]:
    """Hold the time until a locked key was denied to what plans say of it."""
    told = f"denied with {status} {say_delay(seconds)}"
    late = seconds > timeout_s + _WAY_S + next_gap(seconds)
    return f"{told}; its timeout is {timeout_s} s", "differs" if late else "agrees"


def say_delay(seconds: float) -> str:
    """Say how long something took to bite."""
    return "at once" if seconds < _WAY_S else f"after {seconds:.1f} s"


def judge_capability(contract: Contract, found: Capability) -> Verdict:
    """Hold a capability to the contract."""
    return "agrees" if getattr(contract.capabilities, found.name) is found.value else "differs"


def overlay_of(contract: Contract, probed: Probed, base: str) -> dict[str, Any]:
    """Give the contract that extends `base` by what was seen."""
    operations: dict[str, dict[str, Any]] = {}
    seen = {each.name: each.value for each in probed.capabilities}
    if probed.sends_whole:
        operations["edit_key"] = {"sends": "whole"}
    if seen.get("etag") is False and contract.key.etag is None:
        for name in _IF_MATCH:
            if getattr(getattr(contract.operations, name), "if_match", False):
                operations.setdefault(name, {})["if_match"] = False
    ending = f"-{probed.hub}"
    name = contract.name.removesuffix(ending) + ending
    told: dict[str, Any] = {"keyspec-contract": 1, "extends": base, "name": name[:_MAX_NAME]}
    parts = {"capabilities": seen, "operations": operations}
    return told | {section: part for section, part in parts.items() if part}
