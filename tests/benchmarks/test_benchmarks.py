from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest
from processes import clean_environ

from benchmarks.cases import PYTHONPATH
from benchmarks.measure import Figures, Program, run_in_turns
from benchmarks.table import Judged, Row, draw


def test_a_table_is_printed_with_a_floor_beside_each_figure():
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--quick",
        "--runs",
        "1",
        "--only",
        "plan-alone",
        "--only",
        "apply-hub",
    ]
    environ = clean_environ(PYTHONPATH=PYTHONPATH)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "53 of 53" in done.stdout
    assert "applied 50 of 50, verified 1 of 1 hubs" in done.stdout
    for name in (
        "make_plan 1,000 keys",
        "  equality 1,000 keys",
        "  httpx: 1 hub x 50 edits",
        "  raw: 1 hub x 50 edits",
    ):
        assert f"\n{name} " in done.stdout


def program(name, text, *, code=0):
    return Program(name, (sys.executable, "-c", text), ".", {}, code=code)


def test_programs_run_in_turns_and_each_is_charged_for_itself_alone():
    idle, busy = program("idle", "pass"), program("busy", "x = bytearray(512 << 20); sum(range(3_000_000))")
    ran = run_in_turns((idle, busy), runs=2)
    assert [len(each.figures) for each in ran.values()] == [2, 2]
    assert ran["busy"].median.peak_mb > 512
    assert ran["busy"].median.cpu_s > ran["idle"].median.cpu_s


def test_what_did_not_do_its_work_is_not_measured():
    with pytest.raises(RuntimeError, match="broken ended with 3"):
        run_in_turns([program("broken", "raise SystemExit(3)")], runs=1)
    run_in_turns([program("broken", "raise SystemExit(3)", code=3)], runs=1)


@pytest.mark.parametrize(
    ("judged", "told"),
    [
        (Judged("wall", 1.5, most=1.5), ("wall 1.50 x", "≤ 1.5 x ok")),
        (Judged("rate", 0.69, least=0.7), ("rate 0.69 x", "≥ 0.7 x OVER")),
        (Judged("peak", 400.6, most=400, unit="MB"), ("peak 401 MB", "≤ 400 MB OVER")),
        (Judged("growth", 10.0), ("growth 10.00 x", "")),
    ],
)
def test_a_budget_is_told(judged, told):
    assert judged.tell() == told


def test_a_row_has_a_line_for_each_judgement():
    figures = Figures(**{field.name: None for field in fields(Figures)} | {"wall_s": 1, "cpu_s": 1, "peak_mb": 1})
    lines = Row("a", figures, (Judged("x", 1), Judged("y", 2)), note="z").lines()
    assert [cells[-2] for cells in lines] == ["x 1.00 x", "y 2.00 x", "z"]
    assert draw(lines[0]).startswith("a  ")
