from __future__ import annotations

import pytest
from fakes.other import OTHER_TEXT, other_contract
from test_contract import problems_of


def wrong(*changes):
    text = OTHER_TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return [(code, text.splitlines()[line - 1].strip(), message) for code, line, _, message in problems_of(text)]


PAGING = "paging: {style: cursor, size: 100, next: meta.next}"
QUERY = '{limit: "{limit}", cursor: "{cursor}"}'


@pytest.mark.parametrize(
    ("changes", "code", "line", "says"),
    [
        ([(", next: meta.next", "")], "missing-field", "paging:", "`style: cursor`, which requires it"),
        ([("style: cursor, size: 100", "style: link")], "missing-field", "paging:", "belongs to `style: cursor`"),
        ([("style: cursor", "style: pages")], "invalid-value", "paging:", "one of"),
        ([(QUERY, '{limit: "{limit}"}')], "missing-placeholder", "list_keys:", "must carry {cursor}"),
        ([(QUERY, '{limit: "{limit}", cursor: "x{cursor}"}')], "wrong-placeholder", "query:", "stands alone in a parameter"),
        ([(QUERY, '{limit: "{limit}", cursor: "{cursor}", page: "{page}"}')], "wrong-placeholder", "query:", "`{page}` does not belong"),
        ([(PAGING, "paging: {style: page-number}")], "missing-placeholder", "list_keys:", "must carry {page}"),
        ([(PAGING, "paging: {style: row-offset}")], "missing-placeholder", "list_roles:", "must carry {offset}"),
        ([(PAGING, "paging: {style: link}")], "wrong-placeholder", "query:", "`{cursor}` does not belong"),
        ([(PAGING, "paging: 7")], "wrong-type", "paging: 7", "a mapping"),
        ([("    rows: data\n", "    rows: data\n    paging: {style: none}\n")], "wrong-placeholder", "query:", "`{cursor}` does not"),
        ([("method: PATCH", "method: HEAD")], "invalid-value", "method: HEAD", "PATCH, POST, PUT or DELETE"),
        ([('{note: "{description}", role_ids: "{roles}", ttl_ms: "{reauth_timeout}"}', "{note: fixed}")], "missing-placeholder", "edit_key:", "must carry one of {description}"),
        ([('body: {status: "{state}"}', 'body: {status: "{state}", note: "{description}"}')], "wrong-placeholder", "lock_key:", "which it does not change"),
        ([('body: {status: "{state}"}', "body: {status: .nan}")], "invalid-value", "body:", "what JSON can say"),
        ([("    if_match: true\n", "    if_match: true\n    sends: all\n")], "invalid-value", "sends: all", "one of"),
        ([("    value: data.secret.value\n", "    value: data.secret.value\n    if_match: true\n")], "unknown-field", "if_match: true", "no field"),
        ([("etag: true ", "etag: false ")], "missing-field", "if_match: true", "`if_match` needs"),
        ([("  get_key:", "  get_keys:")], "unknown-field", "get_keys:", "no field `get_keys`"),
    ],
)  # fmt: skip
def test_every_mistake_in_an_operation_is_named_with_its_place(changes, code, line, says):
    found = wrong(*changes)
    assert any(each[0] == code and each[1].startswith(line) and says in each[2] for each in found), found


def test_a_list_may_be_cut_in_a_way_of_its_own():
    roles = '  list_roles:\n    method: GET\n    path: /roles\n    query: {limit: "{limit}", cursor: "{cursor}"}\n'
    own = "  list_roles:\n    method: GET\n    path: /roles\n    paging: {style: none}\n"
    contract = other_contract((roles, own))
    assert contract.paging_of("list_roles").style == "none"
    assert contract.paging_of("list_keys").style == "cursor"


def test_reading_tells_where_a_key_stands():
    operations = other_contract().operations
    assert operations.get_key is not None
    assert operations.get_key.key.text == "data"
    assert operations.edit_key is not None
    assert (operations.edit_key.sends, operations.edit_key.if_match) == ("changed", True)
