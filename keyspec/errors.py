"""Everything keyspec raises on purpose, and the `Problem` that carries what a person needs.

    KeyspecError
    ├── SpecError          the spec (or a contract, plan or trusted file) is invalid; holds every problem found
    ├── UsageError         the command line asks for something impossible
    ├── RefusedError       a guard or the trusted file refuses the run; holds every refusal
    ├── UnresolvedError    a secret reference cannot be resolved
    ├── StoreError         a store cannot do what was asked
    │   ├── StoreConflict  another writer was first (compare-and-set lost)
    │   └── StoreForeign   the entry belongs to somebody else
    └── HubError           a hub cannot be read or did not do what was asked
        ├── HubRefused     it answered, and did nothing
        │   ├── HubConflict  ... because its state is another one (409, 412)
        │   └── HubMissing   ... because the key is not there (404)
        └── AnswerLost     nobody knows whether it was done

A class exists only where a caller acts differently. Messages never hold a value, nor a request body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyspec.source import Source


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, which rule (`code`), what, and what to do about it.

    `message` may quote names from a spec; whoever prints it passes it through `display()`.
    """

    code: str
    message: str
    source: Source | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.source}: " if self.source else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.code}: {self.message}{hint}"


class KeyspecError(Exception):
    """The root of every error keyspec raises on purpose."""


class ProblemsError(KeyspecError):
    """Several problems, found in one run; `problems` is sorted by file, line, column."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_sort_key))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SpecError(ProblemsError):
    """A spec, contract, plan or trusted file is invalid."""


class RefusedError(ProblemsError):
    """A guard or the trusted file refuses the run; nothing was written."""


class UsageError(KeyspecError):
    """The command line asks for something that cannot be."""


class UnresolvedError(KeyspecError):
    """A secret reference (`env:`, `file:`) cannot be resolved."""


class StoreError(KeyspecError):
    """A store cannot do what was asked; the message names the entry, never a value."""


class StoreConflict(StoreError):  # noqa: N818 - an outcome, named as one
    """Another writer changed the entry first."""


class StoreForeign(StoreError):  # noqa: N818 - an outcome, named as one
    """The entry exists and is not keyspec's for this hub and key."""


class HubError(KeyspecError):
    """A hub cannot be read, or did not do what was asked."""


class HubRefused(HubError):  # noqa: N818 - an outcome, named as one
    """The hub answered and did nothing."""


class HubConflict(HubRefused):
    """The hub holds another state than the request expected (409, 412)."""


class HubMissing(HubRefused):
    """The key is not on the hub (404)."""


class AnswerLost(HubError):  # noqa: N818 - an outcome, named as one
    """The request may or may not have been carried out."""


def explain_error(error: Exception) -> str:
    """Say what went wrong; of an error nobody foresaw only its type, for its text may hold anything."""
    return str(error) if isinstance(error, KeyspecError) else f"unexpected {type(error).__name__}; please report it"


def _sort_key(problem: Problem) -> tuple[str, int, int, str, str]:
    source = problem.source
    place = (source.file, source.line, source.column) if source else ("", 0, 0)
    return (*place, problem.code, problem.message)
