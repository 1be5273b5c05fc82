from __future__ import annotations

import json
from dataclasses import replace

import pytest
import strategies
from example_plan import PLAN, REPORT
from hypothesis import given
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from keyspec.plan import Forecast
from keyspec.plandocument import plan_document, report_document
from keyspec.planfile import dump_plan
from keyspec.planschema import PlanDocument, ReportDocument, SavedDocument, document_schema
from keyspec.shard import Shard

CREATED = "2026-11-23T06:30:00+01:00"
SCHEMA = document_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@given(strategies.plans())
def test_every_printed_plan_fits_schema_and_model(plan):
    document = json.loads(json.dumps(plan_document(plan)))
    VALIDATOR.validate(document)
    PlanDocument.model_validate(document)


@given(strategies.plans())
def test_every_saved_plan_fits_schema_and_model(plan):
    document = json.loads(dump_plan(plan, created_at=CREATED))
    VALIDATOR.validate(document)
    SavedDocument.model_validate(document)


@given(strategies.reports())
def test_every_report_fits_schema_and_model(report):
    document = json.loads(json.dumps(report_document(report)))
    VALIDATOR.validate(document)
    ReportDocument.model_validate(document)


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "keyspec-plan/2"},
        {"digest": "md5:0"},
        {"seal": None},
        {"outcomes": {}},
        {"hubs": None},
        {"more": 1},
    ],
)
def test_what_is_none_of_the_three_forms_fits_neither(changed):
    document = {**plan_document(PLAN), **changed}
    assert not VALIDATOR.is_valid(document)
    with pytest.raises(ValidationError):
        PlanDocument.model_validate(document)


def test_each_form_fits_its_own_model_only():
    with pytest.raises(ValidationError):
        PlanDocument.model_validate(report_document(REPORT))
    with pytest.raises(ValidationError):
        ReportDocument.model_validate(plan_document(PLAN))


BEYOND = int("9" * 4300)


@pytest.mark.parametrize(
    "path",
    [
        ("summary", "edit"),
        ("hubs", 0, "live_keys"),
        ("hubs", 0, "unchanged"),
        ("hubs", 0, "unlisted"),
        ("hubs", 0, "wave"),
        ("hubs", 0, "forecast", "requests"),
        ("hubs", 0, "forecast", "seconds"),
        ("steps", 0, "number"),
        ("steps", 0, "phase"),
        ("steps", 0, "bites_within"),
        ("steps", 0, "source", "line"),
        ("steps", 0, "source", "column"),
        ("steps", 0, "changes", 2, "after"),
        ("steps", 0, "changes", 2, "before"),
        ("shard", "number"),
        ("shard", "of"),
        ("shard", "wave"),
    ],
)
def test_a_number_that_no_plan_can_hold_is_invalid(path):
    shard = Shard(1, 2, 1, None, "sha256:" + "0" * 64)
    row = replace(PLAN.hubs[0], forecast=Forecast(1, 1.0))
    document = plan_document(replace(PLAN, shard=shard, hubs=(row, *PLAN.hubs[1:])))
    PlanDocument.model_validate(document)
    place = document
    for part in path[:-1]:
        place = place[part]
    assert path[-1] in place if isinstance(place, dict) else True
    for number in (BEYOND, 10**400) if path[-1] == "seconds" else (BEYOND, 2**53 + 1):
        place[path[-1]] = number
        with pytest.raises(ValidationError):
            PlanDocument.model_validate(document)
