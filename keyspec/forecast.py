"""How many requests apply will send to a hub, and how long they take at the rate that is declared for it.

    one for each step that is not held, another before it where an ETag is read first, and after them the list of
    keys once more, page by page

Not counted: what was read for the plan; the list that is read again as a hub's turn begins, because it grew old, a
person was asked, the plan was saved or an earlier wave was done; the list after nothing but steps that were already
so; a request that is sent again; a lost answer that is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyspec.plan import Forecast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyspec.desired import DesiredHub
    from keyspec.plan import Action, Step


def forecast_hub(hub: DesiredHub, live_keys: int, steps: Iterable[Step]) -> Forecast:
    """Forecast the requests to a hub that holds this many keys before its steps."""
    actions = [step.action for step in steps if not step.held]
    if not actions:
        return Forecast(0)
    left = live_keys + sum(action in ("create", "import") for action in actions) - actions.count("delete")
    requests = len(actions) + sum(_reads_first(hub, action) for action in actions) + _count_pages(hub, left)
    rate = hub.hub.requests_per_second
    return Forecast(requests, requests / rate if rate else None)


def _count_pages(hub: DesiredHub, rows: int) -> int:
    """Count the pages of a list; where pages are counted and no total is told, only an empty page ends it."""
    paging = hub.contract.paging_of("list_keys")
    pages = -(-rows // paging.size)
    told = hub.contract.operations.list_keys.total is not None
    match paging.style:
        case "none":
            return 1
        case "page-index" | "page-number" if not told:
            return pages + 1
        case "row-offset" if not told and rows:
            return pages + 2  # the last row is asked for once more
    return max(pages, 1)


def _reads_first(hub: DesiredHub, action: Action) -> bool:
    name = f"{action}_key"
    operation = getattr(hub.contract.operations, name)
    return hub.contract.capabilities.etag and getattr(operation, "if_match", False)
