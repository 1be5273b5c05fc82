from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import strategies
from example_plan import PLAN, REPORT
from hypothesis import given

from keyspec.plan import Change, Finding, Forecast, HubRow, Plan, Step, Summary
from keyspec.plandocument import plan_digest, plan_document, report_document
from keyspec.source import Source

ROOT = Path(__file__).parent.parent


def test_a_document_is_as_the_product_says():
    step = Step(
        hub="prod_eu",
        key_id="ci_deployer",
        action="edit",
        reason="roles differ",
        reversible=True,
        changes=(Change("roles", ("User",), ("Operator", "User")),),
        expects="sha256:" + "e" * 64,
        phase=2,
        number=1,
        source=Source("keyspec.yaml", 41, 5),
        bites_within_s=60,
        gives=("Sensor Status",),
    )
    plan = Plan(
        spec="sha256:" + "5" * 64,
        hubs=(HubRow("prod_eu", "https://x", "read", 13, unchanged=10, unlisted=1, forecast=Forecast(2, seconds=0.5)),),
        steps=(step,),
        findings=(Finding("unlisted-key", "info", "not declared", "prod_eu", "old_1"),),
        summary=Summary(edit=1, unchanged=10, unlisted=1),
    )
    document = plan_document(plan)
    digest = document["digest"]
    assert document == {
        "format": "keyspec-plan/1",
        "digest": digest,
        "spec": "sha256:" + "5" * 64,
        "summary": {
            "create": 0,
            "import": 0,
            "edit": 1,
            "lock": 0,
            "unlock": 0,
            "delete": 0,
            "held": 0,
            "unchanged": 10,
            "unlisted": 1,
        },
        "hubs": [
            {
                "name": "prod_eu",
                "url": "https://x",
                "status": "read",
                "live_keys": 13,
                "error": None,
                "unchanged": 10,
                "unlisted": 1,
                "wave": None,
                "forecast": {"requests": 2, "seconds": 0.5},
            }
        ],
        "steps": [
            {
                "number": 1,
                "hub": "prod_eu",
                "key_id": "ci_deployer",
                "action": "edit",
                "reason": "roles differ",
                "reversible": True,
                "held": False,
                "changes": [{"field": "roles", "before": ["User"], "after": ["Operator", "User"]}],
                "source": {"file": "keyspec.yaml", "line": 41, "column": 5},
                "expects": "sha256:" + "e" * 64,
                "allow": None,
                "bites_within": 60,
                "permissions": {"gives": ["Sensor Status"], "takes": []},
                "phase": 2,
                "recovery": False,
            }
        ],
        "findings": [
            {
                "code": "unlisted-key",
                "severity": "info",
                "hub": "prod_eu",
                "key_id": "old_1",
                "message": "not declared",
                "source": None,
            }
        ],
    }
    assert list(document) == ["format", "digest", "spec", "summary", "hubs", "steps", "findings"]


@given(strategies.plans())
def test_the_digest_in_a_document_is_the_plans(plan):
    assert plan_document(plan)["digest"] == plan_digest(plan)


@given(strategies.plans())
def test_the_number_of_live_keys_does_not_change_the_digest(plan):
    hubs = tuple(replace(hub, live_keys=7) for hub in plan.hubs)
    assert plan_digest(replace(plan, hubs=hubs)) == plan_digest(plan)


def test_everything_else_changes_the_digest():
    step = PLAN.steps[0]
    others = [
        replace(PLAN, spec="sha256:" + "6" * 64),
        replace(PLAN, hubs=(replace(PLAN.hubs[0], url="https://other"), *PLAN.hubs[1:])),
        replace(PLAN, findings=()),
        replace(PLAN, summary=replace(PLAN.summary, unchanged=11)),
        *(
            replace(PLAN, steps=(replace(step, **changed), *PLAN.steps[1:]))
            for changed in (
                {"key_id": "other"},
                {"held_by": "-k"},
                {"expects": "sha256:" + "0" * 64},
                {"phase": 4},
                {"gives": ()},
                {"changes": ()},
                {"bites_within_s": 1},
                {"source": None},
            )
        ),
    ]
    assert len({plan_digest(plan) for plan in (PLAN, *others)}) == len(others) + 1


def test_a_plan_is_the_same_bytes_in_every_process():
    program = (
        "import sys; sys.path[:0] = ['.', 'tests']\n"
        "from example_plan import PLAN, REPORT\n"
        "from keyspec.planfile import dump_plan\n"
        "from keyspec.render.json import render_plan_json, render_report_json\n"
        "from keyspec.render.text import render_plan\n"
        "sys.stdout.buffer.write(dump_plan(PLAN, created_at='2026-01-02T03:04:05Z'))\n"
        "sys.stdout.buffer.write((render_plan_json(PLAN) + render_report_json(REPORT)).encode())\n"
        "sys.stdout.buffer.write(render_plan(PLAN, color=True, width=80).encode())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_writing_a_plan_imports_no_pydantic():
    program = (
        "import sys; import keyspec.planfile, keyspec.render.json, keyspec.render.text, keyspec.render.outcome\n"
        "heavy = {'pydantic', 'rich', 'click', 'httpx', 'deepdiff'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@given(strategies.reports())
def test_a_report_is_the_plan_with_what_became_of_it(report):
    plan, document = plan_document(report.plan), report_document(report)
    steps = [{**step, "outcome": None, "error": None} for step in plan["steps"]]
    assert [{**step, "outcome": None, "error": None} for step in document["steps"]] == steps
    assert [step["outcome"] for step in document["steps"]] == [result.outcome for result in report.results]
    assert [step["error"] for step in document["steps"]] == [result.error for result in report.results]
    assert [hub["verified"] for hub in document["hubs"]] == [hub.verified for hub in report.hubs]
    assert document["digest"] == plan["digest"]
    assert document["interrupted"] is report.interrupted
    counted = Counter(result.outcome for result in report.results)
    assert {name: count for name, count in document["outcomes"].items() if count} == counted


def test_a_hubs_error_in_a_report_is_the_verdicts_or_else_why_it_was_not_read():
    errors = {hub["name"]: hub["error"] for hub in report_document(REPORT)["hubs"]}
    assert errors["lab_2"] == "connection refused"
    assert errors["prod_eu"] == "ci_new still differs"
    assert errors["prod_us"] is None


def test_a_plan_left_of_a_saved_one_names_it_and_has_its_own_digest():
    saved = "sha256:" + "7" * 64
    left = replace(PLAN, saved=saved)
    assert plan_document(left) == {**plan_document(PLAN), "saved": saved}
    assert "saved" not in plan_document(PLAN)
