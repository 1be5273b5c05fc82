from __future__ import annotations

import pytest
from builders import hub_of, key, plan_of, spec_of

HUB = 'hubs: {hub: {url: "https://hub.example", auth: "env:HUB_KEY", auth_key_id: own, %s}}\n'


def forecast(keys, *live, hub="concurrency: 8", **policy):
    desired = spec_of(HUB % hub + f"keys: {keys}\n")
    (row,) = plan_of(desired, hub_of(*live), **policy).hubs
    return row.forecast


def test_nothing_to_do_takes_no_request():
    assert forecast("{ci_a: {roles: [User]}}", key("ci_a")).requests == 0


def test_a_step_takes_one_and_then_the_list_is_read_again():
    assert forecast("{ci_a: {roles: [Operator]}}", key("ci_a")).requests == 2


def test_held_steps_take_none():
    assert forecast("{ci_a: {roles: [User], state: active}}", key("ci_a", state="locked")).requests == 0


def test_every_page_of_the_list_counts():
    live = [key(f"x_{number:03}") for number in range(199)]  # and keyspec's own: two pages
    assert forecast("{x_000: {roles: [Operator]}}", *live).requests == 1 + 2
    assert forecast("{x_000: {roles: [Operator]}, new: {roles: [User]}}", *live).requests == 2 + 3


def test_the_declared_rate_tells_how_long_it_takes():
    found = forecast("{ci_a: {roles: [Operator]}}", key("ci_a"), hub="requests_per_second: 4")
    assert (found.requests, found.seconds) == (2, 0.5)
    assert forecast("{ci_a: {roles: [Operator]}}", key("ci_a")).seconds is None


@pytest.mark.parametrize("error", ["no route", None])
def test_a_hub_that_is_not_planned_has_no_forecast(error):
    desired = spec_of("keys: {ci_a: {roles: [Nowhere]}}\n")
    (row,) = plan_of(desired, hub_of(error=error)).hubs
    assert row.status != "read"
    assert row.forecast is None
