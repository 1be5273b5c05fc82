from __future__ import annotations

import subprocess
import sys

import pytest
from processes import clean_environ, keyspec_command, run_keyspec

from keyspec import __version__
from keyspec.cli import COMMANDS

HEAVY = ("httpx", "pydantic", "rich", "deepdiff")


@pytest.fixture
def run(tmp_path):
    return lambda *args, **environ: run_keyspec(*args, cwd=tmp_path, environ=environ)


def imported(tmp_path, *args, **environ):
    """Give which heavy modules a command line imports."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "keyspec", *args],
        cwd=tmp_path,
        env=clean_environ(**environ),
        capture_output=True,
        text=True,
        check=False,
    )
    names = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "keyspec.cli" in names
    return {name for name in HEAVY if name in names}


def test_the_version_imports_nothing_heavy(tmp_path):
    assert imported(tmp_path, "--version") == set()


@pytest.mark.parametrize("words", ["keyspec pl", "keyspec plan -k c", "keyspec plan -l e", "keyspec plan -f k"])
def test_completion_imports_nothing_heavy(tmp_path, words):
    (tmp_path / "keyspec.yaml").write_text("keyspec: 1\nkeys: {ci: {roles: [A]}}\n")
    environ = {"_KEYSPEC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert imported(tmp_path, **environ) == set()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_that_reads_a_hub_or_a_spec(tmp_path, command):
    assert imported(tmp_path, *command.split(), "--help") <= {"rich"}


def test_the_version_is_one_line(run):
    assert run("--version").out == f"keyspec {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pln"], "keyspec: there is no command `pln`; did you mean `plan`?\nkeyspec: see `keyspec --help`\n"),
        (["xyzzy"], "keyspec: there is no command `xyzzy`\nkeyspec: see `keyspec --help`\n"),
        (["plan", "--exit"], "keyspec: `keyspec plan` has no option --exit; did you mean `--exit-code`?\n"),
        (["plan", "--quite"], "keyspec: `keyspec plan` has no option --quite; did you mean `--quiet`?\n"),
        (["--verbsion"], "keyspec: `keyspec` has no option --verbsion; did you mean `--version`?\n"),
        (["plan", "--parallel", "0"], "keyspec: Invalid value for '--parallel': 0 is not in the range"),
        (["plan", "spec.yaml"], "keyspec: Got unexpected extra argument"),
        (["completion", "sh"], "keyspec: Invalid value for "),
    ],
)
def test_wrong_usage_is_64_and_says_what_was_meant(run, words, said):
    ran = run(*words)
    assert (ran.code, ran.out) == (64, "")
    assert ran.err.startswith(said)


def test_wrong_usage_by_the_environment_is_64(run):
    ran = run("plan", KEYSPEC_FORMAT="\x1b[31mxml")
    assert ran.code == 64
    assert "\x1b" not in ran.err


def test_without_a_command_the_help_is_shown_and_it_is_64(run):
    ran = run()
    assert ran.code == 64
    assert all(name.partition(" ")[0] in ran.out + ran.err for name in COMMANDS)


def test_a_reader_that_goes_away_is_no_failure(tmp_path):
    command = " ".join(keyspec_command("schema"))
    script = f"{command} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=clean_environ(), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_full_disk_is_told(tmp_path):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            keyspec_command("schema"),
            cwd=tmp_path,
            env=clean_environ(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"keyspec: stdout cannot be written: No space left on device\n"


def test_a_closed_stdout_wants_nothing(tmp_path):
    command = " ".join(keyspec_command("schema"))
    done = subprocess.run(
        ["sh", "-c", f"{command} >&-"], cwd=tmp_path, env=clean_environ(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_output_that_knows_ascii_only_loses_nothing_but_the_looks(tmp_path):
    (tmp_path / "keyspec.yaml").write_text('keyspec: 1\n"hübs→": {}\n', encoding="utf-8")
    ran = run_keyspec("validate", cwd=tmp_path, environ={"PYTHONIOENCODING": "ascii"})
    assert ran.code == 5
    assert "h\\xfcbs\\u2192" in ran.err


def test_bytes_that_are_no_text_are_survived(tmp_path):
    done = subprocess.run(
        [*keyspec_command("validate", "-f"), b"\xff\xfe"],
        cwd=tmp_path,
        env=clean_environ(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 5
    assert b"Traceback" not in done.stderr


def test_an_error_nobody_foresaw_is_named_by_type_and_place_alone(monkeypatch, capsys):
    from keyspec import cli

    def fail(*_args, **_settings):
        raise ZeroDivisionError("a value that must not be shown")

    monkeypatch.setattr(cli.main, "main", fail)
    assert cli.call([]) == 1
    assert capsys.readouterr().err.startswith("keyspec: unexpected ZeroDivisionError at test_cli.py:")


def test_python_dash_m_is_the_same(run):
    assert run("plan", "--help").out.split()[:3] == ["Usage:", "keyspec", "plan"]
