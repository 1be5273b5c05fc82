from __future__ import annotations

import pytest
from builders import spec_of

from keyspec.model import Key

HUBS = """
hubs:
  lab: {url: "https://lab.example", auth: "env:A", auth_key_id: own}
  prod: {url: "https://prod.example", auth: "env:A", auth_key_id: own}
"""


def test_a_create_sends_defaults_for_what_is_not_declared_and_is_unlocked():
    desired = spec_of(
        "keys: {a: {roles: [User], state: locked}, b: {description: x, roles: [User], reauth_timeout: 5m}}"
    ).hubs["hub"]
    assert desired.keys["a"].created() == Key("a", "", ("User",), 60, "active")
    assert desired.keys["b"].created() == Key("b", "x", ("User",), 300, "active")


def test_an_entry_names_hub_and_key_and_the_file_that_declares_the_store():
    desired = spec_of(HUBS + 'defaults: {store: "file:secrets/{hub}/{key}"}\nkeys: {a: {roles: [User]}}')
    entry = desired.hubs["prod"].entry(desired.hubs["prod"].keys["a"])
    assert (str(entry.reference), entry.file) == ("file:secrets/prod/a", "keyspec.yaml")


def test_without_a_store_there_is_no_entry():
    desired = spec_of("keys: {a: {roles: [User]}}", store=False).hubs["hub"]
    assert desired.entry(desired.keys["a"]) is None


@pytest.mark.parametrize(
    ("role", "place"),
    [("Operator", "keyspec.yaml:3:23"), ("User", "keyspec.yaml:3:17"), ("gone", "keyspec.yaml:3:16")],
)
def test_a_role_stands_where_it_is_written(role, place):
    key = spec_of("profiles:\n  p: {roles:   [User, Operator]}\nkeys: {a: {extends: p}}").hubs["hub"].keys["a"]
    assert str(key.role_source(role)) == place


def test_a_role_of_an_absent_key_stands_at_the_key():
    key = spec_of("keys: {a: {state: absent}}").hubs["hub"].keys["a"]
    assert str(key.role_source("User")) == "keyspec.yaml:2:8"


def test_fewer_hubs_are_the_same_spec():
    desired = spec_of(HUBS + "keys: {a: {roles: [User], protected: true}, b: {roles: [User], hubs: [lab]}}")
    one = desired.only_hubs(frozenset({"prod"}))
    assert list(one.hubs) == ["prod"]
    assert (one.spec, one.declared_ids, one.protected_ids) == (desired.spec, {"a", "b"}, {"a"})


def test_a_hub_that_is_selected_keeps_its_wave():
    desired = spec_of(HUBS + "rollout: {waves: [[lab], [prod]]}")
    one = desired.only_hubs(frozenset({"prod"}))
    assert (one.hubs["prod"].wave, one.rollout, one.spec) == (2, desired.rollout, desired.spec)


def test_hubs_and_keys_are_in_the_order_of_their_names():
    desired = spec_of(HUBS.replace("lab", "z") + "keys: {b: {roles: [User]}, a: {roles: [User]}}")
    assert list(desired.hubs) == ["prod", "z"]
    assert list(desired.hubs["z"].keys) == ["a", "b"]
