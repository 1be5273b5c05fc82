from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(ROOT.glob("keyspec/**/*.py"))
MOST_LINES = 400
MOST_FUNCTION_LINES = 45
NO_NAMES = ("util", "helper", "manager", "common", "misc")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_read_in_one_sitting(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_LINES
    tree = ast.parse(text)
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert long == []
    assert ast.get_docstring(tree), "a module says what it holds"


def test_no_module_is_a_drawer():
    assert [str(path) for path in MODULES if any(word in path.stem for word in NO_NAMES)] == []


def test_nothing_is_left_to_be_done():
    marks = ("TO" + "DO", "FIX" + "ME", "X" + "XX")
    assert [str(path) for path in MODULES if any(mark in path.read_text(encoding="utf-8") for mark in marks)] == []
