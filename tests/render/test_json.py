from __future__ import annotations

import json
import re

import strategies
from hypothesis import given
from hypothesis import strategies as st

from keyspec.errors import Problem
from keyspec.grid import GridRow, select_rows
from keyspec.plandocument import plan_document, report_document
from keyspec.render.json import render_grid_json, render_plan_json, render_problems_json, render_report_json
from keyspec.source import Source


def assert_harmless(text):
    assert re.fullmatch("[\n -~]*\n", text)
    assert "::" not in text
    assert "##" not in text


@given(strategies.plans())
def test_a_plan_is_its_document_indented_and_harmless(plan):
    text = render_plan_json(plan)
    assert json.loads(text) == plan_document(plan)
    assert_harmless(text)


@given(strategies.reports())
def test_a_report_is_its_document_indented_and_harmless(report):
    text = render_report_json(report)
    assert json.loads(text) == report_document(report)
    assert_harmless(text)


@given(strategies.plans())
def test_the_layout_is_that_of_plain_json(plan):
    text = render_plan_json(plan)
    plain = json.dumps(json.loads(text), indent=2).replace("\x7f", r"\u007f")
    assert text == plain.replace("::", r"\u003a\u003a").replace("##", r"\u0023\u0023") + "\n"


def test_a_grid_says_where_its_page_stands():
    rows = [
        GridRow("a", "b", ("R",), 60, locked=False, declared=True),
        GridRow("a", "c", None, None, None, declared=False),
    ]
    assert json.loads(render_grid_json(select_rows(rows, rows=1, page=2))) == {
        "format": "keyspec-grid/1",
        "total": 2,
        "page": 2,
        "pages": 2,
        "rows": [
            {"hub": "a", "key_id": "c", "roles": None, "reauth_timeout": None, "locked": None, "declared": False},
        ],
    }
    assert json.loads(render_grid_json(select_rows(())))["rows"] == []


def test_a_problem_has_its_place_and_hint():
    problems = [Problem("code", "::message::", Source("a.yaml", 1, 2), "hint"), Problem("other", "m")]
    text = render_problems_json(problems)
    assert json.loads(text) == {
        "format": "keyspec-problems/1",
        "problems": [
            {
                "code": "code",
                "message": "::message::",
                "source": {"file": "a.yaml", "line": 1, "column": 2},
                "hint": "hint",
            },
            {"code": "other", "message": "m", "source": None, "hint": None},
        ],
    }
    assert_harmless(text)


@given(st.lists(strategies.grid_rows, max_size=4))
def test_a_grid_is_harmless(rows):
    assert_harmless(render_grid_json(select_rows(rows)))
