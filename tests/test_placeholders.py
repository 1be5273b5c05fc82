from __future__ import annotations

import re
from typing import get_args

import pytest
from fakes.hub import load_default_contract
from fakes.numbered import NUMBERED_TEXT, numbered_contract

from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.errors import SpecError
from keyspec.placeholders import NAMES, RULES, OperationName


def test_there_is_a_rule_for_every_operation_and_only_reads_are_get():
    contract = load_default_contract()
    assert set(RULES) == set(get_args(OperationName))
    for name, rule in RULES.items():
        assert (contract.operation(name).method == "GET") is rule.reads


def test_only_an_import_carries_a_value():
    assert [name for name, rule in RULES.items() if "value" in rule.carries] == ["import_key"]


def test_what_names_a_key_that_is_there_stands_in_every_request_about_one():
    named = {name for name, rule in RULES.items() if rule.named}
    assert named == {"get_key", "edit_key", "lock_key", "unlock_key", "delete_key"}
    assert all(set(NAMES) <= set(RULES[name].carries) for name in named)
    assert not any("handle" in rule.carries for name, rule in RULES.items() if name not in named)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("/tokens/{handle}\n    statuses", "/tokens/one\n    statuses", "missing-placeholder: `get_key` must carry {key_id} or {handle}"),
        ('{num: "{handle}"}', "{all: true}", "missing-placeholder: `delete_key` must carry {key_id} or {handle}"),
        ('suspend\n    body: {nums: ["{handle}"]}', "suspend", "missing-placeholder: `lock_key` must carry {key_id} or {handle}"),
        ("  handle: num\n", "", "wrong-placeholder: {handle} is what the hub calls a key, and nothing tells it"),
        ('["{handle}"]', '["{handle}", "x{key_id}"]', "wrong-placeholder: `{key_id}` stands alone in a body"),
        ('["{handle}"]', '"#{handle}"', "wrong-placeholder: `{handle}` stands alone in a body"),
        ('{skip: "{offset}", take: "{limit}"}\n    statuses: [200]\n    rows: items\n    total: count\n  get', '{skip: "{offset}", from: "{handle}"}\n    statuses: [200]\n    rows: items\n    total: count\n  get', "wrong-placeholder: `{handle}` does not belong here"),
        ('{name: "{key_id}", grants: "{roles}", hold: "{reauth_timeout}"}\n    statuses: [201]', '{num: "{handle}", name: "{key_id}", grants: "{roles}"}\n    statuses: [201]', "wrong-placeholder: `{handle}` does not belong here"),
    ],
)  # fmt: skip
def test_a_handle_stands_where_a_key_is_named_that_is_there(old, new, told):
    assert old in NUMBERED_TEXT
    with pytest.raises(SpecError, match=re.escape(told)):
        parse_contract(parse_document(NUMBERED_TEXT.replace(old, new).encode(), "c.yaml"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/tokens/{handle}\n    statuses", "/tokens/{key_id}\n    statuses"),
        ('{num: "{handle}"}', '{num: "{handle}", name: "{key_id}"}'),
        ('{nums: ["{handle}"]}', '{select: {ids: ["{key_id}"], exactly: 1}}'),
        ('{nums: ["{handle}"]}', '{nums: [{num: "{handle}", name: "{key_id}"}]}'),
        ('{num: "{handle}"}', '{filter: "num eq {handle}"}'),
    ],
)
def test_a_key_may_be_named_by_id_or_handle_or_both_wherever_a_request_has_room(old, new):
    assert numbered_contract((old, new)).key.handle is not None
