from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import keyspec

ROOT = Path(__file__).parents[2]


def test_every_public_name_is_there_and_documented():
    for name in keyspec.__all__:
        found = getattr(keyspec, name)
        assert name.startswith("__") or found.__doc__, name
    assert set(keyspec.__all__) <= set(dir(keyspec))


def test_what_is_imported_for_type_checkers_is_what_is_public():
    text = Path(keyspec.__file__).read_text(encoding="utf-8")
    imported = {line.split()[-1] for line in text.splitlines() if line.startswith("    from keyspec.")}
    assert imported | {"__version__"} == set(keyspec.__all__)
    for line in (line.split() for line in text.splitlines() if line.startswith("    from keyspec.")):
        assert keyspec._HOME[line[3]] == line[1]


def test_there_is_no_other_name():
    with pytest.raises(AttributeError, match="no attribute 'plan_everything'"):
        keyspec.plan_everything  # noqa: B018


def test_importing_keyspec_imports_nothing_else_of_it():
    code = "import sys, keyspec; print([name for name in sys.modules if name.startswith('keyspec.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['keyspec.version']\n"


def test_programs_that_use_it_are_typed():
    pytest.importorskip("mypy", reason="mypy is not installed: it is in the extra `dev`")
    assert (ROOT / "keyspec" / "py.typed").exists()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--follow-imports=silent",
            "tests/typing/use_keyspec.py",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
