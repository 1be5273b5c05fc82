"""One run of another program: bytes in, bytes out, within limits of time and size.

Rules kept here: the argument vector is the program alone; its environment is PATH, HOME, LANG and TMPDIR and nothing
else; it is a session of its own, so that Ctrl-C ends nothing half done, and is ended with all it started when it
takes too long or says too much. What it writes to stderr is kept up to a limit, the rest is read and forgotten.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from keyspec.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSED_ON: Final = ("PATH", "HOME", "LANG", "TMPDIR")

MAX_OUTPUT_BYTES: Final = 16 * 1024 * 1024
MAX_ERROR_BYTES: Final = 16 * 1024

_CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended and what it said; `status` is negative for a signal."""

    status: int
    output: bytes
    error: bytes


def run_program(program: str, data: bytes, *, environ: Mapping[str, str], timeout_s: float) -> Done:
    """Run a program with `data` on its stdin.

    Raises:
        StoreError: it cannot be started, took longer than `timeout_s`, or wrote more than `MAX_OUTPUT_BYTES`.
    """
    try:
        process = subprocess.Popen(
            [program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={name: environ[name] for name in PASSED_ON if name in environ},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name cannot be used"
        raise StoreError(f"the program cannot be started: {why}") from error
    try:
        talk = _Talk(data)
        talk.hold(process, time.monotonic() + timeout_s, timeout_s)
        return Done(process.wait(), bytes(talk.output), bytes(talk.error))
    finally:
        _end(process)


class _Talk:
    """What goes to a program and what has come from it so far."""

    def __init__(self, data: bytes) -> None:
        self.output = bytearray()
        self.error = bytearray()
        self._unsent = memoryview(data)

    def hold(self, process: subprocess.Popen[bytes], end: float, timeout_s: float) -> None:
        """Write and read until the program has closed its side and ended."""
        with selectors.DefaultSelector() as selector:
            for stream, step, event in (
                (process.stdin, self._send, selectors.EVENT_WRITE),
                (process.stdout, self._take_output, selectors.EVENT_READ),
                (process.stderr, self._take_error, selectors.EVENT_READ),
            ):
                assert stream is not None  # noqa: S101 - all three are pipes
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, event, (step, stream))
            while selector.get_map():
                if (left_s := end - time.monotonic()) <= 0:
                    raise StoreError(f"the program took longer than {timeout_s:g} s")
                for key, _ in selector.select(left_s):
                    step, stream = key.data
                    if not step(stream):
                        selector.unregister(stream)
                        stream.close()
            try:
                process.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                raise StoreError(f"the program took longer than {timeout_s:g} s") from None

    def _send(self, stream: IO[bytes]) -> bool:
        """Write on; False once all is written, or the program does not want it."""
        try:
            self._unsent = self._unsent[os.write(stream.fileno(), self._unsent[:_CHUNK_BYTES]) :]
        except BrokenPipeError:
            return False
        return bool(self._unsent)

    def _take_output(self, stream: IO[bytes]) -> bool:
        part = os.read(stream.fileno(), _CHUNK_BYTES)
        self.output += part
        if len(self.output) > MAX_OUTPUT_BYTES:
            raise StoreError(f"the program wrote more than {MAX_OUTPUT_BYTES} bytes")
        return bool(part)

    def _take_error(self, stream: IO[bytes]) -> bool:
        part = os.read(stream.fileno(), _CHUNK_BYTES)
        self.error += part[: MAX_ERROR_BYTES - len(self.error)]
        return bool(part)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program, and what it started in its session; close the pipes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
