from __future__ import annotations

import json

import pytest
from processes import run_keyspec

from keyspec.schemas import SCHEMAS, render_schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_printed(name, tmp_path):
    ran = run_keyspec("schema", name, cwd=tmp_path)
    assert (ran.code, ran.err, ran.out) == (0, "", render_schema(name))


def test_the_spec_is_the_default_and_another_name_is_64(tmp_path):
    assert json.loads(run_keyspec("schema", cwd=tmp_path).out)["title"].startswith("keyspec spec")
    assert run_keyspec("schema", "nothing", cwd=tmp_path).code == 64
