import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

CODE = """
from keyspec.devhub import DevHub, serve
serve([DevHub("one"), DevHub("two")])
print("stopped")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_several_hubs_are_served_until_a_signal(number):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CODE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        lines = [process.stdout.readline() for _ in range(2)]
        assert [line.split()[0] for line in lines] == ["one", "two"]
        for line in lines:
            url = re.fullmatch(r"\w+ (http://127\.0\.0\.1:\d+)\n", line)[1]
            assert httpx.get(url).status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "stopped\n", "")
