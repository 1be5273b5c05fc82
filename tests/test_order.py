from __future__ import annotations

from dataclasses import replace

import pytest
from builders import ROLES, spec_of

from keyspec.model import Role
from keyspec.order import CREATE, DELETE, REPLACE, TIGHTEN, WIDEN, edit_phase, find_origins, order_steps, permissions_of
from keyspec.plan import Change, Step

KNOWN = {name: Role(name, permits) for name, permits in ROLES.items()}
ADMIN, OPERATOR, USER = ("Administrator",), ("Operator",), ("User",)


def roles(before, after):
    return Change("roles", before, after)


def timeout(before, after):
    return Change("reauth_timeout", before, after)


DESCRIBED = Change("description", "a", "b")


@pytest.mark.parametrize(
    ("changes", "known", "phase"),
    [
        ([DESCRIBED], KNOWN, TIGHTEN),
        ([timeout(60, 30)], KNOWN, TIGHTEN),
        ([timeout(30, 60)], KNOWN, WIDEN),
        ([DESCRIBED, timeout(30, 60)], KNOWN, WIDEN),
        ([roles(ADMIN, USER)], KNOWN, TIGHTEN),
        ([roles(USER, ADMIN)], KNOWN, WIDEN),
        ([roles(OPERATOR, ("Auditor",))], KNOWN, WIDEN),
        ([roles(ADMIN, USER), timeout(60, 30)], KNOWN, TIGHTEN),
        ([roles(ADMIN, USER), timeout(30, 60)], KNOWN, WIDEN),
        ([roles(USER, ADMIN), timeout(60, 30)], KNOWN, WIDEN),
        ([roles(("Operator", "User"), OPERATOR)], KNOWN, WIDEN),
        ([roles(ADMIN, USER)], None, WIDEN),
        ([roles(("Operator", "User"), OPERATOR)], None, TIGHTEN),
        ([roles(("Operator", "User"), OPERATOR)], {"User": Role("User", None)}, TIGHTEN),
        ([roles(("Operator", "gone"), OPERATOR)], KNOWN, TIGHTEN),
    ],
)
def test_an_edit_narrows_only_if_nothing_of_it_widens(changes, known, phase):
    assert edit_phase(changes, known) == phase


def test_permissions_are_unknown_if_those_of_any_role_are():
    assert permissions_of(("Operator", "User"), KNOWN) == {"Login", "Status"}
    assert permissions_of((), KNOWN) == frozenset()
    assert permissions_of(("User", "gone"), KNOWN) is None
    assert permissions_of(("User",), None) is None
    assert permissions_of(None, KNOWN) is None


def step(action, key_id, phase, hub="hub"):
    return Step(hub, key_id, action, "", True, (), "sha256:0", phase)


def test_steps_go_by_hub_phase_key_and_action_and_count_from_one():
    wanted = [
        step("lock", "a", TIGHTEN),
        step("edit", "a", TIGHTEN),
        step("edit", "z", TIGHTEN),
        step("create", "b", CREATE),
        step("lock", "b", CREATE),
        step("import", "c", CREATE),
        step("edit", "a", WIDEN),
        step("unlock", "a", WIDEN),
        step("delete", "d", DELETE),
        step("create", "d", REPLACE),
        step("lock", "d", REPLACE),
        step("lock", "a", TIGHTEN, hub="other"),
    ]
    ordered = order_steps(reversed(wanted))
    assert [(each.hub, each.action, each.key_id) for each in ordered] == [
        (each.hub, each.action, each.key_id) for each in wanted
    ]
    assert [each.number for each in ordered] == list(range(1, len(wanted) + 1))


def test_hubs_that_get_a_value_made_in_the_same_run_come_after_its_origin():
    desired = spec_of(
        "keys: {a: {roles: [User], store: 'file:x', value: {shared: true, origin: one}}}", hubs=("one", "two")
    )
    create, brought = step("create", "a", CREATE, hub="one"), step("import", "a", CREATE, hub="two")
    assert find_origins([create, brought], desired) == {"two": frozenset(("one",))}
    assert find_origins([brought], desired) == {}
    assert find_origins([replace(create, held_by="x"), brought], desired) == {}
    assert find_origins([create, replace(brought, held_by="x")], desired) == {}
