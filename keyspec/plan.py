"""The plan: every step, in order, as a value.

A plan holds no function, no client and no secret. It is frozen, printable, and the same bytes from every
process (`planfile` writes and digests it). Held steps stand in `steps` like any other and are never done.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyspec.model import FieldValue
    from keyspec.shard import Shard
    from keyspec.source import Source

Action = Literal["create", "import", "edit", "lock", "unlock", "delete"]
HubStatus = Literal["read", "unreadable", "refused"]
Severity = Literal["info", "warning"]


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a key that differs; `field` is one of `model.FIELDS`. `before` is None for a create."""

    field: str
    before: FieldValue
    after: FieldValue


@dataclass(frozen=True, slots=True)
class Step:
    """One request that will be sent.

    `held_by` names the allowance without which the step is not done (`--allow-delete`), None if it is not held.
    `expects` is the fingerprint of the live key the step was reviewed against. `bites_within_s` is how long, in
    seconds, the hub may go on trusting the key after the step; None where that does not matter or is not known.
    `gives` and `takes` are permissions, sorted, empty where roles cannot be read. `recovery` marks the steps that
    clear up after a create whose value reached nobody: they count in no guard's sum.
    """

    hub: str
    key_id: str
    action: Action
    reason: str
    reversible: bool
    changes: tuple[Change, ...]
    expects: str
    phase: int
    number: int = 0
    held_by: str | None = None
    source: Source | None = None
    bites_within_s: int | None = None
    recovery: bool = False
    gives: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the step waits for an explicit allowance."""
        return self.held_by is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth saying that changes nothing."""

    code: str
    severity: Severity
    message: str
    hub: str | None = None
    key_id: str | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many requests apply will send to a hub; `seconds` at the rate declared for it, None without one."""

    requests: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class HubRow:
    """One hub of a plan: whether it could be read, and why not; `live_keys` is None where it could not.

    `unchanged` and `unlisted` count keys. `wave` is None where the spec declares no waves, `forecast` where the hub
    was not planned.
    """

    name: str
    url: str
    status: HubStatus
    live_keys: int | None = None
    error: str | None = None
    unchanged: int = 0
    unlisted: int = 0
    wave: int | None = None
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """How many steps of each action are not held, how many keys need none, and how many are unlisted."""

    create: int = 0
    import_: int = 0
    edit: int = 0
    lock: int = 0
    unlock: int = 0
    delete: int = 0
    held: int = 0
    unchanged: int = 0
    unlisted: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All hubs, steps and findings of one run. `spec` is the digest of the resolved desired state.

    `shard` stands where only a part of the fleet was planned, `saved` where this is what is left of a saved plan: its
    digest.
    """

    spec: str
    hubs: tuple[HubRow, ...]
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    summary: Summary
    shard: Shard | None = None
    saved: str | None = None

    @property
    def pending(self) -> bool:
        """Whether any step stands in the plan, held or not."""
        return bool(self.steps)


def summarize(hubs: Iterable[HubRow], steps: Iterable[Step]) -> Summary:
    """Count steps by what they do, and the keys of the hubs."""
    counts = Counter("held" if step.held else step.action for step in steps)
    rows = tuple(hubs)
    return Summary(
        create=counts["create"],
        import_=counts["import"],
        edit=counts["edit"],
        lock=counts["lock"],
        unlock=counts["unlock"],
        delete=counts["delete"],
        held=counts["held"],
        unchanged=sum(row.unchanged for row in rows),
        unlisted=sum(row.unlisted for row in rows),
    )
