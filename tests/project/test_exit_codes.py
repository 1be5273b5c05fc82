from __future__ import annotations

import re
from pathlib import Path

from keyspec.report import ExitCode

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_table_of_the_readme_holds_every_exit_code_and_no_other():
    section = README.partition("## Exit codes")[2].partition("\n## ")[0]
    told = [int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    assert sorted(told) == sorted(code.value for code in ExitCode)
