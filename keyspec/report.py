"""What became of a plan: an outcome per step, a verdict per hub, and the exit code that follows.

Exit codes, the first that applies (one table, `ExitCode`):

    130 interrupted · 64 wrong usage · 5 the spec is invalid · 4 refused by a guard or by trust, then
    plan:   1 a hub is unreadable or refused · 2 steps pending (only with --exit-code) · 0
    apply:  0 every step that is not held is applied or already so, and verified
            1 nothing was applied, and a step failed or a hub is unreadable or refused
            3 anything between
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from keyspec.plan import Plan, Step

Outcome = Literal["applied", "already", "conflict", "failed", "skipped", "held"]


class ExitCode(IntEnum):
    """What a keyspec process ends with."""

    OK = 0
    FAILED = 1
    PENDING = 2
    PARTIAL = 3
    REFUSED = 4
    INVALID = 5
    USAGE = 64
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step; `error` says why where it is neither applied, already nor held.

    Beside `applied` it says what is left to do: a replica that could not be written, a record that is not complete.
    """

    step: Step
    outcome: Outcome
    error: str | None = None


@dataclass(frozen=True, slots=True)
class HubResult:
    """Whether a hub, listed again after its steps, needs nothing more for the keys touched.

    `verified` is None for a hub that was not touched; `error` says what was found otherwise.
    """

    name: str
    verified: bool | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A plan with what became of it: one result per step, in the plan's order, one per hub, likewise."""

    plan: Plan
    results: tuple[StepResult, ...]
    hubs: tuple[HubResult, ...]
    interrupted: bool = False


def plan_exit_code(plan: Plan, *, exit_code: bool) -> ExitCode:
    """Give the exit code of a plan that no guard refused; `exit_code` asks for 2 when steps are pending."""
    if any(hub.status != "read" for hub in plan.hubs):
        return ExitCode.FAILED
    if exit_code and plan.pending:
        return ExitCode.PENDING
    return ExitCode.OK


def apply_exit_code(report: Report) -> ExitCode:
    """Give the exit code of an apply."""
    if report.interrupted:
        return ExitCode.INTERRUPTED
    asked = [result for result in report.results if result.outcome != "held"]
    hubs_read = all(hub.status == "read" for hub in report.plan.hubs)
    done = all(result.outcome in ("applied", "already") and result.error is None for result in asked)
    verified = all(hub.verified is not False for hub in report.hubs)
    if done and verified and hubs_read:
        return ExitCode.OK
    applied = any(result.outcome == "applied" for result in asked)
    failed = any(result.outcome == "failed" for result in asked) or not hubs_read
    return ExitCode.FAILED if failed and not applied else ExitCode.PARTIAL
