from __future__ import annotations


def test_a_starter_is_written_and_valid(tmp_path, keyspec):
    ran = keyspec("init", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("keyspec: wrote keyspec.yaml and keyspec.schema.json")
    assert (tmp_path / ".gitignore").read_text() == "/secrets/\n"
    assert keyspec("validate", cwd=tmp_path).code == 0


def test_nothing_is_overwritten(tmp_path, keyspec):
    for name in ("keyspec.yaml", "keyspec.schema.json"):
        (tmp_path / name).write_text("mine")
        ran = keyspec("init", cwd=tmp_path)
        assert ran.code == 64
        assert f"{name} is there already; nothing was written" in ran.err
        assert {path.name for path in tmp_path.iterdir()} == {name}
        (tmp_path / name).unlink()


def test_the_keys_of_a_live_hub_are_declared_as_they_are(tmp_path, hub, keyspec):
    hub.seed_key("of somebody", roles=("User",))
    hub.seed_key("on", description="a: 'b' \u2192 #", roles=("User",), reauthentication_timeout=90)
    ran = keyspec("init", "specs", "--url", hub.url, cwd=tmp_path, environ={"HUB_KEY": hub.admin_value})
    assert ran.code == 0, ran.err
    environ = {"HUB_KEY": hub.admin_value}
    plan = keyspec("plan", "-f", "specs", "--exit-code", cwd=tmp_path, environ=environ)
    assert plan.code == 0, plan.out + plan.err


def test_what_makes_no_spec_is_5_and_writes_nothing(tmp_path, keyspec):
    ran = keyspec("init", "--auth", "the-value-itself", cwd=tmp_path)
    assert ran.code == 5
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_hub_is_1_and_nothing_is_written(tmp_path, hub, keyspec):
    ran = keyspec("init", "--url", hub.url, cwd=tmp_path, environ={"HUB_KEY": "wrong"})
    assert ran.code == 1
    assert list(tmp_path.iterdir()) == []
