"""How a program uses keyspec: checked by mypy, never run."""

from __future__ import annotations

from typing import assert_type

import keyspec
from keyspec import (
    Desired,
    ExitCode,
    KeyspecError,
    Options,
    Plan,
    Planned,
    Policy,
    Problem,
    RefusedError,
    Report,
    Session,
    SpecError,
    Step,
    apply_exit_code,
    apply_run,
    load_desired,
    plan_desired,
    plan_document,
    plan_exit_code,
    plan_run,
    render_plan,
)


def plan(files: tuple[str, ...]) -> Planned | None:
    options = Options(files=files, hubs=("env=prod",), policy=Policy(allow_delete=True, keys=("ci_*",)), parallel=8)
    try:
        desired = load_desired(options)
    except SpecError as error:
        assert_type(error.problems, tuple[Problem, ...])
        return None
    assert_type(desired, Desired)
    planned = plan_desired(desired, options, Session())
    assert_type(planned.plan, Plan)
    assert_type(planned.refusals, tuple[Problem, ...])
    assert_type(planned.plan.steps, tuple[Step, ...])
    return planned


def apply() -> ExitCode:
    options, session = Options(), Session()
    planned = plan_run(options, session)
    print(render_plan(planned.plan, refusals=planned.refusals, color=False, width=100))
    print(plan_document(planned.plan), plan_exit_code(planned.plan, exit_code=True))
    try:
        report = apply_run(planned, options, session)
    except (RefusedError, KeyspecError):
        return ExitCode.REFUSED
    assert_type(report, Report)
    return apply_exit_code(report)


assert_type(keyspec.__version__, str)
