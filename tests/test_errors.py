from __future__ import annotations

import pytest

from keyspec import errors
from keyspec.errors import KeyspecError, Problem, RefusedError, SpecError
from keyspec.source import Source

AT = Source("a.yaml", 2, 3)


def test_a_problem_reads_as_place_code_message_hint():
    assert str(Problem("code", "it is so", AT, "do this")) == "a.yaml:2:3: code: it is so (do this)"
    assert str(Problem("code", "it is so")) == "code: it is so"


@pytest.mark.parametrize("kind", [SpecError, RefusedError])
def test_problems_are_sorted_by_place_then_code(kind):
    problems = [
        Problem("z", "", AT),
        Problem("b", "", Source("a.yaml", 10, 1)),
        Problem("a", "", AT),
        Problem("no-place", ""),
    ]
    assert [problem.code for problem in kind(problems).problems] == ["no-place", "a", "z", "b"]


def test_every_problem_is_in_the_text_of_the_error():
    assert (
        str(SpecError([Problem("a", "one", AT), Problem("b", "two", AT)])) == "a.yaml:2:3: a: one\na.yaml:2:3: b: two"
    )


def test_every_error_is_a_keyspec_error_and_stands_in_the_drawing():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert all(issubclass(kind, KeyspecError) for kind in kinds)
    drawn = {kind.__name__ for kind in kinds} - {"ProblemsError"}
    assert all(name in errors.__doc__ for name in drawn)
