from __future__ import annotations

import pytest
from builders import hub_of, key, plan_of, spec_of

from keyspec.fingerprint import fingerprint
from keyspec.model import Key
from keyspec.order import DELETE, TIGHTEN, WIDEN
from keyspec.ownership import Pair, Policy
from keyspec.plan import Change
from keyspec.steps import StepMaker, change_key, say_differ

LOCK = Change("state", "active", "locked")


def make(action, changes, *, before, standing="declared", phase=TIGHTEN, held_by=None, **policy):
    desired = spec_of("keys: {a: {roles: [User], description: x}}")
    maker = StepMaker(desired, hub_of(), Policy(**policy))
    pair = Pair("a", standing, desired.hubs["hub"].keys["a"] if standing == "declared" else None, before)
    return maker.make(pair, action, "why", phase, changes, before=before, held_by=held_by)


def test_a_step_is_held_to_the_key_it_was_made_from():
    assert make("lock", (LOCK,), before=key("a")).expects == fingerprint(key("a"))
    assert make("create", (Change("roles", None, ("User",)),), before=None).expects == fingerprint(None)


def test_only_a_delete_cannot_be_undone():
    assert make("delete", (), before=key("a", state="locked"), phase=DELETE).reversible is False
    assert make("lock", (LOCK,), before=key("a")).reversible is True


@pytest.mark.parametrize(
    ("action", "fields", "phase", "bites"),
    [
        ("lock", ("state",), TIGHTEN, 300),
        ("delete", ("state",), DELETE, 300),
        ("edit", ("roles",), TIGHTEN, 300),
        ("edit", ("description",), TIGHTEN, None),
        ("edit", ("roles",), WIDEN, None),
        ("unlock", ("state",), WIDEN, None),
    ],
)
def test_what_takes_something_away_says_how_soon_it_bites(action, fields, phase, bites):
    changes = tuple(Change(name, "", "") for name in fields)
    assert make(action, changes, before=key("a", timeout=300), phase=phase).bites_within_s == bites


@pytest.mark.parametrize(
    ("action", "change", "gives", "takes"),
    [
        ("edit", Change("roles", ("Operator",), ("Auditor",)), ("Audit",), ("Status",)),
        ("import", Change("roles", None, ("Operator",)), ("Login", "Status"), ()),
        ("lock", LOCK, (), ("Login", "Status")),
        ("delete", LOCK, (), ("Login", "Status")),
        ("unlock", Change("state", "locked", "active"), ("Login", "Status"), ()),
        ("edit", Change("description", "", "x"), (), ()),
    ],
)
def test_a_step_says_which_permissions_it_gives_and_takes(action, change, gives, takes):
    before = None if action == "import" else key("a", roles="Operator")
    step = make(action, (change,), before=before)
    assert (step.gives, step.takes) == (gives, takes)


def test_a_step_for_a_key_of_other_hubs_waits_to_be_named_in_full():
    elsewhere = {"before": key("a"), "standing": "elsewhere"}
    assert make("lock", (LOCK,), **elsewhere).held_by == "-k a"
    assert make("lock", (LOCK,), **elsewhere, keys=("a*",)).held_by == "-k a"
    assert make("lock", (LOCK,), **elsewhere, keys=("a",)).held_by is None
    assert make("delete", (LOCK,), **elsewhere, held_by="--allow-delete").held_by == "-k a --allow-delete"
    assert make("delete", (LOCK,), **elsewhere, held_by="--allow-delete", keys=("a",)).held_by == "--allow-delete"


def test_a_step_names_the_place_of_what_it_changes():
    plan = plan_of("keys:\n  a:\n    roles: [User]\n    description: x\n", hub_of(key("a")))
    (step,) = plan.steps
    assert step.source.line == 5


def test_a_key_after_changes_is_the_key_with_them():
    changes = [Change("roles", ("User",), ("Operator",)), Change("reauth_timeout", 60, 90), LOCK]
    assert change_key(key("a"), changes) == Key("a", "", ("Operator",), 90, "locked")
    assert change_key(key("a"), []) == key("a")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (("roles",), "roles differ"),
        (("description",), "description differs"),
        (("description", "reauth_timeout"), "description and reauth_timeout differ"),
        (("description", "roles", "reauth_timeout"), "description, roles and reauth_timeout differ"),
    ],
)
def test_what_differs_is_said_in_one_clause(fields, said):
    assert say_differ(tuple(Change(name, None, None) for name in fields)) == said
