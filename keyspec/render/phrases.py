"""The words all renderers share: values, changes, counts and summaries.

Values have passed `display()`; texts that may be long are cut there, names never are. Markup comes after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keyspec.display import display
from keyspec.duration import format_duration

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
MOST_TEXT: Final = 400
"""How many characters of a description or a message are shown; JSON has all of them."""


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
    """List roles or permissions, quoted where a comma, a quotation mark or a blank at an end would mislead."""
    listed = (_quote(name) if name != name.strip() or not name or set(name) & set(',"') else name for name in names)
    return display(", ".join(listed) or "(none)", limit=None)


def say_change(change: Change) -> str:
    """Say what a field becomes, and what it was."""
    after = say_value(change.field, change.after)
    return after if change.before is None else f"{say_value(change.field, change.before)} {ARROW} {after}"


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
    return f"{told}: {say_text(hub.error)}" if hub.error else told


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


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
