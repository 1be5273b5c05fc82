import pytest

from keyspec.devhub import parse_fault
from keyspec.devhub.dialects import DIALECTS
from keyspec.devhub.distortion import Ending, distort_answer
from keyspec.devhub.exchange import Answer, answer_json
from keyspec.devhub.faults import Kind

DUE = answer_json(201, {"apiKey": "v"})
ARGUMENTS = {Kind.STATUS: ":503", Kind.HANG: ":1", Kind.REDIRECT: ":/x"}


def distort(kind, answer, when="after", dialect="cipherinsights"):
    fault = parse_fault(f"* ** 1 {when}:{kind.value}{ARGUMENTS.get(kind, '')}")
    return distort_answer(fault, answer, DIALECTS[dialect])


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("answer", [DUE, None, Answer(204)])
def test_every_kind_distorts_any_answer(kind, answer):
    delivery = distort(kind, answer)
    assert (delivery.status is None) == (kind in {Kind.DROP, Kind.RESET})
    assert (delivery.ending is Ending.CLEAN) == (kind not in {Kind.DROP, Kind.RESET, Kind.CUT})


def test_what_keeps_the_status():
    assert [distort(kind, DUE).status for kind in (Kind.EMPTY, Kind.TRUNCATE, Kind.CUT, Kind.HANG)] == [201] * 4
    assert [distort(kind, DUE).status for kind in (Kind.HTML, Kind.STATUS, Kind.REDIRECT)] == [200, 503, 307]


def test_half_a_body_is_half():
    assert distort(Kind.TRUNCATE, DUE).answer.body == DUE.body[: len(DUE.body) // 2]
    assert distort(Kind.CUT, DUE).answer.body == DUE.body


def test_a_status_without_a_body_has_none():
    assert distort_answer(parse_fault("* ** 1 after:status:204"), DUE, DIALECTS["other"]).answer.body == b""


def test_an_error_that_was_asked_for_is_in_the_words_of_the_dialect():
    kinds = [distort(Kind.STATUS, DUE, dialect=name).answer.media_type for name in DIALECTS]
    assert kinds == ["application/json", "application/problem+json"]


def test_half_of_what_was_not_done_looks_like_the_beginning_of_an_answer():
    for name, dialect in DIALECTS.items():
        for kind in (Kind.TRUNCATE, Kind.CUT):
            assert distort(kind, None, "before", name).answer.body.startswith(dialect.fragment)
