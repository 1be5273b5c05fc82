from __future__ import annotations

from dataclasses import replace
from typing import get_args

from builders import key, spec_of

from keyspec.findings import (
    find_custody,
    find_declared,
    find_unlisted,
    find_unverified,
    renew_unverified,
    say_undelivered,
    sort_findings,
)
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


HUBS = """
hubs:
  a: {url: "https://a.example", auth: "env:A", auth_key_id: own, tls: {verify: false}}
  b: {url: "https://b.example", auth: "env:A", auth_key_id: own}
  c: {url: "http://127.0.0.1", auth: "env:A", auth_key_id: own}
"""
PLAIN = 'hubs: {a: {url: "http://a.example", auth: "env:A", auth_key_id: own, allow_http: true}}'


def test_a_hub_need_not_prove_itself_where_its_certificate_is_not_verified():
    found = list(find_unverified(spec_of(HUBS).hubs.values()))
    assert [(each.code, each.severity, each.hub) for each in found] == [("tls-unverified", "warning", "a")]
    assert str(found[0].source) == "keyspec.yaml:4:72"


def test_another_machine_need_not_prove_itself_by_http_and_the_key_is_readable_on_the_way():
    (found,) = find_unverified(spec_of(PLAIN).hubs.values())
    assert (found.code, found.severity, found.hub) == ("plain-http", "warning", "a")
    assert "unencrypted" in found.message
    assert str(found.source) == "keyspec.yaml:2:12"


def test_of_a_plan_made_earlier_it_counts_how_a_hub_does_not_prove_itself_now():
    plain, unverified = (tuple(find_unverified(spec_of(text).hubs.values())) for text in (PLAIN, HUBS))
    assert renew_unverified(unverified, spec_of(PLAIN).hubs.values()) == plain
    assert renew_unverified(plain, spec_of(HUBS).hubs.values()) == unverified


def test_of_a_plan_made_earlier_only_what_is_not_verified_now_is_said():
    now = list(find_unverified(spec_of(HUBS).hubs.values()))
    other = Finding("unlisted-key", "info", "x", "b", "k")
    gone, moved = replace(now[0], hub="b"), replace(now[0], source=None)
    hubs = tuple(spec_of(HUBS).hubs.values())
    assert renew_unverified([other], hubs) == (*now, other)
    assert renew_unverified([moved, other], hubs) == (moved, other)
    assert renew_unverified([gone, other], hubs) == (*now, other)
    assert renew_unverified([other], ()) == (other,)
