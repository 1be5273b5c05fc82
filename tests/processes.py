"""keyspec as a process of its own, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")


@dataclass(frozen=True)
class Ran:
    """How a process ended."""

    code: int
    out: str
    err: str


def clean_environ(**more):
    """Give an environment without anything that changes what keyspec does."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | more


def keyspec_command(*args):
    """Give the command line of keyspec in this interpreter."""
    return [sys.executable, "-m", "keyspec", *args]


def run_keyspec(*args, cwd, environ=None, stdin=None):
    """Run keyspec to its end; without `stdin` there is nothing to read."""
    done = subprocess.run(
        keyspec_command(*args),
        cwd=cwd,
        env=clean_environ(**(environ or {})),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
