from __future__ import annotations

from dataclasses import replace

import pytest
from builders import FOREIGN, key, mark, record

from keyspec.record import Kept
from keyspec.recovery import (
    is_delivered,
    is_locked_by_keyspec,
    is_open_again,
    judge_entry,
    judge_kept,
    served_by,
    was_asked,
    with_lease,
)

A = key("a")
NOTHING = Kept(None, has_value=False, version="")


@pytest.mark.parametrize(
    ("kept", "live", "verdict"),
    [
        (NOTHING, None, "nothing"),
        (FOREIGN, A, "foreign"),
        (Kept(None, has_value=False, version="v", foreign=True), None, "foreign"),
        (mark(A, busy=True), None, "another-run"),
        (mark(A, busy=True, value=True), A, "another-run"),
        (mark(A, value=True), None, "delivered"),
        (mark(A, value=True), key("a", "other"), "delivered"),
        (mark(A), None, "unsent"),
        (mark(A), A, "undelivered"),
        (mark(A), key("a", state="locked"), "undelivered"),
        (mark(A), key("a", "other"), "mismatch"),
        (mark(A), key("a", roles="Operator"), "mismatch"),
        (mark(A), key("a", timeout=61), "mismatch"),
        (mark(A), key("a", None), "mismatch"),
        (mark(key("b")), None, "foreign"),
        (mark(A, "lab"), None, "foreign"),
        (record("a"), A, "kept"),
        (record("a"), None, "kept"),
        (record("a", value=False), A, "missing"),
        (record("b"), A, "foreign"),
        (record("a", "lab"), A, "foreign"),
    ],
)
def test_the_table_of_verdicts(kept, live, verdict):
    assert judge_kept(kept, owner="hub", key_id="a", live=live) == verdict
    assert judge_entry(kept, owner="hub", key_id="a", live=live) == verdict


def test_a_store_that_cannot_be_read_is_no_empty_one():
    assert judge_entry("denied", owner="hub", key_id="a", live=A) == "unread"
    assert judge_entry(None, owner="hub", key_id="a", live=A) == "nothing"


@pytest.mark.parametrize(("lease", "now", "busy"), [(100, 99.9, True), (100, 100, False), (0, 0, False)])
def test_a_mark_is_alive_while_its_lease_lasts(lease, now, busy):
    assert with_lease(mark(A, lease=lease), now).busy is busy


def test_a_lock_tells_of_life_without_a_lease():
    assert with_lease(mark(A, busy=True), 1e12).busy
    assert not with_lease(record("a"), 0).busy


@pytest.mark.parametrize(("kept", "delivered"), [(mark(A, value=True), True), (mark(A), False), (mark(A, value=True, busy=True), False),
                                                 (record("a"), False), ("denied", False), (None, False)])  # fmt: skip
def test_only_a_dead_runs_value_waits_for_its_record(kept, delivered):
    assert is_delivered(kept) is delivered


def test_keyspec_locked_a_key_only_if_its_record_says_so_and_its_value_came():
    locked = record("a", locked_by_keyspec=True)
    assert is_locked_by_keyspec(locked)
    assert not any(
        is_locked_by_keyspec(each) for each in (replace(locked, has_value=False), record("a"), mark(A), "denied", None)
    )


def test_a_hub_had_a_value_if_its_record_or_the_mark_of_its_create_says_so():
    assert served_by(record("a", hubs=("one",)), "one")
    assert not served_by(record("a", hubs=("one",), asked=("two",)), "two")
    assert was_asked(record("a", hubs=("one",), asked=("two",)), "two")
    assert served_by(mark(A, value=True), "hub")
    assert not any(served_by(each, "hub") for each in (mark(A), mark(A, "lab", value=True), FOREIGN, "denied", None))


def test_a_mark_speaks_only_of_the_key_of_the_hub_that_makes_the_value():
    assert judge_kept(mark(A), owner="hub", key_id="a", live=A, makes=False) == "pending"
    assert judge_kept(mark(A, value=True), owner="hub", key_id="a", live=A, makes=False) == "delivered"
    assert judge_kept(mark(A, busy=True), owner="hub", key_id="a", live=A, makes=False) == "another-run"


def test_a_lock_of_keyspecs_is_over_once_the_key_was_open():
    locked = record("a", locked_by_keyspec=True)
    assert is_open_again(locked, A)
    assert not any(is_open_again(locked, live) for live in (None, key("a", state="locked"), key("a", state=None)))
    assert not is_open_again(record("a"), A)
