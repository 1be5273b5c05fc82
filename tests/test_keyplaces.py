from __future__ import annotations

import pytest
from fakes.other import other_contract
from hypothesis import given
from hypothesis import strategies as st
from test_operation import wrong

from keyspec.errors import HubError
from keyspec.live import name_roles, read_created, read_imported_id, read_key, read_keys, read_roles
from keyspec.model import Key, Role

STATE = "state: {at: status, active: [enabled], locked: [disabled]}"
ROLES = "roles: {at: role_ids, by: id}"
ROW = {"id": "ci", "note": "d", "role_ids": ["r-3", "r-2"], "ttl_ms": 60_000, "status": "enabled", "version": 7}
NAMES = {"r-2": "Operator", "r-3": "User"}


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "says"),
    [
        (STATE, f"{STATE}\n  locked: locked", "invalid-value", "locked: locked", "not at both"),
        (STATE, "", "wrong-placeholder", "lock_key:", "{state} has no form"),
        (STATE, "state: {at: status, active: [x], locked: [y, x]}", "invalid-value", "state:", "active and locked"),
        (STATE, "state: {at: status, active: [], locked: [y]}", "invalid-value", "state:", "at least one"),
        (STATE, "state: {at: status, active: [1.5], locked: [y]}", "invalid-value", "state:", "name of a state"),
        (STATE, "state: {at: status, active: [x]}", "missing-field", "state:", "`locked` is required"),
        (STATE, "state: status", "wrong-type", "state: status", "a mapping"),
        (ROLES, "roles: {at: role_ids, by: number}", "invalid-value", "roles:", "one of"),
        (ROLES, 'roles: {at: role_ids, send: {id: "{roles}"}}', "wrong-placeholder", "roles:", "`{roles}` does not belong"),
        (ROLES, "roles: {at: role_ids, send: {id: 7}}", "missing-placeholder", "roles:", "`send` must carry {role}"),
        (ROLES, "roles: {at: role_ids, sned: x}", "unknown-field", "roles:", "no field `sned`"),
        (ROLES, "roles: {by: id}", "missing-field", "roles:", "`at` is required"),
        (ROLES, "roles: [role_ids]", "wrong-type", "roles:", "a mapping"),
        ("id: id, permissions", "permissions", "missing-field", "roles:", "`role.id`"),
        ("unit: ms", "unit: days", "invalid-value", "reauth_timeout:", "one of"),
        ("at: ttl_ms", "at: 'a[['", "invalid-value", "reauth_timeout:", "JMESPath"),
    ],
)  # fmt: skip
def test_every_mistake_in_a_place_is_named_with_its_line(old, new, code, line, says):
    found = wrong((old, new))
    assert any(each[0] == code and each[1].startswith(line) and says in each[2] for each in found), found


def test_a_row_is_read_through_its_forms():
    assert read_key(other_contract(), {"data": ROW}, NAMES) == Key("ci", "d", ("Operator", "User"), 60, "active")


@pytest.mark.parametrize(
    ("change", "attribute", "value"),
    [
        ({"status": "disabled"}, "state", "locked"),
        ({"status": "expired"}, "state", None),
        ({"status": None}, "state", None),
        ({"status": True}, "state", None),
        ({"ttl_ms": 1500}, "reauth_timeout_s", None),
        ({"role_ids": None}, "roles", None),
        ({"role_ids": []}, "roles", ()),
    ],
)
def test_what_the_contract_does_not_name_cannot_be_compared(change, attribute, value):
    (key,) = read_keys(other_contract(), [ROW | change], NAMES)
    assert getattr(key, attribute) == value


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"role_ids": ["r-9"]}, "key `ci`: no role of this hub has the ID `r-9`"),
        ({"role_ids": ["r-2", 7]}, "has the ID `7`"),
        ({"role_ids": [True]}, "not a list of IDs"),
        ({"role_ids": "r-2"}, "not a list of IDs"),
        ({"ttl_ms": "60"}, "`reauth_timeout` is text, not a whole number of milliseconds"),
    ],
)
def test_what_cannot_be_understood_is_an_error_that_names_the_key(change, says):
    with pytest.raises(HubError) as caught:
        read_keys(other_contract(), [ROW | change], NAMES)
    assert says in str(caught.value)


def test_a_state_may_be_told_by_true_and_false_the_other_way_round():
    contract = other_contract((STATE, "state: {at: enabled, active: [true], locked: [false]}"))
    keys = read_keys(contract, [ROW | {"enabled": True}, ROW | {"id": "b", "enabled": False}], NAMES)
    assert [key.state for key in keys] == ["active", "locked"]
    assert (contract.key.word("active"), contract.key.word("locked")) == (True, False)


def test_the_etag_of_a_row_is_no_part_of_the_key():
    contract = other_contract((STATE, f"{STATE}\n  etag: version"))
    (key,) = read_keys(contract, [ROW], NAMES)
    assert key.etag == "7"
    assert key == Key("ci", "d", ("Operator", "User"), 60, "active")
    with pytest.raises(HubError, match="`etag` is not"):
        read_keys(contract, [ROW | {"version": "a\r\nb"}], NAMES)


def test_roles_have_ids_of_their_own():
    contract = other_contract()
    roles = read_roles(contract, [{"name": "A", "id": "r-1"}, {"name": "B", "id": 2}])
    assert name_roles(roles) == {"r-1": "A", 2: "B"}
    with pytest.raises(HubError, match="the ID of role `A` is nothing"):
        read_roles(contract, [{"name": "A"}])
    with pytest.raises(HubError, match="`A` and `B` have the same ID"):
        name_roles([Role("A", None, 1), Role("B", None, 1)])


def test_a_created_key_stands_where_the_contract_says_and_an_imported_ones_id_too():
    contract = other_contract()
    created = read_created(contract, {"data": ROW | {"secret": {"value": "v4lue"}}}, "ci", NAMES)
    assert created.key_error is None
    assert created.value.reveal() == "v4lue"
    assert read_imported_id(contract, {"data": ROW}) == "ci"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({name: st.just(value) | json_values for name, value in ROW.items()}))
def test_any_row_is_a_key_or_an_error(row):
    try:
        (key,) = read_keys(other_contract((STATE, f"{STATE}\n  etag: version")), [row], NAMES)
    except HubError:
        return
    assert key.key_id == row["id"]
