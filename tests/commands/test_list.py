from __future__ import annotations

import json


def test_a_grid_shows_every_live_key(folder):
    ran = folder.run("list", "--sort=-key")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[:2] for line in ran.out.splitlines()[1:3]] == [["lab", "keyspec_ci"], ["lab", "ci_old"]]


def test_rows_are_searched_and_paged(folder):
    grid = json.loads(folder.run("list", "--rows", "1", "--page", "2", "--format", "json").out)
    assert (grid["page"], grid["pages"], len(grid["rows"])) == (2, 2, 1)
    assert folder.run("list", "--search", "nothing").out.endswith("0 keys found.\n")


def test_a_column_that_does_not_exist_is_64_before_any_hub_is_asked(folder):
    ran = folder.run("list", "--sort", "name")
    assert ran.code == 64
    assert folder.hub.requests == []


def test_an_unreadable_hub_is_1_and_named(folder):
    ran = folder.run("list", LAB_KEY="wrong", KEYSPEC_FORMAT="json")
    assert ran.code == 1
    assert json.loads(ran.out)["rows"] == []
    assert "keyspec: lab is unreadable: " in ran.err
