"""Answers that are cut, imports that are refused, a full disk: no value is told by any command, and the search bites.

The campaign's worlds are searched like these (`World.check`), as is every lab and every folder of a command's test.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import shutil
import tempfile
from urllib.parse import quote

import pytest
from canary import watch
from crash.world import GIVEN, Scenario

from keyspec.devhub import DevHub

REFERENCE = Scenario('{roles: [User], value: {from: "env:CI_VALUE"}}')
GENERATED = "{roles: [User], value: {from: generated}}"
SHARED = "{roles: [User], value: {shared: true, origin: a}}"
VAULT = "vault:secret/{key}#value"
SCENARIOS = {
    "answer cut": (Scenario("{roles: [User]}"), "POST /api_keys 1 after:cut"),
    "answer truncated": (Scenario("{roles: [User]}"), "POST /api_keys 1 after:truncate"),
    "refused import": (REFERENCE, "POST ** 1 before:status:422"),
    "cut import": (Scenario(GENERATED), "POST ** 1 after:cut"),
    "shared, refused": (Scenario(SHARED, "abc", "file:secrets/{key}"), "POST ** 1 before:status:403"),
    "full disk": (Scenario("{roles: [User]}", condition="full-disk"), "GET ** 9 before:html"),
    "vault, cut": (Scenario(SHARED, "abc", VAULT), "POST ** 1 after:cut"),
}
TOLD = (
    ["validate", "-v"],
    ["plan", "-v"],
    ["plan", "--format", "json"],
    ["apply", "--yes", "-v"],
    ["doctor"],
    ["doctor", "--format", "json"],
    ["list", "-v"],
    ["list", "--format", "json"],
)


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_is_asked_after_trouble_no_value_is_told(world, name):
    with world(*SCENARIOS[name]) as each:
        each.spawn(0, "kill", "--format", "json")
        each.heal()
        for words in TOLD:
            assert each.run(*words) in (0, 1, 3)
        each.settle()
        for words in TOLD:
            assert each.run(*words) == 0
        each.check_end()


# Without these the search could be blind


def hide(value):
    """Give a value in the forms in which it could be overlooked, whole and cut."""
    yield from (value, value[: len(value) - 8], value[8:], value.encode().hex(), value.encode().hex().upper())
    yield from (base64.b64encode(bytes(offset) + value.encode()).decode() for offset in range(3))
    yield base64.urlsafe_b64encode(b"??" + value.encode()).decode()
    yield from (json.dumps({"value": value}), quote(value), quote(value, safe=""))


def leave(each, place, text):
    """Leave a text somewhere; give how to take it away again."""
    if place == "output":
        each.said.append(text)
        return each.said.pop
    if place == "log":
        logging.getLogger("anybody").debug(text)
        return lambda: each.canary.log.truncate(each.canary.log.seek(0))
    path = each.folder / place
    if place == "name":
        (path := each.folder / "named" / text).mkdir(parents=True)
        return lambda: shutil.rmtree(each.folder / "named")
    if place == "temporary":
        path = each.canary.temporary / "deep/down"
        path.parent.mkdir(exist_ok=True)
    before = path.read_bytes() if path.exists() else None
    path.write_text(text)
    return path.unlink if before is None else lambda: path.write_bytes(before)


PLACES = [
    "notes.txt",
    "keyspec.yaml",
    "secrets/a/ci_a.keyspec",
    "secrets/a/ci_a.tmp",
    "secrets/a/ci_b",
    "state/keyspec/list.json",
    "output",
    "log",
    "name",
    "temporary",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_value_that_is_left_somewhere_is_found_in_whatever_form(world, place):
    with world(REFERENCE) as each:
        each.settle()
        (each.folder / "state/keyspec").mkdir(parents=True, exist_ok=True)
        credential, stored = each.hubs["a"].admin_value, each.stored("a")
        assert stored == GIVEN
        for value in (GIVEN, credential):
            for text in hide(value):
                take_away = leave(each, place, f"so: {text}")
                with pytest.raises(AssertionError, match="a value was left there") as told:
                    each.canary.search()
                assert value not in str(told.value)
                take_away()
                each.canary.search()


def test_a_temporary_file_is_the_stores_only_until_the_run_after_a_kill_has_settled(world):
    with world(REFERENCE) as each:
        each.settle()
        path = each.folder / "secrets/a/ci_a.tmp"
        path.write_text(GIVEN)
        path.chmod(0o600)
        each.canary.killed = True
        each.canary.search()
        each.canary.killed = False
        with pytest.raises(AssertionError, match=r"secrets/a/ci_a\.tmp"):
            each.canary.search()
        path.unlink()


@pytest.mark.parametrize("place", ["secrets/a/ci_a", "secrets/a/ci_a.prev", "state/keyspec/spool/x.json"])
def test_a_value_where_it_belongs_is_found_if_others_may_read_it(world, place):
    with world(REFERENCE) as each:
        each.settle()
        path = each.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GIVEN)
        path.chmod(0o600)
        each.canary.search()
        path.chmod(0o640)
        with pytest.raises(AssertionError, match=place):
            each.canary.search()
        path.chmod(0o600)


@pytest.mark.parametrize("place", ["secrets/a/ci_a", "secrets/a/ci_a.prev", "state/keyspec/spool/x.json"])
def test_a_credential_does_not_belong_even_there(world, place):
    with world(REFERENCE) as each:
        each.settle()
        path = each.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if path.exists() else ""
        path.write_text(each.hubs["a"].admin_value)
        path.chmod(0o600)
        with pytest.raises(AssertionError, match=place):
            each.canary.search()
        path.write_text(before)


def test_a_spool_that_should_be_sealed_is_found_if_it_is_not(world):
    with world(REFERENCE) as each:
        spool = each.folder / "state/keyspec/spool"
        spool.mkdir(parents=True)
        each.canary.read_specs()
        (spool / "x.age").write_text(GIVEN)
        (spool / "x.age").chmod(0o600)
        with pytest.raises(AssertionError, match=r"x\.age"):
            each.canary.search()
        (spool / "x.age").unlink()


def test_a_dotenv_file_may_hold_a_value_in_its_lines_only(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "keyspec.yaml").write_text('keys: {a: {store: {primary: "age:a", replicas: ["dotenv:.env#CI"]}}}')
    (env := folder / ".env").touch(mode=0o600)
    with watch(folder) as canary:
        canary.add(GIVEN)
        env.write_text(f"OTHER=1\nexport CI='{GIVEN}'\n")
        canary.search()
        for text in (f"OTHER={GIVEN}\n", f"CI=x\n# {GIVEN}\n", f"MY_CI={GIVEN}\n"):
            env.write_text(text)
            with pytest.raises(AssertionError, match=r"\.env"):
                canary.search()
        env.write_text("")
        (folder / "a").write_text(GIVEN)
        with pytest.raises(AssertionError, match="'a'"):
            canary.search()
        (folder / "a").unlink()


def test_every_value_that_a_hub_makes_or_is_given_is_known(tmp_path, monkeypatch, world):
    folder = tmp_path / "lab"
    folder.mkdir()
    with watch(folder) as canary, DevHub() as hub:
        given = [hub.seed_key("a"), hub.seed_key("b", value=GIVEN), *hub.seed_keys(["c", "d"]).values()]
        assert canary.values == {hub.admin_value, *given}
        (folder / "reference").write_text("A-value-in-a-file-42\n")
        canary.allow("reference")
        (folder / "keyspec.yaml").write_text("value: {from: env:OURS}, auth: env:HOME")
        monkeypatch.setenv("OURS", "A-value-in-the-environment")
        canary.search()
        more = {"A-value-in-a-file-42", "A-value-in-the-environment"}
        assert canary.values == {hub.admin_value, *given, *more}
        assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(canary.temporary)
    with world(Scenario(GENERATED), "POST ** * before:status:503") as each:
        each.spawn("within link")
        assert len(each.canary.values) == 3
