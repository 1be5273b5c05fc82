from __future__ import annotations

import pytest
from builders import hub_of, key, plan_of, spec_of
from fakes.other import other_contract

HUB = 'hubs: {hub: {url: "https://hub.example", auth: "env:HUB_KEY", auth_key_id: own, %s}}\n'


def forecast(keys, *live, hub="concurrency: 8", contract=None, **policy):
    desired = spec_of(HUB % hub + f"keys: {keys}\n", contract=contract)
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


PAGING = "paging: {style: cursor, size: 100, next: meta.next}"
CURSOR = '{limit: "{limit}", cursor: "{cursor}"}'
TOTAL = "    total: meta.total\n"


@pytest.mark.parametrize(
    ("style", "query", "told", "untold"),
    [
        ("cursor, next: meta.next", CURSOR, 3, 3),
        ("page-number", '{limit: "{limit}", page: "{page}"}', 3, 4),
        ("row-offset", '{limit: "{limit}", offset: "{offset}"}', 3, 5),
        ("link", '{limit: "{limit}"}', 3, 3),
        ("none", "{all: true}", 1, 1),
    ],
)
def test_how_many_pages_a_list_has_follows_from_its_style(style, query, told, untold):
    live = [key(f"x_{number:03}") for number in range(250)]
    by_name = ("roles: {at: role_ids, by: id}", "roles: role_ids")
    for pages, total in ((told, TOTAL), (untold, "")):
        contract = other_contract((PAGING, f"paging: {{style: {style}}}"), (CURSOR, query), (TOTAL, total), by_name)
        found = forecast("{x_000: {roles: [User], state: locked}}", *live, contract=contract)
        assert found.requests == 1 + pages


def test_an_etag_that_is_read_first_takes_a_request_more():
    contract = other_contract(("roles: {at: role_ids, by: id}", "roles: role_ids"))
    assert forecast("{ci_a: {roles: [Operator]}}", key("ci_a"), contract=contract).requests == 3
    assert forecast("{ci_a: {roles: [User], state: locked}}", key("ci_a"), contract=contract).requests == 2
