from __future__ import annotations

from keyspec.demo import HUBS, run_demo


def test_a_demo_that_goes_wrong_says_so_and_is_1(monkeypatch):
    told = []
    monkeypatch.setattr("keyspec.demo._run", lambda words, folder, environ: 7)
    assert run_demo(told.append) == 1
    assert told[-1] == "This is not how the demo should end. Please report it."


def test_the_commands_are_given_the_hubs_keys_and_none_of_the_users_options(monkeypatch):
    seen = []
    monkeypatch.setenv("KEYSPEC_YES", "1")

    def run(words, folder, environ):
        seen.append((words, set(environ)))
        assert (folder / "keyspec.yaml").exists()
        return 1

    monkeypatch.setattr("keyspec.demo._run", run)
    run_demo(lambda _: None)
    (words, names), *others = seen
    assert words == ("plan",)
    assert others == []
    assert {f"HUB_{name.upper()}_KEY" for name in HUBS} <= names
    assert "KEYSPEC_YES" not in names
