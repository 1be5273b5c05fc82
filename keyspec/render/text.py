"""A plan for people, and problems for people and editors.

A plan reads from the hubs down to what a terminal shows last: the refusals and the summary. On several hubs the
same change is one row with a count and the exceptions; `verbose` shows every step by its number, hub by hub. A row:

    number or count · symbol and action · HELD · key · on which hubs
        what changes · permissions given and taken · when it bites · why, and where it is declared · what it waits for

Everything from outside passes `display()` before it is measured, broken or coloured. Every line ends with a newline.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from keyspec.display import display
from keyspec.findings import UNVERIFIED
from keyspec.render.console import Page, cells, make_page, pad
from keyspec.render.fold import fleet_of, fold_findings, fold_steps, list_names, say_hubs, whole_fleet
from keyspec.render.phrases import (
    SYMBOLS,
    say_bite,
    say_change,
    say_count,
    say_forecast,
    say_hub_status,
    say_key,
    say_permissions,
    say_summary,
    say_text,
    say_unplanned,
    worth_saying,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from keyspec.errors import Problem
    from keyspec.plan import Action, Finding, HubRow, Plan, Step
    from keyspec.render.console import Style
    from keyspec.render.fold import Fleet

ACTION_STYLES: Final[dict[Action, Style]] = {
    "create": "green",
    "import": "green",
    "edit": "cyan",
    "lock": "yellow",
    "unlock": "magenta",
    "delete": "red",
}
MOST_HUB_LINES: Final = 12
_MOST_INFOS: Final = 20
_ACTION_CELLS: Final = 6
_LABEL_CELLS: Final = 14
_MOST_KEY_CELLS: Final = 32
_MOST_PROBLEM: Final = 2000


def render_plan(plan: Plan, *, refusals: Iterable[Problem] = (), color: bool, width: int, verbose: bool = False) -> str:
    """Write a plan for people; `refusals` of guards stand before its summary."""
    page = make_page(color=color, width=width)
    by_hub = verbose or len(plan.hubs) == 1
    folds = () if by_hub else fold_steps(plan.steps)
    if by_hub:
        blocks = list(_hub_by_hub(plan, page, verbose=verbose))
    else:
        blocks = [_hub_lines(plan.hubs, page), list(_rows(folds, fleet_of(plan), page, verbose=False))]
    blocks += [
        _finding_lines(plan, page, verbose=verbose),
        _refusal_lines(tuple(refusals), page),
        _closing_lines(plan, page, folded=any(len(steps) > 1 for steps in folds)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def render_problems(problems: Iterable[Problem], *, color: bool) -> str:
    """Write each problem as `file:line:column: code: message`, its hint indented below; empty for none."""
    page = make_page(color=color, width=0)
    return "".join(f"{line}\n" for problem in problems for line in _problem_lines(problem, page))


def unverified_lines(plan: Plan, page: Page) -> Iterator[str]:
    """Write which hubs need not prove who they are: no output leaves that out."""
    return finding_lines((finding for finding in plan.findings if finding.code in UNVERIFIED), plan, page)


def finding_lines(findings: Iterable[Finding], plan: Plan, page: Page) -> Iterator[str]:
    """Write some findings of a plan."""
    for fold in fold_findings(findings):
        yield _finding_line(fold, whole_fleet(plan), page)


def step_lines(steps: Sequence[Step], page: Page, *, indent: int, verbose: bool, why: bool = True) -> Iterator[str]:
    """Write what a step, the same on several hubs, changes and means; every line stands at `indent`."""
    step = steps[0]
    told: list[tuple[str, str, Style | None]] = [
        (change.field, say_change(change), None) for change in worth_saying(step, verbose=verbose)
    ]
    told += [(label, names, None) for label, names in say_permissions(step, verbose=verbose)]
    told.append(("bites", say_bite(steps), None))
    told.append(("undo", "" if step.reversible else "cannot be undone", "red"))
    if why:
        place = f"  ({step.source})" if step.source else ""
        told.append(("why", f"{say_text(step.reason)}{place}", None))
        told.append(("held", f"not done without {step.held_by}" if step.held_by else "", "yellow"))
    for label, text, style in told:
        if text:
            yield _detail(label, text, style, page, indent=indent)


def paint_key(key: str, told: str, page: Page) -> str:
    """Make the key at the beginning of a broken text bold, unless the break goes through it."""
    return page.paint(key, "bold") + told[len(key) :] if told.startswith(key) else told


def _detail(label: str, text: str, style: Style | None, page: Page, *, indent: int) -> str:
    name = pad(display(label), _LABEL_CELLS)
    told = page.wrap(display(text, limit=None), indent=indent + _LABEL_CELLS + 2)
    return f"{' ' * indent}{page.paint(name, 'dim')}  {page.paint(told, style) if style else told}"


def _hub_by_hub(plan: Plan, page: Page, *, verbose: bool) -> Iterator[list[str]]:
    steps: dict[str, list[tuple[Step, ...]]] = {hub.name: [] for hub in plan.hubs}
    for step in plan.steps:
        steps.setdefault(step.hub, []).append((step,))
    for hub in plan.hubs:
        line = f"{hub.name}  {hub.url}  {say_hub_status(hub)}"
        head = _line(line, "bold" if hub.status == "read" else "red", page, hang=4)
        yield [head, *_rows(steps[hub.name], None, page, verbose=verbose)]


def _hub_lines(hubs: Sequence[HubRow], page: Page) -> list[str]:
    shown = hubs if len(hubs) <= MOST_HUB_LINES else [hub for hub in hubs if hub.error and hub.status == "read"]
    names = [display(hub.name, limit=None) for hub in shown]
    urls = [display(hub.url, limit=None) for hub in shown]
    name_cells = max(map(cells, names), default=0)
    url_cells = max(map(cells, urls), default=0)
    lines = [_line(_say_hub_count(hubs), "bold", page)]
    for hub, name, url in zip(shown, names, urls, strict=True):
        line = f"{pad(name, name_cells)}  {pad(url, url_cells)}  {say_hub_status(hub)}"
        told = page.wrap(display(line, limit=None), indent=4)
        lines.append(f"  {told if hub.status == 'read' else page.paint(told, 'red')}")
    if len(hubs) > MOST_HUB_LINES:
        lines += _unplanned_lines(hubs, page)
    return lines


def _say_hub_count(hubs: Sequence[HubRow]) -> str:
    if not hubs:
        return "No hubs"
    counts = Counter(hub.status for hub in hubs)
    parts = [f"{counts['read']} read with {say_count(sum(hub.live_keys or 0 for hub in hubs), 'key')}"]
    parts += [f"{counts[status]} {status}" for status in ("unreadable", "refused") if counts[status]]
    return f"{say_count(len(hubs), 'hub')}: {', '.join(parts)}"


def _unplanned_lines(hubs: Sequence[HubRow], page: Page) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for hub in hubs:
        if hub.status != "read":
            groups.setdefault((hub.status, hub.error or ""), []).append(hub.name)
    for (status, error), names in groups.items():
        count = f"{say_count(len(names), 'hub')}: " if len(names) > 1 else ""
        line = f"{status}  {count}{list_names(names)}: {say_text(error)}"
        yield f"  {page.paint(page.wrap(display(line, limit=None), indent=4), 'red')}"


def _rows(folds: Sequence[tuple[Step, ...]], fleet: Fleet | None, page: Page, *, verbose: bool) -> Iterator[str]:
    marks = [f"#{steps[0].number}" if len(steps) == 1 else f"{len(steps)}x" for steps in folds]
    keys = [say_key(steps[0].key_id) for steps in folds]
    mark_cells = max(map(len, marks), default=0)
    key_cells = min(max(map(cells, keys), default=0), _MOST_KEY_CELLS)
    held_cells = len("HELD  ") if any(steps[0].held for steps in folds) else 0
    for steps, mark, key in zip(folds, marks, keys, strict=True):
        step = steps[0]
        action = page.paint(f"{SYMBOLS[step.action]} {step.action:<{_ACTION_CELLS}}", ACTION_STYLES[step.action])
        held = page.paint("HELD", "yellow") + "  " if step.held else " " * held_cells
        hubs = say_hubs([each.hub for each in steps], fleet) if fleet else ""
        indent = 2 + mark_cells + 2 + 2 + _ACTION_CELLS + 2 + held_cells
        told = page.wrap(display(f"{pad(key, key_cells)}  {hubs}".rstrip(), limit=None), indent=indent)
        yield f"  {mark:>{mark_cells}}  {action}  {held}{paint_key(key, told, page)}"
        yield from step_lines(steps, page, indent=2 + mark_cells + 4, verbose=verbose)


def _finding_lines(plan: Plan, page: Page, *, verbose: bool) -> list[str]:
    fleet = whole_fleet(plan)
    folds = [(finding,) for finding in plan.findings] if verbose else fold_findings(plan.findings)
    shown: Counter[str] = Counter()
    lines = [page.paint("Findings", "bold")] if folds else []
    for findings in sorted(folds, key=lambda fold: fold[0].severity != "warning"):
        first = findings[0]
        shown[first.code] += 1
        if verbose or first.severity == "warning" or shown[first.code] <= _MOST_INFOS:
            lines.append(_finding_line(findings, fleet, page))
    left_out = {code: count - _MOST_INFOS for code, count in shown.items() if count > _MOST_INFOS}
    infos = {findings[0].code for findings in folds if findings[0].severity == "info"}
    if not verbose:
        lines += [
            f"  info     {display(code)}: {count} more, shown with -v"
            for code, count in left_out.items()
            if code in infos
        ]
    return lines


def _finding_line(findings: Sequence[Finding], fleet: Fleet, page: Page) -> str:
    first = findings[0]
    hubs = [finding.hub for finding in findings if finding.hub is not None]
    keys = tuple(map(say_key, dict.fromkeys(finding.key_id for finding in findings if finding.key_id is not None)))
    if len(keys) > 1:
        there = dict.fromkeys(hubs)
        over = say_hubs(hubs, fleet) if len(there) == 1 else f"on {len(there)} hubs" if there else ""
        about = f"{list_names(keys)} ({f'{len(keys)} keys {over}'.rstrip()})"
    else:
        about = " ".join(part for part in (*keys, say_hubs(hubs, fleet) if hubs else "") if part)
    place = f"  ({first.source})" if first.source and all(each.source == first.source for each in findings) else ""
    text = f"{first.code}  {about + ': ' if about else ''}{say_text(first.message)}{place}"
    style: Style = "yellow" if first.severity == "warning" else "dim"
    return f"  {page.paint(f'{first.severity:<7}', style)}  {page.wrap(display(text, limit=None), indent=11)}"


def _refusal_lines(refusals: Sequence[Problem], page: Page) -> list[str]:
    if not refusals:
        return []
    lines = [_line("REFUSED: this plan may not be applied, and nothing is written", "red", page)]
    lines += [f"  {line}" for problem in refusals for line in _problem_lines(problem, page)]
    return lines


def _problem_lines(problem: Problem, page: Page) -> Iterator[str]:
    place = page.paint(display(problem.source, limit=None), "bold") + ": " if problem.source else ""
    code = page.paint(display(problem.code), "red")
    yield f"{place}{code}: {display(problem.message, limit=_MOST_PROBLEM)}"
    if problem.hint:
        yield f"    {display(problem.hint, limit=_MOST_PROBLEM)}"


def _closing_lines(plan: Plan, page: Page, *, folded: bool) -> list[str]:
    unplanned = say_unplanned(plan)
    held = Counter(step.held_by for step in plan.steps if step.held_by is not None)
    lines = []
    if folded:
        lines.append(_line(f"Folded: -v shows each of the {len(plan.steps)} steps by its number.", "dim", page))
    if unplanned:
        lines.append(_line(unplanned, "red", page))
    lines += [
        _line(f"{count} held: not done without {by}.", "yellow", page, hang=2) for by, count in sorted(held.items())
    ]
    if not plan.steps and not unplanned:
        looked = "every declared key is as declared" if plan.summary.unchanged else "no declared key was looked at"
        lines.append(f"Nothing to do: {looked}.")
    if forecast := say_forecast(plan.hubs):
        lines.append(_line(forecast, "dim", page))
    lines.append(_line(say_summary(plan.summary), "bold", page))
    return lines


def _line(text: str, style: Style, page: Page, *, hang: int = 0) -> str:
    """Write a line; without `hang` all of it is keyspec's own words."""
    return page.paint(page.wrap(display(text, limit=None), indent=0, hang=hang), style)
