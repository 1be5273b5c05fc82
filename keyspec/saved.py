"""What of a saved plan may be done: a plan file can only narrow what the spec at hand does, whoever wrote it.

    check_saved     before any hub is asked: its hubs are the spec's, it is not too old, the spec asks for every step
    select_plan     the part of it that was asked for: some hubs, some keys, one shard
    compare_plans   against the plan made anew from what is live: only what both have is done, as it is planned now
    renew_plan      what is shown and reported of it: its steps, and beside them what is found now

A step that was saved as held is never done, whatever is allowed now. A step that is not planned any more is settled
at its hub's turn: it is `already` so, or a `conflict`. Where planning anew holds a step for want of an allowance it is
`held`; for any other reason, `skipped`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from keyspec.duration import format_duration
from keyspec.errors import Problem
from keyspec.findings import UNLISTED, sort_findings
from keyspec.forecast import forecast_hub
from keyspec.needs import OPERATIONS
from keyspec.order import TIGHTEN
from keyspec.ownership import is_owned
from keyspec.plan import Plan, summarize
from keyspec.sharing import makes_value, owner_of
from keyspec.source import Source
from keyspec.steps import created_key, creation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from keyspec.desired import Desired, DesiredHub, DesiredKey
    from keyspec.ownership import Policy
    from keyspec.plan import Action, Finding, HubRow, Step
    from keyspec.planfile import SavedPlan
    from keyspec.report import Outcome
    from keyspec.shard import Shard

_MOST_PROBLEMS: Final = 20
_CLOCKS_APART_S: Final = 300
"""How much the clocks of two machines may differ."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the steps of a saved plan stand to those planned anew.

    `todo` are those that are still planned, as they are planned now, under their saved numbers; `stale` the numbers of
    those that are not; `settled` says, by number, what became of those that no hub is asked for, and why.
    """

    todo: tuple[Step, ...]
    stale: frozenset[int]
    settled: Mapping[int, tuple[Outcome, str | None]]


def check_saved(saved: SavedPlan, desired: Desired, *, file: str, now: datetime) -> tuple[Problem, ...]:
    """Give every reason, up to twenty, why a saved plan must not be applied under this spec."""
    problems = [*_check_age(saved, desired, file, now), *_check_hubs(saved.plan.hubs, desired, file)]
    if saved.plan.shard is not None and desired.shard is not None:
        what = f"the plan is itself a part, {saved.plan.shard} of the fleet: the other parts were never planned"
        problems.append(_refuse(file, "plan-shard", what))
    if not problems:
        problems += _check_steps(saved.plan.steps, desired, file)
    return tuple(problems[:_MOST_PROBLEMS])


def select_plan(plan: Plan, hubs: Container[str], policy: Policy, shard: Shard | None) -> Plan:
    """Give the part of a plan that some hubs and keys have in it, its steps numbered anew."""
    rows = tuple(row for row in plan.hubs if row.name in hubs)
    chosen = [step for step in plan.steps if step.hub in hubs and policy.selects(step.key_id)]
    steps = tuple(replace(step, number=number) for number, step in enumerate(chosen, 1))
    findings = tuple(
        found
        for found in plan.findings
        if (found.hub is None or found.hub in hubs) and (found.key_id is None or policy.selects(found.key_id))
    )
    return Plan(plan.spec, rows, steps, findings, summarize(rows, steps), shard)


def compare_plans(plan: Plan, again: Plan) -> Comparison:
    """Hold the steps of a saved plan to the plan that was made anew.

    What is planned now is done, and in its order; a file only chooses from it. It cannot choose away what tightens a
    key and still widen it: then nothing of that key is planned any more.
    """
    rows = {row.name: row for row in again.hubs}
    wanted = {_identify(step): step for step in again.steps}
    chosen = {_identify(step) for step in plan.steps if not step.held}
    loosened = {
        (step.hub, step.key_id)
        for step in again.steps
        if (step.action == "lock" or step.phase == TIGHTEN) and not step.held and _identify(step) not in chosen
    }
    todo: list[Step] = []
    stale: set[int] = set()
    settled: dict[int, tuple[Outcome, str | None]] = {}
    for step in plan.steps:
        if step.held_by is not None:
            settled[step.number] = "held", None
            continue
        row, found = rows[step.hub], wanted.get(_identify(step))
        if row.status != "read":
            settled[step.number] = "failed", f"the hub is {row.status}: {row.error}"
        elif found is None or (step.hub, step.key_id) in loosened:
            stale.add(step.number)
        elif found.held_by is not None:
            allowed = found.held_by.startswith("-")
            settled[step.number] = "held" if allowed else "skipped", f"not done without {found.held_by}"
        else:
            todo.append(replace(found, number=step.number))
    return Comparison(tuple(todo), frozenset(stale), settled)


def renew_plan(plan: Plan, again: Plan, desired: Desired, *, todo: Iterable[Step], policy: Policy) -> Plan:
    """Give the selected part of a saved plan beside what is found now; `again` is planned anew, `todo` is done of it.

    Of a hub that was read again row and forecast are new; of another, which has nothing to be done, the row is as it
    was saved, as far as it is about the keys selected. Findings of both are said once.
    """
    fresh = {row.name: row for row in again.hubs}
    planned, stepped = _gather_keys(again.steps), _gather_keys(plan.steps)
    doable: dict[str, list[Step]] = {}
    for step in todo:
        doable.setdefault(step.hub, []).append(step)
    rows = []
    for row in plan.hubs:
        hub, keys, now = desired.hubs[row.name], stepped.get(row.name, set()), fresh.get(row.name)
        if now is not None and now.live_keys is not None and now.status == "read":
            done = keys & hub.keys.keys() - planned.get(row.name, set())
            forecast = forecast_hub(hub, now.live_keys, doable.get(row.name, ()))
            rows.append(replace(now, unchanged=now.unchanged - len(done), forecast=forecast))
        elif now is not None:
            rows.append(now)
        else:
            rows.append(_narrow_row(row, hub, keys, plan.findings, policy) if policy.keys else row)
    findings = _join_findings(plan.findings, again.findings)
    return replace(plan, hubs=tuple(rows), findings=findings, summary=summarize(rows, plan.steps))


def _gather_keys(steps: Iterable[Step]) -> dict[str, set[str]]:
    keys: dict[str, set[str]] = {}
    for step in steps:
        keys.setdefault(step.hub, set()).add(step.key_id)
    return keys


def _narrow_row(row: HubRow, hub: DesiredHub, stepped: set[str], findings: Iterable[Finding], policy: Policy) -> HubRow:
    """Count the keys that -k selects on a hub that was not read again, by the spec at hand and what was found then."""
    unchanged = {key_id for key_id in hub.keys if policy.selects(key_id)} - stepped
    unlisted = {found.key_id for found in findings if (found.hub, found.code) == (row.name, UNLISTED)}
    unlisted |= stepped - hub.keys.keys()
    return replace(
        row,
        unchanged=min(row.unchanged, len(unchanged)),
        unlisted=min(row.unlisted, len(unlisted)),
        forecast=row.forecast and forecast_hub(hub, 0, ()),
    )


def _join_findings(then: Iterable[Finding], now: Iterable[Finding]) -> tuple[Finding, ...]:
    """Join findings: what is found now stands for what was found then of the same hub and key under the same code.

    Of what belongs to no hub, what was saved stays: all shards say it alike.
    """
    before, after = tuple(then), tuple(now)
    renewed = {_about(found) for found in after if found.hub is not None}
    kept = [found for found in before if _about(found) not in renewed]
    said = {_about(found) for found in kept if found.hub is None}
    return sort_findings(dict.fromkeys([*kept, *(found for found in after if _about(found) not in said)]))


def _about(found: Finding) -> tuple[str, str | None, str | None]:
    return found.code, found.hub, found.key_id


def _identify(step: Step) -> tuple[object, ...]:
    """Give all that a step does; its place in the order, and where the spec has it, may be others by now."""
    done = step.hub, step.key_id, step.action, step.changes, step.expects
    return *done, step.recovery, step.reversible, step.gives, step.takes


def _check_age(saved: SavedPlan, desired: Desired, file: str, now: datetime) -> Iterator[Problem]:
    most = desired.guards.plan_max_age
    age_s = (now - datetime.fromisoformat(saved.created_at)).total_seconds()
    if most is not None and age_s < -_CLOCKS_APART_S:
        what = f"the plan says that it was made at {saved.created_at}, which is to come"
        yield Problem("plan-too-old", what, Source(file, 1, 1), "set the clocks right, and plan again")
    if most is not None and age_s > most:
        what = f"the plan was made at {saved.created_at}; `guards.plan_max_age` is {format_duration(most)}"
        yield Problem("plan-too-old", what, Source(file, 1, 1), "plan again")


def _check_hubs(rows: Iterable[HubRow], desired: Desired, file: str) -> Iterator[Problem]:
    for row in rows:
        hub = desired.fleet.get(row.name)
        if hub is None:
            yield _refuse(file, "plan-hub", f"the plan names the hub `{row.name}`, which the spec does not declare")
        elif hub.hub.url != row.url:
            yield _refuse(file, "plan-hub", f"hub `{row.name}` is {hub.hub.url} in the spec, {row.url} in the plan")
        elif hub.wave != row.wave:
            yield _refuse(file, "plan-wave", f"hub `{row.name}` is in {_say_wave(hub.wave)}, not {_say_wave(row.wave)}")


def _check_steps(steps: Iterable[Step], desired: Desired, file: str) -> Iterator[Problem]:
    for step in steps:
        hub = desired.fleet[step.hub]
        key = hub.keys.get(step.key_id)
        if key is None:
            asked = _is_unlisted_wanted(step, desired, hub)
        elif step.action in ("create", "import"):
            asked = _is_made(step, key, hub)
        else:
            asked = _WANTED[step.action](step, key)
        if not asked:
            what = (
                f"step {step.number}, {step.action} of `{step.key_id}` on `{step.hub}`, is not what the spec asks for"
            )
            yield _refuse(file, "plan-step", what)


def _refuse(file: str, code: str, what: str) -> Problem:
    return Problem(code, what, Source(file, 1, 1), "plan again with the spec at hand")


def _say_wave(wave: int | None) -> str:
    return "no wave" if wave is None else f"wave {wave}"


def _is_unlisted_wanted(step: Step, desired: Desired, hub: DesiredHub) -> bool:
    """Tell whether a step for a key that is not declared for this hub is one of `ownership.unlisted`."""
    wanted = {"report": (), "lock": ("lock",), "delete": ("lock", "delete")}[desired.ownership.unlisted]
    return step.action in wanted and is_owned(step.key_id, desired, hub) and _brings(step, "locked", "absent")


def _is_made(step: Step, key: DesiredKey, hub: DesiredHub) -> bool:
    """Tell whether a create or import brings the key exactly as it is declared."""
    if key.state == "absent" or key.value.from_ == "none" or key.roles is None:
        return False
    makes = makes_value(key.value, step.hub)
    if makes != (step.action == "create") and not (makes and key.value.shared):
        return False
    return step.changes == creation_of(created_key(hub, key, OPERATIONS[step.action]))


def _is_edited(step: Step, key: DesiredKey) -> bool:
    declared = {"description": key.description, "roles": key.roles, "reauth_timeout": key.reauth_timeout_s}
    changes = ((change.field, change.after) for change in step.changes)
    return key.state != "absent" and all(
        declared.get(name) is not None and declared[name] == after for name, after in changes
    )


def _is_locked(step: Step, key: DesiredKey) -> bool:
    return _brings(step, "locked") and (key.state in ("locked", "absent") or _is_recovered(step, key))


def _is_unlocked(step: Step, key: DesiredKey) -> bool:
    """Where no state is declared, only keyspec's own lock is taken off: planning anew tells whether it is one."""
    return _brings(step, "active") and key.state in ("active", None)


def _is_deleted(step: Step, key: DesiredKey) -> bool:
    return _brings(step, "absent") and (key.state == "absent" or _is_recovered(step, key))


def _is_recovered(step: Step, key: DesiredKey) -> bool:
    """Tell whether a step may clear up after a create of this hub: planning anew tells whether it does."""
    return step.recovery and owner_of(key.value, step.hub) == step.hub


def _brings(step: Step, *states: str) -> bool:
    return bool(step.changes) and all(change.field == "state" and change.after in states for change in step.changes)


_WANTED: Final[Mapping[Action, Callable[[Step, DesiredKey], bool]]] = {
    "edit": _is_edited,
    "lock": _is_locked,
    "unlock": _is_unlocked,
    "delete": _is_deleted,
}
"""Whether the spec asks for a step on a key that is there, by its action."""
