from __future__ import annotations

import pytest

from keyspec.errors import HubError
from keyspec.listing import MAX_PAGES, MAX_ROWS, Ask, Listing


def test_a_hub_that_caps_pages_is_asked_again_from_the_start_with_what_it_serves():
    listing: Listing[str] = Listing(100, str)
    asked = []
    names = [f"k{number}" for number in range(60)]
    while (ask := listing.ask) is not None:
        asked.append(ask)
        listing.feed(names[ask.page * ask.limit :][: min(ask.limit, 25)], 60)
    assert asked == [Ask(0, 100), Ask(0, 25), Ask(1, 25), Ask(2, 25)]
    assert listing.kept_limit == 25


def test_without_a_total_a_list_is_read_on_with_what_the_first_page_served_until_an_empty_page():
    listing: Listing[str] = Listing(100, str)
    asked = []
    names = [f"k{number}" for number in range(60)]
    while (ask := listing.ask) is not None:
        asked.append(ask)
        listing.feed(names[ask.page * ask.limit :][: min(ask.limit, 25)], None)
    assert asked == [Ask(0, 100), Ask(1, 25), Ask(2, 25), Ask(3, 25)]
    assert listing.kept_limit == 25


def test_a_short_list_is_no_page_size():
    listing: Listing[str] = Listing(100, str)
    listing.feed(["a"], None)
    listing.feed([], None)
    assert listing.ask is None
    assert listing.kept_limit == 100


def test_a_hub_that_refuses_a_limit_is_asked_for_smaller_pages_until_none_is_left():
    listing: Listing[str] = Listing(100, str)
    limits = []
    while listing.refuse():
        assert listing.ask is not None
        limits.append(listing.ask.limit)
    assert limits == [50, 25, 10]
    assert listing.kept_limit == 10


def test_no_limit_is_lowered_after_a_page_was_read():
    listing: Listing[str] = Listing(2, str)
    listing.feed(["a", "b"], 4)
    assert not listing.refuse()


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        ([(["a", "b"], 3), (["b"], 3)], "shows `b` twice"),
        ([(["a", "a"], 2)], "shows `a` twice"),
        ([(["a", "b"], 4), (["c"], 3)], "changed while it was read: 4 rows in all, then 3"),
        ([(["a", "b"], 4), ([], 4)], "incomplete: 2 rows of 4"),
        ([([], 4)], "incomplete: 0 rows of 4"),
        ([(["a", "b"], 1)], "incomplete: 2 rows of 1"),
        ([(["a", "b"], 9), (["c", "d", "e"], 9)], "page 2 of the list holds 3 rows where 2"),
        ([(["a", "b"], None), (["c"], None), (["d"], None)], "page 2 was short, and page 3 has rows"),
        ([(["a", "b"], MAX_ROWS + 1)], "at most 1000000"),
        ([(["a", "b"], None), (["c", "d"], 3)], "incomplete: 4 rows of 3"),
    ],
)
def test_a_list_that_cannot_be_complete_is_refused(pages, says):
    listing: Listing[str] = Listing(2, str)
    for rows, total in pages[:-1]:
        listing.feed(rows, total)
    with pytest.raises(HubError) as caught:
        listing.feed(*pages[-1])
    assert says in str(caught.value)


def test_a_list_ends_within_its_pages():
    listing: Listing[str] = Listing(1, str)
    for number in range(MAX_PAGES - 1):
        listing.feed([str(number)], None)
    with pytest.raises(HubError, match="does not end within 100000 pages"):
        listing.feed(["last"], None)


def test_a_list_holds_no_more_rows_than_are_believed():
    listing: Listing[str] = Listing(MAX_ROWS + 1, str)
    with pytest.raises(HubError, match="more than 1000000 rows"):
        listing.feed([str(number) for number in range(MAX_ROWS + 1)], None)


def test_a_complete_list_takes_no_page():
    listing: Listing[str] = Listing(1, str)
    listing.feed([], 0)
    with pytest.raises(RuntimeError):
        listing.feed([], 0)
