import pytest

from keyspec.devhub import Fault, KnobError, parse_fault, parse_faults
from keyspec.devhub.faults import FaultCount, Kind, When


def test_a_line_is_read():
    fault = parse_fault("  POST /api_keys  3 after:drop ")
    assert fault == Fault("POST", "/api_keys", 3, 3, When.AFTER, Kind.DROP)
    assert fault.text == "POST /api_keys 3 after:drop"


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("GET /a 2-4 before:drop", "last", 4),
        ("GET /a * before:drop", "last", None),
        ("GET /a 1 before:status:503", "status", 503),
        ("GET /a 1 before:status:429:retry-after=0", "retry_after_s", 0),
        ("GET /a 1 before:hang:0.5", "hang_s", 0.5),
        ("GET /a 1 after:redirect:https://x.example:8/y", "url", "https://x.example:8/y"),
    ],
)
def test_arguments_are_read(line, field, value):
    assert getattr(Fault.parse(line), field) == value


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "expected METHOD PATH"),
        ("GET /a 1", "expected METHOD PATH"),
        ("GET /a 1 after:drop now", "expected METHOD PATH"),
        ("get /a 1 after:drop", "no method"),
        ("GET a 1 after:drop", "begins with neither"),
        ("GET /a 0 after:drop", "the first request is 1"),
        ("GET /a x after:drop", "no ordinal"),
        ("GET /a 4-2 after:drop", "ends before it begins"),
        ("GET /a 1 during:drop", "neither 'before' nor 'after'"),
        ("GET /a 1 after", "no kind of fault"),
        ("GET /a 1 after:explode", "one of drop, reset, status"),
        ("GET /a 1 after:drop:", "nothing follows"),
        ("GET /a 1 after:drop:1", "nothing may follow"),
        ("GET /a 1 after:status", "status:503"),
        ("GET /a 1 after:status:99", "status:503"),
        ("GET /a 1 after:status:503:later=1", "retry-after=2"),
        ("GET /a 1 after:hang:-1", "hang:0.5"),
        ("GET /a 1 after:redirect:javascript:x", "redirect:/path"),
    ],
)
def test_what_cannot_be_read_is_said(line, says):
    with pytest.raises(KnobError) as caught:
        parse_fault(line)
    assert says in str(caught.value)
    assert repr(line) in str(caught.value)


def test_all_problems_are_said_at_once():
    with pytest.raises(KnobError) as caught:
        parse_faults("x", "GET /a 1 after:drop", "y")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/api_keys/*", "/api_keys/a", True),
        ("/api_keys/*", "/api_keys/a/lock", False),
        ("/api_keys/**", "/api_keys/a/lock", True),
        ("/api_keys/*/lock", "/api_keys/a%2Fb/lock", True),
        ("/api_keys", "/api_keys/a", False),
        ("**", "/anything/at/all", True),
        ("/a.b", "/axb", False),
    ],
)
def test_paths(pattern, path, matches):
    assert parse_fault(f"* {pattern} 1 after:drop").matches("GET", path) is matches


def test_each_counts_for_itself_and_the_first_that_is_due_strikes():
    count = FaultCount(parse_faults("GET /a 2 after:drop", "* ** 2-3 after:html", "POST /a * after:empty"))
    drawn = [count.draw(method, "/a") for method in ("GET", "GET", "POST", "POST")]
    assert [fault and fault.kind for fault in drawn] == [None, Kind.DROP, Kind.HTML, Kind.EMPTY]
