from __future__ import annotations

from typing import get_args

from builders import key, spec_of

from keyspec.findings import find_custody, find_declared, find_unlisted, say_undelivered, sort_findings
from keyspec.ownership import Pair
from keyspec.plan import Finding
from keyspec.recovery import Verdict


def pair(text, live):
    desired = spec_of(f"keys: {{a: {text}}}").hubs["hub"].keys["a"] if text else None
    return Pair("a", "declared" if text else "unlisted", desired, live)


def test_a_kept_value_and_a_value_still_to_come_are_worth_no_word():
    silent = [
        verdict
        for verdict in get_args(Verdict)
        if not list(find_custody(pair("{roles: [U]}", key("a")), "hub", verdict))
    ]
    assert silent == ["unsent", "pending", "kept"]


def test_nothing_is_said_of_the_store_of_a_key_that_goes_or_has_none():
    assert not list(find_custody(pair("{state: absent}", key("a")), "hub", "foreign"))
    bare = Pair("a", "declared", spec_of("keys: {a: {roles: [U]}}", store=False).hubs["hub"].keys["a"], key("a"))
    assert not list(find_custody(bare, "hub", "nothing"))


def test_a_key_that_is_not_live_has_nothing_to_compare():
    assert not list(find_declared(pair("{roles: [U], description: x}", None), "hub"))


def test_an_unlisted_key_that_may_stay_needs_no_state():
    gone = pair(None, key("a", state=None))
    assert [each.code for each in find_unlisted(gone, "hub", source=None, wanted=True)] == ["unlisted-key"]
    assert [each.code for each in find_unlisted(gone, "hub", source=None, wanted=False)] == [
        "unlisted-key",
        "cannot-compare",
    ]


def test_only_a_locked_key_that_cannot_be_replaced_needs_a_person():
    assert say_undelivered(key("a", state="locked"), ids_reusable=False)
    assert not say_undelivered(key("a", state="locked"), ids_reusable=True)
    assert not say_undelivered(key("a"), ids_reusable=False)


def test_findings_sort_by_hub_key_code_and_message():
    wanted = [
        Finding("z", "info", "m"),
        Finding("a", "info", "m", "h", "k"),
        Finding("b", "info", "m", "h", "k"),
        Finding("b", "info", "n", "h", "k"),
    ]
    assert sort_findings(reversed(wanted)) == tuple(wanted)
