from __future__ import annotations

from pathlib import Path

from keyspec.jsontext import encode_json
from keyspec.planfile import plan_schema

SCHEMA = Path(__file__).parents[2] / "schemas" / "keyspec-plan.schema.json"


def test_the_schema_of_plans_is_current():
    assert SCHEMA.read_text(encoding="utf-8") == encode_json(plan_schema(), indent=2) + "\n"
