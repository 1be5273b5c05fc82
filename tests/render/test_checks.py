from __future__ import annotations

import json

from keyspec.check import Check
from keyspec.render.checks import render_checks, render_checks_json

CHECKS = (
    Check("hub lab", "ok", "reads work"),
    Check("store \x1b[31mfile", "failed", "::error::it is full", "make \u202eroom"),
)


def test_each_check_is_a_line_and_its_hint_another():
    lines = render_checks(CHECKS, color=False, width=100).splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "failed", "make"]


def test_colour_is_only_there_when_it_is_asked_for():
    assert "\x1b[" not in render_checks(CHECKS, color=False, width=100)
    assert "\x1b[32m" in render_checks(CHECKS, color=True, width=100)


def test_hostile_text_is_disarmed_in_both_forms():
    for text in (render_checks(CHECKS, color=False, width=100), render_checks_json(CHECKS)):
        assert not {"\x1b", "\u202e"} & set(text)
        assert "::error::" not in text


def test_the_json_holds_every_check():
    document = json.loads(render_checks_json(CHECKS))
    assert document["format"] == "keyspec-checks/1"
    assert [check["verdict"] for check in document["checks"]] == ["ok", "failed"]
