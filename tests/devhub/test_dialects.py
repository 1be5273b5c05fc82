import pytest

from keyspec.devhub import DevHub
from keyspec.devhub.dialects import DEFAULT_DIALECT, DIALECTS, find_dialect


def test_every_dialect_has_a_base_of_its_own():
    assert find_dialect(DEFAULT_DIALECT).base == "/api/v1"
    assert len({dialect.base for dialect in DIALECTS.values()}) == len(DIALECTS) == 2


def test_a_hub_speaks_as_it_is_told():
    assert DevHub().dialect is DIALECTS["cipherinsights"]
    assert DevHub(dialect="other").dialect is DIALECTS["other"]
    mine = type(DIALECTS["other"])()
    assert DevHub(dialect=mine).dialect is mine


def test_what_is_no_dialect_is_said():
    with pytest.raises(ValueError, match="there is no dialect 'third'; there are cipherinsights, other"):
        DevHub(dialect="third")
