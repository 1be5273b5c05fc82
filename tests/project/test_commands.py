from __future__ import annotations

import re
import shlex
from importlib import import_module

import click
import pytest
from processes import run_keyspec

from keyspec.cli import COMMANDS, GROUPS, main

COMMAND = {name: import_module(f"keyspec.commands.{name.replace(' ', '_')}").command for name in COMMANDS}
WITH_OPTIONS = [name for name, command in COMMAND.items() if any(isinstance(p, click.Option) for p in command.params)]


def words_of(example):
    """Give the words of an example as a shell would, without what is redirected or set."""
    line = re.sub(r" > .*$", "", example)
    return [word for word in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=\S*", word)]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_works_and_shows_the_examples(name, tmp_path):
    ran = run_keyspec(*name.split(), "--help", cwd=tmp_path, environ={"COLUMNS": "100"})
    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: keyspec {name}" in ran.out
    assert all(f"$ {example}\n" in re.sub(r" +\n", "\n", ran.out) for example in COMMAND[name].examples)
    assert max(map(len, ran.out.splitlines())) <= 100


@pytest.mark.parametrize(("name", "example"), [(name, text) for name in COMMANDS for text in COMMAND[name].examples])
def test_an_example_is_a_command_that_can_be_given(name, example):
    words = ["keyspec", *name.split()]
    assert words_of(example)[: len(words)] == words
    ctx = COMMAND[name].make_context(
        name, words_of(example)[len(words) :], parent=click.Context(main, info_name="keyspec")
    )
    assert ctx.command is COMMAND[name]


@pytest.mark.parametrize("name", WITH_OPTIONS)
def test_every_option_is_read_from_the_environment_by_its_own_name(name):
    options = [param for param in COMMAND[name].params if isinstance(param, click.Option)]
    for option in options:
        long = next(text for text in option.opts if text.startswith("--"))[2:].replace("-", "_").upper()
        assert option.envvar in (f"KEYSPEC_{long}", f"KEYSPEC_{name.upper().replace(' ', '_')}_{long}")
        assert option.help


def test_one_variable_never_means_two_things():
    meanings = {}
    for name in WITH_OPTIONS:
        for param in COMMAND[name].params:
            if isinstance(param, click.Option):
                meanings.setdefault(param.envvar, set()).add((param.opts[-1], str(param.type), param.multiple))
    assert [variable for variable, found in meanings.items() if len(found) > 1] == []


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_shows_its_commands(group, tmp_path):
    ran = run_keyspec(group, "--help", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    within = [name.split()[-1] for name in COMMANDS if name.startswith(f"{group} ")]
    assert within
    assert all(name in ran.out for name in within)


def test_the_list_of_commands_is_that_of_the_modules():
    assert list(COMMANDS) == list(COMMAND)
    assert all(command.name == name.split()[-1] and command.short_help for name, command in COMMAND.items())
