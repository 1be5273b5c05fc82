from __future__ import annotations

import json
import re
import sys
from dataclasses import replace

import pytest
import strategies
from example_plan import PLAN, REPORT
from hypothesis import given
from hypothesis import strategies as st

from keyspec import planfile
from keyspec.errors import ProblemsError, RefusedError, SpecError, UsageError
from keyspec.fingerprint import digest_bytes
from keyspec.plan import HubRow, summarize
from keyspec.plandocument import plan_digest
from keyspec.planfile import MAX_BYTES, dump_plan, load_plan, load_printed, plan_schema
from keyspec.render.json import render_plan_json, render_report_json

CREATED = "2026-11-23T06:30:00Z"
SAVED = dump_plan(PLAN, created_at=CREATED)


def reseal(document):
    """Write a document as an attacker could, with a seal that fits."""
    document = {name: value for name, value in document.items() if name != "seal"}
    head = (json.dumps(document, indent=1)[:-2] + ',\n"seal": "').encode()
    tail = b'"\n}\n'
    return head + digest_bytes(head, tail).encode() + tail


def refusal(data):
    with pytest.raises(ProblemsError) as caught:
        load_plan(data, "plan.json")
    assert all(problem.source.file == "plan.json" for problem in caught.value.problems)
    return type(caught.value), {problem.code for problem in caught.value.problems}


@given(strategies.plans())
def test_a_saved_plan_is_loaded_without_loss(plan):
    saved = load_plan(dump_plan(plan, created_at=CREATED), "plan.json")
    assert saved.plan == plan
    assert saved.digest == plan_digest(plan)
    assert saved.created_at == CREATED


@given(strategies.plans())
def test_a_saved_plan_is_json_and_harmless_in_a_log(plan):
    data = dump_plan(plan, created_at=CREATED)
    assert json.loads(data)["digest"] == plan_digest(plan)
    assert re.fullmatch(rb"[\n -~]*", data)
    assert b"::" not in data
    assert b"##" not in data


def test_the_seal_is_the_digest_of_all_other_bytes():
    seal = json.loads(SAVED)["seal"].encode()
    assert SAVED.count(seal) == 1
    assert digest_bytes(SAVED.replace(seal, b"")).encode() == seal


def test_a_saved_plan_has_a_line_for_every_hub_step_and_finding():
    lines = SAVED.decode().splitlines()
    assert sum(line.startswith('    {"number": ') for line in lines) == len(PLAN.steps)
    assert sum(line.startswith('    {"name": ') for line in lines) == len(PLAN.hubs)


@given(st.integers(min_value=0, max_value=len(SAVED) - 1), st.integers(min_value=0, max_value=255))
def test_a_changed_byte_is_noticed(position, byte):
    changed = SAVED[:position] + bytes([byte]) + SAVED[position + 1 :]
    if changed != SAVED:
        refusal(changed)


@given(st.integers(min_value=0, max_value=len(SAVED) - 1))
def test_a_cut_file_is_noticed(length):
    refusal(SAVED[:length])


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_bytes_that_are_no_plan_are_invalid(data):
    assert refusal(data)[0] is SpecError


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "plan-syntax"),
        (b"keyspec: 1", "plan-syntax"),
        (b"\xff\xfe", "plan-syntax"),
        (b"[" * 500_000, "plan-syntax"),
        (b'{"a":' * 500_000, "plan-syntax"),
        (b"9" * 5_000, "plan-syntax"),
        (b'{"format": NaN}', "plan-syntax"),
        (b'{"format": "keyspec-plan/1", "format": "keyspec-plan/1"}', "plan-syntax"),
        (b"[]", "plan-invalid"),
        (b"null", "plan-invalid"),
        (b"{}", "plan-invalid"),
        (b'{"format": ["keyspec-plan/1"]}', "plan-invalid"),
        (b'{"format": "sealed-secret/1"}', "plan-invalid"),
        (b" " * (MAX_BYTES + 1), "plan-too-large"),
    ],
)
def test_what_is_no_plan_is_invalid(data, code):
    assert refusal(data) == (SpecError, {code})


def test_a_syntax_error_has_its_place_and_quotes_nothing():
    with pytest.raises(SpecError) as caught:
        load_plan(b'{\n  "token": hunter2\n}', "plan.json")
    assert str(caught.value).startswith("plan.json:2:12: plan-syntax: not JSON")
    assert "hunter2" not in str(caught.value)


def test_another_version_is_refused_and_named():
    with pytest.raises(RefusedError, match=r"keyspec-plan/2.*reads keyspec-plan/1"):
        load_plan(reseal({**json.loads(SAVED), "format": "keyspec-plan/2"}), "plan.json")


@pytest.mark.parametrize(
    "data",
    [
        SAVED.replace(b"\n", b"\r\n"),
        SAVED + b"\n",
        json.dumps(json.loads(SAVED)).encode(),
        SAVED.replace(b"ci_gone", b"ci_live"),
        SAVED.replace(b'"--allow-delete"', b"null"),
        render_plan_json(PLAN).encode(),
        render_report_json(REPORT).encode(),
    ],
)
def test_what_is_not_as_it_was_saved_is_refused(data):
    assert refusal(data) == (RefusedError, {"plan-seal"})


def test_a_fitting_seal_does_not_help_a_digest_that_does_not_fit():
    document = json.loads(SAVED)
    document["steps"][0]["key_id"] = "somebody_else"
    assert refusal(reseal(document)) == (RefusedError, {"plan-digest"})
    assert load_plan(reseal(json.loads(SAVED)), "plan.json").plan == PLAN


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("steps", 0, "number"), "1"),
        (("steps", 0, "number"), 1.0),
        (("steps", 0, "number"), True),
        (("steps", 0, "action"), "explode"),
        (("steps", 0, "held"), 0),
        (("steps", 0, "expects"), "sha256:short"),
        (("steps", 0, "unknown"), 1),
        (("steps", 0, "changes", 0, "field"), "value"),
        (("steps", 0, "changes", 1, "after"), "User"),
        (("steps", 0, "changes", 1, "after"), [["User"]]),
        (("steps", 0, "source"), {"file": "a", "line": 0, "column": 1}),
        (("steps",), None),
        (("steps",), {}),
        (("hubs", 0, "status"), "written"),
        (("hubs", 0, "live_keys"), -1),
        (("summary", "edit"), None),
        (("findings", 0, "severity"), "fatal"),
        (("digest",), None),
        (("created_at",), "yesterday"),
        (("created_at",), "2026-02-30T00:00:00Z"),
        (("created_at",), "2026-02-03T00:00:00"),
        (("outcomes",), {}),
    ],
)
def test_wrong_types_are_invalid_however_well_sealed(path, value):
    document = json.loads(SAVED)
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert refusal(reseal(document)) == (SpecError, {"plan-invalid"})


def test_problems_name_the_place_in_the_document_and_are_bounded():
    document = json.loads(SAVED)
    document["steps"] = [{"number": "one"}] * 1000
    with pytest.raises(SpecError) as caught:
        load_plan(reseal(document), "plan.json")
    assert "steps.0.number: " in str(caught.value)
    assert len(caught.value.problems) == 20


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, hubs=(*PLAN.hubs, PLAN.hubs[0])),
        replace(PLAN, hubs=()),
        replace(PLAN, hubs=tuple(replace(hub, status="refused") for hub in PLAN.hubs)),
        replace(PLAN, steps=PLAN.steps[::-1]),
        replace(PLAN, steps=PLAN.steps[:-1]),
        replace(PLAN, summary=replace(PLAN.summary, held=0)),
        replace(PLAN, summary=replace(PLAN.summary, delete=1)),
    ],
)
def test_a_plan_that_contradicts_itself_is_invalid(plan):
    assert refusal(dump_plan(plan, created_at=CREATED)) == (SpecError, {"plan-invalid"})


def test_held_must_agree_with_what_would_allow_it():
    document = json.loads(SAVED)
    document["steps"][0]["held"] = not document["steps"][0]["held"]
    assert refusal(reseal(document)) == (SpecError, {"plan-invalid"})


def test_a_plan_too_large_to_load_is_not_saved(monkeypatch):
    monkeypatch.setattr(planfile, "MAX_BYTES", 1000)
    with pytest.raises(UsageError, match="narrow it"):
        dump_plan(PLAN, created_at=CREATED)


def test_names_of_files_that_are_not_utf8_survive():
    name = b"\xe9.yaml".decode("utf-8", "surrogateescape")
    source = replace(PLAN.steps[0].source, file=name)
    plan = replace(PLAN, steps=(replace(PLAN.steps[0], source=source), *PLAN.steps[1:]))
    assert load_plan(dump_plan(plan, created_at=CREATED), "plan.json").plan == plan


def test_a_plan_with_nothing_in_it_is_saved_too():
    empty = replace(PLAN, hubs=(HubRow("a", "https://a", "read", 0),), steps=(), findings=())
    empty = replace(empty, summary=summarize(empty.hubs, ()))
    assert load_plan(dump_plan(empty, created_at=CREATED), "plan.json").plan == empty


def test_the_schema_comes_with_its_dialect():
    assert plan_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_recursion_limit_is_left_alone():
    before = sys.getrecursionlimit()
    refusal(b"[" * 100_000)
    assert sys.getrecursionlimit() == before


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (SAVED.replace(b"ci_gone", b"ci_live"), (RefusedError, {"plan-seal"})),
        (SAVED.replace(b"ci_gone", b'"broken'), (RefusedError, {"plan-seal"})),
        (render_plan_json(PLAN).encode(), (RefusedError, {"plan-seal"})),
        (json.dumps(json.loads(SAVED)).encode(), (RefusedError, {"plan-seal"})),
        (SAVED.replace(b"keyspec-plan/1", b"keyspec-plan/2"), (RefusedError, {"plan-version"})),
        (SAVED[:-30], (SpecError, {"plan-syntax"})),
        (b"{" * 500, (SpecError, {"plan-invalid"})),
        (b"\xff" * 500, (SpecError, {"plan-invalid"})),
        (b'{"format": "sealed-secret/1"}' + b" " * 500, (SpecError, {"plan-invalid"})),
    ],
)
def test_a_large_file_without_its_seal_is_told_by_its_ends_and_not_parsed(monkeypatch, data, refused):
    def refuse(*_args, **_named):
        raise AssertionError("it was parsed")

    monkeypatch.setattr(planfile, "_MOST_UNSEALED_BYTES", 100)
    monkeypatch.setattr(planfile, "_parse", refuse)
    assert refusal(data) == refused


def test_a_large_file_with_its_seal_is_a_plan(monkeypatch):
    monkeypatch.setattr(planfile, "_MOST_UNSEALED_BYTES", 100)
    assert load_plan(SAVED, "plan.json").plan == PLAN


def misreport(report):
    with pytest.raises(SpecError) as caught:
        load_printed(render_report_json(report).encode(), "report.json")
    return [problem.message for problem in caught.value.problems]


def with_result(outcome, error=None, *, held):
    """Give the example report with another result for its first step that is held or not."""
    index = next(index for index, result in enumerate(REPORT.results) if result.step.held is held)
    results = list(REPORT.results)
    results[index] = replace(results[index], outcome=outcome, error=error)
    return index, replace(REPORT, results=tuple(results))


def test_a_report_is_read_as_it_was_printed():
    for report in (REPORT, with_result("held", "not done without --x", held=False)[1]):
        assert load_printed(render_report_json(report).encode(), "report.json") == (report, ())


def test_a_report_of_what_no_apply_does_is_invalid():
    index, report = with_result("held", held=False)
    assert misreport(report) == [f"steps.{index}.outcome: nothing says what this step waits for"]
    index, report = with_result("applied", held=True)
    assert misreport(report) == [f"steps.{index}.outcome: a held step is never applied"]
    index = next(index for index, row in enumerate(PLAN.hubs) if row.status != "read")
    verdicts = tuple(
        replace(verdict, verified=True) if place == index else verdict for place, verdict in enumerate(REPORT.hubs)
    )
    assert misreport(replace(REPORT, hubs=verdicts)) == [f"hubs.{index}.verified: it was not read"]


def lost(outcome, *, saved):
    """Give a report of which the first step's hub was lost after the plan was saved."""
    name = PLAN.steps[0].hub
    rows = tuple(
        replace(row, status="unreadable", live_keys=None, error="gone", unchanged=0, unlisted=0, forecast=None)
        if row.name == name
        else row
        for row in PLAN.hubs
    )
    plan = replace(PLAN, hubs=rows, summary=summarize(rows, PLAN.steps), saved=saved)
    results = tuple(
        replace(result, outcome="held" if result.step.held else outcome, error=None if result.step.held else "gone")
        if result.step.hub == name
        else result
        for result in REPORT.results
    )
    hubs = tuple(replace(verdict, verified=None, error=None) for verdict in REPORT.hubs)
    return replace(REPORT, plan=plan, results=results, hubs=hubs)


def test_only_a_saved_plan_has_steps_for_a_hub_that_is_lost_and_none_of_them_was_looked_at():
    saved = "sha256:" + "7" * 64
    for outcome in ("failed", "skipped"):
        report = lost(outcome, saved=saved)
        assert load_printed(render_report_json(report).encode(), "report.json") == (report, ())
    for outcome in ("applied", "already", "conflict"):
        assert "a hub that was not read tells nothing of it" in misreport(lost(outcome, saved=saved))[0]
    assert "not a hub that was read" in misreport(lost("failed", saved=None))[0]
    assert refusal(dump_plan(lost("failed", saved=None).plan, created_at=CREATED)) == (SpecError, {"plan-invalid"})
