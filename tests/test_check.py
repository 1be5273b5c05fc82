from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from keyspec.check import Check


def test_a_check_is_a_value_and_needs_no_hint():
    check = Check("hub a", "ok", "reads work")
    assert check == Check("hub a", "ok", "reads work", None)
    with pytest.raises(FrozenInstanceError):
        check.verdict = "failed"
