import pytest

from keyspec.devhub import parse_fault
from keyspec.devhub.distortion import Ending, distort_answer
from keyspec.devhub.exchange import Answer, answer_json
from keyspec.devhub.faults import Kind

DUE = answer_json(201, {"apiKey": "v"})
ARGUMENTS = {Kind.STATUS: ":503", Kind.HANG: ":1", Kind.REDIRECT: ":/x"}


def distort(kind, answer, when="after"):
    return distort_answer(parse_fault(f"* ** 1 {when}:{kind.value}{ARGUMENTS.get(kind, '')}"), answer)


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
    assert distort_answer(parse_fault("* ** 1 after:status:204"), DUE).answer.body == b""
