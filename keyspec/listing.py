"""Which page of a list to ask for next, and when a list may be believed: a state machine without a socket.

    listing = Listing(limit, identify, style="page-index")
    while (ask := listing.ask) is not None:
        ...fetch what `ask` says, `ask.limit` rows of it...
        listing.feed(rows, total, following)     # HubError: the list is incomplete, nothing of it is believed
    listing.rows                                 # all rows, by ID

Rules of every style: no ID twice, so every page with rows adds some; with a total, which never changes between pages,
a list is complete when its rows equal it; at most 100,000 pages and 1,000,000 rows.

- `page-index`, `page-number`: the hub starts at row page times limit (counted from 0). So a list is asked for with one
  limit from its first page to its last, and that limit is one the hub serves in full. With a total, a first page that
  holds another number of rows than asked, and fewer than the total, tells the hub's page size: the list starts again
  with it, once; the size is kept for later lists. Without a total the limit is what the first page served; the list is
  read on until an empty page. A short page ends nothing, but rows after a short page mean that rows between them were
  never shown. No page is larger than asked.
- `row-offset`: asked for from the number of rows read so far, whatever a page holds; without a total, until an empty
  page, and then the last row once more: it must be the last one still.
- `cursor`, `link`: asked for with what the answer before said is next, until one says nothing. What is next never
  comes twice.
- `none`: one page. Without a total it is believed if it holds fewer rows than were asked for.

What cannot be seen: a hub that leaves rows out and says a total that is as much too small; without a total, rows left
out at the end, and with `cursor` or `link` anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from keyspec.display import display
from keyspec.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from keyspec.operation import PagingStyle

T = TypeVar("T")

MAX_PAGES: Final = 100_000
MAX_ROWS: Final = 1_000_000
_SMALLER_LIMITS: Final = (50, 25, 10)
"""What is asked when a hub refuses a limit: the sizes its own page offers."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The next page to ask for: `page` counts pages from 0, `offset` rows; `following` is what said where it is."""

    page: int
    limit: int
    offset: int | None = None
    following: str | None = None


class Listing(Generic[T]):
    """One list being read; `ask` is None once it is complete. `bounded` tells whether requests carry the limit."""

    def __init__(
        self, limit: int, identify: Callable[[T], str], *, style: PagingStyle = "page-index", bounded: bool = True
    ) -> None:
        self._style = style
        self._bounded = bounded
        self.ask: Ask | None = Ask(0, limit, 0 if style == "row-offset" else None)
        self.kept_limit = limit
        self._identify = identify
        self._rows: dict[str, T] = {}
        self._total: int | None = None
        self._pages = 0
        self._restarted = False
        self._short = False
        self._followed: set[str] = set()

    @property
    def rows(self) -> Mapping[str, T]:
        """The rows by ID; meant for after the last page."""
        return self._rows

    def refuse(self) -> bool:
        """Take note that the hub refused the limit of the first page; tell whether a smaller one is to be tried."""
        ask = self._asked()
        smaller = next((limit for limit in _SMALLER_LIMITS if limit < ask.limit), None)
        if self._pages or smaller is None or not self._bounded:
            return False
        self.ask = Ask(0, smaller, ask.offset)
        self.kept_limit = smaller
        return True

    def feed(self, rows: Sequence[T], total: int | None, following: str | None = None) -> None:
        """Take the page that was asked for, and what it says is next.

        Raises:
            HubError: if the list cannot be complete.
        """
        ask = self._asked()
        self._take_total(total)
        self._pages += 1
        match self._style:
            case "page-index" | "page-number":
                following_ask = self._feed_page(ask, rows)
            case "row-offset":
                following_ask = self._feed_offset(ask, rows)
            case "cursor" | "link":
                following_ask = self._feed_following(ask, rows, following)
            case "none":
                following_ask = None
                self._feed_whole(ask, rows)
        if following_ask is not None and self._pages >= MAX_PAGES:
            raise HubError(f"the list does not end within {MAX_PAGES} pages")
        self.ask = following_ask

    def _feed_page(self, ask: Ask, rows: Sequence[T]) -> Ask | None:
        count, limit = len(rows), ask.limit
        if ask.page == 0 and count not in (0, limit):
            if self._total is not None and count < self._total and not self._restarted:
                self._restarted = True
                self.kept_limit = count
                return Ask(0, count)
            limit = count if self._total is None else limit
        elif count > limit:
            raise HubError(f"page {ask.page + 1} of the list holds {count} rows where {limit} were asked for")
        self._add(rows)
        done = self._judge_last(ask, count) if self._total is None else self._judge_total(count)
        return None if done else Ask(ask.page + 1, limit)

    def _feed_offset(self, ask: Ask, rows: Sequence[T]) -> Ask | None:
        seen = len(self._rows)
        if ask.offset != seen:
            self._prove_end(rows)
            return None
        self._add(rows)
        if self._total is not None:
            return None if self._judge_total(len(rows)) else Ask(ask.page + 1, ask.limit, len(self._rows))
        if not rows:
            return Ask(ask.page + 1, ask.limit, seen - 1) if seen else None
        return Ask(ask.page + 1, ask.limit, len(self._rows))

    def _prove_end(self, rows: Sequence[T]) -> None:
        """Hold the last row, asked for once more, to what was read: offsets count rows, and none has gone."""
        last = next(reversed(self._rows))
        if [self._identify(row) for row in rows] != [last]:
            raise HubError(
                "the list changed while it was read, or the hub does not count rows as its contract says:"
                f" `{display(last)}` is not its last row"
            )

    def _feed_following(self, ask: Ask, rows: Sequence[T], following: str | None) -> Ask | None:
        self._add(rows)
        seen = len(self._rows)
        if self._total is not None and seen > self._total:
            self._fail_incomplete()
        if following is None or (not rows and seen == self._total):
            if self._total not in (None, seen):
                self._fail_incomplete()
            return None
        if following in self._followed:
            raise HubError("the list does not go on: an answer names a next page that was read before")
        self._followed.add(following)
        return Ask(ask.page + 1, ask.limit, following=following)

    def _feed_whole(self, ask: Ask, rows: Sequence[T]) -> None:
        self._add(rows)
        if self._total is not None and self._total != len(rows):
            self._fail_incomplete()
        if self._total is None and self._bounded and len(rows) >= ask.limit:
            raise HubError(f"the list may go on: it holds {len(rows)} rows where {ask.limit} were asked for")

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
            self._fail_incomplete()
        return False

    def _fail_incomplete(self) -> None:
        raise HubError(f"the list is incomplete: {len(self._rows)} rows of {self._total} in all")

    def _judge_last(self, ask: Ask, count: int) -> bool:
        if count == 0:
            return True
        if self._short:
            raise HubError(f"the list is incomplete: page {ask.page} was short, and page {ask.page + 1} has rows")
        if ask.page > 0:
            self._short = count < ask.limit
            self.kept_limit = ask.limit
        return False
