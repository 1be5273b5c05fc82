from __future__ import annotations

import pytest
from fakes.hub import load_default_contract
from fakes.numbered import numbered_contract
from hypothesis import given
from hypothesis import strategies as st

from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.errors import HubError
from keyspec.live import (
    Page,
    known_handles,
    read_created,
    read_imported_handle,
    read_key,
    read_keys,
    read_page,
    read_roles,
)
from keyspec.model import Key, Role

CONTRACT = load_default_contract()
ROW = {"keyId": "ci", "description": "d", "roles": ["B", "A", "A"], "reauthenticationTimeout": 60, "locked": False}
VALUE = "s3cr3t-v4lue"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_a_row_becomes_a_key_with_roles_as_a_set():
    assert read_key(CONTRACT, ROW) == Key("ci", "d", ("A", "B"), 60, "active")
    assert read_key(CONTRACT, ROW | {"locked": True}).state == "locked"


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("description", "description"),
        ("roles", "roles"),
        ("reauthenticationTimeout", "reauth_timeout_s"),
        ("locked", "state"),
    ],
)
def test_a_missing_or_null_field_cannot_be_compared(field, attribute):
    without = {name: value for name, value in ROW.items() if name != field}
    assert getattr(read_key(CONTRACT, without), attribute) is None
    assert read_key(CONTRACT, ROW | {field: None}) == read_key(CONTRACT, without)


def test_fields_nobody_knows_are_ignored():
    assert read_key(CONTRACT, ROW | {"lastUsed": "x", "permissions": 7}) == read_key(CONTRACT, ROW)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"keyId": None}, "row 2 of the page: the key's ID at `keyId` is nothing, not text"),
        ({"keyId": 7}, "row 2 of the page: the key's ID at `keyId` is a number, not text"),
        ({"keyId": ""}, "ID at `keyId` is text"),
        ({"description": 7}, "row 2 of the page: key `ci`: `description` is a number, not text"),
        ({"roles": "A"}, "`roles` is not a list of names"),
        ({"roles": ["A", 7]}, "`roles` is not"),
        ({"roles": ["A", ["B"]]}, "`roles` is not"),
        ({"roles": [""]}, "`roles` is not"),
        ({"reauthenticationTimeout": "60"}, "`reauth_timeout` is text, not a whole number"),
        ({"reauthenticationTimeout": 60.0}, "`reauth_timeout` is a number"),
        ({"reauthenticationTimeout": True}, "`reauth_timeout` is true or false"),
        ({"reauthenticationTimeout": -1}, "`reauth_timeout`"),
        ({"locked": "false"}, "`locked` is text, not true or false"),
        ({"locked": 0}, "`locked` is a number"),
    ],
)
def test_a_wrong_type_is_an_error_that_names_row_and_field(change, says):
    with pytest.raises(HubError) as caught:
        read_keys(CONTRACT, [ROW, ROW | change])
    assert says in str(caught.value)


def test_a_hostile_id_is_disarmed_in_messages():
    with pytest.raises(HubError) as caught:
        read_keys(CONTRACT, [ROW | {"keyId": "a\x1b[2J\n::error::x", "locked": 3}])
    assert "\x1b" not in str(caught.value)
    assert "::error" not in str(caught.value)


@given(json_values)
def test_any_row_is_a_key_or_an_error(row):
    try:
        key = read_key(CONTRACT, row)
    except HubError:
        return
    assert isinstance(key.key_id, str)
    assert key.key_id


@given(json_values)
def test_any_payload_is_a_page_or_an_error(payload):
    try:
        page = read_page(CONTRACT, "list_keys", payload)
    except HubError:
        return
    assert isinstance(page.rows, list)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ([], "no list of rows at `rows`, but nothing"),
        ({"error": "x"}, "no list of rows"),
        ({"rows": {}}, "but an object"),
        ({"rows": [], "totalCount": "3"}, "the total of the list is text"),
        ({"rows": [], "totalCount": True}, "the total"),
        ({"rows": [], "totalCount": -1}, "the total"),
    ],
)
def test_what_is_no_page_is_refused(payload, says):
    with pytest.raises(HubError) as caught:
        read_page(CONTRACT, "list_keys", payload)
    assert says in str(caught.value)


def test_a_page_has_rows_and_maybe_a_total():
    assert read_page(CONTRACT, "list_keys", {"rows": [ROW], "totalCount": 1}) == Page([ROW], 1)
    assert read_page(CONTRACT, "list_roles", {"rows": [], "totalCount": None}) == Page([], None)


def test_roles_are_read_with_their_permissions_where_the_hub_tells_them():
    rows = [{"name": "A", "permissions": ["y", "x"]}, {"name": "B"}]
    assert read_roles(CONTRACT, rows) == (Role("A", ("x", "y")), Role("B", None))
    with pytest.raises(HubError, match="row 1 of the page: `name` is missing or empty"):
        read_roles(CONTRACT, [{}])


def test_rows_of_another_shape_are_read_by_expressions():
    from test_contract import TEXT

    text = TEXT.replace("  roles: roles\n", "  roles: roles[].name\n").replace("  id: keyId", "  id: meta.id")
    contract = parse_contract(parse_document(text.encode(), "c.yaml"))
    assert read_key(contract, {"meta": {"id": "x"}, "roles": [{"name": "B"}, {"name": "A"}]}).roles == ("A", "B")


def test_a_created_value_is_handed_out_with_its_key():
    created = read_created(CONTRACT, ROW | {"apiKey": VALUE}, "ci")
    assert created.value.reveal() == VALUE
    assert created.key == read_key(CONTRACT, ROW)
    assert created.key_error is None
    assert VALUE not in repr(created)


@pytest.mark.parametrize(
    ("change", "key_is_read", "says"),
    [
        ({"keyId": "other"}, True, "another ID than `ci`"),
        ({"keyId": None}, False, "cannot be read"),
        ({"roles": 7}, False, "cannot be read"),
        ({"description": f"value: {VALUE}"}, False, "repeats the value"),
        ({"roles": [VALUE]}, False, "repeats the value"),
    ],
)
def test_a_strange_key_never_costs_the_value(change, key_is_read, says):
    created = read_created(CONTRACT, ROW | {"apiKey": VALUE} | change, "ci")
    assert created.value.reveal() == VALUE
    assert (created.key is not None) is key_is_read
    assert says in (created.key_error or "")
    assert VALUE not in repr(created)


@given(st.text(max_size=12) | json_values)
def test_a_value_is_printable_ascii_without_blanks_or_an_error_that_does_not_tell_it(value):
    row = ROW | {"apiKey": value}
    if isinstance(value, str) and value and all("!" <= character <= "~" for character in value):
        assert read_created(CONTRACT, row, "ci").value.reveal() == value
        return
    with pytest.raises(HubError) as caught:
        read_created(CONTRACT, row, "ci")
    assert not isinstance(value, str) or len(value) < 6 or value not in str(caught.value)


@pytest.mark.parametrize(("length", "good"), [(1, True), (4096, True), (4097, False), (0, False)])
def test_a_value_has_1_to_4096_characters(length, good):
    row = ROW | {"apiKey": "x" * length}
    if good:
        assert read_created(CONTRACT, row, "ci").value.reveal() == "x" * length
    else:
        with pytest.raises(HubError, match="4096"):
            read_created(CONTRACT, row, "ci")


# handles

NUMBERED = numbered_contract()
TOKEN = {"num": 7, "name": "ci", "grants": [{"role": "User"}], "hold": 60, "suspended": False}


@pytest.mark.parametrize("handle", [7, 0, -1, 2**63, "7", "../x", "..", "a b", "ü", "x" * 1024, None])
def test_a_handle_is_short_text_or_a_whole_number_as_it_stands(handle):
    assert read_key(NUMBERED, TOKEN | {"num": handle}).handle == handle
    assert read_key(NUMBERED, {name: part for name, part in TOKEN.items() if name != "num"}).handle is None


@pytest.mark.parametrize(
    "handle",
    [
        "",
        "x" * 1025,
        "x" * 2**20,
        "a\nb",
        "\0",
        "\u202e",
        "\ud800",
        pytest.param(10**5000, id="a long number"),
        2**65,
        1.0,
        True,
        [],
        {},
        ["7"],
    ],
)
def test_anything_else_as_a_handle_is_an_error_that_names_the_key_and_shows_nothing(handle):
    with pytest.raises(HubError) as caught:
        read_keys(NUMBERED, [TOKEN, TOKEN | {"name": "b", "num": handle}])
    assert str(caught.value) == "row 2 of the page: key `b`: `handle` is neither short text nor a whole number"
    with pytest.raises(HubError, match="neither short text"):
        read_imported_handle(NUMBERED, {"token": TOKEN | {"num": handle}})


def test_no_two_keys_have_one_handle_as_it_stands_in_a_path():
    assert known_handles([Key("a", handle=1), Key("b", handle="x"), Key("c"), Key("d")]) == {"1", "x"}
    with pytest.raises(HubError, match="the keys `a` and `b` have the same handle"):
        known_handles([Key("a", handle=1), Key("b", handle="1")])


def test_a_created_key_tells_its_handle_unless_it_repeats_the_value():
    created = read_created(NUMBERED, {"token": TOKEN, "secret": VALUE}, "ci")
    assert (created.key.handle, created.key_error) == (7, None)
    created = read_created(NUMBERED, {"token": TOKEN | {"num": VALUE}, "secret": VALUE}, "ci")
    assert created.key is None
    assert "repeats the value" in created.key_error
    assert read_imported_handle(NUMBERED, {"token": TOKEN}) == 7
    assert read_imported_handle(CONTRACT, ROW) is None
