from __future__ import annotations

from typing import get_args

import pytest
from builders import contract_without, default_contract, hub_of, key, plan_of, spec_of

from keyspec.needs import OPERATIONS, missing_operations, missing_roles
from keyspec.ownership import Policy
from keyspec.plan import Action, Step

IMPORT = Step("hub", "a", "import", "", True, (), "sha256:0", 2)
GENERATED = "keys: {a: {roles: [User], value: {from: generated}}}\nhubs:\n  hub: {%s, auth: env:K, auth_key_id: own}\n"


def test_every_action_has_its_operation():
    assert set(OPERATIONS) == set(get_args(Action))
    assert all(default_contract().supports(name) for name in OPERATIONS.values())


def roles_missing(text, roles=("User",), **policy):
    hub = spec_of(text).hubs["hub"]
    return list(missing_roles(hub, hub_of(roles=dict.fromkeys(roles, ())), Policy(**policy)))


def test_a_role_that_the_hub_lacks_is_told_once_where_it_is_named_first_with_a_guess():
    (told,) = roles_missing("keys: {a: {roles: [Usr]}, b: {roles: [Usr]}}")
    assert told.startswith("keyspec.yaml:2:")
    assert "did you mean `User`?" in told


@pytest.mark.parametrize("text", ["keys: {a: {state: absent, roles: [Gone]}}", "keys: {a: {roles: [User]}}"])
def test_roles_of_keys_that_go_are_not_needed(text):
    assert roles_missing(text) == []


def test_keys_that_are_not_selected_and_roles_that_cannot_be_read_miss_nothing():
    text = "keys: {a: {roles: [Gone]}}"
    assert roles_missing(text, keys=("b",)) == []
    assert list(missing_roles(spec_of(text).hubs["hub"], hub_of(roles=None), Policy())) == []


def operations_missing(text, steps, contract=None):
    return list(missing_operations(spec_of(text, contract=contract).hubs["hub"], steps))


def test_an_import_needs_its_operation_and_an_id_of_ours():
    plain = GENERATED % 'url: "https://hub.example"'
    assert operations_missing(plain, [IMPORT]) == []
    assert "import_key" in operations_missing(plain, [IMPORT], contract_without("import_key"))[0]
    (told,) = operations_missing(plain, [IMPORT], contract_without(import_takes_id=False))
    assert "IDs of the hub's own" in told


@pytest.mark.parametrize(
    ("hub", "proved"),
    [
        ('url: "https://hub.example"', True),
        ('url: "https://hub.example", tls: {verify: false}', False),
        ('url: "http://hub.example", allow_http: true', False),
        ('url: "http://127.0.0.1:8080"', True),
        ('url: "https://localhost", tls: {verify: false}', True),
    ],
)
def test_a_value_is_sent_only_to_a_hub_that_proves_who_it_is(hub, proved):
    assert (operations_missing(GENERATED % hub, [IMPORT]) == []) is proved
    assert operations_missing(GENERATED % hub, []) == []


def test_held_steps_need_no_operation():
    contract = contract_without("delete_key")
    desired = spec_of("keys: {a: {state: absent}}", contract=contract)
    assert plan_of(desired, hub_of(key("a", state="locked"))).hubs[0].status == "read"
    assert plan_of(desired, hub_of(key("a", state="locked")), allow_delete=True).hubs[0].status == "refused"
