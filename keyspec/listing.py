"""Which page of a list to ask for next, and when a list may be believed: a state machine without a socket.

    listing = Listing(limit, identify)
    while (ask := listing.ask) is not None:
        ...fetch page `ask.page` of `ask.limit` rows...
        listing.feed(rows, total)            # HubError: the list is incomplete, nothing of it is believed
    listing.rows                             # all rows, by ID

`page` is a page index: the hub starts at row page times limit. So a list is asked for with one limit from its first
page to its last, and that limit is one the hub serves in full. Rules:

- With a total: a list is complete when its rows equal the total. The total never changes between pages. A first
  page that holds another number of rows than asked, and fewer than the total, tells the hub's page size: the list
  starts again with it, once; the size is kept for later lists.
- Without a total: the limit is what the first page served; the list is read on until an empty page. A short page
  ends nothing, but rows after a short page mean that rows between them were never shown.
- No ID twice, no page larger than asked, at most 100,000 pages and 1,000,000 rows.

What cannot be seen: a hub that leaves rows out and says a total that is as much too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from keyspec.display import display
from keyspec.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

MAX_PAGES: Final = 100_000
MAX_ROWS: Final = 1_000_000
_SMALLER_LIMITS: Final = (50, 25, 10)
"""What is asked when a hub refuses a limit: the sizes its own page offers."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The next page to ask for; `page` counts from 0."""

    page: int
    limit: int


class Listing(Generic[T]):
    """One list being read; `ask` is None once it is complete."""

    def __init__(self, limit: int, identify: Callable[[T], str]) -> None:
        self.ask: Ask | None = Ask(0, limit)
        self.kept_limit = limit
        self._identify = identify
        self._rows: dict[str, T] = {}
        self._total: int | None = None
        self._pages = 0
        self._restarted = False
        self._short = False

    @property
    def rows(self) -> Mapping[str, T]:
        """The rows by ID; meant for after the last page."""
        return self._rows

    def refuse(self) -> bool:
        """Take note that the hub refused the limit of the first page; tell whether a smaller one is to be tried."""
        ask = self._asked()
        smaller = next((limit for limit in _SMALLER_LIMITS if limit < ask.limit), None)
        if self._pages or smaller is None:
            return False
        self.ask = Ask(0, smaller)
        self.kept_limit = smaller
        return True

    def feed(self, rows: Sequence[T], total: int | None) -> None:
        """Take the page that was asked for.

        Raises:
            HubError: if the list cannot be complete.
        """
        ask = self._asked()
        self._take_total(total)
        self._pages += 1
        count = len(rows)
        limit = ask.limit
        if ask.page == 0 and count not in (0, limit):
            if self._total is not None and count < self._total and not self._restarted:
                self._start_again(count)
                return
            limit = count if self._total is None else limit
        elif count > limit:
            raise HubError(f"page {ask.page + 1} of the list holds {count} rows where {limit} were asked for")
        self._add(rows)
        done = self._judge_last(ask, count) if self._total is None else self._judge_total(count)
        if not done and self._pages >= MAX_PAGES:
            raise HubError(f"the list does not end within {MAX_PAGES} pages")
        self.ask = None if done else Ask(ask.page + 1, limit)

    def _asked(self) -> Ask:
        if self.ask is None:
            raise RuntimeError("this list is complete")
        return self.ask

    def _take_total(self, total: int | None) -> None:
        if total is None:
            return
        if self._total is not None and total != self._total:
            raise HubError(f"the list changed while it was read: {self._total} rows in all, then {total}")
        if total > MAX_ROWS:
            raise HubError(f"the list has {total} rows; at most {MAX_ROWS} are believed")
        self._total = total

    def _start_again(self, served: int) -> None:
        self._restarted = True
        self.kept_limit = served
        self.ask = Ask(0, served)

    def _add(self, rows: Sequence[T]) -> None:
        for row in rows:
            name = self._identify(row)
            if name in self._rows:
                raise HubError(
                    f"the list shows `{display(name)}` twice: it changed while it was read,"
                    " or the hub does not count pages as its contract says"
                )
            self._rows[name] = row
        if len(self._rows) > MAX_ROWS:
            raise HubError(f"the list has more than {MAX_ROWS} rows; no more are believed")

    def _judge_total(self, count: int) -> bool:
        seen = len(self._rows)
        if self._total == seen:
            return True
        if seen > (self._total or 0) or count == 0:
            raise HubError(f"the list is incomplete: {seen} rows of {self._total} in all")
        return False

    def _judge_last(self, ask: Ask, count: int) -> bool:
        if count == 0:
            return True
        if self._short:
            raise HubError(f"the list is incomplete: page {ask.page} was short, and page {ask.page + 1} has rows")
        if ask.page > 0:
            self._short = count < ask.limit
            self.kept_limit = ask.limit
        return False
