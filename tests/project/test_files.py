from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTS = ("pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", "deb" + r"\.debian")
PATHS = (re.escape(f"{Path.home()}/"), re.escape(f"{ROOT}/"))
FOUND = re.compile("|".join((*HOSTS, *PATHS)))


def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no Git checkout")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_names_this_machine_or_a_package_registry():
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if (match := FOUND.search(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert found == set()


def test_every_text_file_ends_with_one_newline():
    files = [path for path in tracked() if path.suffix in (".py", ".md", ".yaml", ".toml", ".json")]
    assert [str(path) for path in files if (text := path.read_bytes()) and not text.endswith(b"\n")] == []
