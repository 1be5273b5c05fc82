"""What is measured against hubs: reading and planning, applying, and a fleet of which some are in trouble.

The budget of writing is on `writes s`, from the first write that reached the server to the last it answered: starting,
reading and verifying are the same requests in the floor, but not its work.
"""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from benchmarks.data import write_spec
from benchmarks.measure import run_in_turns
from benchmarks.table import Judged, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

PARALLEL = 32
"""How many hubs keyspec works on side by side, and how many threads a floor has that does the same."""
CONCURRENCY = 8
"""How many requests keyspec sends one hub side by side."""
TIMEOUT_S = 2
"""How long keyspec waits for a hub in trouble."""
STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
PLAN = ("plan", "--exit-code")
APPLY = ("apply", "--yes", "--format", "json")


def plan_hub(bench) -> Iterator[Row]:
    """A plan of one hub that finds nothing to do, beside the same GETs."""
    small = bench.pick(10_000, 200)
    sizes = bench.pick(((10_000, ""), (10_000, STORE), (100_000, "")), ((200, ""), (200, STORE), (2_000, "")))
    cpu_s = None
    for keys, more in sizes:
        with bench.serving(hubs=1, keys=keys) as standing:
            folder = write_spec(bench.folder / f"hub-{keys}-{len(more)}", standing.urls(), keys=keys, more=more)
            name = f"plan 1 hub x {keys:,}{' + store' if more else ''}"
            ran, wanted = _run(bench, standing, name, folder, PLAN, [[standing.reads(0, keys)]], threads=1)
        figures = ran[name].median
        cpu_s = cpu_s or figures.cpu_s
        budget = _budget(figures, 2) if keys == small else (*_budget(figures, 15, 400), _grown(figures.cpu_s / cpu_s))
        yield from _rows(ran, name, wanted, budget)


def plan_fleet(bench) -> Iterator[Row]:
    """A plan of many hubs that finds nothing to do; the keys are declared for all hubs, or each for one."""
    hubs, keys = bench.pick((1_000, 100), (20, 10))
    for own in (False, True):
        total = hubs * (keys - 1) + 1 if own else keys
        with bench.serving(hubs=hubs, keys=total, own=own) as standing:
            folder = write_spec(bench.folder / f"fleet-{own}", standing.urls(), keys=total, own=own)
            name = f"plan {hubs:,} hubs x {keys}{' own' if own else ''}"
            groups = [standing.reads(hub, keys) for hub in range(hubs)]
            ran, wanted = _run(bench, standing, name, folder, PLAN, [groups], threads=PARALLEL)
        yield from _rows(ran, name, wanted, _budget(ran[name].median, 15, 400))


def read(bench) -> Iterator[Row]:
    """Reading and planning of hubs that are near, and of hubs that are 50 ms away."""
    keys = 20
    for latency_ms in (0, 50):
        for hubs in bench.pick((10, 100, 1_000), (10,)):
            with bench.serving(hubs=hubs, keys=keys, latency_ms=latency_ms) as standing:
                folder = write_spec(bench.folder / f"read-{hubs}-{latency_ms}", standing.urls(), keys=keys)
                name = f"read {hubs:,} hubs, {latency_ms} ms"
                groups = [standing.reads(hub, keys) for hub in range(hubs)]
                ran, wanted = _run(bench, standing, name, folder, PLAN, [groups], threads=PARALLEL)
            ratio = ran[name].median.span_s / ran[_floor("httpx", name)].median.span_s
            judged = (Judged("span of httpx", ratio, most=1.3 if latency_ms else None),)
            yield from _rows(ran, name, wanted, judged)


def apply_hub(bench) -> Iterator[Row]:
    """Many edits on one hub, beside the same requests."""
    count = bench.pick(1_000, 50)
    keys = count + 1
    with bench.serving(hubs=1, keys=keys) as standing:
        edits = standing.edits(0, count)
        parts = [edits[part::CONCURRENCY] for part in range(CONCURRENCY)]
        stages = [[standing.reads(0, keys)], parts, [standing.lists(0, keys)]]
        name = f"apply 1 hub x {count:,} edits"
        yield from _apply(bench, standing, name, stages, keys=keys, edits=count, threads=CONCURRENCY)


def apply_fleet(bench) -> Iterator[Row]:
    """A few edits on each of many hubs, beside the same requests."""
    hubs, count = bench.pick((200, 10), (10, 3))
    keys = 20
    with bench.serving(hubs=hubs, keys=keys) as standing:
        stages = [[standing.reads(hub, keys) for hub in range(hubs)]]
        stages.append([[*standing.edits(hub, count), *standing.lists(hub, keys)] for hub in range(hubs)])
        name = f"apply {hubs} hubs x {count} edits"
        yield from _apply(bench, standing, name, stages, keys=keys, edits=count, threads=PARALLEL)


def _apply(bench, standing, name, stages, *, keys, edits, threads):
    folder = write_spec(bench.folder / "apply", standing.urls(), keys=keys, edits=edits)
    ran, wanted = _run(bench, standing, name, folder, APPLY, stages, threads=threads)
    took = ran[name].median.write_span_s
    judged = (
        Judged("rate of writes, of httpx", ran[_floor("httpx", name)].median.write_span_s / took, least=0.7),
        Judged("rate of writes, of raw", ran[_floor("raw", name)].median.write_span_s / took),
        Judged("writes", ran[name].median.writes / took, unit="/s"),
    )
    yield from _rows(ran, name, wanted, judged, note=_tell_report(ran[name].out))


def forecast(bench) -> Iterator[Row]:
    """What a plan says that an apply takes at a declared rate, beside what it takes."""
    rate, count = bench.pick((100, 500), (100, 50))
    keys = count + 1
    with bench.serving(hubs=1, keys=keys) as standing:
        folder = write_spec(bench.folder / "paced", standing.urls(), keys=keys, edits=count, rate=rate)
        name = f"apply {count} edits at {rate}/s"
        ran = run_in_turns([bench.keyspec(name, *APPLY, cwd=folder, standing=standing)], runs=bench.runs)[name]
        reads = len(standing.reads(0, keys))
    (said,) = (hub["forecast"] for hub in json.loads(ran.out)["hubs"])
    sent = ran.median.reads + ran.median.writes - reads
    judged = (
        Judged("requests, of those forecast", sent / said["requests"]),
        Judged("span, of that forecast", ran.median.span_s / (reads / rate + said["seconds"])),
    )
    yield Row(name, ran.median, judged, note=_tell_report(ran.out))


def trouble(bench) -> Iterator[Row]:
    """A fleet of which some hubs hang, are busy at first, are down or serve short pages, beside the healthy ones."""
    hubs = bench.pick(200, 12)
    broken = bench.pick({"hang": 10, "busy": 10, "down": 5, "short": 3}, {"hang": 1, "busy": 1, "down": 1, "short": 1})
    few = hubs - sum(broken.values())
    with ExitStack() as stack:
        healthy, *troubled = (
            _troubled(bench, stack, f"{name}: {fleet} hubs", fleet, ill)
            for name, fleet, ill in (
                ("healthy ones alone", few, {}),
                ("with trouble", hubs, broken),
                ("hang after a write", hubs, {"stuck": broken["hang"]}),
            )
        )
        ran = run_in_turns((healthy, *troubled), runs=bench.runs)
    bound_s = ran[healthy.name].median.wall_s + TIMEOUT_S
    yield Row(healthy.name, ran[healthy.name].median, note=_tell_report(ran[healthy.name].out))
    for program in troubled:
        took = ran[program.name]
        judged = Judged(f"wall of the healthy ones + {TIMEOUT_S} s", took.median.wall_s / bound_s)
        yield Row(program.name, took.median, (judged,), note=_tell_report(took.out))


def _troubled(bench, stack, name, hubs, ill):
    """Give an apply to a fleet in trouble, whose server runs as long as the stack stands."""
    keys, count = 20, bench.pick(5, 2)
    trouble = spread(ill, hubs)
    standing = stack.enter_context(bench.serving(hubs=hubs, keys=keys, trouble=trouble))
    closed = stack.enter_context(closed_port())
    urls = [
        f"http://127.0.0.1:{closed}" if trouble.get(str(hub)) == "down" else standing.url(hub) for hub in range(hubs)
    ]
    folder = write_spec(bench.folder / name, urls, keys=keys, edits=count, timeout_s=TIMEOUT_S)
    return bench.keyspec(name, *APPLY, cwd=folder, code=3 if ill else 0, standing=standing)


def spread(broken, hubs):
    """Give the trouble of each hub that has some, spread evenly over a fleet."""
    kinds = [kind for kind, count in broken.items() for _ in range(count)]
    return {str(place * hubs // len(kinds)): kind for place, kind in enumerate(kinds)}


@contextmanager
def closed_port():
    """Hold a port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _run(bench, standing, name, folder, words, stages, *, threads):
    """Run keyspec and both floors in turns; give what they took, and how many requests the work needs."""
    work = bench.folder / "work.json"
    work.write_text(json.dumps({"threads": threads, "stages": stages}), encoding="utf-8")
    programs = (
        bench.keyspec(name, *words, cwd=folder, standing=standing),
        *(bench.floor(_floor(client, name), client, work, standing) for client in ("httpx", "raw")),
    )
    ran = run_in_turns(programs, runs=bench.runs)
    return ran, sum(len(group) for groups in stages for group in groups)


def _floor(client, name):
    return f"  {client}: {name.partition(' ')[2]}"


def _rows(ran, name, wanted, judged, note=""):
    yield Row(name, ran[name].median, judged, wanted, note)
    for client in ("httpx", "raw"):
        floor = _floor(client, name)
        yield Row(floor, ran[floor].median)


def _budget(figures, cpu_s, peak_mb=None):
    judged = Judged("cpu", figures.cpu_s, most=cpu_s, unit="s")
    return (judged, Judged("peak", figures.peak_mb, most=peak_mb, unit="MB")) if peak_mb else (judged,)


def _grown(ratio):
    return Judged("growth of cpu for 10 x the keys", ratio, most=11)


def _tell_report(text):
    """Tell how many steps an apply says it has applied, and how many hubs it verified."""
    report = json.loads(text)
    outcomes, verified = report["outcomes"], [hub["verified"] for hub in report["hubs"]]
    applied, verified_hubs = outcomes["applied"], verified.count(True)
    return f"applied {applied} of {sum(outcomes.values())}, verified {verified_hubs} of {len(verified)} hubs"
