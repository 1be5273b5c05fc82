import pytest

from keyspec.devhub.cipherinsights import CipherInsights
from keyspec.devhub.dialect import Dialect, split_base


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/api/v1/api_keys", "/api_keys"),
        ("/api/v1/", "/"),
        ("/api/v1", None),
        ("/api/v10/x", None),
        ("/", None),
    ],
)
def test_the_base_ends_at_a_slash(path, rest):
    assert split_base("/api/v1", path) == rest


def test_the_default_contract_is_a_dialect():
    dialect: Dialect = CipherInsights()
    assert dialect.base == "/api/v1"
