"""Whatever a hub says of itself: no traceback, and a draft, if any, is a contract that says what it seems to say."""

from __future__ import annotations

import json

from apis import DIALECTS, OTHERS, invented, read, root_of, spoilt
from hypothesis import given
from hypothesis import strategies as st

from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.errors import SpecError
from keyspec.openapi.comparison import compare_contract
from keyspec.openapi.document import parse_api
from keyspec.openapi.draft import Draft, draft_contract
from keyspec.openapi.drafttext import render_draft, say_draft
from keyspec.openapi.payloads import list_leaves


@given(spoilt() | invented())
def test_a_draft_from_whatever_document_is_a_valid_contract_and_reads_back_as_it_was(root):
    api = read_or_not(root)
    draft = draft_contract(api) if api else None
    if not isinstance(draft, Draft):
        assert draft is None or draft.reasons
        return
    document = parse_document(render_draft(draft).encode(), "draft.yaml")
    assert document.root == draft.content
    assert parse_contract(document).verified is False
    assert say_draft(draft)


@given(spoilt() | invented(), st.sampled_from((*DIALECTS, OTHERS[0])))
def test_any_contract_can_be_held_against_any_document(root, name):
    api = read_or_not(root)
    content = draft_contract(read(root_of(name))).content
    rows = compare_contract(content, api) if api else ()
    assert {row.operation for row in rows} == ({"auth", *content["operations"]} if api else set())


@given(spoilt() | invented())
def test_what_is_drafted_from_a_document_is_found_in_it(root):
    api = read_or_not(root)
    draft = draft_contract(api) if api else None
    if isinstance(draft, Draft):
        rows = [row for row in compare_contract(draft.content, api) if row.verdict == "missing"]
        assert [row for row in rows if row.part in ("operation", "parameter", "request")] == []
        assert [row for row in rows if row.part == "answer" and row.operation.startswith("list_")] == []


@given(spoilt() | invented())
def test_what_is_drafted_to_lock_unlock_or_delete_means_one_key_and_nothing_else(root):
    api = read_or_not(root)
    draft = draft_contract(api) if api else None
    operations = draft.content["operations"] if isinstance(draft, Draft) else {}
    for name in {"lock_key", "unlock_key", "delete_key"} & set(operations):
        sent = operations[name]
        leaves = dict(list_leaves({**sent.get("query", {}), **sent.get("body", {})}))
        states = {value for value in leaves.values() if not isinstance(value, list) and "{" not in str(value)}
        assert len(states) <= (name != "delete_key")
        assert not {"excludedKeyIds", "userIds", "userId", "user_id", "roleId", "all"} & {path[-1] for path in leaves}
        assert (sent["method"] == "DELETE") <= (name == "delete_key")
        assert "revoke" not in sent["path"]
        assert not {"revoked", "expired", "deleted"} & states


@given(st.sampled_from((*DIALECTS, *OTHERS)), st.randoms(use_true_random=False))
def test_the_order_of_a_document_changes_nothing(name, source):
    root = root_of(name)
    turned = _shuffle(root, source)
    first, second = draft_contract(read(root)), draft_contract(read(turned))
    assert first == second
    if isinstance(first, Draft):
        assert render_draft(first) == render_draft(second)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_bytes_that_are_no_document_are_problems_with_their_place(data):
    for prefix in (b"", b'{"openapi": "3.1.0", "paths": ', b"openapi: 3.1.0\npaths: "):
        problems = problems_of(prefix + data)
        assert all(problem.source is not None and problem.source.file == "hub.json" for problem in problems)


def read_or_not(root):
    try:
        return read(root)
    except SpecError:
        return None


def problems_of(data):
    try:
        parse_api(data, "hub.json")
    except SpecError as error:
        return error.problems
    return ()


def _shuffle(node, source):
    if isinstance(node, dict):
        names = list(node)
        source.shuffle(names)
        return {name: _shuffle(node[name], source) for name in names}
    return [_shuffle(part, source) for part in node] if isinstance(node, list) else json.loads(json.dumps(node))
