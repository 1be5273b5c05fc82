"""How a probe's keys are told from all others, and what is sent once another key has changed: on a hub in memory."""

from __future__ import annotations

import httpx
import pytest
from fakes.hub import URL
from fakes.other import OtherHub, other_contract

from keyspec.errors import HubError
from keyspec.journal import Journal, Left
from keyspec.removal import Removal

MARK = "keyspec contract probe 0123"
OURS = "keyspec_probe_0123"
BLIND = other_contract(("  description: note\n", ""))


@pytest.fixture
def fake():
    fake = OtherHub()
    fake.add("keyspec_ci", note=f"{MARK}: looks like a probe's")
    fake.add("stranger", note="mine")
    return fake


@pytest.fixture
def make(fake, tmp_path):
    """Give the removal of a probe that has journalled its key, and perhaps asked for it."""

    def begin(*, contract=None, before=None, spared=frozenset({"keyspec_ci"}), asked=True, **more):
        states = {"keyspec_ci": "active", "stranger": "active"} if before is None else before
        hub = fake.connect(contract=contract or other_contract())
        removal = Removal(hub, Journal(tmp_path), Left(URL), states, spared, **more)
        removal.begin(OURS, f"{OURS}_2", mark=MARK)
        if asked:
            removal.unsent.discard(OURS)
        return removal

    return begin


def deletes(fake):
    return [path.rpartition("/")[2] for method, path, _ in fake.writes if method == "DELETE"]


def deny_lists(fake):
    fake.before = lambda asked: httpx.Response(403, json={}) if asked.path.endswith("/keys") else None


# Which keys are a probe's


def test_a_key_of_keyspecs_own_is_never_found_even_if_it_has_the_mark(fake, make):
    fake.add(OURS, note=MARK)
    assert [key.key_id for key in make().find()] == [OURS]


def test_a_key_of_keyspecs_own_is_never_adopted_even_if_it_has_the_mark(make):
    removal = make(before={})
    assert not removal.adopt("keyspec_ci")
    assert "keyspec_ci" not in removal.left.key_ids


def test_a_key_with_another_description_is_not_adopted(make):
    assert not make(before={}).adopt("stranger")


def test_where_descriptions_are_hidden_a_key_that_was_there_before_is_not_adopted(fake, make):
    removal = make(contract=BLIND, spared=frozenset())
    assert not removal.adopt("stranger")
    fake.add("made_up")
    assert removal.adopt("made_up")
    assert "made_up" in removal.journal.read(URL).key_ids


def test_what_is_not_listed_is_not_adopted(make):
    assert not make().adopt("nobody")


# What is removed


def test_what_is_removed_is_the_probes_alone(fake, make):
    fake.add(OURS)
    fake.add("made_up", note=f"{MARK}: a throw-away key")
    removal = make()
    assert removal.clean() == {}
    assert fake.keys.keys() == {"keyspec_ci", "stranger"}
    assert not removal.journal.path(URL).exists()


def test_the_journal_stays_until_no_request_of_a_dead_run_can_be_on_its_way(make):
    removal = make(settled=False)
    assert removal.clean() == {}
    assert removal.journal.read(URL).pending
    removal.settled = True
    removal.clean()
    assert not removal.journal.path(URL).exists()


def test_where_the_list_cannot_be_read_only_what_was_asked_for_is_deleted_and_told(fake, make):
    fake.add(OURS)
    deny_lists(fake)
    assert make(asked=False).clean() == {}
    assert deletes(fake) == []
    fake.before = lambda _: httpx.Response(403, json={})
    left = make().clean()
    assert list(left) == [OURS]
    assert left[OURS].startswith("it could be neither deleted nor locked: ")
    assert deletes(fake) == [OURS]


def test_where_the_list_cannot_be_read_keyspecs_own_key_is_not_deleted(fake, make):
    fake.add(OURS)
    removal = make()
    removal.left = removal.left.joined(Left(URL, ("keyspec_ci",)))
    deny_lists(fake)
    removal.clean()
    assert deletes(fake) == [OURS]


# Keys of others


def test_a_key_that_is_gone_or_in_another_state_is_harmed_and_a_new_one_is_not(fake, make):
    removal = make()
    removal.look()
    assert removal.harmed == {}
    fake.add("new")
    fake.keys["stranger"]["status"] = "disabled"
    del fake.keys["keyspec_ci"]
    removal.look()
    assert removal.harmed == {"stranger": "it was active, and is locked", "keyspec_ci": "it is gone"}


def test_a_first_delete_that_harms_another_key_is_the_last(fake, make):
    def bite(asked):
        if asked.method == "DELETE":
            fake.keys.pop("stranger", None)

    fake.add(OURS)
    fake.add(f"{OURS}_2")
    fake.before = bite
    removal = make()
    left = removal.clean()
    assert removal.harmed == {"stranger": "it is gone"}
    assert left == {f"{OURS}_2": "it was left alone, for nobody saw that a delete spares other keys"}
    assert deletes(fake) == [OURS]


def test_a_lock_that_harms_another_key_is_the_last_and_an_unproved_delete_is_not_sent(fake, make):
    fake.add(OURS)
    removal = make()
    removal.sent.add("lock_key")
    fake.keys["stranger"]["status"] = "disabled"
    assert list(removal.clean()) == [OURS]
    assert fake.writes == []


def test_a_delete_that_was_seen_to_spare_others_is_sent_after_a_lock_that_did_not(fake, make):
    fake.add(OURS)
    removal = make(proved={"delete_key"})
    fake.keys["stranger"]["status"] = "disabled"
    assert removal.clean() == {}
    assert deletes(fake) == [OURS]


def test_a_second_delete_is_not_sent_before_the_first_was_seen_to_spare_others(fake, make):
    fake.add(OURS)
    removal = make()
    removal.unsent.clear()
    deny_lists(fake)
    assert list(removal.clean()) == [f"{OURS}_2"]
    assert deletes(fake) == [OURS]
    with pytest.raises(HubError):
        removal.look()
