from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from keyspec.schemas import SCHEMAS, render_schema

FOLDER = Path(__file__).parents[2] / "schemas"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_file_is_current(name):
    written = (FOLDER / SCHEMAS[name][0]).read_text(encoding="utf-8")
    assert written == render_schema(name), f"keyspec schema {name} > schemas/{SCHEMAS[name][0]}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_a_valid_schema(name):
    Draft202012Validator.check_schema(SCHEMAS[name][1]())


def test_there_is_no_other_file():
    assert {path.name for path in FOLDER.iterdir()} == {file for file, _ in SCHEMAS.values()}
