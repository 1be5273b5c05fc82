from __future__ import annotations

import json
import os
import sys
import time

import pytest

from keyspec.errors import StoreError
from keyspec.stores import program as module
from keyspec.stores.program import run_program

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/home/x", "LANG": "C", "TMPDIR": "/tmp", "TOKEN": "secret", "X": "y"}


@pytest.fixture
def write(tmp_path):
    def write(body):
        file = tmp_path / "program"
        file.write_text(f"#!{sys.executable} -IS\nimport json, os, sys, time\n{body}\n")
        file.chmod(0o700)
        return str(file)

    return write


def run(program, data=b"", timeout_s=20.0):
    return run_program(program, data, environ=ENVIRON, timeout_s=timeout_s)


def test_a_program_gets_stdin_its_own_name_and_four_variables(write):
    program = write("print(json.dumps([sys.argv, dict(os.environ), sys.stdin.read(), os.getsid(0) == os.getpid()]))")
    argv, environ, data, own_session = json.loads(run(program, b"data").output)
    environ.pop("LC_CTYPE", None)  # Python's own, in a C locale
    assert argv == [program]
    assert environ == {name: ENVIRON[name] for name in ("PATH", "HOME", "LANG", "TMPDIR")}
    assert data == "data"
    assert own_session


def test_status_output_and_error_are_given(write):
    done = run(write("print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (done.status, done.output, done.error) == (3, b"out\n", b"err\n")
    assert run(write("os.kill(os.getpid(), 9)")).status == -9


def test_much_may_go_in_and_out_at_once(write):
    data = b"x" * 4_000_000
    assert run(write("sys.stdout.write(sys.stdin.read())"), data).output == data


def test_a_program_need_not_read_what_it_is_sent(write):
    assert run(write("print('done')"), b"x" * 4_000_000).output == b"done\n"


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(60)",
        "os.close(0), os.close(1), os.close(2), time.sleep(60)",
        "while True: sys.stderr.write('x' * 1000)",
        "while True: sys.stdout.write('.'); sys.stdout.flush(); time.sleep(0.01)",
        "os.fork() or time.sleep(60)",
    ],
)
def test_a_program_that_takes_too_long_is_ended_with_all_it_started(write, body):
    begin = time.monotonic()
    with pytest.raises(StoreError, match=r"longer than 0\.5 s"):
        run(write(body), timeout_s=0.5)
    assert time.monotonic() - begin < 20


def test_a_program_that_says_too_much_is_ended(write):
    with pytest.raises(StoreError, match="wrote more than"):
        run(write("for _ in range(100): sys.stdout.write('x' * 1_000_000)"))


def test_of_what_goes_to_stderr_the_beginning_is_kept(write):
    done = run(write("for _ in range(100): sys.stderr.write('x' * 1_000_000)"))
    assert done.error == b"x" * module.MAX_ERROR_BYTES
    assert done.status == 0


def test_a_program_that_cannot_be_started_is_told(tmp_path):
    (tmp_path / "text").write_text("no program")
    for name in ("/no/such/program", "no-such-program", str(tmp_path), str(tmp_path / "text"), "a\0b"):
        with pytest.raises(StoreError, match="cannot be started"):
            run(name)


def test_no_descriptor_and_no_process_is_left(write):
    from contextlib import suppress
    from pathlib import Path

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for body in ("print(1)", "time.sleep(60)", "for _ in range(100): sys.stdout.write('x' * 1_000_000)"):
        with suppress(StoreError):
            run(write(body), timeout_s=0.5)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
