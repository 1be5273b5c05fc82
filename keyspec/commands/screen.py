"""Where a command writes: data to stdout, everything else to stderr, progress on a terminal only."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Literal

import rich_click as click

from keyspec.render.console import DEFAULT_WIDTH, wants_color
from keyspec.settings import is_terminal, terminal_width

if TYPE_CHECKING:
    from keyspec.report import StepResult

ColorChoice = Literal["auto", "always", "never"]


@dataclass(slots=True)
class Screen:
    """One command's output, as its options ask for it."""

    form: str = "text"
    color: ColorChoice = "auto"
    verbose: bool = False
    quiet: bool = False
    _lock: Lock = field(default_factory=Lock)
    _counts: dict[str, int] = field(default_factory=dict)
    _shown: bool = False
    _steps: int = 0

    @property
    def colored(self) -> bool:
        """Whether stdout gets colour."""
        return wants_color(self.color, is_terminal=is_terminal(sys.stdout), environ=os.environ)

    @property
    def width(self) -> int:
        """How wide stdout is, in columns."""
        return terminal_width(sys.stdout, os.environ) or DEFAULT_WIDTH

    def write(self, text: str) -> None:
        """Write data."""
        self._clear()
        click.echo(text, nl=False, color=self.colored)

    def note(self, text: str) -> None:
        """Say something beside the data."""
        if not self.quiet:
            self._clear()
            click.echo(f"keyspec: {text}", err=True)

    def ask(self, question: str) -> bool:
        """Ask a person; only `yes` in full is a yes."""
        self._clear()
        click.echo(f"{question} Only `yes` is accepted: ", nl=False, err=True)
        return sys.stdin.readline().strip() == "yes"

    def error(self, text: str) -> None:
        """Say what is wrong, in quiet too."""
        self._clear()
        click.echo(text, nl=False, err=True)

    def expect(self, steps: int) -> None:
        """Say how many steps an apply has to do."""
        self._steps = steps

    def count(self, what: str, of: int) -> None:
        """Show progress on a terminal: one more of `of` is done."""
        if self.quiet or not is_terminal(sys.stderr):
            return
        with self._lock:
            self._counts[what] = self._counts.get(what, 0) + 1
            click.echo(f"\r\x1b[K{what}: {self._counts[what]} of {of}", nl=False, err=True)
            self._shown = True

    def count_step(self, result: StepResult) -> None:
        """Show progress of an apply."""
        if result.outcome != "held":
            self.count("steps done", self._steps)

    def _clear(self) -> None:
        with self._lock:
            if self._shown:
                click.echo("\r\x1b[K", nl=False, err=True)
                self._shown = False
