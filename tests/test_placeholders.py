from __future__ import annotations

from typing import get_args

from fakes.hub import load_default_contract

from keyspec.placeholders import RULES, OperationName


def test_there_is_a_rule_for_every_operation_and_only_reads_are_get():
    contract = load_default_contract()
    assert set(RULES) == set(get_args(OperationName))
    for name, rule in RULES.items():
        assert (contract.operation(name).method == "GET") is rule.reads


def test_only_an_import_carries_a_value():
    assert [name for name, rule in RULES.items() if "value" in rule.carries] == ["import_key"]
