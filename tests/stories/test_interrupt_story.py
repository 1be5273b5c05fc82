"""Ctrl-C and SIGTERM: while hubs are only read they end the run at once, and afterwards nothing changes how it ended."""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from keyspec.devhub import parse_faults

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
SPEC = f"{STORE}keys: {{ci_0: {{roles: [User]}}, ci_1: {{roles: [User]}}}}\n"
PROMPT_S = 1.5
"""An interrupt is noticed at once; a loaded machine may take longer than that to end a process."""
SILENT = """\
keyspec: 1
hubs:
  first: {{url: "http://127.0.0.1:{port}", auth: "env:SILENT_KEY", auth_key_id: keyspec_ci, timeout: 10m}}
  second: {{url: "http://127.0.0.1:{port}", auth: "env:SILENT_KEY", auth_key_id: keyspec_ci, timeout: 10m}}
keys: {{ci_a: {{roles: [User]}}}}
"""


class Silence:
    """A hub that takes every request, and answers none."""

    def __init__(self, listener, stack):
        self._listener = listener
        self._stack = stack

    def wait_for_requests(self, count=2):
        for _ in range(count):
            connection = self._stack.enter_context(self._listener.accept()[0])
            assert select.select([connection], [], [], 20)[0]


@pytest.fixture
def silence(lab):
    """Two hubs of a spec that are one, and silent; their timeout is ten minutes."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(20)
        lab.patch.setenv("SILENT_KEY", "not-a-credential-of-anybody")
        (lab.folder / "keyspec.yaml").write_text(SILENT.format(port=listener.getsockname()[1]))
        yield Silence(listener, stack)


@contextmanager
def promptly():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < PROMPT_S


def hear(process, words):
    """Read what a process says beside its data, up to some words."""
    heard = ""
    while words not in heard:
        assert select.select([process.stderr], [], [], 20)[0], heard
        line = process.stderr.readline()
        assert line, heard
        heard += line
    return heard


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [["plan"], ["list"], ["apply", "--yes"], ["doctor"], ["openapi", "--hub", "first"]])
def test_while_hubs_are_read_an_interrupt_ends_at_once_however_long_their_timeout(lab, silence, words, number):
    process = lab.spawn(*words, "--format", "json") if words[0] != "openapi" else lab.spawn(*words)
    silence.wait_for_requests(1 if words[0] == "openapi" else 2)
    with promptly():
        process.send_signal(number)
        ran = lab.finish(process)
    assert (ran.code, ran.err) == (130, "keyspec: interrupted\n")
    if words[0] != "openapi":
        assert (ran.json["format"], [each["code"] for each in ran.json["problems"]]) == (
            "keyspec-problems/1",
            ["interrupted"],
        )


def test_where_no_json_is_wanted_an_interrupt_leaves_stdout_empty(lab, silence):
    process = lab.spawn("plan")
    silence.wait_for_requests()
    process.send_signal(signal.SIGINT)
    ran = lab.finish(process)
    assert (ran.code, ran.out, ran.err) == (130, "", "keyspec: interrupted\n")


@pytest.mark.parametrize("pause_s", [0.0, 0.002, 0.01, 0.03, 0.06, 0.1])
@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,) * 5],
    ids=lambda numbers: "-".join(number.name for number in numbers),
)
def test_however_soon_more_interrupts_follow_the_exit_code_is_130_and_json_is_whole(lab, silence, numbers, pause_s):
    process = lab.spawn("plan", "--format", "json")
    silence.wait_for_requests()
    for number in numbers:
        process.send_signal(number)
        time.sleep(pause_s)
    ran = lab.finish(process)
    assert ran.code == 130
    assert "keyspec: interrupted\n".startswith(ran.err.lstrip("\n"))  # or cut off by the second
    assert not ran.out or ran.json["problems"]


def test_an_exit_code_is_settled_before_the_process_ends(lab):
    """As the interpreter is torn down nothing may end it by a signal."""
    code = (
        "import os, signal, sys\n"
        "class Late:\n"
        "    def __del__(self):\n"
        "        for number in (signal.SIGINT, signal.SIGTERM): os.kill(os.getpid(), number)\n"
        "from keyspec import cli\n"
        "cli.late = Late()\n"
        "cli.run(['completion', 'bash'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=lab.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_stderr_that_is_gone_does_not_change_the_exit_code(lab, silence):
    """Ctrl-C ends all of `keyspec … 2>&1 | tee`."""
    process = lab.spawn("plan", "--format", "json")
    silence.wait_for_requests()
    process.stderr.close()
    process.send_signal(signal.SIGINT)
    out = process.stdout.read()
    assert process.wait(20) == 130
    assert json.loads(out)["problems"]
    process.stderr = None


@pytest.mark.tongues("cipherinsights", "other")
def test_an_apply_says_at_once_what_an_interrupt_does_and_what_a_second_one(lab, wait_for, interrupt):
    (hub,) = lab.start("lab")
    hub.set_knobs(faults=parse_faults("POST /api_keys 1 after:hang:3"))
    lab.write(SPEC, concurrency=1)
    process = lab.spawn("apply", "--yes", "--quiet", "--format", "json")
    assert wait_for(process, lambda: "ci_0" in hub)
    with promptly():
        interrupt(process)
        first = hear(process, "again")
        interrupt(process)
        second = hear(process, "any more")
    assert first == "keyspec: interrupted; what is under way is finished (again to stop waiting for hubs)\n"
    assert second == "keyspec: not waiting for hubs any more, but for answers to what was sent\n"
    ran = lab.finish(process)
    assert (ran.code, ran.err, ran.steps()) == (130, "", ["create lab/ci_0 applied", "create lab/ci_1 skipped"])
    lab.check_custody()


def test_an_apply_that_is_interrupted_while_it_reads_says_nothing_of_finishing(lab, silence):
    process = lab.spawn("apply", "--yes")
    silence.wait_for_requests()
    process.send_signal(signal.SIGINT)
    assert lab.finish(process).err == "keyspec: interrupted\n"
