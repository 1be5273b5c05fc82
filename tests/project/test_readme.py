"""The README is run. What a block is stands in a comment on the line before it:

    folder NAME        a new folder and a new hub, prepared as `PREPARED` says, for what follows
    file PATH          the block is written there
    compare            each `$ command` is run, and what it prints, stdout and stderr, is what stands below it
    run: lock KEY      somebody does this at the portal
    python, printed    the program is run; what it prints
    not run            is only shown

`pytest tests/project/test_readme.py --update-golden` writes what is printed into the README.
"""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
from processes import clean_environ

import keyspec
from keyspec.cli import COMMANDS
from keyspec.commands.plan import command as plan_command
from keyspec.devhub import DevHub
from keyspec.guard import GUARDS
from keyspec.spec import Fields, Guards, Hub, KeySpec, Ownership, SpecFile
from keyspec.trust import PINNED

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"((?:<!-- [^\n]* -->\n)+)(?:```(\w+)\n(.*?)```\n)?", re.DOTALL)
URLS = ("https://hub-eu.example.com", "http://127.0.0.1:8801")


def prepare_first(hub):
    hub.seed_key("ci_deployer", description="deploys", roles=("User",))
    hub.seed_key("ci_old", roles=("User",))
    hub.seed_key("ci_scanner", roles=("User",), reauthentication_timeout=300)


def prepare_saved(hub):
    hub.seed_key("ci_deployer", roles=("User",))


PREPARED = {"first": prepare_first, "saved": prepare_saved}


class Reader:
    """Somebody who follows the README."""

    def __init__(self, path, stack):
        self.path = path
        self.stack = stack
        self.printed = ""

    def enter(self, name):
        self.folder = self.path / name
        self.folder.mkdir()
        self.hub = self.stack.enter_context(DevHub(name))
        self.url = URLS[1]
        PREPARED.get(name, lambda _: None)(self.hub)

    def run(self, line):
        done = subprocess.run(
            ["bash", "-c", line.replace("http://127.0.0.1:8801", self.hub.url)],
            cwd=self.folder,
            env=clean_environ(
                PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                HUB_KEY=self.hub.admin_value,
                XDG_STATE_HOME=str(self.path / "state"),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        return done.stdout.replace(self.hub.url, self.url)

    def follow(self, marks, text):
        """Do what a block asks for; give the block as it should be."""
        for mark in marks:
            word, _, rest = mark.partition(" ")
            match word:
                case "folder":
                    self.enter(rest)
                case "file":
                    self.url = next((url for url in URLS if url in text), self.url)
                    (self.folder / rest).write_text(text.replace(self.url, self.hub.url), encoding="utf-8")
                case "run:":
                    self.hub.lock_key(rest.removeprefix("lock "))
                case "python":
                    (self.folder / "program.py").write_text(text, encoding="utf-8")
                    self.printed = self.run("python program.py")
                case "printed":
                    return self.printed
                case "compare":
                    lines = [line for line in text.splitlines() if line.startswith("$ ")]
                    return "".join(f"{line}\n{self.run(line[2:])}" for line in lines)
                case _:
                    assert mark == "not run"
        return text


def test_it_can_be_followed_to_the_letter(tmp_path, update_golden):
    text = README.read_text(encoding="utf-8")
    with ExitStack() as stack:
        reader = Reader(tmp_path, stack)

        def replace(match):
            marks = re.findall(r"<!-- (.*?) -->", match[1])
            found = reader.follow(marks, match[3] or "")
            return match[1] + (f"```{match[2]}\n{found}```\n" if match[2] else "")

        followed = BLOCK.sub(replace, text)
    if update_golden:
        README.write_text(followed, encoding="utf-8")
    assert followed == README.read_text(encoding="utf-8")


def test_every_block_says_what_it_is():
    text = README.read_text(encoding="utf-8")
    assert len(re.findall(r"^```\w", text, re.MULTILINE)) == sum(bool(match[2]) for match in BLOCK.finditer(text))


def section(title):
    text = README.read_text(encoding="utf-8")
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]


def test_the_table_of_commands_is_that_of_the_command_line():
    assert re.findall(r"^\| `keyspec ([\w ]+)` \|", section("Commands"), re.MULTILINE) == list(COMMANDS)


def test_every_option_of_plan_is_explained():
    told = set(re.findall(r"(--[a-z][a-z-]*)", section("Commands")))
    options = {text for param in plan_command.params if isinstance(param, click.Option) for text in param.opts}
    assert {text for text in options if text.startswith("--")} | {"--help", "--url", "--yes"} == told


def test_the_tables_of_the_spec_hold_every_field():
    rows = "\n".join(line.split("|")[1] for line in section("The spec").splitlines() if line.startswith("| "))
    told = {name.rpartition(".")[2] for name in re.findall(r"`([\w.]+)`", rows)} - {"ownership", "guards"}
    shapes = (SpecFile, Hub, Fields, KeySpec, Ownership, Guards)
    known = {field.name for shape in shapes for field in dataclasses.fields(shape)} - {"keyspec"}
    assert told | {"ownership", "guards"} == known


def test_the_table_of_refusals_is_that_of_the_guards():
    told = re.findall(
        r"`([a-z-]+)`",
        "\n".join(line.split("|")[1] for line in section("How it plans").splitlines() if line.startswith("| ")),
    )
    code = (ROOT / "keyspec" / "guard.py").read_text(encoding="utf-8")
    assert sorted(told) == sorted(re.findall(r'Problem\(\s*"([a-z-]+)"', code))
    assert len(told) == len(GUARDS)


def test_what_a_trusted_file_pins_is_told():
    pinned = re.search(r"pins each hub's (.*?), lists", section("Trust: specs from pull requests"), re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", pinned)) == set(PINNED)


def test_the_table_of_python_names_is_that_of_the_package():
    rows = "\n".join(line.split("|")[1] for line in section("From Python").splitlines() if line.startswith("| "))
    assert set(re.findall(r"`(\w+)`", rows)) | {"__version__"} == set(keyspec.__all__)


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_leads_somewhere(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    titles = {
        re.sub(r"[^\w -]", "", title).replace(" ", "-").lower()
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert link.startswith("https://") or link.removeprefix("#") in titles or (ROOT / link).exists(), link
