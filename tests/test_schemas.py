from __future__ import annotations

import json

import pytest

from keyspec.schemas import SCHEMAS, render_schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_written_as_json_that_ends_with_a_newline(name):
    text = render_schema(name)
    assert json.loads(text) == SCHEMAS[name][1]()
    assert text.endswith("}\n")


def test_the_files_have_different_names():
    assert len({file for file, _ in SCHEMAS.values()}) == len(SCHEMAS)
