"""The words all renderers share: values, changes, counts and summaries.

Values have passed `display()`; what may be long is cut there: JSON has all of it. A name stands in quotation marks
where it could be taken for something else: for two names, for keyspec's own words, for a table's columns. A key ID
that a spec can declare never does. Markup comes after.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from keyspec.display import display
from keyspec.duration import format_duration
from keyspec.model import is_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keyspec.model import FieldValue
    from keyspec.plan import Action, Change, HubRow, Plan, Step, Summary

ARROW: Final = "→"
SYMBOLS: Final[dict[Action, str]] = {
    "create": "+",
    "import": "+",
    "edit": "~",
    "lock": "!",
    "unlock": "^",
    "delete": "-",
}
_MINUTE_S: Final = 60
MOST_TEXT: Final = 400
"""How many characters of a description or a message are shown."""
MOST_NAME: Final = 200
"""How many of a name; one that a spec declares has at most 128."""
_PLAIN_NAME: Final = re.compile(r"[\w./:@+-]+(?: [\w./:@+-]+)*")
_CONTEXT: Final = 40


def say_text(text: str) -> str:
    """Show a text that may be long."""
    return display(text, limit=MOST_TEXT)


def say_count(count: int, noun: str) -> str:
    """Say a number of things: `1 hub`, `2 hubs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def say_value(field: str, value: FieldValue) -> str:
    """Say the value of a field, as a spec would write it."""
    if value is None:
        return "(unknown)"
    if isinstance(value, tuple):
        return say_names(value)
    if isinstance(value, int):
        return format_duration(value)
    return say_text(_quote(value) if field == "description" else value)


def say_names(names: Iterable[str]) -> str:
    """List roles or permissions."""
    return display(", ".join(map(say_name, names)) or "(none)", limit=None)


def say_name(name: str) -> str:
    """Show the name of a role or permission; bare where it is words of letters, digits and `._-/:@+`."""
    return display(name, limit=MOST_NAME) if _PLAIN_NAME.fullmatch(name) else _quote_name(name)


def say_key(key_id: str) -> str:
    """Show the ID of a key; bare where a spec could declare it."""
    return key_id if is_name(key_id) else _quote_name(key_id)


def say_change(change: Change) -> str:
    """Say what a field becomes, and what it was; of long texts the part where they begin to differ."""
    before, after = change.before, change.after
    if before is None:
        return say_value(change.field, after)
    if change.field == "description" and isinstance(before, str) and isinstance(after, str):
        begin = _find_difference(before, after)
        return f" {ARROW} ".join(_say_from(begin, text) for text in (before, after))
    return f"{say_value(change.field, before)} {ARROW} {say_value(change.field, after)}"


def worth_saying(step: Step, *, verbose: bool) -> tuple[Change, ...]:
    """Leave out what the action itself says and, unless `verbose`, what a new key is by default."""
    if step.action in ("lock", "unlock", "delete"):
        return tuple(change for change in step.changes if change.field != "state")
    if step.action in ("create", "import") and not verbose:
        usual = {("description", ""), ("state", "active")}
        return tuple(change for change in step.changes if (change.field, change.after) not in usual)
    return step.changes


def say_permissions(step: Step, *, verbose: bool) -> tuple[tuple[str, str], ...]:
    """Say which permissions a step gives and takes; a lock, unlock or delete concerns all the key has anyway."""
    if step.action in ("lock", "unlock", "delete") and not verbose:
        return ()
    both = (("gives", step.gives), ("takes", step.takes))
    return tuple((label, say_names(names)) for label, names in both if names)


def say_bite(steps: Sequence[Step]) -> str:
    """Say how long the hubs may still trust the key after these steps; empty where it does not matter."""
    known = {step.bites_within_s for step in steps if step.bites_within_s is not None}
    if not known:
        return ""
    least, most = min(known), max(known)
    first = f"{format_duration(least)} to " if least != most else ""
    unknown = "; elsewhere not known" if any(step.bites_within_s is None for step in steps) else ""
    return f"within {first}{format_duration(most)}{unknown}"


def say_hub_status(hub: HubRow) -> str:
    """Say how many keys a hub holds, or why it could not be planned."""
    told = say_count(hub.live_keys or 0, "key") if hub.status == "read" else hub.status
    told += "" if hub.wave is None else f", wave {hub.wave}"
    return f"{told}: {say_text(hub.error)}" if hub.error else told


def say_forecast(hubs: Iterable[HubRow]) -> str:
    """Say how many requests apply will send, and how long that takes at the rates declared; empty for none."""
    forecasts = [hub.forecast for hub in hubs if hub.forecast and hub.forecast.requests]
    if not forecasts:
        return ""
    told = f"Apply sends {say_count(sum(each.requests for each in forecasts), 'request')}"
    told += f" to {say_count(len(forecasts), 'hub')}" if len(forecasts) > 1 else ""
    slowest_s = max((each.seconds for each in forecasts if each.seconds is not None), default=None)
    return f"{told}; at the declared rate that takes {_say_seconds(slowest_s)}." if slowest_s else f"{told}."


def _say_seconds(seconds: float) -> str:
    whole = max(round(seconds), 1)
    return f"about {format_duration(whole if whole < _MINUTE_S else round(whole / _MINUTE_S) * _MINUTE_S)}"


def say_summary(summary: Summary) -> str:
    """Say a plan in one line."""
    imports = f"{summary.import_} to import, " if summary.import_ else ""
    return (
        f"Plan: {summary.create} to create, {imports}{summary.edit} to edit, {summary.lock} to lock, "
        f"{summary.unlock} to unlock, {summary.delete} to delete; {summary.held} held; "
        f"{summary.unchanged} unchanged; {summary.unlisted} unlisted."
    )


def say_unplanned(plan: Plan) -> str:
    """Say how many hubs could not be planned; empty where all could."""
    counts = {status: sum(hub.status == status for hub in plan.hubs) for status in ("unreadable", "refused")}
    left = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return f"{sum(counts.values())} of {say_count(len(plan.hubs), 'hub')} not planned: {left}." if left else ""


def _find_difference(before: str, after: str) -> int:
    """Find where to begin so that it shows what differs: 0 where the beginnings show it."""
    if _measure(before) <= MOST_TEXT and _measure(after) <= MOST_TEXT:
        return 0
    pairs = enumerate(zip(before, after, strict=False))
    alike = next((at for at, (one, other) in pairs if one != other), min(len(before), len(after)))
    if _measure(before[:alike]) <= MOST_TEXT // 2:
        return 0
    context = _CONTEXT
    while _measure(before[alike - context : alike]) > MOST_TEXT // 4:
        context //= 2
    return alike - context


def _say_from(begin: int, text: str) -> str:
    return say_text(f"…{_quote(text[begin:])}" if begin else _quote(text))


def _measure(text: str) -> int:
    """Give the length of a text as it is shown; of a long one only that it is long."""
    return len(display(_quote(text[:MOST_TEXT]), limit=None))


def _quote_name(name: str) -> str:
    return f'"{display(_escape(name), limit=MOST_NAME - 2)}"'


def _quote(text: str) -> str:
    return f'"{_escape(text)}"'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
