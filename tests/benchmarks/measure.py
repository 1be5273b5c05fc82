"""Programs in processes of their own, each measured from outside, in turns (A B A B), and their medians.

CPU and peak memory are those of the child alone, as `wait4` tells them. Linux counts what the parent held when it
forked into the child's peak, so this process imports nothing that is heavy.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, fields
from statistics import median
from typing import TYPE_CHECKING

from processes import clean_environ

if TYPE_CHECKING:
    from benchmarks.standing import Standing


@dataclass(frozen=True)
class Figures:
    """What one run of a program took; None where there is nothing to tell."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    part_s: float | None = None
    span_s: float | None = None
    write_span_s: float | None = None
    reads: int | None = None
    writes: int | None = None
    connections: int | None = None


@dataclass(frozen=True)
class Program:
    """What is run, and the exit code that shows that it did its work.

    With `tells_part` the program prints the CPU seconds of the part that counts; `standing` is the server it asks,
    which every run finds as it was.
    """

    name: str
    command: tuple[str, ...]
    cwd: str
    environ: dict[str, str]
    code: int = 0
    tells_part: bool = False
    standing: Standing | None = None


@dataclass
class Ran:
    """All runs of a program, and what it printed last."""

    figures: list[Figures]
    out: str = ""

    @property
    def median(self):
        return Figures(
            **{field.name: middle([getattr(one, field.name) for one in self.figures]) for field in fields(Figures)}
        )


def middle(values):
    return None if None in values else median(values)


def run_in_turns(programs, *, runs):
    """Run programs in turns; give what each took, by its name."""
    ran = {program.name: Ran([]) for program in programs}
    for _ in range(runs):
        for program in programs:
            figures, out = run_once(program)
            ran[program.name].figures.append(figures)
            ran[program.name].out = out
    return ran


def run_once(program):
    """Run a program to its end."""
    if program.standing is not None:
        program.standing.reset()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.perf_counter()
        process = subprocess.Popen(
            program.command,
            cwd=program.cwd,
            env=clean_environ(**program.environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = out.read()
        if process.returncode != program.code:
            raise RuntimeError(f"{program.name} ended with {process.returncode}: {said[-2000:]}{err.read()[-2000:]}")
    asked = {} if program.standing is None else program.standing.tell()
    figures = Figures(
        wall_s=wall_s,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / 1024,
        part_s=json.loads(said)["cpu_s"] if program.tells_part else None,
        **asked,
    )
    return figures, said
