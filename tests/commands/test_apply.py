from __future__ import annotations

import json
import sys

import pexpect
import pytest
from processes import clean_environ, keyspec_command


def start(folder, *args, **environ):
    return spawn(folder, keyspec_command(*args), **environ)


def spawn(folder, command, **environ):
    child = pexpect.spawn(
        command[0],
        command[1:],
        cwd=folder.path,
        env=clean_environ(TERM="xterm", **folder.environ, **environ),
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 120),
    )
    child.logfile_read = folder.heard
    return child


def end(child):
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def test_an_apply_does_what_the_plan_says_and_then_nothing_is_left(folder):
    ran = folder.run("apply", "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert "Apply: 2 applied; 1 of 1 hub verified." in ran.out
    assert (folder.path / "secrets" / "ci_deployer").stat().st_mode & 0o777 == 0o600
    assert folder.run("plan", "-k", "ci_deployer", "--exit-code").code == 0
    held = folder.run("apply", "--yes")
    assert held.code == 0
    assert "not done without --allow-delete" in held.out
    assert folder.run("apply", "--yes", "--allow-delete").code == 0
    assert "ci_old" not in folder.hub


def test_no_terminal_and_no_yes_is_64_before_anything_is_read(folder):
    ran = folder.run("apply", stdin="yes\n")
    assert ran.code == 64
    assert "say --yes" in ran.err
    assert folder.hub.requests == []


def test_a_refused_apply_is_4_shows_the_plan_and_writes_nothing(folder):
    text = (folder.path / "keyspec.yaml").read_text()
    folder.spec(text.replace(', store: "file:secrets/{key}"', ""))
    for options in ((), ("--quiet",)):
        ran = folder.run("apply", "--yes", *options)
        assert ran.code == 4
        assert "REFUSED" in ran.out
    assert json.loads(folder.run("apply", "--yes", "--format", "json").out)["steps"]
    assert folder.writes == []


def test_json_is_one_document_with_an_outcome_per_step(folder):
    ran = folder.run("apply", "--yes", "--format", "json")
    report = json.loads(ran.out)
    assert [step["outcome"] for step in report["steps"]] == ["applied", "applied"]
    assert report["hubs"][0]["verified"] is True


def test_a_failed_apply_is_1_and_its_json_parses(folder):
    ran = folder.run("apply", "--yes", "--format", "json", LAB_KEY="wrong")
    assert ran.code == 1
    assert json.loads(ran.out)["hubs"][0]["status"] == "unreadable"


def test_quiet_shows_the_report_without_the_plan(folder):
    ran = folder.run("apply", "--yes", "--quiet")
    assert "Plan:" not in ran.out
    assert "Apply: 2 applied" in ran.out


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
class TestAtATerminal:
    def test_only_yes_in_full_is_a_yes(self, folder):
        child = start(folder, "apply")
        child.expect_exact("Apply 2 steps? Only `yes` is accepted: ")
        child.sendline("yes")
        child.expect_exact("Apply: 2 applied; 1 of 1 hub verified.")
        assert end(child) == 0

    @pytest.mark.parametrize("answer", ["y", "no", ""])
    def test_anything_else_declines_and_is_3(self, folder, answer):
        child = start(folder, "apply")
        child.expect_exact("is accepted: ")
        child.sendline(answer)
        child.expect_exact("nothing was applied")
        assert end(child) == 3
        assert folder.writes == []

    def test_the_end_of_the_input_declines(self, folder):
        child = start(folder, "apply")
        child.expect_exact("is accepted: ")
        child.sendeof()
        assert end(child) == 3

    def test_beside_json_the_plan_to_confirm_stands_on_stderr(self, folder, tmp_path):
        out = tmp_path / "out.json"
        command = " ".join(keyspec_command("apply", "--format", "json"))
        child = spawn(folder, ["/bin/sh", "-c", f"{command} > {out}"])
        child.expect_exact("Plan: 1 to create")
        child.expect_exact("is accepted: ")
        child.sendline("no")
        assert end(child) == 3
        assert [step["outcome"] for step in json.loads(out.read_text())["steps"]] == ["skipped", "skipped"]

    def test_progress_stands_on_a_terminal_only(self, folder):
        child = start(folder, "apply", "--yes")
        child.expect_exact("hubs read: 1 of 1")
        child.expect_exact("steps done: 2 of 2")
        assert end(child) == 0
        assert "steps done" not in folder.run("plan").err

    def test_quiet_has_no_progress(self, folder):
        child = start(folder, "plan", "--quiet")
        text = child.read()
        assert "hubs read" not in text
        assert "Plan: 1 to create" in text

    @pytest.mark.parametrize(
        ("options", "environ", "color"),
        [
            ((), {}, True),
            ((), {"NO_COLOR": "1"}, False),
            (("--color", "never"), {}, False),
            (("--color", "always"), {"NO_COLOR": "1"}, True),
            ((), {"KEYSPEC_COLOR": "never"}, False),
        ],
    )
    def test_colour_is_as_asked(self, folder, options, environ, color):
        text = start(folder, "plan", "--quiet", *options, **environ).read()
        assert ("\x1b[3" in text) is color

    def test_interrupted_at_the_question_is_130_and_nothing_is_written(self, folder):
        child = start(folder, "apply")
        child.expect_exact("is accepted: ")
        child.sendintr()
        child.expect_exact("keyspec: interrupted")
        assert end(child) == 130
        assert folder.writes == []
