from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    FOREIGN,
    ROLES,
    codes,
    contract_without,
    default_contract,
    hub_of,
    key,
    mark,
    plan_of,
    record,
    spec_of,
    told,
)

from keyspec.fingerprint import fingerprint
from keyspec.model import Key
from keyspec.needs import OPERATIONS
from keyspec.steps import change_key

TWO = """
hubs:
  lab: {url: "https://lab.example", auth: "env:A", auth_key_id: own}
  prod: {url: "https://prod.example", auth: "env:A", auth_key_id: own}
defaults: {store: "file:{hub}/{key}"}
"""
OWNS = 'ownership: {key_ids: ["ci_*"], unlisted: %s}\n'
KEPT = {("hub", "a"): record("a")}


def test_what_is_as_declared_needs_no_step():
    plan = plan_of("keys: {a: {roles: [User], description: x}}", hub_of(key("a", "x")), records=KEPT)
    assert (told(plan), codes(plan), plan.summary.unchanged) == ([], [], 1)


def test_an_absent_key_is_created_with_all_four_fields():
    (step,) = plan_of("keys: {a: {roles: [User]}}", hub_of()).steps
    assert [(change.field, change.before, change.after) for change in step.changes] == [
        ("description", None, ""),
        ("roles", None, ("User",)),
        ("reauth_timeout", None, 60),
        ("state", None, "active"),
    ]
    assert step.expects == fingerprint(None)


def test_a_key_wanted_locked_is_created_and_locked_at_once():
    create, lock = plan_of("keys: {a: {roles: [User], state: locked}}", hub_of()).steps
    assert (create.action, lock.action, create.phase) == ("create", "lock", lock.phase)
    assert lock.expects == fingerprint(Key("a", "", ("User",), 60, "active"))


def test_a_later_step_of_a_key_expects_what_the_former_leaves():
    plan = plan_of("keys: {a: {roles: [Operator], state: active}}", hub_of(key("a", state="locked")), allow_unlock=True)
    edit, unlock = plan.steps
    assert edit.expects == fingerprint(key("a", state="locked"))
    assert unlock.expects == fingerprint(key("a", roles="Operator", state="locked"))


def test_a_lock_comes_before_the_edit_that_comes_with_it():
    lock, edit = plan_of("keys: {a: {roles: [User], state: locked}}", hub_of(key("a", roles="Operator"))).steps
    assert (lock.action, edit.action) == ("lock", "edit")
    assert edit.expects == fingerprint(key("a", roles="Operator", state="locked"))


def test_the_unlock_of_a_key_that_keyspec_locked_expects_its_edit():
    records = {("hub", "a"): record("a", locked_by_keyspec=True)}
    plan = plan_of("keys: {a: {roles: [Operator]}}", hub_of(key("a", state="locked")), records=records)
    edit, unlock = plan.steps
    assert unlock.held_by == "--allow-unlock"
    assert unlock.expects == fingerprint(change_key(key("a", state="locked"), edit.changes))


@pytest.mark.parametrize(
    "kept", [record("a", value=False, locked_by_keyspec=True), record("a", "lab", locked_by_keyspec=True), record("a")]
)
def test_a_locked_key_is_left_alone_unless_keyspec_locked_it_and_its_value_is_stored(kept):
    assert (
        told(plan_of("keys: {a: {roles: [User]}}", hub_of(key("a", state="locked")), records={("hub", "a"): kept}))
        == []
    )


def test_a_key_that_keyspec_locked_stays_locked_where_that_is_declared():
    records = {("hub", "a"): record("a", locked_by_keyspec=True)}
    assert (
        told(plan_of("keys: {a: {roles: [User], state: locked}}", hub_of(key("a", state="locked")), records=records))
        == []
    )


@pytest.mark.parametrize(
    ("options", "held"),
    [({}, "--allow-unlock"), ({"allow_unlock": True}, None), ({"allow_delete": True}, "--allow-unlock")],
)
def test_an_unlock_needs_its_allowance(options, held):
    (step,) = plan_of("keys: {a: {roles: [User], state: active}}", hub_of(key("a", state="locked")), **options).steps
    assert (step.action, step.held_by) == ("unlock", held)


def test_keyspecs_own_lock_is_one_of_the_hub_that_made_the_value_and_nobody_elses_is_opened():
    shared = "{a: {roles: [User], store: 'file:x', value: {shared: true, origin: one}}}"
    desired = spec_of(f"keys: {shared}", hubs=("one", "two"))
    locked = [hub_of(key("a", state="locked"), name=name) for name in ("one", "two")]
    kept = {
        (name, "a"): record("a", name, owner="one", hubs=("one", "two"), locked_by_keyspec=True)
        for name in ("one", "two")
    }
    plan = plan_of(desired, *locked, records=kept)
    assert [(step.hub, step.action) for step in plan.steps] == [("one", "unlock")]


def test_the_spec_may_allow_unlocks():
    text = "guards: {unlock: true}\nkeys: {a: {roles: [User], state: active}}"
    assert told(plan_of(text, hub_of(key("a", state="locked")))) == ["unlock a"]


def test_an_absent_key_is_locked_in_one_run_and_deleted_in_a_later_one():
    text = "keys: {a: {state: absent}}"
    assert told(plan_of(text, hub_of(key("a")), allow_delete=True)) == ["lock a"]
    assert told(plan_of(text, hub_of(key("a", state="locked")), allow_delete=True)) == ["delete a"]
    assert told(plan_of(text, hub_of(key("a", state="locked")))) == ["delete a (--allow-delete)"]
    assert told(plan_of(text, hub_of())) == []


@pytest.mark.parametrize(
    ("unlisted", "active", "locked"),
    [("report", [], []), ("lock", ["lock ci_x"], []), ("delete", ["lock ci_x"], ["delete ci_x (--allow-delete)"])],
)
def test_unlisted_keys_get_what_the_spec_says(unlisted, active, locked):
    text = OWNS % unlisted + "keys: {ci_a: {roles: [User]}}"
    assert told(plan_of(text, hub_of(key("ci_a"), key("ci_x")))) == active
    assert told(plan_of(text, hub_of(key("ci_a"), key("ci_x", state="locked")))) == locked


def test_a_key_declared_for_other_hubs_is_held_unless_it_is_named_exactly():
    text = TWO + OWNS % "delete" + "keys: {ci_a: {roles: [User], hubs: [lab]}, ci_b: {roles: [User]}}"
    hubs = [hub_of(key("ci_a"), key("ci_b"), name="lab"), hub_of(key("ci_a"), key("ci_b"), name="prod")]
    assert told(plan_of(text_of := spec_of(text), *hubs)) == ["lock ci_a (-k ci_a)"]
    assert told(plan_of(text_of, *hubs, keys=("ci_*",))) == ["lock ci_a (-k ci_a)"]
    assert told(plan_of(text_of, *hubs, keys=("ci_a",))) == ["lock ci_a"]
    locked = [hubs[0], hub_of(key("ci_a", state="locked"), key("ci_b"), name="prod")]
    assert told(plan_of(text_of, *locked)) == ["delete ci_a (-k ci_a --allow-delete)"]
    assert told(plan_of(text_of, *locked, allow_delete=True)) == ["delete ci_a (-k ci_a)"]
    assert told(plan_of(text_of, *locked, keys=("ci_a",))) == ["delete ci_a (--allow-delete)"]
    assert told(plan_of(text_of, *locked, keys=("ci_a",), allow_delete=True)) == ["delete ci_a"]


def test_a_state_that_the_hub_does_not_tell_is_never_acted_upon():
    text = (
        OWNS % "delete"
        + "keys: {a: {state: absent}, b: {roles: [User], state: locked}, c: {roles: [User], state: active}}"
    )
    hub = hub_of(*(key(key_id, state=None) for key_id in ("a", "b", "c", "ci_x")))
    plan = plan_of(text, hub)
    assert told(plan) == []
    assert codes(plan).count("cannot-compare") == 4


def test_a_role_that_the_hub_lacks_refuses_that_hub_alone_at_the_line_that_names_it():
    text = spec_of(TWO + "keys:\n  a: {roles: [Shell]}\n  b: {roles: [User], state: locked}\n")
    plan = plan_of(text, hub_of(key("b"), name="lab"), hub_of(key("b"), name="prod", roles=ROLES | {"Shell": ()}))
    assert [hub.status for hub in plan.hubs] == ["refused", "read"]
    assert plan.hubs[0].error == "keyspec.yaml:8:15: role `Shell` is not on this hub"
    assert {step.hub for step in plan.steps} == {"prod"}
    assert {finding.hub for finding in plan.findings} == {"prod"}


def test_a_missing_role_is_told_by_the_name_that_is_written_and_a_near_one_is_suggested():
    text = """
hubs: {hub: {url: "https://h.example", auth: "env:A", auth_key_id: own, role_names: {x: Operater}}}
keys: {a: {roles: [x]}}
"""
    (row,) = plan_of(text, hub_of()).hubs
    assert row.error == "keyspec.yaml:4:20: role `x` (`Operater` there) is not on this hub, did you mean `Operator`?"


@pytest.mark.parametrize(
    "text", ["keys: {a: {state: absent, roles: [gone]}}", "keys: {b: {roles: [gone]}, a: {roles: [User]}}"]
)
def test_only_roles_that_are_needed_can_be_missed(text):
    assert [hub.status for hub in plan_of(text, hub_of(key("a")), keys=("a",)).hubs] == ["read"]


def test_where_the_hub_tells_no_roles_none_is_missed():
    assert told(plan_of("keys: {a: {roles: [gone]}}", hub_of(roles=None))) == ["create a"]


def test_a_hub_that_cannot_be_read_gets_an_error_and_no_steps_and_the_others_go_on():
    plan = plan_of(
        spec_of(TWO + "keys: {a: {roles: [User]}}"), hub_of(name="lab", error="no route"), hub_of(name="prod")
    )
    assert [(hub.status, hub.live_keys, hub.error) for hub in plan.hubs] == [
        ("unreadable", None, "no route"),
        ("read", 1, None),
    ]
    assert [step.hub for step in plan.steps] == ["prod"]


@pytest.mark.parametrize(
    ("operation", "text", "live"),
    [("create_key", "{roles: [User]}", []), ("edit_key", "{roles: [User]}", [key("a", roles="Operator")]),
     ("lock_key", "{state: absent}", [key("a")]), ("unlock_key", "{roles: [User], state: active}", [key("a", state="locked")]),
     ("delete_key", "{state: absent}", [key("a", state="locked")])],
)  # fmt: skip
def test_an_operation_that_the_contract_lacks_refuses_the_hub(operation, text, live):
    desired = spec_of(f"keys: {{a: {text}}}", contract=contract_without(operation))
    plan = plan_of(desired, hub_of(*live), allow_delete=True, allow_unlock=True)
    assert [hub.status for hub in plan.hubs] == ["refused"]
    assert f"no operation `{operation}`" in plan.hubs[0].error
    assert (plan.steps, plan.findings, plan.summary.unchanged) == ((), (), 0)


def test_held_steps_need_no_operation():
    desired = spec_of("keys: {a: {state: absent}}", contract=contract_without("delete_key"))
    assert told(plan_of(desired, hub_of(key("a", state="locked")))) == ["delete a (--allow-delete)"]


def test_every_action_has_an_operation_of_the_contract():
    assert all(default_contract().supports(operation) for operation in OPERATIONS.values())


UNDELIVERED = {("hub", "a"): mark(key("a"))}


def test_a_key_whose_value_reached_nobody_is_locked_then_deleted_and_created_anew():
    text = "keys: {a: {roles: [User]}}"
    (lock,) = plan_of(text, hub_of(key("a")), records=UNDELIVERED).steps
    assert (lock.action, lock.held_by, lock.recovery) == ("lock", None, True)
    locked = hub_of(key("a", state="locked"))
    held = plan_of(text, locked, records=UNDELIVERED)
    assert told(held) == ["delete a (--allow-delete)", "create a (--allow-delete)"]
    delete, create = plan_of(text, locked, records=UNDELIVERED, allow_delete=True).steps
    assert (delete.recovery, create.expects) == (True, fingerprint(None))
    assert delete.phase < create.phase


def test_an_undelivered_key_is_not_edited_but_replaced_as_declared():
    steps = plan_of(
        "keys: {a: {roles: [Operator], state: locked}}", hub_of(key("a", state="locked")), records=UNDELIVERED
    ).steps
    assert [(step.action, step.reason) for step in steps] == [
        ("delete", "its value was never delivered"),
        ("create", "replaces the deleted key"),
        ("lock", "declared locked"),
    ]


def test_where_ids_are_spent_an_undelivered_key_stays_and_the_finding_says_what_to_do():
    desired = spec_of("keys: {a: {roles: [User]}}", contract=contract_without(ids_reusable=False))
    assert told(plan_of(desired, hub_of(key("a")), records=UNDELIVERED)) == ["lock a"]
    plan = plan_of(desired, hub_of(key("a", state="locked")), records=UNDELIVERED, allow_delete=True)
    assert told(plan) == []
    assert "another ID" in next(finding.message for finding in plan.findings if finding.code == "value-undelivered")


def test_an_undelivered_key_declared_absent_goes_like_any_other():
    plan = plan_of("keys: {a: {state: absent}}", hub_of(key("a", state="locked")), records=UNDELIVERED)
    assert told(plan) == ["delete a (--allow-delete)"]


@pytest.mark.parametrize(
    ("kept", "live", "code"),
    [
        (None, [key("a")], "value-not-held"),
        (None, [], None),
        (record("a"), [key("a")], None),
        (record("a"), [], None),
        (record("a", value=False), [key("a")], "value-not-held"),
        (record("b"), [key("a")], "store-foreign-entry"),
        (FOREIGN, [], "store-foreign-entry"),
        ("denied", [key("a")], "store-unread"),
        (mark(key("a"), busy=True), [], "another-run"),
        (mark(key("a"), value=True), [key("a")], "record-incomplete"),
        (mark(key("a")), [], None),
        (mark(key("a")), [key("a")], "value-undelivered"),
        (mark(key("a", "other")), [key("a")], "mark-mismatch"),
    ],
)
def test_what_stands_in_the_store_is_said(kept, live, code):
    records = {} if kept is None else {("hub", "a"): kept}
    assert codes(plan_of("keys: {a: {roles: [User]}}", hub_of(*live), records=records)) == ([code] if code else [])


@pytest.mark.parametrize(
    ("kept", "options", "held"),
    [("denied", {}, "a store that can be read"), ("denied", {"take_over": ("a",)}, "a store that can be read"),
     (FOREIGN, {}, "--take-over a"), (FOREIGN, {"take_over": ("a",)}, None), (FOREIGN, {"take_over": ("b",)}, "--take-over a"),
     (record("a"), {}, None)],
)  # fmt: skip
def test_a_create_waits_for_a_store_that_can_be_read_and_is_not_somebody_elses(kept, options, held):
    plan = plan_of("keys: {a: {roles: [User], state: locked}}", hub_of(), records={("hub", "a"): kept}, **options)
    assert [step.held_by for step in plan.steps] == [held, held]


def test_a_key_beside_a_strangers_mark_is_not_edited_lest_it_be_taken_for_the_marks_own_nor_unlocked_unedited():
    marked = {("hub", "a"): mark(key("a", "ours"))}
    text = "keys: {a: {description: ours, roles: [User], state: %s}}"
    assert [step.held for step in plan_of(text % "locked", hub_of(key("a", "theirs")), records=marked).steps] == [
        False,
        True,
    ]
    edit, unlock = plan_of(
        text % "active", hub_of(key("a", "theirs", state="locked")), records=marked, allow_unlock=True
    ).steps
    assert edit.held_by == unlock.held_by == "its store's entry cleared of the mark by hand"


def test_while_another_run_creates_a_key_nothing_else_is_done_to_it():
    busy = {("hub", "a"): mark(key("a"), busy=True)}
    plan = plan_of("keys: {a: {roles: [Operator], state: locked}}", hub_of(key("a")), records=busy)
    assert [(step.action, step.held_by) for step in plan.steps] == [
        ("lock", "the end of the other run"),
        ("edit", "the end of the other run"),
    ]


def test_an_unread_store_holds_no_edit_and_no_lock():
    text = "keys: {a: {roles: [Operator], state: locked}}"
    assert [step.held for step in plan_of(text, hub_of(key("a")), records={("hub", "a"): "denied"}).steps] == [
        False,
        False,
    ]


def test_a_locked_key_whose_state_is_not_declared_is_a_finding():
    assert codes(plan_of("keys: {a: {roles: [User]}}", hub_of(key("a", state="locked")), records=KEPT)) == [
        "locked-undeclared"
    ]


def test_what_cannot_be_compared_is_a_finding_for_each_declared_field():
    live = key("a", None, None, None, None)
    plan = plan_of("keys: {a: {roles: [User], reauth_timeout: 60}}", hub_of(live), records=KEPT)
    assert [finding.message for finding in plan.findings] == [
        "the hub does not tell `reauth_timeout`, so it cannot be compared",
        "the hub does not tell `roles`, so it cannot be compared",
    ]


def test_every_step_says_why_where_and_whether_it_can_be_undone():
    text = OWNS % "delete" + "keys:\n  a: {state: absent}\n  b: {roles: [User]}\n  c: {roles: [User]}\n"
    plan = plan_of(text, hub_of(key("a", state="locked"), key("c", roles="Operator"), key("ci_x")))
    assert {step.key_id: (str(step.source), step.reversible) for step in plan.steps} == {
        "a": ("keyspec.yaml:4:7", False),
        "b": ("keyspec.yaml:5:3", True),
        "c": ("keyspec.yaml:6:7", True),
        "ci_x": ("keyspec.yaml:2:32", True),
    }
    assert all(step.reason for step in plan.steps)


@pytest.mark.parametrize(
    ("text", "live", "bites", "gives", "takes"),
    [
        ("{roles: [User], state: locked}", key("a", timeout=300), 300, (), ("Login",)),
        ("{roles: [Operator]}", key("a", timeout=300), None, ("Status",), ()),
        ("{roles: [User]}", key("a", roles="Operator", timeout=300), 300, (), ("Status",)),
        ("{roles: [Auditor]}", key("a", roles="Operator"), None, ("Audit",), ("Status",)),
        ("{roles: [User], description: x}", key("a", timeout=300), None, (), ()),
        ("{roles: [User], reauth_timeout: 30}", key("a", timeout=300), 300, (), ()),
        ("{state: absent}", key("a", state="locked", timeout=None), None, (), ("Login",)),
        ("{roles: [User], state: active}", key("a", state="locked"), None, ("Login",), ()),
    ],
)
def test_every_step_says_how_soon_it_bites_and_what_it_gives_and_takes(text, live, bites, gives, takes):
    (step,) = plan_of(f"keys: {{a: {text}}}", hub_of(live)).steps
    assert (step.bites_within_s, step.gives, step.takes) == (bites, gives, takes)


def test_where_roles_tell_no_permissions_none_are_given_or_taken():
    (step,) = plan_of("keys: {a: {roles: [User]}}", hub_of(key("a", roles="Operator"), roles=None)).steps
    assert (step.gives, step.takes) == ((), ())


def test_the_summary_counts_held_steps_apart():
    text = (
        OWNS % "lock"
        + "keys: {a: {state: absent}, b: {roles: [User]}, c: {roles: [User]}, d: {roles: [User], state: locked}}"
    )
    plan = plan_of(text, hub_of(key("a", state="locked"), key("c"), key("ci_x"), key("ci_y", state="locked")))
    expected = {"create": 2, "lock": 2, "held": 1, "unchanged": 1, "unlisted": 2, "delete": 0, "edit": 0}
    assert {name: getattr(plan.summary, name) for name in expected} == expected


def test_a_run_plans_only_the_keys_it_names():
    plan = plan_of("keys: {a: {roles: [User]}, b: {roles: [User]}}", hub_of(), keys=("a",))
    assert told(plan) == ["create a"]


def test_changes_apply_to_a_key_one_after_another():
    step = plan_of("keys: {a: {roles: [Operator], reauth_timeout: 5}}", hub_of(key("a"))).steps[0]
    assert change_key(key("a"), step.changes) == replace(key("a"), roles=("Operator",), reauth_timeout_s=5)
