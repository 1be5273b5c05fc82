from __future__ import annotations

import re
import socket

import httpx
import pexpect
import pytest
from processes import clean_environ, keyspec_command, run_keyspec

from keyspec.commands.devhub import command
from keyspec.devhub import parse_knobs
from keyspec.devhub.dialects import DEFAULT_DIALECT, DIALECTS


@pytest.fixture
def devhub(tmp_path):
    children = []

    def start(*args, **environ):
        first, *words = keyspec_command("devhub", *args)
        child = pexpect.spawn(first, words, cwd=tmp_path, env=clean_environ(**environ), encoding="utf-8", timeout=60)
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def test_hubs_run_until_ctrl_c(devhub):
    child = devhub("--hubs", "2")
    child.expect(r"hub1 (\S+) (\S+)\s+hub2 (\S+) (\S+)\s")
    url, value = child.match[3], child.match[4]
    assert httpx.get(f"{url}/api/v1/roles", headers={"x-api-key": value}).status_code == 200
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus in (0, 130)


def test_a_given_value_is_not_printed(devhub):
    child = devhub("--admin-key", "env:MINE", MINE="my-own-value")
    child.expect(r"devhub (\S+)\s")
    assert httpx.get(f"{child.match[1]}/api/v1/roles", headers={"x-api-key": "my-own-value"}).status_code == 200
    assert "my-own-value" not in child.before + child.after


def test_hubs_speak_the_dialect_they_are_told(devhub):
    child = devhub("--dialect", "other")
    child.expect(r"devhub (\S+) (\S+)\s")
    answer = httpx.get(f"{child.match[1]}/admin/v2/roles", headers={"authorization": f"Bearer {child.match[2]}"})
    assert (answer.status_code, set(answer.json())) == (200, {"data", "meta"})


def test_the_dialects_of_the_help_are_those_there_are(tmp_path):
    (choice,) = (option.type.choices for option in command.params if option.name == "dialect")
    assert tuple(choice) == tuple(DIALECTS)
    assert next(option.default for option in command.params if option.name == "dialect") == DEFAULT_DIALECT
    ran = run_keyspec("devhub", "--dialect", "third", cwd=tmp_path)
    assert ran.code == 64


def test_the_selectors_of_plan_are_not_its_number_of_hubs(devhub):
    child = devhub(KEYSPEC_HUBS="env=prod")
    child.expect(r"devhub http\S+ \S+\s")


def test_a_knob_that_does_not_exist_is_64(tmp_path):
    ran = run_keyspec("devhub", "--knob", "volume=11", cwd=tmp_path)
    assert ran.code == 64
    assert "knob 'volume': there is none" in ran.err


def test_every_knob_of_the_help_is_one():
    knobs = re.findall(r"^  ((?!fault)\w+=\w+) ", command.help, re.MULTILINE)
    assert len(knobs) == 11
    parse_knobs(knobs)
    kinds = re.search(r"KIND is ([^:]+?), status:", command.help)[1].split(", ")
    parse_knobs([f"fault=POST /api_keys 2-4 before:{kind}" for kind in (*kinds, "hang:1", "status:503:retry-after=1")])


def test_what_cannot_be_served_is_wrong_usage(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run_keyspec("devhub", "--port", port, cwd=tmp_path)
    assert ended.code == 64
    assert "choose another --port" in ended.err
    for wrong in (["--hubs", "3", "--port", "65534"], ["--admin-key", "no reference"]):
        ended = run_keyspec("devhub", *wrong, cwd=tmp_path)
        assert ended.code == 64
        assert "unexpected" not in ended.err


def test_a_database_that_cannot_be_is_wrong_usage(tmp_path):
    (tmp_path / "devhub.sqlite").write_text("this is no database, and long enough to be seen as none" * 40)
    ended = run_keyspec("devhub", "--database", str(tmp_path), cwd=tmp_path)
    assert ended.code == 64
    assert "unexpected" not in ended.err
