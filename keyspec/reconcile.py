"""The story, told once: load -> read -> plan -> guard -> apply -> verify.

    load_desired   spec files, trusted file, contracts  -> Desired        exit 5, 4   (loader)
    read_fleet     hubs and stores                      -> LiveHub, records           (reader)
    plan_desired   all three                            -> Planned        plan and refusals
    plan_saved     the same, and a saved plan           -> Planned        the saved plan, and what is settled of it
    apply_run      a Planned that nothing refuses       -> Report

Nothing is written before `apply_run`, and `apply_run` does only what the plan says.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from keyspec.apply import is_unfinished
from keyspec.custody import Run
from keyspec.errors import Problem, RefusedError, UsageError
from keyspec.findings import renew_unverified
from keyspec.grid import GridRow
from keyspec.guard import check_guards
from keyspec.loader import load_desired, select_hubs
from keyspec.needs import hubs_to_consult
from keyspec.order import place_of
from keyspec.plandocument import plan_digest
from keyspec.planner import make_plan
from keyspec.reader import read_fleet, read_given, read_records
from keyspec.report import HubResult, Report, StepResult
from keyspec.rollout import apply_waves
from keyspec.saved import check_saved, compare_plans, renew_plan, select_plan
from keyspec.shard import fleet_digest
from keyspec.stores.git import find_entries_in_git
from keyspec.turn import MAKING, Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.desired import Desired, Entry
    from keyspec.fleet import Interrupts
    from keyspec.live import LiveHub
    from keyspec.plan import Plan, Step
    from keyspec.planfile import SavedPlan
    from keyspec.record import Records
    from keyspec.session import Options, Session
    from keyspec.source import Source


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with all it was made from; `refusals` are why it must not be applied.

    Of a saved plan `settled` are the steps, by number, that no hub is asked for, `stale` those that planning again does
    not give, and `todo` the others, as planning again gives them.
    """

    plan: Plan
    refusals: tuple[Problem, ...]
    desired: Desired
    live: Mapping[str, LiveHub]
    records: Records
    read_at: Mapping[str, float]
    settled: Mapping[int, StepResult] = field(default_factory=dict)
    stale: frozenset[int] = frozenset()
    todo: tuple[Step, ...] | None = None

    @property
    def doable(self) -> tuple[Step, ...]:
        """The steps that hubs will be asked for."""
        todo = self.plan.steps if self.todo is None else self.todo
        return tuple(step for step in todo if not step.held and step.number not in self.stale)


def plan_run(options: Options, session: Session) -> Planned:
    """Read every hub and plan; hubs that cannot be read stand in the plan as such."""
    desired = load_desired(options)
    return plan_desired(desired, options, session)


def plan_desired(desired: Desired, options: Options, session: Session) -> Planned:
    """Plan a desired state that was loaded before."""
    if desired.shard is not None:  # its guards see a part of the fleet only
        options = replace(options, policy=replace(options.policy, sharded=True))
    planned = _read_and_plan(desired, options, session)
    guards = check_guards(planned.plan, desired, planned.live)
    return replace(planned, refusals=(*guards, *check_exposure(planned.plan, desired, session)))


def _read_and_plan(desired: Desired, options: Options, session: Session) -> Planned:
    """Read stores and hubs, and plan.

    Stores are read before hubs: a key whose value stands in its store, and which is not on its hub afterwards, is
    gone, and not just being created by another run.
    """
    keys = ((hub, key) for hub in desired.hubs.values() for key in hub.keys.values())
    records = read_records(((hub, key) for hub, key in keys if options.policy.selects(key.key_id)), session)
    live, read_at = _read_hubs(desired, options, session)
    plan = replace(make_plan(desired, live, records, options.policy), shard=desired.shard)
    return Planned(plan, (), desired, live, records, read_at)


def plan_saved(saved: SavedPlan, file: str, desired: Desired, *, options: Options, session: Session) -> Planned:
    """Hold a saved plan, read from `file`, to the spec at hand and to what is live on the hubs it has steps for.

    Raises:
        RefusedError: the spec at hand does not ask for all of it; no hub was asked.
        UsageError: it is a shard of several waves.
    """
    now = datetime.fromtimestamp(session.now(), UTC)
    if problems := check_saved(saved, desired, file=file, now=now):
        raise RefusedError(problems)
    if saved.plan.shard is not None and saved.plan.shard.wave is None:
        check_waves(replace(desired, shard=saved.plan.shard), options)
    plan = _select_saved(saved, desired, options)
    touched = desired.only_hubs(frozenset(step.hub for step in plan.steps if not step.held))
    again = _read_and_plan(touched, options, session)
    compared = compare_plans(plan, again.plan)
    judged = replace(plan, steps=compared.todo)
    deletes = sum(step.action == "delete" and not step.held and not step.recovery for step in saved.plan.steps)
    refusals = (
        *check_guards(judged, touched, again.live, deletes=deletes),
        *check_exposure(judged, touched, session),
    )
    steps = {step.number: step for step in plan.steps}
    settled = {number: StepResult(steps[number], *verdict) for number, verdict in compared.settled.items()}
    todo = (*compared.todo, *(steps[number] for number in compared.stale))
    plan = renew_plan(plan, again.plan, desired, todo=compared.todo, policy=options.policy)
    return replace(again, plan=plan, refusals=refusals, settled=settled, stale=compared.stale, todo=todo)


def _select_saved(saved: SavedPlan, desired: Desired, options: Options) -> Plan:
    """Give the part of a saved plan that was asked for; of a part that is applied whole, the same part."""
    whole = not options.policy.keys and all(row.name in desired.hubs for row in saved.plan.hubs)
    shard = saved.plan.shard if whole else None
    if desired.shard is not None:
        selected = select_hubs(replace(desired, hubs=desired.fleet), options)
        fleet = fleet_digest(row.name for row in saved.plan.hubs if row.name in selected)
        shard = replace(desired.shard, plan=saved.digest, fleet=fleet)
    plan = select_plan(saved.plan, desired.hubs, options.policy, shard)
    hubs = (desired.hubs[row.name] for row in plan.hubs)
    return replace(plan, findings=renew_unverified(plan.findings, hubs), saved=saved.digest)


def _read_hubs(
    desired: Desired, options: Options, session: Session
) -> tuple[Mapping[str, LiveHub], Mapping[str, float]]:
    """Read the hubs selected, then those beside them that hold a shared value which one of these lacks."""
    live, read_at = read_fleet(desired.hubs.values(), session=session, parallel=options.parallel)
    others = [desired.fleet[name] for name in hubs_to_consult(desired, live, options.policy)]
    consulted, _ = read_fleet(others, session=replace(session, on_read=lambda _: None), parallel=options.parallel)
    return {**live, **consulted}, read_at


def check_exposure(plan: Plan, desired: Desired, session: Session) -> tuple[Problem, ...]:
    """Refuse a plan that would put a value where Git takes it into a commit."""
    places: dict[Entry, Source] = {}
    for step in plan.steps:
        if step.action in MAKING:
            hub = desired.hubs[step.hub]
            key = hub.keys[step.key_id]
            entries = (entry for entry in (hub.entry(key), *hub.replicas(key)) if entry is not None)
            places.update((entry, key.source("store")) for entry in entries)
    exposed = find_entries_in_git(places, session.connections.environ)
    problems: dict[Source, Problem] = {}
    for entry in sorted(exposed, key=lambda entry: str(entry.reference)):
        what = f"{entry.reference} lies in a Git work tree and is not ignored"
        hint = "add its folder to .gitignore, or keep values elsewhere"
        problems.setdefault(places[entry], Problem("store-in-repo", what, places[entry], hint))
    return tuple(problems.values())


def apply_run(
    planned: Planned, options: Options, session: Session, *, asked: bool = False, interrupts: Interrupts | None = None
) -> Report:
    """Do a plan's steps; `asked` says that a person was asked since, so every hub is listed again.

    `interrupts` collects those that come, until the caller has written the report; without it, they are collected here.

    Raises:
        RefusedError: if a guard refuses the plan; nothing was written.
    """
    if planned.refusals:
        raise RefusedError(planned.refusals)
    check_waves(planned.desired, options)
    run = Run(
        plan=plan_digest(planned.plan),
        nonce=session.new_nonce(),
        now=session.now,
        new_nonce=session.new_nonce,
        spool=session.spool,
        choose=secrets.choice,
        take_over=options.policy.take_over,
    )
    run.spool.sweep()
    jobs = {job.live.name: job for job in _make_jobs(planned, options, session, run, asked=asked)}
    results, verdicts = apply_waves(
        planned.plan.hubs,
        jobs,
        planned.desired,
        results=planned.settled,
        parallel=options.parallel,
        interrupted=interrupts or session.cancel,
    )
    return Report(
        plan=planned.plan,
        results=tuple(_result_of(step, results) for step in planned.plan.steps),
        hubs=tuple(verdicts.get(hub.name, HubResult(hub.name, None)) for hub in planned.plan.hubs),
        interrupted=session.cancelled.is_set(),
    )


def _result_of(step: Step, results: Mapping[int, StepResult]) -> StepResult:
    """Give what became of a step of the plan."""
    if (found := results.get(step.number)) is not None:
        return replace(found, step=step)
    return StepResult(step, "held") if step.held else StepResult(step, "failed", "its hub was not asked")


def check_waves(desired: Desired, options: Options) -> None:
    """Refuse to apply a shard of several waves: no shard can know when all of a wave is verified.

    Raises:
        UsageError: it is one.
    """
    waves = len(desired.rollout.waves) if desired.rollout else 1
    if desired.shard is not None and options.wave is None and waves > 1:
        what = f"the spec has {waves} waves: say which with --wave; begin the next when every shard is done"
        raise UsageError(what)


def _make_jobs(planned: Planned, options: Options, session: Session, run: Run, *, asked: bool) -> Iterable[Job]:
    """Give the turns of the hubs that have something to do: steps, or something left in a store or the spool.

    What was reviewed, or read before a wave, may be old by now, however lately it was read: such hubs are listed again.
    """
    saved = planned.todo is not None
    first = min((hub.wave or 1 for hub in planned.plan.hubs), default=1)
    todo = sorted(planned.plan.steps if planned.todo is None else planned.todo, key=place_of)
    steps_of = {name: tuple(group) for name, group in groupby(todo, key=lambda step: step.hub)}
    settled = (result.step for result in planned.settled.values())
    apart = frozenset((step.hub, step.key_id, step.action) for step in settled)
    for name, hub in planned.desired.hubs.items():
        steps = steps_of.get(name, ())
        live = planned.live[name]
        if live.keys is None:
            continue
        records = [(name, key_id) for key_id in hub.keys]
        unfinished = any(is_unfinished(key, live, planned.records, run.take_over) for key in hub.keys.values())
        if not any(not step.held for step in steps) and not unfinished and run.spool.is_empty():
            continue
        yield Job(
            desired=planned.desired.only_hubs(frozenset((name,))),
            live=live,
            records={at: kept for at in records if (kept := planned.records.get(at)) is not None},
            steps=steps,
            stale=planned.stale,
            apart=apart,
            policy=options.policy,
            hub=session.connections.open(hub),
            run=run,
            open_store=session.open_store,
            read_records=lambda wanted: read_records(wanted, session),
            read_given=lambda entry: read_given(entry, session, follow_links=not planned.desired.pinned),
            monotonic=session.monotonic,
            read_at=float("-inf") if asked or saved or (hub.wave or 1) > first else planned.read_at[name],
            cancelled=session.cancelled,
            done=session.on_step,
            on_begin=session.on_begin,
            on_end=session.on_end,
        )


def list_run(desired: Desired, options: Options, session: Session) -> tuple[tuple[GridRow, ...], tuple[LiveHub, ...]]:
    """Give every live key of every hub as a row, and the hubs that could not be read."""
    live, _ = read_fleet(desired.hubs.values(), session=session, parallel=options.parallel)
    rows = tuple(
        GridRow(
            hub=name,
            key_id=key.key_id,
            roles=key.roles,
            reauth_timeout_s=key.reauth_timeout_s,
            locked=None if key.state is None else key.state == "locked",
            declared=key.key_id in desired.hubs[name].keys,
        )
        for name, found in live.items()
        for key in (found.keys or {}).values()
        if options.policy.selects(key.key_id)
    )
    return rows, tuple(found for found in live.values() if found.keys is None)
