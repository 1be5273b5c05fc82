from __future__ import annotations

import pytest
from builders import ROLES, check_guards, hub_of, key, mark, plan_of, record, refusals, spec_of

from keyspec.guard import GUARDS

TWO = """
hubs:
  lab: {url: "https://lab.example", auth: "env:A", auth_key_id: own}
  prod: {url: "https://prod.example", auth: "env:A", auth_key_id: own}
defaults: {store: "file:{hub}/{key}"}
"""
OWNS = 'ownership: {key_ids: ["ci_*"], unlisted: %s}\n'
TEN = [key(f"other{number}") for number in range(9)]  # and the own key


@pytest.mark.parametrize("text", ["{roles: [Administrator], state: locked}", "{state: absent}", "{roles: [User]}",
                                  "{roles: [Administrator, User]}", "{roles: [Administrator], reauth_timeout: 120}",
                                  "{roles: [Administrator], description: x, reauth_timeout: 30}"])  # fmt: skip
def test_keyspecs_own_key_is_never_locked_deleted_or_edited_in_roles_or_timeout(text):
    assert refusals(f"keys: {{own: {text}}}", hub_of()) == ["own-key"]


def test_keyspecs_own_key_is_never_deleted():
    locked = key("own", roles="Administrator", state="locked")
    assert refusals("keys: {own: {state: absent}}", hub_of(locked, own=False)) == ["own-key"]


@pytest.mark.parametrize("text", ["{roles: [Administrator], description: x}", "{roles: [Administrator]}"])
def test_keyspecs_own_key_may_be_described(text):
    assert refusals(f"keys: {{own: {text}}}", hub_of()) == []


def test_keyspecs_own_keys_are_never_unlisted():
    assert refusals('ownership: {key_ids: ["*"], unlisted: lock}\nkeys: {a: {roles: [User]}}', hub_of(key("a"))) == []


def test_every_own_key_of_a_hub_is_guarded():
    text = 'hubs: {hub: {url: "https://h.example", auth: "env:A", auth_key_id: [own, own2]}}\nkeys: {own2: {roles: [User], state: locked}}'
    assert refusals(text, hub_of(key("own2"))) == ["own-key"]


@pytest.mark.parametrize(
    ("text", "live", "refused"),
    [("{roles: [Operator]}", [key("a")], True), ("{roles: [User], state: locked}", [key("a")], True),
     ("{state: absent}", [key("a", state="locked")], True), ("{roles: [User], description: x}", [key("a")], True),
     ("{roles: [User]}", [], False), ("{roles: [User], state: active}", [key("a", state="locked")], False)],
)  # fmt: skip
def test_where_no_own_key_is_live_nothing_is_edited_locked_or_deleted(text, live, refused):
    expected = ["own-key-unknown"] if refused else []
    assert refusals(f"keys: {{a: {text}}}", hub_of(*live, own=False), allow_unlock=True) == expected


def test_one_live_own_key_of_several_is_enough():
    text = 'hubs: {hub: {url: "https://h.example", auth: "env:A", auth_key_id: [gone, own]}}\nkeys: {a: {roles: [Operator]}}'
    assert refusals(text, hub_of(key("a"))) == []


@pytest.mark.parametrize(
    ("text", "live"),
    [("roles: [User], state: locked", key("a")), ("state: absent", key("a")), ("state: absent", key("a", state="locked")),
     ("roles: [User]", key("a", roles="Operator")), ("roles: [Operator]", key("a", roles=("Operator", "User"))),
     ("roles: [Auditor]", key("a", roles="Operator")), ("roles: [User], reauth_timeout: 59", key("a"))],
)  # fmt: skip
def test_a_protected_key_is_never_locked_deleted_or_weakened(text, live):
    assert refusals(f"keys: {{a: {{{text}, protected: true}}}}", hub_of(live)) == ["protected-key"]


@pytest.mark.parametrize(
    ("text", "live"),
    [("roles: [Administrator, User]", key("a")), ("roles: [User], reauth_timeout: 61, description: x", key("a")),
     ("roles: [User], state: active", key("a", state="locked"))],
)  # fmt: skip
def test_a_protected_key_may_be_widened_and_described(text, live):
    assert refusals(f"keys: {{a: {{{text}, protected: true}}}}", hub_of(live), allow_unlock=True) == []


def test_by_names_alone_a_protected_key_loses_no_role():
    assert refusals("keys: {a: {roles: [Administrator], protected: true}}", hub_of(key("a"), roles=None)) == [
        "protected-key"
    ]


def test_a_protected_key_is_guarded_on_hubs_it_is_not_declared_for_even_held():
    text = spec_of(
        TWO + OWNS % "lock" + "keys: {ci_a: {roles: [User], protected: true, hubs: [lab]}, ci_b: {roles: [User]}}"
    )
    hubs = [hub_of(key("ci_a"), key("ci_b"), name=name) for name in ("lab", "prod")]
    assert refusals(text, *hubs) == ["protected-key"]


def test_a_key_with_no_store_is_not_created():
    text = spec_of("keys: {a: {roles: [User]}, b: {roles: [User]}}", store=False)
    assert refusals(text, hub_of(key("b"))) == ["no-store"]


def test_a_key_with_no_store_is_not_imported_and_one_that_nobody_makes_needs_none():
    text = "keys: {{a: {{roles: [User], value: {{from: {}}}}}}}"
    assert refusals(spec_of(text.format("generated"), store=False), hub_of()) == ["no-store"]
    assert refusals(spec_of(text.format("none"), store=False), hub_of()) == []


def test_a_key_without_a_store_is_told_once_for_all_hubs():
    text = spec_of(
        TWO.replace("defaults", "profiles").replace('{store: "file:{hub}/{key}"}', "{}") + "keys: {a: {roles: [User]}}",
        store=False,
    )
    assert refusals(text, hub_of(name="lab"), hub_of(name="prod")) == ["no-store"]


@pytest.mark.parametrize(("limit", "codes"), [(0, ["max-deletes"]), (1, ["max-deletes"]), (2, [])])
def test_deletes_of_all_hubs_are_counted_and_strictly_above_refuses(limit, codes):
    text = spec_of(TWO + f"guards: {{max_deletes: {limit}}}\nkeys: {{a: {{state: absent}}, b: {{roles: [User]}}}}")
    hubs = [hub_of(key("a", state="locked"), key("b"), name=name) for name in ("lab", "prod")]
    assert refusals(text, *hubs, allow_delete=True) == codes
    assert refusals(text, *hubs) == []


def share(limit, changed, live=10):
    keys = ", ".join(f"other{number}: {{roles: [User], description: x}}" for number in range(changed))
    return refusals(f'guards: {{max_change_share: "{limit}%"}}\nkeys: {{{keys}}}', hub_of(*TEN[: live - 1]))


@pytest.mark.parametrize(
    ("limit", "changed", "refused"), [(30, 3, False), (30, 4, True), (0, 1, True), (100, 9, False), (0, 0, False)]
)
def test_the_share_of_changed_keys_is_held_strictly_above(limit, changed, refused):
    assert share(limit, changed) == (["max-change-share"] if refused else [])


def test_below_ten_live_keys_there_is_no_share():
    assert share(0, 8, live=9) == []


def test_of_a_key_with_several_steps_one_counts_and_creates_never_do():
    keys = "other0: {roles: [Operator], state: locked}, " + ", ".join(
        f"new{number}: {{roles: [User], state: locked}}" for number in range(9)
    )
    assert refusals(f'guards: {{max_change_share: "10%"}}\nkeys: {{{keys}}}', hub_of(*TEN)) == []


def test_held_steps_count_in_no_share():
    keys = ", ".join(f"other{number}: {{roles: [User], state: active}}" for number in range(9))
    live = hub_of(*(key(each.key_id, state="locked") for each in TEN))
    assert refusals(f"keys: {{{keys}}}", live) == []
    assert refusals(f"keys: {{{keys}}}", live, allow_unlock=True) == ["max-change-share"]


def test_a_share_is_judged_for_each_hub():
    text = spec_of(
        TWO
        + "keys: {other0: {roles: [User], description: x}, "
        + "".join(f"other{n}: {{roles: [User], description: x, hubs: [lab]}}, " for n in range(1, 4))
        + "}"
    )
    assert refusals(text, hub_of(*TEN, name="lab"), hub_of(*TEN, name="prod")) == ["max-change-share"]


UNDELIVERED = {("hub", each.key_id): mark(each) for each in TEN}


@pytest.mark.parametrize("state", ["active", "locked"])
def test_recovery_counts_in_no_share_number_or_every_key_guard(state):
    keys = ", ".join(f"other{number}: {{roles: [User]}}" for number in range(9))
    text = f'ownership: {{key_ids: ["other*"], unlisted: lock}}\nguards: {{max_deletes: 0, max_change_share: "0%"}}\nkeys: {{{keys}}}'
    live = hub_of(*(key(each.key_id, state=state) for each in TEN))
    assert refusals(text, live, records=UNDELIVERED, allow_delete=True) == []


@pytest.mark.parametrize(
    ("live", "refused"),
    [([key("ci_x")], True), ([key("ci_x"), key("ci_y", state="locked")], True), ([key("ci_x"), key("ci_a")], False),
     ([key("ci_x"), key("ci_a", state="locked")], True), ([key("ci_y", state="locked")], False), ([key("theirs")], False)],
)  # fmt: skip
def test_unlisted_keys_never_are_all_the_unlocked_keys_that_the_spec_owns(live, refused):
    text = OWNS % "lock" + "keys: {ci_a: {roles: [User]}, theirs: {roles: [User]}}"
    assert refusals(text, hub_of(*live)) == (["every-unlisted"] if refused else [])


@pytest.mark.parametrize(("live", "options", "refused"), [(key("ci_x"), {}, True), (key("ci_x", state="locked"), {}, False),
                                                          (key("ci_x", state="locked"), {"allow_delete": True}, True)])  # fmt: skip
def test_a_spec_with_no_keys_locks_and_deletes_nothing(live, options, refused):
    found = refusals(OWNS % "delete", hub_of(live), **options)
    assert ("empty-spec" in found) is refused


def test_hubs_that_were_not_planned_refuse_nothing():
    text = spec_of(TWO + "keys: {a: {roles: [gone], state: locked}, own: {roles: [gone]}}")
    assert refusals(text, hub_of(key("a"), name="lab"), hub_of(name="prod", error="no route")) == []


def test_every_refusal_of_a_plan_is_told():
    text = "guards: {max_deletes: 0}\nkeys: {own: {roles: [User]}, a: {roles: [User], protected: true, state: locked}, b: {state: absent}, c: {roles: [User], state: active}}"
    live = hub_of(key("a"), key("b", state="locked"), roles=ROLES)
    desired = spec_of(text, store=False)
    plan = plan_of(desired, live, records={("hub", "a"): record("a")}, allow_delete=True)
    problems = check_guards(plan, desired, {"hub": live})
    assert [problem.code for problem in problems] == ["own-key", "protected-key", "no-store", "max-deletes"]
    assert all(problem.hint for problem in problems)


def test_every_guard_stands_in_the_table_of_the_module():
    import keyspec.guard

    for guard in GUARDS:
        assert guard.__doc__
    named = [
        line.split()[0] for line in keyspec.guard.__doc__.splitlines() if line.startswith("    ") and line[4] != " "
    ]
    assert len(named) == len(GUARDS)


@pytest.mark.parametrize(("deletes", "hint"), [(0, "delete in smaller runs"), (3, "save smaller plans")])
def test_too_many_deletes_of_a_saved_plan_need_a_smaller_plan(deletes, hint):
    desired = spec_of("guards: {max_deletes: 1}\nkeys: {ci_a: {state: absent}, ci_b: {state: absent}}\n")
    live = hub_of(key("ci_a", state="locked"), key("ci_b", state="locked"))
    plan = plan_of(desired, live, allow_delete=True)
    (problem,) = check_guards(plan, desired, {"hub": live}, deletes=deletes)
    assert problem.hint == f"{hint} with -l or -k, or raise the guard"
