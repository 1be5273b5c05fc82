from __future__ import annotations

import pytest

from keyspec.commands import extras
from keyspec.errors import KeyspecError


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(KeyspecError, match=r"needs uvicorn: pip install 'keyspec\[devhub\]'"):
        extras.need_devhub()


def test_what_is_there_is_enough():
    assert extras.need_devhub() is None
