import json

import pytest

from keyspec.devhub.dialect import split_base
from keyspec.devhub.dialects import DIALECTS


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


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_what_a_dialect_says_is_what_the_gate_needs(dialect):
    assert dialect.base.startswith("/")
    assert not dialect.base.endswith("/")
    assert all(name == name.lower() for name in dialect.secrets.headers)
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(dialect.fragment)
    error = dialect.answer_error(418, "teapot", "I'm a teapot", headers=[("x", "y")])
    assert (error.status, ("x", "y") in error.headers, b"I'm a teapot" in error.body) == (418, True, True)
