"""What cannot be said is known when the plan is made: the hub is refused, with the contract's line; nothing raises."""

from __future__ import annotations

import pytest
from builders import hub_of, key, plan_of, spec_of, told
from fakes.other import OTHER_TEXT, other_contract
from hypothesis import given
from hypothesis import strategies as st

from keyspec.content import fill_change, fill_new
from keyspec.live import LiveHub
from keyspec.model import Key, Role

BODY = '{note: "{description}", role_ids: "{roles}", ttl_ms: "{reauth_timeout}"}'
CREATE = '{id: "{key_id}", note: "{description}", role_ids: "{roles}", ttl_ms: "{reauth_timeout}"}'
EDIT_END = "    statuses: [202]\n    if_match: true\n  lock_key:"
STATE = "state: {at: status, active: [enabled], locked: [disabled]}"
WHOLE = (EDIT_END, "    statuses: [202]\n    sends: whole\n  lock_key:")
MINUTES = ("unit: ms", "unit: min")


def live(*keys, unknown=()):
    hub = hub_of(*keys)
    roles = {name: Role(name, (), None if name in unknown else f"r-{name}") for name in hub.roles or ()}
    return LiveHub(hub.name, hub.keys, roles)


def refused(spec, hub, *changes, **policy):
    """Give the error of a hub that cannot be planned; None if it can."""
    contract = other_contract(*changes)
    (row,) = plan_of(spec_of(spec, contract=contract), hub, **policy).hubs
    assert (row.status == "refused") is (row.error is not None)
    return row.error


def line_of(operation, *changes):
    text = OTHER_TEXT
    for old, new in changes:
        text = text.replace(old, new)
    return text[: text.index(f"  {operation}:")].count("\n") + 1


@pytest.mark.parametrize(
    ("spec", "hub", "changes", "operation", "says"),
    [
        ("a: {roles: [User], description: x}", live(key("a")), [(BODY, '{role_ids: "{roles}"}')], "edit_key", "`edit_key` does not carry {description}"),
        ("a: {roles: [User], reauth_timeout: 5}", live(key("a")), [(BODY, '{role_ids: "{roles}"}')], "edit_key", "does not carry {reauth_timeout}"),
        ("a: {roles: [User], description: x}", live(), [(CREATE, '{id: "{key_id}", role_ids: "{roles}"}')], "create_key", "does not carry {description}"),
        ("a: {roles: [User]}", live(), [("    value: data.secret.value\n", "")], "create_key", "has no `value`"),
        ("a: {roles: [User]}", live(unknown=["User"]), [], "create_key", "the ID of role `User` is not known"),
        ("a: {roles: [User]}", live(key("a", roles="Operator"), unknown=["User"]), [], "edit_key", "the ID of role `User` is not known"),
        ("a: {roles: [User], reauth_timeout: 90s}", live(key("a")), [MINUTES], "edit_key", "90 seconds are no whole number of minutes"),
        ("a: {roles: [User], reauth_timeout: 90s}", live(), [MINUTES], "create_key", "90 seconds are no whole number of minutes"),
        ("a: {roles: [User], description: x}", live(key("a", timeout=None)), [WHOLE], "edit_key", "sends the whole key, and its reauth_timeout cannot be read"),
        ("a: {roles: [User], state: locked}", live(key("a", timeout=None)), [('body: {status: "{state}"}', 'sends: whole\n    body: {status: "{state}", ttl_ms: "{reauth_timeout}"}')], "lock_key", "reauth_timeout cannot be read"),
    ],
)  # fmt: skip
def test_what_the_contract_cannot_say_refuses_the_hub_with_its_line(spec, hub, changes, operation, says):
    error = refused(f"keys: {{{spec}}}", hub, *changes)
    assert error is not None
    assert error.startswith(f"other.yaml:{line_of(operation, *changes)}:3: ")
    assert says in error
    assert "of `a` cannot be said by the contract `other-v2`" in error


def test_what_can_be_said_is_planned():
    both = "keys: {a: {roles: [User], description: x}, b: {roles: [User], reauth_timeout: 5m}}"
    assert refused(both, live(key("a")), WHOLE) is None
    assert refused(both, live(key("a")), MINUTES) is None


def test_held_steps_need_nothing():
    spec, hub = "keys: {a: {roles: [User], state: active}}", live(key("a", state="locked", timeout=None))
    whole = ('body: {status: "{state}"}', 'sends: whole\n    body: {status: "{state}", ttl_ms: "{reauth_timeout}"}')
    assert refused(spec, hub, whole) is None
    assert refused(spec, hub, whole, allow_unlock=True) is not None


def test_a_missing_operation_is_told_where_the_spec_names_the_contract():
    without = OTHER_TEXT[OTHER_TEXT.index("  lock_key:") : OTHER_TEXT.index("  unlock_key:")]
    error = refused("keys: {a: {roles: [User], state: locked}}", live(key("a")), (without, ""))
    assert error == "keyspec.yaml:4:3: the contract `other-v2` has no operation `lock_key`"


def test_an_undeclared_field_that_a_create_cannot_carry_is_not_sent():
    contract = other_contract((CREATE, '{id: "{key_id}", role_ids: "{roles}"}'))
    plan = plan_of(spec_of("keys: {a: {roles: [User]}}", contract=contract), live())
    (step,) = plan.steps
    assert [change.field for change in step.changes] == ["roles", "state"]
    sent = fill_new(contract, "create_key", Key("a", None, ("User",)), {"User": "r-3"})
    assert {name: value for name, value in sent.items() if value is not None} == {"key_id": "a", "roles": ["r-3"]}


@pytest.mark.parametrize(
    ("state", "steps"),
    [("", ["create a", "unlock a"]), (", state: active", ["create a", "unlock a"]), (", state: locked", ["create a"])],
)
def test_where_new_keys_are_locked_a_create_is_followed_by_its_unlock_unless_it_is_wanted_locked(state, steps):
    contract = other_contract(("created_locked: false", "created_locked: true"))
    plan = plan_of(spec_of(f"keys: {{a: {{roles: [User]{state}}}}}", contract=contract), live())
    assert told(plan) == steps
    assert {step.phase for step in plan.steps} == {2}
    assert plan.summary.held == 0


def test_the_first_word_of_a_state_is_sent():
    contract = other_contract((STATE, "state: {at: status, active: [on, enabled], locked: [off]}"))
    assert fill_change(contract, "lock_key", Key("a"), {"state": "locked"}) == {"key_id": "a", "state": "off"}
    assert fill_change(contract, "unlock_key", Key("a"), {"state": "active"}) == {"key_id": "a", "state": "on"}


fields = st.tuples(
    st.none() | st.sampled_from(["", "x"]),
    st.none() | st.sampled_from([("User",), ("Operator", "User")]),
    st.none() | st.sampled_from([60, 90, 300]),
    st.sampled_from([None, "active", "locked"]),
)
changes_of_the_contract = st.lists(
    st.sampled_from(
        [
            WHOLE,
            MINUTES,
            ("created_locked: false", "created_locked: true"),
            (CREATE, '{id: "{key_id}", role_ids: "{roles}"}'),
            (BODY, '{note: "{description}"}'),
            (
                "  delete_key:\n    method: DELETE\n    path: /keys/{key_id}\n    statuses: [204]\n    if_match: true\n",
                "",
            ),
            ("    value: data.secret.value\n", ""),
        ]
    ),
    unique=True,
    max_size=3,
)


@given(changes_of_the_contract, st.none() | fields, st.sampled_from(["", ", description: x", ", reauth_timeout: 90s"]), st.sampled_from(["", ", state: locked", ", state: active", ", state: absent"]))  # fmt: skip
def test_every_step_that_is_planned_can_be_built(changes, there, more, state):
    contract = other_contract(*changes)
    keys = [] if there is None else [Key("a", *there)]
    hub = live(*keys)
    ids = {name: role.role_id for name, role in (hub.roles or {}).items()}
    plan = plan_of(
        spec_of(f"keys: {{a: {{roles: [User]{more}{state}}}}}", contract=contract),
        hub,
        allow_unlock=True,
        allow_delete=True,
    )
    current = None if there is None else Key("a", *there)
    from keyspec.request import build_request
    from keyspec.steps import change_key

    for step in plan.steps:
        name = f"{step.action}_key"
        if step.action == "create":
            values = fill_new(contract, name, change_key(Key("a"), step.changes), ids)
        else:
            values = fill_change(contract, name, current, {each.field: each.after for each in step.changes}, ids)
        build_request(contract, name, values)
        current = change_key(current or Key("a"), step.changes) if step.action != "delete" else None
