"""The one table: a line for each program that ran, and beside it what its figures are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measure import Figures

WIDTHS = (40, 8, 8, 5, 8, 8, 14, 6, 42)
TITLES = ("", "wall s", "cpu s", "MB", "span s", "writes s", "requests", "conns", "judged", "budget")


@dataclass(frozen=True)
class Judged:
    """A value beside its budget, if there is one."""

    what: str
    value: float
    most: float | None = None
    least: float | None = None
    unit: str = "x"

    def tell(self):
        """Give what is judged, the budget, and whether it is kept."""
        shown = f"{self.value:.0f}" if self.unit == "MB" else f"{self.value:.2f}"
        text = f"{self.what} {shown} {self.unit}"
        if self.most is None and self.least is None:
            return text, ""
        kept = (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)
        bound = f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"
        return text, f"{bound} {self.unit} {'ok' if kept else 'OVER'}"


@dataclass(frozen=True)
class Row:
    """One program's medians; `needed` is how many requests its work takes, `note` what else is to be told."""

    name: str
    figures: Figures
    judged: tuple[Judged, ...] = ()
    needed: int | None = None
    note: str = ""

    def lines(self):
        """Give the row as lines of cells."""
        one = self.figures
        cpu_s = one.cpu_s if one.part_s is None else one.part_s
        cells = (
            self.name,
            "" if one.part_s is not None else f"{one.wall_s:.3f}",
            f"{cpu_s:.3f}",
            f"{one.peak_mb:.0f}",
            "" if one.span_s is None else f"{one.span_s:.3f}",
            f"{one.write_span_s:.3f}" if one.writes else "",
            self._tell_requests(),
            "" if one.connections is None else f"{one.connections:.0f}",
        )
        told = [judged.tell() for judged in self.judged] + ([(self.note, "")] if self.note else [])
        first, *more = told or [("", "")]
        return [(*cells, *first), *(("",) * len(cells) + pair for pair in more)]

    def _tell_requests(self):
        if self.figures.reads is None:
            return ""
        sent = f"{self.figures.reads + self.figures.writes:.0f}"
        return sent if self.needed is None else f"{sent} of {self.needed}"


def draw(cells):
    """Give a line of the table: names and verdicts from the left, figures from the right."""
    *figures, judged, budget = cells
    name, *numbers = figures
    shown = [f"{name:<{WIDTHS[0]}}", *(f"{cell:>{width}}" for cell, width in zip(numbers, WIDTHS[1:], strict=False))]
    return " ".join([*shown, f" {judged:<{WIDTHS[-1]}}", budget]).rstrip()
