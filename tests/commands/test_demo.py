from __future__ import annotations

from processes import run_keyspec

from keyspec import cli


def test_the_demo_ends_well_and_leaves_nothing(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "home").mkdir()
    ran = run_keyspec(
        "demo",
        cwd=tmp_path,
        environ={"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path / "home"), "KEYSPEC_YES": "x"},
    )
    assert (ran.code, ran.err) == (0, ""), ran.err
    assert ran.out.count("$ keyspec ") == 5
    assert "Nothing to do: every declared key is as declared." in ran.out
    assert max(map(len, ran.out.splitlines())) <= 120
    assert list((tmp_path / "tmp").iterdir()) == list((tmp_path / "home").iterdir()) == []


def test_the_demo_shows_no_value(canary, capfd):
    assert cli.call(["demo"]) == 0
    canary.said.extend(capfd.readouterr())
    assert len(canary.values) > 3 * 5
