from __future__ import annotations

import pytest

from keyspec.openapi.plain import names_key


@pytest.mark.parametrize("name", ["id", "ids", "keyId", "key_ids", "api_key_ids", "uuid"])
def test_the_id_of_a_key_is_called_after_the_key_or_after_nothing(name):
    assert names_key(name, ("api", "key"))


@pytest.mark.parametrize("name", ["userId", "tenant_id", "excludedKeyIds", "exceptIds", "roleId", "name", ""])
def test_whatever_else_ends_in_id_is_not_the_key(name):
    assert not names_key(name, ("api", "key"))


def test_in_a_path_a_key_has_a_name_too():
    assert names_key("token_name", ("access", "token"), in_path=True)
    assert not names_key("user_name", ("access", "token"), in_path=True)
