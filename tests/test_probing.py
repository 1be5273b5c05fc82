"""Probes without a socket: on a hub that calls keys by numbers, and by contracts whose keys are no credential."""

from __future__ import annotations

import httpx
import pytest
from builders import spec_of
from fakes.hub import CREDENTIAL, URL
from fakes.numbered import NUMBERED_TEXT, NumberedHub, numbered_contract
from fakes.other import OTHER_TEXT, OtherHub, other_contract, problem

from keyspec.connect import Connections
from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.errors import KeyspecError, RefusedError, UsageError
from keyspec.journal import Left, open_journal
from keyspec.overlay import lay_over
from keyspec.probing import prepare, probe_hub
from keyspec.render.probe import render_overlay
from keyspec.session import Session

SPEC = f'hubs: {{hub: {{url: "{URL}", auth: "env:A", auth_key_id: keyspec_ci, labels: {{env: sandbox}}}}}}\n'


def probe(folder, fake, contract, *, role="User", timeout_s=60):
    """Probe a fake hub; give what was seen, and what was announced as leftovers."""
    environ = {"A": CREDENTIAL, "XDG_STATE_HOME": str(folder)}
    connections = Connections(environ=environ, world=fake.time.world(), transport=httpx.MockTransport(fake.handle))
    session = Session(connections=connections)
    target = spec_of(SPEC, store=False, contract=contract).hubs["hub"]
    with open_journal(environ) as journal:
        setting = prepare(target, session, journal, role=role, timeout_s=timeout_s)
        return probe_hub(setting, target, session, journal), setting


def seen(probed, verdict):
    return {note.step: note.seen for note in probed.observations if note.verdict == verdict}


def journals(folder):
    return list((folder / "keyspec" / "probe").glob("*.json"))


@pytest.mark.parametrize("tells", [True, False])
def test_a_hub_that_calls_keys_by_numbers_is_asked_by_them(tmp_path, tells):
    fake = NumberedHub(tells=tells)
    fake.add("keyspec_ci")
    stranger = dict(fake.add("stranger"))
    probed, _ = probe(tmp_path, fake, numbered_contract())
    assert probed.created
    assert probed.left == {}
    assert [row["name"] for row in fake.rows] == ["keyspec_ci", "stranger"]
    assert fake.row("stranger") == stranger
    assert journals(tmp_path) == []
    assert seen(probed, "agrees")["ids_reusable"] == "the ID of a deleted key can be used again"
    assert all("num=" in target for method, target, _ in fake.writes if method == "DELETE")


def test_a_key_of_a_number_that_nobody_tells_is_never_deleted_by_all(tmp_path):
    fake = NumberedHub(tells=False)
    fake.add("keyspec_ci")
    fake.add("stranger")
    fake.before = lambda asked: (
        httpx.Response(500, json={}) if "skip=" in asked.target and len(fake.writes) == 1 else None
    )
    probed, _ = probe(tmp_path, fake, numbered_contract())
    assert {"keyspec_ci", "stranger"} <= {row["name"] for row in fake.rows}
    left = {row["name"] for row in fake.rows} - {"keyspec_ci", "stranger"}
    assert left <= set(probed.left)
    fake.before = lambda _: None
    probed, setting = probe(tmp_path, fake, numbered_contract())
    assert set(setting.leftovers) == left
    assert {row["name"] for row in fake.rows} == {"keyspec_ci", "stranger"}


@pytest.mark.parametrize("auth", ["none", "{scheme: basic}"])
def test_where_a_value_is_no_credential_the_key_is_not_tried(tmp_path, auth):
    fake = OtherHub(authorized=lambda _: True)
    contract = other_contract(("auth: {scheme: bearer}", f"auth: {auth}"))
    environ_value = CREDENTIAL if auth == "none" else f"me:{CREDENTIAL}"
    fake.add("keyspec_ci")
    environ = {"A": environ_value, "XDG_STATE_HOME": str(tmp_path)}
    connections = Connections(environ=environ, world=fake.time.world(), transport=httpx.MockTransport(fake.handle))
    session = Session(connections=connections)
    target = spec_of(SPEC, store=False, contract=contract).hubs["hub"]
    with open_journal(environ) as journal:
        setting = prepare(target, session, journal, role="User", timeout_s=1)
        probed = probe_hub(setting, target, session, journal)
    assert seen(probed, "unknown")["use"] == "the key cannot be tried: its value alone is no credential here"
    assert seen(probed, "agrees")["lock"] == "202"
    assert probed.denied_after_s is None
    assert fake.keys.keys() == {"keyspec_ci"}


def test_a_lost_create_that_is_found_is_deleted_and_one_that_is_not_stays_journalled(tmp_path):
    fake = NumberedHub()
    fake.add("keyspec_ci")
    fake.loses = lambda asked: asked.method == "POST"
    probed, _ = probe(tmp_path, fake, numbered_contract())
    assert not probed.created
    assert probed.left == {}
    assert [row["name"] for row in fake.rows] == ["keyspec_ci"]
    fake.before = lambda asked: httpx.Response(500, json={}) if asked.method == "POST" else None
    fake.loses = lambda _: False
    probed, _ = probe(tmp_path, fake, numbered_contract())
    assert list(probed.left.values()) == [
        "nobody knows whether it was made: the answer was lost, and it may still come to be"
    ]
    assert len(journals(tmp_path)) == 1
    (key_id,) = probed.left
    fake.before = lambda _: None
    fake.add(key_id)
    probed, setting = probe(tmp_path, fake, numbered_contract())
    assert setting.leftovers == (key_id,)
    assert [row["name"] for row in fake.rows] == ["keyspec_ci"]
    assert journals(tmp_path) == []


def test_what_a_dead_run_has_asked_for_may_land_until_the_hubs_timeout_is_over(tmp_path):
    fake = OtherHub()
    fake.add("keyspec_ci")
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    with open_journal(environ) as journal:
        journal.write(Left(URL, ("keyspec_probe_late",), pending=True))
    began = fake.time.now_s

    def land(asked):
        if fake.time.now_s - began >= 9 and "keyspec_probe_late" not in fake.keys and not landed:
            landed.append(True)
            fake.add("keyspec_probe_late")

    landed = []
    fake.before = land
    probed, setting = probe(tmp_path, fake, other_contract(), timeout_s=1)
    assert (setting.leftovers, probed.left) == ((), {})
    assert landed
    assert fake.time.now_s - began >= 10
    assert fake.keys.keys() == {"keyspec_ci"}
    assert journals(tmp_path) == []


def test_a_bug_leaves_no_key(tmp_path, monkeypatch):
    fake = OtherHub()
    fake.add("keyspec_ci")

    def fail(*_):
        raise RuntimeError("a text that may hold anything")

    monkeypatch.setattr("keyspec.probing.try_lock", fail)
    probed, _ = probe(tmp_path, fake, other_contract(), timeout_s=1)
    assert probed.broken
    assert not probed.whole
    assert seen(probed, "unknown")["stopped"] == "unexpected RuntimeError; please report it"
    assert fake.keys.keys() == {"keyspec_ci"}


def test_what_was_seen_is_laid_over_any_contract(tmp_path):
    for fake, contract, text in (
        (NumberedHub(), numbered_contract(), NUMBERED_TEXT),
        (OtherHub(locked_at_birth=True), other_contract(), OTHER_TEXT),
    ):
        fake.add("keyspec_ci")
        probed, _ = probe(tmp_path, fake, contract)
        over = render_overlay(contract, probed, "./base.yaml", made_at="now", version="1")
        base = parse_document(text.encode(), "base.yaml")
        laid = parse_contract(lay_over(base, parse_document(over.encode(), "over.yaml")))
        assert {name: getattr(laid.capabilities, name) for name in ("created_locked", "etag")} == {
            each.name: each.value for each in probed.capabilities if each.name in ("created_locked", "etag")
        }


@pytest.mark.parametrize(
    ("label", "role", "timeout_s", "says"),
    [
        ("lab", "User", 60, "not-a-sandbox"),
        ("sandbox", None, 60, "nobody knows the weakest"),
        ("sandbox", "User", 90, "no whole number of minutes"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, label, role, timeout_s, says):
    fake = NumberedHub()
    contract = numbered_contract(("reauth_timeout: hold", "reauth_timeout: {at: hold, unit: min}"))
    environ = {"A": CREDENTIAL, "XDG_STATE_HOME": str(tmp_path)}
    connections = Connections(environ=environ, transport=httpx.MockTransport(fake.handle))
    target = spec_of(SPEC.replace("sandbox", label), store=False, contract=contract).hubs["hub"]
    with open_journal(environ) as journal, pytest.raises(RefusedError, match=says):
        prepare(target, Session(connections=connections), journal, role=role, timeout_s=timeout_s)
    assert fake.writes == []


def test_a_role_that_the_hub_lacks_is_wrong_usage_and_nothing_is_written(tmp_path):
    fake = NumberedHub()
    with pytest.raises(UsageError, match="--role Nobody: the hub has no such role"):
        probe(tmp_path, fake, numbered_contract(), role="Nobody")
    assert fake.writes == []


def test_keyspecs_own_key_is_no_leftover_even_if_it_is_journalled(tmp_path):
    fake = OtherHub()
    fake.add("keyspec_ci")
    with open_journal({"XDG_STATE_HOME": str(tmp_path)}) as journal:
        journal.write(Left(URL, ("keyspec_ci",)))
    probed, setting = probe(tmp_path, fake, other_contract(), timeout_s=1)
    assert (setting.leftovers, probed.left) == ((), {})
    assert fake.keys.keys() == {"keyspec_ci"}


def test_a_copy_that_may_be_anothers_key_is_left_alone_where_descriptions_are_hidden(tmp_path):
    fake = OtherHub()
    fake.add("keyspec_ci")
    fake.add("stranger")
    row = dict(fake.keys["stranger"])
    fake.before = lambda asked: httpx.Response(202, json={"data": row}) if asked.path.endswith(":import") else None
    contract = other_contract(("  description: note\n", ""))
    probed, _ = probe(tmp_path, fake, contract, timeout_s=1)
    assert seen(probed, "differs")["copy"] == ("the hub answers with an ID that may be another key's: it is left alone")
    assert fake.keys["stranger"] == row
    assert not any("stranger" in path for _, path in fake.told)


def test_a_key_that_was_there_before_stays_even_if_an_edit_gives_it_the_mark(tmp_path):
    fake = OtherHub()
    fake.add("keyspec_ci")
    fake.add("stranger")

    def spread(asked):
        if asked.method == "PATCH" and "note" in asked.json:
            fake.keys["stranger"]["note"] = asked.json["note"]

    fake.before = spread
    probe(tmp_path, fake, other_contract(), timeout_s=1)
    assert fake.keys["stranger"]["note"].startswith("keyspec contract probe ")
    assert fake.keys.keys() == {"keyspec_ci", "stranger"}


def test_a_value_that_a_hub_repeats_is_never_noted(tmp_path):
    fake = OtherHub()
    fake.add("keyspec_ci")

    def repeat(asked):
        if asked.method == "DELETE" and not deleted:
            deleted.append(asked.path)
            return problem(422, "no", f"not while it has v4lue-of-{asked.path.rpartition('/')[2]}")
        return None

    deleted = []
    fake.before = repeat
    probed, _ = probe(tmp_path, fake, other_contract(), timeout_s=1)
    assert deleted
    assert "422" in seen(probed, "differs")["delete"]
    assert "v4lue" not in str(probed)


def test_while_nobody_knows_the_value_no_text_of_the_hub_is_noted(tmp_path):
    fake = OtherHub()
    fake.add("keyspec_ci")

    def twist(asked):
        if asked.method == "PATCH":
            return problem(422, "no", "its value is v4lue-of-it")
        if asked.method == "POST":
            fake.add(asked.json["id"], note=asked.json["note"])
            return httpx.Response(202, json={"data": {"sekret": "v4lue-of-it"}})
        return None

    fake.before = twist
    probed, _ = probe(tmp_path, fake, other_contract(), timeout_s=1)
    assert probed.created
    assert seen(probed, "differs")["lock"] == "422"
    assert "v4lue" not in str(probed)


def test_a_hub_that_cannot_be_read_is_an_error_before_anything_is_written(tmp_path):
    fake = NumberedHub(before=lambda _: httpx.Response(404, json={}))
    with pytest.raises(KeyspecError, match="404"):
        probe(tmp_path, fake, numbered_contract())
    assert fake.writes == []
