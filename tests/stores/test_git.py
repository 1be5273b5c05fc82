from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from keyspec.desired import Entry
from keyspec.secret import Reference
from keyspec.stores.file import FileStore
from keyspec.stores.git import find_entries_in_git, unignored_in_git

ENVIRON = {"PATH": os.environ["PATH"]}

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def tree(tmp_path):
    def git(*arguments):
        environ = {**ENVIRON, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", *arguments], cwd=tmp_path / "tree", env=environ, check=True, capture_output=True)

    (tmp_path / "tree").mkdir()
    git("init", "--quiet")
    (tmp_path / "tree" / ".gitignore").write_text("/secrets/\n*.key\n!shown.key\n/tracked\n")
    (tmp_path / "tree" / "tracked").write_text("")
    git("add", "--force", "tracked")
    return tmp_path / "tree"


@needs_git
def test_what_git_ignores_may_hold_values_and_nothing_else_in_a_work_tree(tree):
    ignored = ["secrets/a", "secrets/not/there", "a.key", "deep/b.key"]
    unignored = ["a", "shown.key", "deep/c", "tracked", "with\nbreak", ":(glob)x", "ünï"]
    paths = [f"{tree}/{name}" for name in (*ignored, *unignored)]
    assert unignored_in_git(paths, ENVIRON) == {f"{tree}/{name}" for name in unignored}


@needs_git
def test_paths_outside_of_any_work_tree_are_of_no_concern(tree, tmp_path):
    assert unignored_in_git([str(tmp_path / "x"), "/no/such/folder/x"], ENVIRON) == frozenset()
    assert unignored_in_git([], ENVIRON) == frozenset()


@needs_git
def test_relative_paths_and_links_to_a_work_tree_are_seen_through(tree, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(tree)
    monkeypatch.chdir(tree)
    assert unignored_in_git(["a", "secrets/a", str(tmp_path / "link" / "a")], ENVIRON) == {
        "a",
        str(tmp_path / "link" / "a"),
    }


@needs_git
def test_many_paths_of_many_trees_are_judged_at_once(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "other")
    names = [f"{folder}/{number}" for number in range(3000) for folder in ("secrets", "open")]
    paths = [f"{root}/{name}" for root in (tree, tmp_path / "other") for name in names]
    assert unignored_in_git(paths, ENVIRON) == {path for path in paths if "/open/" in path}


@needs_git
def test_variables_of_git_point_nowhere_else(tree, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert unignored_in_git([f"{tree}/secrets/a"], {**ENVIRON, "GIT_DIR": str(tmp_path)}) == frozenset()


@needs_git
def test_no_program_of_the_repository_s_configuration_is_started(tree, tmp_path):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    with (tree / ".git" / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {program}\n")
    unignored_in_git([f"{tree}/a"], ENVIRON)
    assert not (tmp_path / "started").exists()


def test_without_git_all_of_a_work_tree_counts_as_not_ignored(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*\n")
    path = str(tmp_path / "deep" / "a")
    assert unignored_in_git([path], {"PATH": str(tmp_path)}) == {path}


@needs_git
def test_a_folder_that_git_does_not_understand_counts_as_not_ignored(tmp_path):
    (tmp_path / ".git").write_text("gitdir: /no/such/folder\n")
    path = str(tmp_path / "a")
    assert unignored_in_git([path], ENVIRON) == {path}


@needs_git
def test_an_entry_is_found_if_any_of_its_files_would_be_committed(tree):
    def entry(rest):
        return Entry(Reference("file", rest), str(tree / "keyspec.yaml"))

    entries = [entry("secrets/a"), entry("a.key"), entry("open")]
    # `a.key.prev` and `a.key.tmp` hold values too, and `*.key` does not ignore them.
    assert find_entries_in_git(entries, ENVIRON) == {entries[1], entries[2]}
    assert FileStore().look(entries[0]).note is None
