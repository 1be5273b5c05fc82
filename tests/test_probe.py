from __future__ import annotations

import pytest
from builders import contract_without, default_contract, spec_of
from hypothesis import given
from hypothesis import strategies as st

from keyspec.model import Key, Role
from keyspec.probe import (
    Capability,
    Probed,
    can_say,
    changed,
    choose_role,
    choose_timeouts,
    choose_use,
    find_refusals,
    is_denied,
    is_refusal,
    judge_capability,
    judge_denial,
    judge_fields,
    judge_kept,
    judge_status,
    longest_wait,
    next_gap,
    next_timeout,
    overlay_of,
)

KEY = Key("k", "text", ("User",), 5, "active")
UNITS = ("s", "ms", "min", "h", "text", "iso")


def probed(*capabilities, **more):
    fields = {
        "hub": "lab",
        "url": "u",
        "contract": "c",
        "role": "r",
        "key_id": "k",
        "created": True,
        "observations": (),
    }
    return Probed(**fields | {"capabilities": capabilities} | more)


def test_the_weakest_role_has_the_fewest_permissions_and_of_equals_the_first_name():
    roles = [Role("A", ("x", "y")), Role("C", ("z",)), Role("B", ("x",))]
    assert choose_role(roles, None) == "B"
    assert choose_role([*roles, Role("N", ())], None) == "N"
    assert choose_role(roles, "A") == "A"
    assert choose_role(None, "A") == "A"


@pytest.mark.parametrize(
    ("roles", "wanted", "says"),
    [
        (None, None, "say --role"),
        ([], None, "say --role"),
        ([Role("A", ("x",)), Role("B")], None, "so nobody knows the weakest"),
        ([Role("A", ())], "B", "the hub has no such role"),
    ],
)
def test_a_weakest_role_that_nobody_knows_is_not_guessed(roles, wanted, says):
    with pytest.raises(ValueError, match=says):
        choose_role(roles, wanted)


@pytest.mark.parametrize("unit", UNITS)
def test_timeouts_are_such_as_the_unit_can_say_the_shortest_first(unit):
    found = choose_timeouts(unit, None)
    assert list(found) == sorted(found)
    assert found
    assert all(can_say(unit, seconds) and can_say(unit, next_timeout(unit, seconds)) for seconds in found)
    assert choose_timeouts(unit, 7200) == (7200,)


def test_a_timeout_that_the_unit_cannot_say_is_refused():
    with pytest.raises(ValueError, match="no whole number of minutes"):
        choose_timeouts("min", 90)


@given(st.integers(1, 10**6))
def test_a_wait_is_longer_than_the_timeout_and_has_few_requests(timeout_s):
    longest, waited, asked = longest_wait(timeout_s), 0.0, 0
    while waited <= longest:
        waited, asked = waited + next_gap(waited), asked + 1
    assert longest <= 900
    assert longest > timeout_s or timeout_s > 890
    assert asked < 150


def test_a_status_that_the_contract_does_not_say_differs():
    assert judge_status(default_contract(), "delete_key", 204) == ("204", "agrees")
    assert judge_status(default_contract(), "delete_key", 202) == ("202; the contract says 200 or 204", "differs")


def test_fields_that_were_not_sent_are_not_compared_and_those_not_told_cannot_be():
    assert judge_fields(KEY, KEY) == ("as sent", "agrees")
    assert judge_fields(Key("k", roles=("User",)), KEY) == ("as sent", "agrees")
    assert judge_fields(KEY, Key("k", "text", ("User",), None, "active"))[1] == "unknown"
    read = Key("k", "\x1b[31mhostile", ("Evil\n::error::",), 60, "locked")
    said, verdict = judge_fields(KEY, read)
    assert verdict == "differs"
    assert said == "differs: description, roles, reauth_timeout 60 s instead of 5 s, state locked instead of active"


def test_an_edit_is_held_to_what_it_names_and_to_the_rest():
    changes = {"reauth_timeout": 6}
    assert judge_kept(KEY, changes, changed(KEY, changes))[1:] == ("agrees", True)
    assert judge_kept(KEY, changes, KEY)[1:] == ("differs", True)
    lost = changed(KEY, {"reauth_timeout": 6, "roles": ()})
    assert judge_kept(KEY, changes, lost) == ("reauth_timeout changed, and so did roles", "differs", False)


def test_a_refusal_is_one_of_the_key_and_not_of_who_asked():
    assert [status for status in (200, 401, 403, 404, 405, 409, 412, 422, 500) if is_refusal(status)] == [409, 412, 422]


def test_a_live_key_is_told_from_a_locked_one_by_the_best_answer():
    assert choose_use({"list_roles": 403, "openapi": 200}) == "openapi"
    assert choose_use({"list_roles": 403, "list_keys": 401}) == "list_roles"
    assert choose_use({"list_roles": 403}, good=True) is None
    assert choose_use({"list_roles": 401}) is None
    assert [status for status in (200, 401, 403, 404, 423) if is_denied(status, 403)] == [401, 423]


@pytest.mark.parametrize(
    ("seconds", "timeout_s", "said", "verdict"),
    [
        (0.1, 5, "denied with 401 at once; its timeout is 5 s", "agrees"),
        (4.0, 5, "denied with 401 after 4.0 s; its timeout is 5 s", "agrees"),
        (6.1, 5, "denied with 401 after 6.1 s; its timeout is 5 s", "agrees"),
        (7.0, 5, "denied with 401 after 7.0 s; its timeout is 5 s", "differs"),
    ],
)
def test_a_denial_is_held_to_the_timeout(seconds, timeout_s, said, verdict):
    assert judge_denial(seconds, timeout_s, 401) == (said, verdict)


def test_a_capability_is_held_to_the_contract():
    assert judge_capability(default_contract(), Capability("etag", False, "")) == "agrees"
    assert judge_capability(contract_without(etag=True), Capability("etag", False, "")) == "differs"


def test_only_what_was_seen_is_written():
    contract = default_contract()
    assert overlay_of(contract, probed(), "b") == {
        "keyspec-contract": 1,
        "extends": "b",
        "name": "cipherinsights-v1-lab",
    }
    seen = overlay_of(contract, probed(Capability("etag", True, ""), sends_whole=True), "b")
    assert (seen["capabilities"], seen["operations"]) == ({"etag": True}, {"edit_key": {"sends": "whole"}})


def test_a_probe_is_whole_only_if_nothing_is_left_of_it():
    assert probed().whole
    for more in ({"created": False}, {"left": {"k": "why"}}, {"broken": True}, {"interrupted": True}):
        assert not probed(**more).whole


def test_consent_stands_in_the_spec():
    def refusals(labels):
        desired = spec_of(
            f'hubs: {{hub: {{url: "https://h.example", auth: "env:A", auth_key_id: own, labels: {labels}}}}}\n'
        )
        return [(problem.code, str(problem.source)) for problem in find_refusals(desired.hubs["hub"])]

    assert refusals("{env: sandbox}") == []
    assert refusals("{env: prod}") == [("not-a-sandbox", "keyspec.yaml:2:73")]
