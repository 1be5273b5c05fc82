"""Run the cases that were asked for, and print one table."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from benchmarks import cases, fleets
from benchmarks.table import TITLES, draw

CASES = {
    "start-up": cases.start_up,
    "validate": cases.validate,
    "plan-alone": cases.plan_alone,
    "plan-hub": fleets.plan_hub,
    "plan-fleet": fleets.plan_fleet,
    "read": fleets.read,
    "apply-hub": fleets.apply_hub,
    "apply-fleet": fleets.apply_fleet,
    "forecast": fleets.forecast,
    "trouble": fleets.trouble,
}


def main(args=None):
    asked = parse(args)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    sizes = "; small sizes, which no budget is for" if asked.quick else ""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}; medians of {asked.runs}{sizes}")
    print(draw(TITLES), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(asked.only or CASES):
            print(f"{name}: {CASES[name].__doc__}", flush=True)
            here = Path(folder, name)
            here.mkdir()
            for row in CASES[name](cases.Bench(here, asked.runs, asked.quick)):
                for cells in row.lines():
                    print(draw(cells), flush=True)


def parse(args):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure keyspec beside its floors.")
    parser.add_argument("--only", action="append", choices=CASES, help="a case; repeatable; default: all")
    parser.add_argument("--runs", type=int, default=3, help="how often each program runs; default: 3")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that the benchmarks work")
    return parser.parse_args(args)


if __name__ == "__main__":
    main()
