"""The story, told once: load -> read -> plan -> guard -> apply -> verify.

    load_desired   spec files, trusted file, contracts  -> Desired        exit 5, 4
    read_fleet     hubs and stores                      -> LiveHub, records
    plan_run       all three                            -> Planned        plan and refusals
    apply_run      a Planned that nothing refuses       -> Report

Nothing is written before `apply_run`, and `apply_run` does only what the plan says.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from keyspec.apply import Job, apply_hub
from keyspec.connect import Connections
from keyspec.contract import parse_contract
from keyspec.custody import Run, slot_of, with_spooled
from keyspec.document import parse_document
from keyspec.errors import KeyspecError, Problem, RefusedError, SpecError, UsageError
from keyspec.files import gather_spec, read_contract, read_document
from keyspec.fleet import run_fleet
from keyspec.grid import GridRow
from keyspec.guard import check_guards
from keyspec.live import LiveHub
from keyspec.merge import Reading, merge_spec
from keyspec.ownership import Policy
from keyspec.plandocument import plan_digest
from keyspec.planner import make_plan
from keyspec.recovery import is_delivered, with_lease
from keyspec.report import HubResult, Report, StepResult
from keyspec.resolve import build_desired
from keyspec.selector import matches_any, parse_selector
from keyspec.settings import state_folder
from keyspec.spool import Spool
from keyspec.stores import open_store
from keyspec.trust import check_references, parse_trusted, pin_hubs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keyspec.contract import Contract
    from keyspec.desired import Desired, DesiredHub, Entry
    from keyspec.merge import Spec
    from keyspec.plan import Plan
    from keyspec.record import Kept, Records
    from keyspec.selector import Selector
    from keyspec.stores import Store
    from keyspec.trust import Trusted

DEFAULT_FILES = ("keyspec.yaml",)
DEFAULT_PARALLEL = 32


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for: `hubs` are selectors (-l), `policy.keys` globs (-k); none means all."""

    files: tuple[str, ...] = DEFAULT_FILES
    hubs: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    trusted: str | None = None
    parallel: int = DEFAULT_PARALLEL


@dataclass(frozen=True, slots=True)
class Session:
    """What a run takes from the world, and tells it: connections, clocks, the wish to stop, progress.

    `cancelled` lets protocols in flight finish and skips the rest. `on_read` and `on_step` are called from the
    threads that work.
    """

    connections: Connections = field(default_factory=Connections)
    cancelled: Event = field(default_factory=Event)
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    new_nonce: Callable[[], str] = lambda: secrets.token_hex(16)
    on_read: Callable[[LiveHub], None] = lambda _: None
    on_step: Callable[[StepResult], None] = lambda _: None
    _stores: dict[str, Store] = field(default_factory=dict)

    def open_store(self, scheme: str) -> Store:
        """Give the store of a scheme, the same one each time: it holds the locks that keep marks alive."""
        if scheme not in self._stores:
            self._stores.setdefault(scheme, open_store(scheme))
        return self._stores[scheme]

    @property
    def spool(self) -> Spool:
        """Where values wait whose store failed.

        Raises:
            UsageError: the environment names no folder for state.
        """
        return Spool(Path(state_folder(self.connections.environ)) / "spool")

    def cancel(self, interrupts: int = 1) -> None:
        """Skip what has not begun; from the second time on stop waiting for hubs, too."""
        self.cancelled.set()
        if interrupts > 1:
            self.connections.world.stop.set()

    def cancel_reading(self, _interrupts: int = 1) -> None:
        """Stop at once: reading leaves nothing to finish."""
        self.cancel(2)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with all it was made from; `refusals` are why it must not be applied."""

    plan: Plan
    refusals: tuple[Problem, ...]
    desired: Desired
    live: Mapping[str, LiveHub]
    records: Records
    read_at: Mapping[str, float]


def load_desired(options: Options) -> Desired:
    """Read and resolve the spec, hold it to the trusted file, and narrow it to the hubs asked for.

    Raises:
        SpecError: with every problem of every file.
        RefusedError: if the trusted file does not allow all of it.
        UsageError: if a selector of -l matches no hub.
    """
    readings, problems = gather_spec(options.files)
    trusted = parse_trusted(read_document(options.trusted)) if options.trusted else None
    desired = _resolve(merge_spec(readings, problems), trusted)
    return desired.only_hubs(select_hubs(desired, options.hubs))


def load_text(text: str, file: str) -> Desired:
    """Resolve a spec that lies in no file yet; `file` is where it will."""
    return _resolve(merge_spec([Reading(parse_document(text.encode(), file), named=True)]), None)


def _resolve(spec: Spec, trusted: Trusted | None) -> Desired:
    if trusted is not None:
        spec = pin_hubs(spec, trusted)
    desired = build_desired(spec, load_contracts(spec))
    if trusted is not None:
        check_references(desired, trusted)
    check_stores(desired)
    return desired


def load_contracts(spec: Spec) -> dict[str, Contract]:
    """Read the contract of every hub, each file once."""
    known: dict[tuple[str, str], Contract] = {}
    problems: list[Problem] = []
    for name, hub in spec.hubs.items():
        where = (spec.connections[name], hub.value.contract)
        try:
            if where not in known:
                known[where] = parse_contract(read_contract(where[1], file=where[0], source=hub.source("contract")))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(set(problems))
    return {name: known[spec.connections[name], hub.value.contract] for name, hub in spec.hubs.items()}


def check_stores(desired: Desired) -> None:
    """Hold every store's scheme to those that are known.

    Raises:
        SpecError: naming each place that declares another one.
    """
    problems = set()
    for hub in desired.hubs.values():
        for key in hub.keys.values():
            if key.store is not None:
                try:
                    open_store(key.store.scheme)
                except KeyspecError as error:
                    problems.add(Problem("unknown-store", str(error), key.source("store")))
    if problems:
        raise SpecError(problems)


def select_hubs(desired: Desired, selectors: Iterable[str]) -> frozenset[str]:
    """Give the names of the hubs that -l means; all without one."""
    names = frozenset(desired.hubs)
    parsed = [_parse_selector(text) for text in selectors]
    if not parsed:
        return names
    for text, selector in zip(selectors, parsed, strict=True):
        if not any(selector.matches(name, hub.hub.labels) for name, hub in desired.hubs.items()):
            raise UsageError(f"-l {text} matches no hub; there are {', '.join(sorted(names))}")
    return frozenset(name for name, hub in desired.hubs.items() if matches_any(parsed, name, hub.hub.labels))


def plan_run(options: Options, session: Session) -> Planned:
    """Read every hub and plan; hubs that cannot be read stand in the plan as such."""
    desired = load_desired(options)
    return plan_desired(desired, options, session)


def plan_desired(desired: Desired, options: Options, session: Session) -> Planned:
    """Plan a desired state that was loaded before.

    Stores are read before hubs: a key whose value stands in its store, and which is not on its hub afterwards, is
    gone, and not just being created by another run.
    """
    records: dict[tuple[str, str], Kept | str] = {}
    for hub in desired.hubs.values():
        selected = (key_id for key_id in hub.keys if options.policy.selects(key_id))
        records.update(read_records(hub, selected, session))
    live, read_at = read_fleet(desired, session=session, parallel=options.parallel)
    plan = make_plan(desired, live, records, options.policy)
    return Planned(plan, check_guards(plan, desired, live), desired, live, records, read_at)


def read_fleet(
    desired: Desired, *, session: Session, parallel: int = DEFAULT_PARALLEL
) -> tuple[Mapping[str, LiveHub], Mapping[str, float]]:
    """List keys and roles of every hub; tell when each began to be read, on the session's monotonic clock.

    Raises:
        KeyboardInterrupt: if the run was cancelled.
    """
    read_at: dict[str, float] = {}

    def read(hub: DesiredHub) -> LiveHub:
        read_at[hub.name] = session.monotonic()
        live = _read_hub(hub, session)
        session.on_read(live)
        return live

    found = run_fleet(read, desired.hubs.values(), parallel=parallel, interrupted=session.cancel_reading)
    if session.cancelled.is_set():
        raise KeyboardInterrupt
    return {live.name: live for live in found}, read_at


def read_records(hub: DesiredHub, key_ids: Iterable[str], session: Session) -> Records:
    """Read what the stores hold for some declared keys of a hub; a text where a store cannot be read.

    A value that waits in the spool counts as delivered: the next apply stores it before anything else.
    """
    waiting = _open_spool(session)
    records: dict[tuple[str, str], Kept | str] = {}
    by_scheme: dict[str, dict[Entry, str]] = {}
    for key_id in key_ids:
        entry = hub.entry(hub.keys[key_id]) if key_id in hub.keys else None
        if entry is not None:
            by_scheme.setdefault(entry.reference.scheme, {})[entry] = key_id
    for scheme, entries in by_scheme.items():
        try:
            for entry, found in session.open_store(scheme).look_all(entries).items():
                kept = found if isinstance(found, KeyspecError) else with_lease(found, session.now())
                if waiting is not None and not isinstance(kept, KeyspecError):
                    kept = with_spooled(kept, waiting, slot_of(hub.name, entries[entry], entry))
                records[hub.name, entries[entry]] = str(kept) if isinstance(kept, KeyspecError) else kept
        except KeyspecError as error:
            records.update({(hub.name, key_id): str(error) for key_id in entries.values()})
    return records


def _open_spool(session: Session) -> Spool | None:
    """Give the spool if anything waits there; a plan needs no folder for state."""
    try:
        spool = session.spool
    except UsageError:
        return None
    return None if spool.is_empty() else spool


def apply_run(planned: Planned, options: Options, session: Session, *, asked: bool = False) -> Report:
    """Do a plan's steps; `asked` says that a person was asked since, so every hub is listed again.

    Raises:
        RefusedError: if a guard refuses the plan; nothing was written.
    """
    if planned.refusals:
        raise RefusedError(planned.refusals)
    run = Run(
        plan=plan_digest(planned.plan),
        nonce=session.new_nonce(),
        now=session.now,
        new_nonce=session.new_nonce,
        spool=session.spool,
        take_over=options.policy.take_over,
    )
    jobs = list(_make_jobs(planned, options, session, run, asked=asked))
    done = run_fleet(apply_hub, jobs, parallel=options.parallel, interrupted=session.cancel)
    results = {result.step.number: result for results, _ in done for result in results}
    verdicts = {verdict.name: verdict for _, verdict in done}
    return Report(
        plan=planned.plan,
        results=tuple(results.get(step.number, StepResult(step, "held")) for step in planned.plan.steps),
        hubs=tuple(verdicts.get(hub.name, HubResult(hub.name, None)) for hub in planned.plan.hubs),
        interrupted=session.cancelled.is_set(),
    )


def _make_jobs(planned: Planned, options: Options, session: Session, run: Run, *, asked: bool) -> Iterable[Job]:
    """Give the turns of the hubs that have something to do: steps, or something left in a store or the spool."""
    for name, hub in planned.desired.hubs.items():
        steps = tuple(step for step in planned.plan.steps if step.hub == name)
        recoverable = any(is_delivered(planned.records.get((name, key_id))) for key_id in hub.keys)
        if not any(not step.held for step in steps) and not recoverable and run.spool.is_empty():
            continue
        if planned.live[name].keys is None:
            continue
        yield Job(
            desired=planned.desired.only_hubs(frozenset((name,))),
            live=planned.live[name],
            records={key: kept for key, kept in planned.records.items() if key[0] == name},
            steps=steps,
            policy=options.policy,
            hub=session.connections.open(hub),
            run=run,
            open_store=session.open_store,
            read_records=lambda hub, key_ids: read_records(hub, key_ids, session),
            monotonic=session.monotonic,
            read_at=float("-inf") if asked else planned.read_at[name],
            cancelled=session.cancelled,
            done=session.on_step,
        )


def _read_hub(hub: DesiredHub, session: Session) -> LiveHub:
    try:
        client = session.connections.open(hub)
        roles = None
        if hub.contract.supports("list_roles"):
            roles = {role.name: role for role in client.list_roles()}
        keys = {key.key_id: key for key in client.list_keys()}
    except KeyspecError as error:
        return LiveHub(hub.name, None, None, str(error))
    return LiveHub(hub.name, keys, roles)


def _parse_selector(text: str) -> Selector:
    try:
        return parse_selector(text)
    except ValueError as error:
        raise UsageError(f"-l {text}: {error}") from error


def list_run(desired: Desired, options: Options, session: Session) -> tuple[tuple[GridRow, ...], tuple[LiveHub, ...]]:
    """Give every live key of every hub as a row, and the hubs that could not be read."""
    live, _ = read_fleet(desired, session=session, parallel=options.parallel)
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
