"""What is measured in a process alone: how it starts, reads a spec, plans. The cases that ask hubs are in `fleets`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import CREDENTIAL, write_spec
from benchmarks.measure import Program, run_in_turns
from benchmarks.standing import serving
from benchmarks.table import Judged, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PYTHONPATH = f"{ROOT}:{ROOT / 'tests'}"
START_RUNS = 5
"""How many times as often as others a program runs that only starts."""
NOWHERE = ("http://127.0.0.1:9",)

BARE = """import click
@click.group()
@click.version_option("1.0")
def main(): pass
@main.command()
def plan(): pass
main(prog_name="keyspec")
"""
SCRIPT = "import sys\nfrom keyspec.cli import run\nsys.exit(run())\n"
COMPLETING = {"_KEYSPEC_COMPLETE": "bash_complete", "COMP_WORDS": "keyspec pl", "COMP_CWORD": "1"}


@dataclass(frozen=True)
class Bench:
    """Where cases work, how often each program runs, and whether sizes are small."""

    folder: Path
    runs: int
    quick: bool

    def pick(self, full, quick):
        return quick if self.quick else full

    def environ(self, **more):
        state = str(self.folder / "state")
        return {"PYTHONPATH": PYTHONPATH, "HUB_KEY": CREDENTIAL, "XDG_STATE_HOME": state, **more}

    def keyspec(self, name, *words, cwd, code=0, standing=None):
        command = (sys.executable, "-m", "keyspec", *words)
        return Program(name, command, str(cwd), self.environ(), code=code, standing=standing)

    def part(self, name, part, folder, keys):
        command = (sys.executable, "-m", "benchmarks.inner", part, str(folder), str(keys))
        return Program(name, command, str(self.folder), self.environ(), tells_part=True)

    def floor(self, name, client, work, standing):
        command = (sys.executable, "-m", "benchmarks.floor", client, str(work))
        return Program(name, command, str(self.folder), self.environ(), standing=standing)

    def script(self, name, text, *words, **environ):
        """Give a program that is a file, as those are that an installation puts on PATH."""
        path = self.folder / f"start_{name.split()[0]}.py"
        path.write_text(text, encoding="utf-8")
        return Program(name, (sys.executable, str(path), *words), str(self.folder), self.environ(**environ))

    def serving(self, **fleet):
        return serving(PYTHONPATH, **fleet)


def start_up(bench) -> Iterator[Row]:
    """How soon `--version` is told and a word completed, beside a click program that can do nothing else."""
    for what, words, environ in (("--version", ("--version",), {}), ("completion", (), COMPLETING)):
        ours = bench.script(f"keyspec {what}", SCRIPT, *words, **environ)
        bare = bench.script(f"click {what}", BARE, *words, **environ)
        ran = run_in_turns((ours, bare), runs=bench.runs * START_RUNS)
        figures, floor = ran[ours.name].median, ran[bare.name].median
        judged = (
            Judged("wall of bare click", figures.wall_s / floor.wall_s, most=1.5),
            Judged("cpu of bare click", figures.cpu_s / floor.cpu_s),
        )
        yield Row(ours.name, figures, judged)
        yield Row(bare.name, floor)


def validate(bench) -> Iterator[Row]:
    """`keyspec validate`, whole; and the reading and resolving alone, beside a YAML parser that keeps nothing."""
    # Half of 10,000 keys is start-up: building the models of spec and contract takes about 0.17 s, loading httpx, of
    # which nothing is used here, 0.06 s. That is what stands between it and its budget on a machine that is slow today.
    before = {}
    for keys in bench.pick((1_000, 10_000, 100_000), (100, 1_000)):
        folder = write_spec(bench.folder / f"validate-{keys}", NOWHERE, keys=keys)
        whole = bench.keyspec(f"validate {keys:,} keys", "validate", "-q", cwd=folder)
        load = bench.part(f"load {keys:,} keys", "load", folder, keys)
        events = bench.part(f"  libyaml {keys:,} keys", "events", folder, keys)
        ran = run_in_turns((whole, load, events), runs=bench.runs)
        figures = ran[whole.name].median
        budget = (
            Judged("cpu", figures.cpu_s, most=1, unit="s"),
            Judged("peak", figures.peak_mb, most=120, unit="MB"),
        )
        yield Row(whole.name, figures, budget if keys == 10_000 else ())
        yield from _part_rows(ran, load, events, "cpu of libyaml", before)


def plan_alone(bench) -> Iterator[Row]:
    """Planning and guards alone, beside an equality of tuples joined by ID."""
    before = {}
    for keys in bench.pick((1_000, 10_000, 100_000), (100, 1_000)):
        folder = write_spec(bench.folder / f"plan-{keys}", NOWHERE, keys=keys)
        plan = bench.part(f"make_plan {keys:,} keys", "plan", folder, keys)
        compare = bench.part(f"  equality {keys:,} keys", "compare", folder, keys)
        ran = run_in_turns((plan, compare), runs=bench.runs)
        yield from _part_rows(ran, plan, compare, "cpu of equality", before)


def _part_rows(ran, program, floor, what, before):
    """Give the rows of a part and of its floor, with its growth since the size before."""
    figures, beneath = ran[program.name].median, ran[floor.name].median
    judged = [Judged(what, figures.part_s / beneath.part_s)]
    if before:
        judged.append(Judged("growth of cpu for 10 x the keys", figures.part_s / before["cpu_s"]))
    before["cpu_s"] = figures.part_s
    yield Row(program.name, figures, tuple(judged))
    yield Row(floor.name, beneath)
