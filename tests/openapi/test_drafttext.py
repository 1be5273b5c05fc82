"""Drafts as they are written; `pytest --update-golden` writes `drafts/` anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from apis import DIALECTS, OTHERS, answer, api_of, drafted, many, texts

from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.openapi.draft import Draft, draft_contract
from keyspec.openapi.drafttext import render_draft, say_draft

DRAFTS = Path(__file__).parent / "drafts"
DRAFTED = (*DIALECTS, *(name for name in OTHERS if name != "no-keys.yaml"))
BODY = {"requestBody": {"content": {"application/json": {"schema": texts("id", "note")}}}}


@pytest.mark.parametrize("name", DRAFTED)
def test_a_draft_says_why_and_what_is_missing(name, update_golden):
    draft = drafted(name)
    text = render_draft(draft)
    path = DRAFTS / f"{name.partition('.')[0]}.yaml"
    if update_golden:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text
    assert max(map(len, text.splitlines())) <= 120
    document = parse_document(text.encode(), path.name)
    assert document.root == draft.content
    assert not parse_contract(document).verified


def test_what_was_found_is_counted():
    assert say_draft(drafted("other")) == "10 of 10 operations found"
    said = say_draft(drafted("cursor-and-status.json"))
    assert said == "7 of 10 operations found; not found: create_key, import_key, openapi; to be filled in: auth"


def test_hostile_text_stays_in_its_comment_and_starts_no_command():
    summary = "x\n::set-output name=a::b\u202e##[group]\r\nevil: true"
    row = {"properties": {"id": {"type": "string"}, "::add-mask::x##[y]": {"enum": ["::active::", "locked ##[x]"]}}}
    paths = {"/keys": {"get": {"summary": summary, "responses": answer(many(row))}, "patch": BODY}}
    draft = draft_contract(api_of(paths, info={"title": summary, "version": "::x"}))
    assert isinstance(draft, Draft)
    text = render_draft(draft)
    assert all("::" not in line and "##[" not in line for line in text.splitlines())
    assert "\u202e" not in text
    assert parse_document(text.encode(), "x").root == draft.content
    assert "evil" not in draft.content
