"""What became of a plan, for people: an outcome per step, a verdict per hub, a closing summary.

What went as planned comes first and is folded; conflicts and failures come last, where a terminal ends, with every
hub named. `verbose` shows every step by its number with what it changed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from keyspec.display import display
from keyspec.findings import UNKEPT
from keyspec.plandocument import OUTCOMES
from keyspec.render.console import Page, cells, make_page, pad
from keyspec.render.fold import MOST_NAMES, fleet_of, fold_results, list_names, say_hubs
from keyspec.render.phrases import SYMBOLS, say_count, say_key, say_text
from keyspec.render.text import ACTION_STYLES, MOST_HUB_LINES, finding_lines, paint_key, step_lines, unverified_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from keyspec.plan import HubRow
    from keyspec.render.console import Style
    from keyspec.report import HubResult, Outcome, Report, StepResult

_ORDER: Final[tuple[Outcome, ...]] = ("applied", "already", "held", "skipped", "conflict", "failed")
_STYLES: Final[dict[Outcome, Style]] = {
    "applied": "green",
    "already": "green",
    "held": "yellow",
    "skipped": "yellow",
    "conflict": "red",
    "failed": "red",
}
_IN_FULL: Final[tuple[Outcome, ...]] = ("conflict", "failed")
_WORDS: Final[dict[Outcome, str]] = {"already": "already so"}
_OUTCOME_CELLS: Final = 8
_ACTION_CELLS: Final = 6
_MOST_KEY_CELLS: Final = 32


def render_report(report: Report, *, color: bool, width: int, verbose: bool = False) -> str:
    """Write what became of a plan for people."""
    page = make_page(color=color, width=width)
    blocks = [
        list(_result_lines(report, page, verbose=verbose)),
        list(_verdict_lines(report, page, verbose=verbose)),
        list(unverified_lines(report.plan, page)),
        list(_unkept_lines(report, page)),
        list(_closing_lines(report, page)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _result_lines(report: Report, page: Page, *, verbose: bool) -> Iterator[str]:
    folds = [(result,) for result in report.results] if verbose else fold_results(report.results)
    ordered = sorted(folds, key=lambda results: _ORDER.index(results[0].outcome))
    marks = [f"#{results[0].step.number}" if len(results) == 1 else f"{len(results)}x" for results in ordered]
    keys = [say_key(results[0].step.key_id) for results in ordered]
    mark_cells = max(map(len, marks), default=0)
    key_cells = min(max(map(cells, keys), default=0), _MOST_KEY_CELLS)
    fleet = fleet_of(report.plan)
    for results, mark, key in zip(ordered, marks, keys, strict=True):
        outcome, step = results[0].outcome, results[0].step
        prefix = f"  {mark:>{mark_cells}}  {page.paint(f'{outcome:<{_OUTCOME_CELLS}}', _STYLES[outcome])}  "
        action = page.paint(f"{SYMBOLS[step.action]} {step.action:<{_ACTION_CELLS}}", ACTION_STYLES[step.action])
        most = None if outcome in _IN_FULL else MOST_NAMES
        hubs = say_hubs([result.step.hub for result in results], fleet, most=most)
        told = f"{pad(key, key_cells)}  {hubs}".rstrip() + _because(results[0])
        indent = 2 + mark_cells + 2 + _OUTCOME_CELLS + 2 + 2 + _ACTION_CELLS + 2
        yield f"{prefix}{action}  {paint_key(key, page.wrap(display(told, limit=None), indent=indent), page)}"
        if verbose:
            steps = [result.step for result in results]
            yield from step_lines(steps, page, indent=mark_cells + 6, verbose=True, why=False)


def _because(result: StepResult) -> str:
    if result.error:
        return f": {say_text(result.error)}"
    return f": not done without {result.step.held_by}" if result.outcome == "held" and result.step.held_by else ""


def _verdict_lines(report: Report, page: Page, *, verbose: bool) -> Iterator[str]:
    verdicts = {hub.name: hub for hub in report.hubs}
    groups: dict[tuple[Style, str], list[str]] = {}
    for row in report.plan.hubs:
        style, told = _say_verdict(row, verdicts.get(row.name))
        groups.setdefault((style, told), []).append(row.name)
    folded = len(report.plan.hubs) > MOST_HUB_LINES and not verbose
    name_cells = 0 if folded else max((cells(display(row.name, limit=None)) for row in report.plan.hubs), default=0)
    for (style, told), names in groups.items():
        most = MOST_NAMES if folded and style != "red" else None
        for heads in [names] if folded else [[name] for name in names]:
            count = f"{say_count(len(heads), 'hub')}: " if len(heads) > 1 else ""
            named = pad(display(f"{count}{list_names(heads, most=most)}", limit=None), name_cells)
            yield f"  {page.paint(page.wrap(display(f'{named}  {told}', limit=None), indent=4), style)}"


def _say_verdict(row: HubRow, verdict: HubResult | None) -> tuple[Style, str]:
    if row.status != "read":
        return "red", f"{row.status}: {say_text(row.error or '')}"
    error = f": {say_text(verdict.error)}" if verdict and verdict.error else ""
    if verdict is None or verdict.verified is None:
        return "dim", f"not touched{error}"
    return ("green", f"verified{error}") if verdict.verified else ("red", f"NOT verified{error}")


def _unkept_lines(report: Report, page: Page) -> Iterable[str]:
    """Write which keys that were to be made were there already, with a value that is kept nowhere."""
    made = {
        (result.step.hub, result.step.key_id)
        for result in report.results
        if result.outcome == "already" and result.step.action in ("create", "import")
    }
    findings = (found for found in report.plan.findings if found.code == UNKEPT and (found.hub, found.key_id) in made)
    return finding_lines(findings, report.plan, page)


def _closing_lines(report: Report, page: Page) -> Iterable[str]:
    if report.interrupted:
        interrupted = "Interrupted: what had not begun was skipped. Apply again to go on from here."
        yield page.paint(page.wrap(interrupted, indent=0), "red")
    yield page.paint(page.wrap(_say_closing(report.results, report.hubs), indent=0), "bold")


def _say_closing(results: Sequence[StepResult], hubs: Sequence[HubResult]) -> str:
    counts = Counter(result.outcome for result in results)
    told = ", ".join(f"{counts[outcome]} {_WORDS.get(outcome, outcome)}" for outcome in OUTCOMES if counts[outcome])
    failed = {result.step.hub for result in results if result.outcome == "failed"}
    touched = [hub for hub in hubs if hub.verified is not None or hub.name in failed]
    verified = sum(hub.verified is True for hub in touched)
    hub_words = f"; {verified} of {say_count(len(touched), 'hub')} verified" if touched else ""
    return f"Apply: {told or 'nothing to do'}{hub_words}."
