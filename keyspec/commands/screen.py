"""Where a command writes: data to stdout, everything else to stderr, progress out of their way.

A reader of stdout that went away is no failure: the exit code says what happened.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from keyspec.errors import KeyspecError, Problem, ProblemsError, SpecError, UsageError
from keyspec.render.console import DEFAULT_WIDTH, wants_color
from keyspec.report import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import TextIO

    from keyspec.commands.progress import Progress
    from keyspec.plan import Finding
    from keyspec.render.console import ColorChoice

_OPTIONS: Final = ("form", "color", "verbose", "quiet")
_TURN_S: Final = 0.2


@dataclass(slots=True)
class Screen:
    """One command's output, as its options ask for it."""

    form: str = "text"
    color: ColorChoice = "auto"
    verbose: bool = False
    quiet: bool = False
    _written: bool = False
    _progress: Progress | None = None
    _warned: set[str] = field(default_factory=set)

    @property
    def colored(self) -> bool:
        """Whether stdout gets colour."""
        return _is_colored(sys.stdout, self.color)

    @property
    def colored_beside(self) -> bool:
        """Whether stderr gets colour."""
        return _is_colored(sys.stderr, self.color)

    @property
    def width(self) -> int:
        """How wide stdout is, in columns."""
        from keyspec.settings import terminal_width

        return terminal_width(sys.stdout, os.environ) or DEFAULT_WIDTH

    def write(self, text: str) -> None:
        """Write data."""
        self._written = True
        with self._aside():
            write_out(text)

    def note(self, text: str) -> None:
        """Say something beside the data."""
        if not self.quiet:
            self.say(f"keyspec: {text}\n")

    def ask(self, question: str) -> bool:
        """Ask a person; only `yes` in full is a yes."""
        self.say(f"{question} Only `yes` is accepted: ")
        return _read_line().strip() == "yes"

    def say(self, text: str) -> None:
        """Write to stderr, in quiet too."""
        with self._aside():
            write_beside(text)

    def warn(self, findings: Iterable[Finding]) -> None:
        """Say of which hubs something is to be feared, in quiet too; of each hub once."""
        from keyspec.display import display
        from keyspec.render.fold import list_names

        named: dict[str, list[str]] = {}
        for finding in findings:
            if finding.hub is not None and finding.hub not in self._warned:
                self._warned.add(finding.hub)
                named.setdefault(finding.message, []).append(finding.hub)
        for message, hubs in named.items():
            self.say(f"keyspec: WARNING: {display(list_names(hubs), limit=None)}: {message}\n")

    def show_problems(self, problems: Iterable[Problem], *, as_data: bool = True) -> None:
        """Say what is wrong, for people; where JSON was asked for and none was written yet, as JSON, too."""
        from keyspec.render.text import render_problems

        told = tuple(problems)
        self.say(render_problems(told, color=self.colored_beside))
        noun = "problem" if len(told) == 1 else "problems"
        self.say(f"keyspec: {len(told)} {noun}\n")
        if as_data:
            self.show_as_data(told)

    def show_as_data(self, problems: Iterable[Problem], warnings: Iterable[Finding] = ()) -> None:
        """Write problems as JSON, if JSON was asked for and none was written yet."""
        if self.form == "json" and not self._written:
            from keyspec.render.json import render_problems_json

            self.write(render_problems_json(problems, warnings))

    def show_interrupt(self) -> None:
        """End what a terminal shows after Ctrl-C, and write the interrupt as JSON, whatever signals come meanwhile."""
        from keyspec.fleet import Interrupts
        from keyspec.settings import is_terminal

        with Interrupts(lambda _: None), suppress(KeyspecError):
            if is_terminal(sys.stderr):
                write_beside("\n")
            self.show_as_data([Problem("interrupted", "interrupted by Ctrl-C or SIGTERM")])

    @contextmanager
    def following(self) -> Iterator[Progress]:
        """Show progress as long as this lasts, but not in quiet."""
        from keyspec.commands.progress import Progress
        from keyspec.settings import is_terminal

        progress = Progress(write_beside, width=_width_beside if is_terminal(sys.stderr) else None)
        if self.quiet:
            yield progress
            return
        with progress:
            self._progress = progress
            try:
                yield progress
            finally:
                self._progress = None

    def expect(self, steps: int) -> None:
        """Say how many steps an apply has to do."""
        if self._progress is not None:
            self._progress.expect("steps", "done", steps)

    def _aside(self) -> AbstractContextManager[None]:
        return nullcontext() if self._progress is None else self._progress.aside()


def with_screen(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command its `screen`, made of the output options, and show there what ends the command."""

    @wraps(function)
    def run(**given: Any) -> int:
        screen = Screen(**{name: given.pop(name) for name in _OPTIONS})
        try:
            return function(screen=screen, **given)
        except KeyboardInterrupt:
            screen.show_interrupt()
            raise click.Abort from None  # of any other, click tells stderr, where `tee` may have ended by Ctrl-C, too
        except UsageError:
            raise
        except ProblemsError as error:
            screen.show_problems(error.problems)
            return ExitCode.INVALID if isinstance(error, SpecError) else ExitCode.REFUSED
        except KeyspecError as error:
            screen.show_as_data([Problem("failed", str(error))])
            raise

    return run


def write_out(text: str) -> None:
    """Write to stdout. A reader that went away is no failure, and a closed stdout wants nothing.

    Raises:
        KeyspecError: the disk behind it is full, or the like.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_rest()
    except OSError as error:
        _discard_rest()
        raise KeyspecError(f"stdout cannot be written: {error.strerror}") from error


def write_beside(text: str) -> None:
    """Write to stderr; what cannot be written there cannot be said anywhere."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def _width_beside() -> int:
    from keyspec.settings import terminal_width

    return terminal_width(sys.stderr, os.environ) or DEFAULT_WIDTH


def _read_line() -> str:
    """Read a line of a terminal, waiting in short turns: a Ctrl-C just before a long wait would not end it."""
    from select import select

    while not select([sys.stdin], [], [], _TURN_S)[0]:
        pass
    return sys.stdin.readline()


def _is_colored(stream: TextIO | None, choice: ColorChoice) -> bool:
    from keyspec.settings import is_terminal  # it brings all of `secret` along, and --version has no time for that

    return wants_color(choice, is_terminal=is_terminal(stream), environ=os.environ)


def _discard_rest() -> None:
    """Send what is still to be written to stdout nowhere, so that nothing fails at exit either."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
