"""A list is the exact set of a hub's rows, or an error.

The hubs here are functions from a page and a limit to rows and a total. What no client can see is left out of the
laws by name: a total that lies by as much as rows are missing, and, without a total, rows missing at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.errors import HubError
from keyspec.listing import Ask, Listing

if TYPE_CHECKING:
    from keyspec.operation import PagingStyle

Fault = Callable[[int, list[str]], list[str]]
sizes = st.integers(0, 60)
limits = st.integers(1, 40)
caps = st.none() | st.integers(1, 40)


@dataclass
class SimulatedHub:
    """Serves `names` in pages of at most `cap`; `fault` is given the number of the request, from 0, and its rows."""

    names: list[str]
    cap: int | None = None
    tells_total: bool = True
    fault: Fault = lambda _number, rows: rows
    lie: int = 0
    served: int = 0

    def answer(self, page: int, limit: int) -> tuple[list[str], int | None]:
        start = page * limit
        rows = self.names[start : start + min(limit, self.cap or limit)]
        rows = self.fault(self.served, rows)
        self.served += 1
        return rows, max(0, len(self.names) + self.lie) if self.tells_total else None


def read(hub: SimulatedHub, limit: int) -> set[str]:
    listing: Listing[str] = Listing(limit, str)
    while (ask := listing.ask) is not None:
        listing.feed(*hub.answer(ask.page, ask.limit))
    return set(listing.rows)


def make_names(count: int) -> list[str]:
    return [f"key_{number:03}" for number in range(count)]


def read_or_refuse(hub: SimulatedHub, limit: int) -> set[str] | None:
    try:
        return read(hub, limit)
    except HubError:
        return None


@given(sizes, limits, caps, st.booleans())
def test_of_an_honest_hub_with_any_cap_the_exact_set_is_read(size, limit, cap, tells_total):
    names = make_names(size)
    assert read(SimulatedHub(names, cap, tells_total), limit) == set(names)


@given(sizes, limits, caps)
def test_a_page_size_learned_once_is_never_learned_again(size, limit, cap):
    hub = SimulatedHub(make_names(size), cap)
    listing: Listing[str] = Listing(limit, str)
    while (ask := listing.ask) is not None:
        listing.feed(*hub.answer(ask.page, ask.limit))
    hub.served = 0
    read(hub, listing.kept_limit)
    assert hub.served == max(1, -(-size // listing.kept_limit))


@given(sizes, limits, st.integers(1, 80), st.booleans())
def test_of_a_hub_that_has_one_page_size_whatever_is_asked_the_exact_set_is_read(size, limit, fixed, tells_total):
    class Stubborn(SimulatedHub):
        def answer(self, page: int, limit: int) -> tuple[list[str], int | None]:
            return super().answer(page, fixed)

    names = make_names(size)
    assert read_or_refuse(Stubborn(names, None, tells_total), limit) == set(names)


@given(st.data(), sizes, limits, caps)
def test_with_an_honest_total_dropped_repeated_or_foreign_rows_are_never_believed(data, size, limit, cap):
    at = data.draw(st.integers(0, 5), "request at fault")
    kind = data.draw(st.sampled_from(["drop", "repeat", "shift back", "shift on", "empty", "earlier page"]), "kind")
    names = make_names(size)

    def fault(number: int, rows: list[str]) -> list[str]:
        if number != at or not rows:
            return rows
        index = data.draw(st.integers(0, len(rows) - 1), "row")
        first = names.index(rows[0])
        return {
            "drop": rows[:index] + rows[index + 1 :],
            "repeat": rows[:index] + rows[index:] + [rows[index]],
            "shift back": names[max(0, first - 1) : max(0, first - 1) + len(rows)],
            "shift on": names[first + 1 : first + 1 + len(rows)],
            "empty": [],
            "earlier page": names[: len(rows)],
        }[kind]

    assert read_or_refuse(SimulatedHub(names, cap, fault=fault), limit) in (None, set(names))


@given(st.data(), st.integers(1, 60), limits, caps)
def test_with_a_total_a_list_that_shrinks_or_grows_while_it_is_read_is_never_believed(data, size, limit, cap):
    names = make_names(size)
    at = data.draw(st.integers(0, 6), "before this request")
    change = data.draw(st.sampled_from([-1, 1]), "change")

    class Changing(SimulatedHub):
        def answer(self, page: int, limit: int) -> tuple[list[str], int | None]:
            if self.served == at and change < 0:
                del self.names[data.draw(st.integers(0, len(self.names) - 1), "gone")]
            elif self.served == at:
                self.names.insert(data.draw(st.integers(0, len(self.names)), "where"), "new")
            return super().answer(page, limit)

    hub = Changing(list(names), cap)
    assert read_or_refuse(hub, limit) in (None, set(names), set(hub.names))


@given(sizes, limits, caps, st.integers(-60, 60).filter(bool))
def test_a_total_that_lies_is_believed_only_if_it_equals_the_rows_shown(size, limit, cap, lie):
    names = make_names(size)
    found = read_or_refuse(SimulatedHub(names, cap, lie=lie), limit)
    assert found is None or (len(found) == max(0, size + lie) and found <= set(names))


@given(st.data(), sizes, limits, caps)
def test_without_a_total_a_row_dropped_before_other_rows_is_never_believed(data, size, limit, cap):
    names = make_names(size)
    at = data.draw(st.integers(0, 5), "request at fault")
    gone: set[str] = set()

    def fault(number: int, rows: list[str]) -> list[str]:
        if number != at or len(rows) < 2 or rows[-1] == names[-1]:
            return rows
        index = data.draw(st.integers(0, len(rows) - 1), "row")
        gone.add(rows[index])
        return rows[:index] + rows[index + 1 :]

    assert read_or_refuse(SimulatedHub(names, cap, tells_total=False, fault=fault), limit) in (None, set(names))


@given(st.integers(2, 60), limits, caps, st.booleans())
def test_a_hub_that_counts_rows_where_pages_are_meant_is_never_believed_wrongly(size, limit, cap, tells_total):
    class ByRow(SimulatedHub):
        def answer(self, page: int, limit: int) -> tuple[list[str], int | None]:
            rows = self.names[page : page + min(limit, self.cap or limit)]
            return rows, len(self.names) if self.tells_total else None

    names = make_names(size)
    assert read_or_refuse(ByRow(names, cap, tells_total), limit) in (None, set(names))


@given(st.integers(1, 60), limits, caps)
def test_a_hub_that_ignores_the_page_is_never_believed_wrongly(size, limit, cap):
    class Repeating(SimulatedHub):
        def answer(self, page: int, limit: int) -> tuple[list[str], int | None]:
            return super().answer(0, limit)

    names = make_names(size)
    assert read_or_refuse(Repeating(names, cap), limit) in (None, set(names))
    with pytest.raises(HubError, match="twice"):
        read(Repeating(names, cap, tells_total=False), limit)


# the other styles


STYLES: tuple[PagingStyle, ...] = ("page-index", "page-number", "row-offset", "cursor", "link", "none")
FAULTS = ("drop", "repeat", "shift back", "shift on", "empty", "earlier page")


@dataclass
class StyledHub:
    """Serves `names` in any style; what is next is told as `at=N`. `fault` and `lie` as in `SimulatedHub`."""

    style: PagingStyle
    names: list[str]
    cap: int | None = None
    tells_total: bool = True
    fault: Fault = lambda _number, rows: rows
    lie: int = 0
    served: int = 0

    def answer(self, ask: Ask) -> tuple[list[str], int | None, str | None]:
        start = self.find_start(ask)
        size = len(self.names) if self.style == "none" else min(ask.limit, self.cap or ask.limit)
        rows = self.fault(self.served, self.names[start : start + size])
        self.served += 1
        end = start + size
        following = f"at={end}" if self.style in ("cursor", "link") and end < len(self.names) else None
        return rows, max(0, len(self.names) + self.lie) if self.tells_total else None, following

    def find_start(self, ask: Ask) -> int:
        if self.style == "row-offset":
            assert ask.offset is not None
            return ask.offset
        if self.style in ("cursor", "link"):
            return 0 if ask.following is None else int(ask.following.removeprefix("at="))
        return ask.page * ask.limit


def read_styled(hub: StyledHub, limit: int) -> set[str] | None:
    listing: Listing[str] = Listing(limit, str, style=hub.style, bounded=hub.style != "none")
    try:
        while (ask := listing.ask) is not None:
            listing.feed(*hub.answer(ask))
    except HubError:
        return None
    return set(listing.rows)


@given(st.sampled_from(STYLES), sizes, limits, caps, st.booleans())
def test_in_every_style_the_exact_set_of_an_honest_hub_is_read(style, size, limit, cap, tells_total):
    names = make_names(size)
    assert read_styled(StyledHub(style, names, cap, tells_total), limit) == set(names)


@given(st.data(), st.sampled_from(STYLES), sizes, limits, caps)
def test_in_every_style_with_an_honest_total_no_faulty_page_is_believed(data, style, size, limit, cap):
    at = data.draw(st.integers(0, 5), "request at fault")
    kind = data.draw(st.sampled_from(FAULTS), "kind")
    names = make_names(size)

    def fault(number: int, rows: list[str]) -> list[str]:
        if number != at or not rows:
            return rows
        index = data.draw(st.integers(0, len(rows) - 1), "row")
        first = names.index(rows[0])
        return {
            "drop": rows[:index] + rows[index + 1 :],
            "repeat": [*rows, rows[index]],
            "shift back": names[max(0, first - 1) : max(0, first - 1) + len(rows)],
            "shift on": names[first + 1 : first + 1 + len(rows)],
            "empty": [],
            "earlier page": names[: len(rows)],
        }[kind]

    assert read_styled(StyledHub(style, names, cap, fault=fault), limit) in (None, set(names))


@given(st.data(), st.sampled_from(STYLES), st.integers(1, 60), limits, caps)
def test_in_every_style_with_a_total_a_list_that_changes_while_it_is_read_is_never_believed(
    data, style, size, limit, cap
):
    names = make_names(size)
    at = data.draw(st.integers(0, 6), "before this request")
    change = data.draw(st.sampled_from([-1, 1]), "change")

    class Changing(StyledHub):
        def answer(self, ask: Ask) -> tuple[list[str], int | None, str | None]:
            if self.served == at and change < 0:
                del self.names[data.draw(st.integers(0, len(self.names) - 1), "gone")]
            elif self.served == at:
                self.names.insert(data.draw(st.integers(0, len(self.names)), "where"), "new")
            return super().answer(ask)

    hub = Changing(style, list(names), cap)
    assert read_styled(hub, limit) in (None, set(names), set(hub.names))


@given(st.sampled_from(STYLES), sizes, limits, caps, st.integers(-60, 60).filter(bool))
def test_in_every_style_a_total_that_lies_is_believed_only_if_it_equals_the_rows_shown(style, size, limit, cap, lie):
    names = make_names(size)
    found = read_styled(StyledHub(style, names, cap, lie=lie), limit)
    assert found is None or (len(found) == max(0, size + lie) and found <= set(names))


@given(st.data(), st.sampled_from(STYLES), sizes, limits, caps)
def test_in_every_style_without_a_total_a_repeated_row_is_never_believed(data, style, size, limit, cap):
    names = make_names(size)
    at = data.draw(st.integers(0, 5), "request at fault")

    def fault(number: int, rows: list[str]) -> list[str]:
        return [*rows, data.draw(st.sampled_from(rows), "row")] if number == at and rows else rows

    hub = StyledHub(style, names, cap, tells_total=False, fault=fault)
    assert read_styled(hub, limit) in (None, set(names))


@given(st.data(), st.integers(2, 60), limits, caps)
def test_where_rows_are_counted_a_row_dropped_before_other_rows_is_never_believed(data, size, limit, cap):
    names = make_names(size)
    at = data.draw(st.integers(0, 5), "request at fault")

    def fault(number: int, rows: list[str]) -> list[str]:
        if number != at or len(rows) < 2 or rows[-1] == names[-1]:
            return rows
        index = data.draw(st.integers(0, len(rows) - 1), "row")
        return rows[:index] + rows[index + 1 :]

    found = read_styled(StyledHub("row-offset", names, cap, tells_total=False, fault=fault), limit)
    assert found in (None, set(names))


@given(st.integers(1, 60), limits, st.booleans())
def test_a_hub_that_counts_pages_where_rows_are_meant_is_never_believed_wrongly(size, limit, tells_total):
    class ByPage(StyledHub):
        def find_start(self, ask: Ask) -> int:
            return (ask.offset or 0) * ask.limit

    names = make_names(size)
    assert read_styled(ByPage("row-offset", names, None, tells_total), limit) in (None, set(names))


@given(st.sampled_from(["cursor", "link"]), st.integers(2, 60), limits, st.booleans(), st.integers(0, 3))
def test_what_is_next_never_comes_twice(style, size, limit, tells_total, back):
    class Circle(StyledHub):
        def answer(self, ask: Ask) -> tuple[list[str], int | None, str | None]:
            rows, total, _ = super().answer(ask)
            assert self.served < 200, "a circle is left"
            return rows if self.served <= 1 else [], total, f"at={back}"

    names = make_names(size)
    assert read_styled(Circle(style, names, None, tells_total), limit) in (None, set(names))


@given(sizes, limits)
def test_one_request_that_is_cut_at_its_limit_is_never_believed(size, limit):
    names = make_names(size)
    listing: Listing[str] = Listing(limit, str, style="none")
    try:
        listing.feed(names[:limit], None)
    except HubError:
        assert size >= limit
        return
    assert set(listing.rows) == set(names)
