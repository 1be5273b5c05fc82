"""The plan as data: what every JSON form of a plan says, and the digest that names a plan.

    Plan   ── plan_document ───▶ the plan
    Report ── report_document ─▶ the same, with what became of each step and hub, under the plan's digest

The digest covers the plan's document but for `digest` and `saved` and every hub's `live_keys` and `forecast`, which may
change while the plan does not: whoever prints or saves a plan shows the same one. Whoever applies a saved plan shows
it, too, if it is the whole and its hubs and findings are as they were; else that of what is left. The file's own is
always shown as `saved`. Members stand in a fixed order and lists in the plan's, so the same plan gives the same bytes
in every process. `planfile` turns the data into a file and back; `planschema` describes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from keyspec.fingerprint import digest_members

if TYPE_CHECKING:
    from keyspec.model import FieldValue
    from keyspec.plan import Finding, HubRow, Plan, Step, Summary
    from keyspec.report import HubResult, Outcome, Report
    from keyspec.shard import Shard
    from keyspec.source import Source

FORMAT: Final = "keyspec-plan/1"
PROBLEMS_FORMAT: Final = "keyspec-problems/1"
"""What is printed instead where there is no plan."""
_PASSING: Final = ("live_keys", "forecast")
"""What of a hub changes from day to day, whatever is planned."""
OUTCOMES: Final[tuple[Outcome, ...]] = ("applied", "already", "conflict", "failed", "skipped", "held")


def plan_document(plan: Plan) -> dict[str, Any]:
    """Give a plan as JSON data."""
    return _gather(plan_members(plan))


def report_document(report: Report) -> dict[str, Any]:
    """Give a plan with what became of it as JSON data, under the plan's digest."""
    return _gather(report_members(report))


def plan_members(plan: Plan) -> dict[str, Any]:
    """Give the members of a plan's document; its lists are iterators, for a large one need not be held whole."""
    return _members(plan, map(_step_data, plan.steps), map(_hub_data, plan.hubs), digest=plan_digest(plan))


def report_members(report: Report) -> dict[str, Any]:
    """Give the members of a report's document, its lists as iterators."""
    plan = report.plan
    verdicts = {result.name: result for result in report.hubs}
    steps = (_step_data(result.step) | {"outcome": result.outcome, "error": result.error} for result in report.results)
    hubs = (_hub_data(hub) | _verdict_data(hub, verdicts.get(hub.name)) for hub in plan.hubs)
    outcomes = Counter(result.outcome for result in report.results)
    return _members(plan, steps, hubs, digest=plan_digest(plan)) | {
        "outcomes": {outcome: outcomes[outcome] for outcome in OUTCOMES},
        "interrupted": report.interrupted,
    }


def plan_digest(plan: Plan) -> str:
    """Hash a plan: its document without `digest`, `saved` and what of every hub is `_PASSING`."""
    hubs = ({name: value for name, value in _hub_data(hub).items() if name not in _PASSING} for hub in plan.hubs)
    members = _members(replace(plan, saved=None), map(_step_data, plan.steps), hubs, digest="")
    del members["digest"]
    return digest_members(members)


def summary_data(summary: Summary) -> dict[str, int]:
    """Give the counts of a plan under their names in the document."""
    return {
        "create": summary.create,
        "import": summary.import_,
        "edit": summary.edit,
        "lock": summary.lock,
        "unlock": summary.unlock,
        "delete": summary.delete,
        "held": summary.held,
        "unchanged": summary.unchanged,
        "unlisted": summary.unlisted,
    }


def _gather(members: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, Iterator) else value for name, value in members.items()}


def _members(
    plan: Plan, steps: Iterator[dict[str, Any]], hubs: Iterator[dict[str, Any]], *, digest: str
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "digest": digest,
        **({"saved": plan.saved} if plan.saved else {}),
        "spec": plan.spec,
        **({"shard": _shard_data(plan.shard)} if plan.shard else {}),
        "summary": summary_data(plan.summary),
        "hubs": hubs,
        "steps": steps,
        "findings": map(finding_data, plan.findings),
    }


def _shard_data(shard: Shard) -> dict[str, Any]:
    return {
        "number": shard.number,
        "of": shard.of,
        "wave": shard.wave,
        "plan": shard.plan,
        "fleet": shard.fleet,
        "keys": list(shard.keys),
    }


def _hub_data(hub: HubRow) -> dict[str, Any]:
    return {
        "name": hub.name,
        "url": hub.url,
        "status": hub.status,
        "live_keys": hub.live_keys,
        "error": hub.error,
        "unchanged": hub.unchanged,
        "unlisted": hub.unlisted,
        "wave": hub.wave,
        "forecast": hub.forecast and {"requests": hub.forecast.requests, "seconds": hub.forecast.seconds},
    }


def _verdict_data(hub: HubRow, verdict: HubResult | None) -> dict[str, Any]:
    if verdict is None:
        return {"verified": None}
    return {"error": hub.error or verdict.error, "verified": verdict.verified}


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "hub": step.hub,
        "key_id": step.key_id,
        "action": step.action,
        "reason": step.reason,
        "reversible": step.reversible,
        "held": step.held,
        "changes": [
            {"field": change.field, "before": _value_data(change.before), "after": _value_data(change.after)}
            for change in step.changes
        ],
        "source": _source_data(step.source),
        "expects": step.expects,
        "allow": step.held_by,
        "bites_within": step.bites_within_s,
        "permissions": {"gives": list(step.gives), "takes": list(step.takes)},
        "phase": step.phase,
        "recovery": step.recovery,
    }


def finding_data(finding: Finding) -> dict[str, Any]:
    """Give a finding as JSON data."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "hub": finding.hub,
        "key_id": finding.key_id,
        "message": finding.message,
        "source": _source_data(finding.source),
    }


def _source_data(source: Source | None) -> dict[str, Any] | None:
    return None if source is None else {"file": source.file, "line": source.line, "column": source.column}


def _value_data(value: FieldValue) -> object:
    return list(value) if isinstance(value, tuple) else value
