from keyspec.devhub.query import (
    COMPARISONS,
    KEY_COLUMNS,
    ROLE_COLUMNS,
    Comparison,
    Filter,
    Kind,
    Query,
    Sort,
    build_order,
    build_where,
)


def test_without_conditions_there_is_no_clause():
    assert build_where(Query(limit=1), KEY_COLUMNS) == ("", [])
    assert not Query(limit=1).selective


def test_operands_are_bound_never_written():
    query = Query(limit=1, filters=(Filter("description", Comparison.EQ, "' OR 1"),), search="%'")
    clause, operands = build_where(query, KEY_COLUMNS)
    assert "'" not in clause
    assert clause.count("?") == len(operands) == 3


def test_where_a_page_begins_is_no_condition():
    query = Query(limit=1, after="a", search="x")
    assert build_where(query, ROLE_COLUMNS, placed=True)[1] == ["a", "x", "x"]
    assert build_where(query, ROLE_COLUMNS)[1] == ["x", "x"]
    assert not Query(limit=1, after="a").selective


def test_order_ends_with_the_primary_key_once():
    assert build_order(Query(limit=1), ROLE_COLUMNS) == " ORDER BY name ASC"
    by_lock = Query(limit=1, sorts=(Sort("locked", descending=True),))
    assert build_order(by_lock, KEY_COLUMNS) == " ORDER BY locked DESC, key_id ASC"
    by_id = Query(limit=1, sorts=(Sort("key_id", descending=True),))
    assert build_order(by_id, KEY_COLUMNS) == " ORDER BY key_id DESC"


def test_every_kind_can_be_compared():
    assert set(COMPARISONS) == set(Kind)
