from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.retry import MAX_ATTEMPTS, PATIENCE_S, GiveUp, Lost, Wait, decide, find_pause, parse_retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, G, L = Wait, GiveUp, Lost
jitters = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("failure", "read", "write"),
    [
        ("refused", A, A),
        ("unsent", G, G),
        ("reset", A, L),
        ("lost", A, L),
        ("timeout", G, L),
        ("unusable", G, L),
    ],
)
def test_a_request_without_an_answer(failure, read, write):
    assert isinstance(decide(attempt=1, kind="read", failure=failure, jitter=0.5), read)
    assert isinstance(decide(attempt=1, kind="write", failure=failure, jitter=0.5), write)


@pytest.mark.parametrize(
    ("status", "retry_after_s", "read", "write"),
    [
        (429, None, A, A),
        (429, 3, A, A),
        (503, None, A, L),
        (503, 3, A, A),
        (500, None, A, L),
        (500, 3, A, L),
        (502, None, A, L),
        (504, 3, A, L),
        (400, None, G, G),
        (401, 3, G, G),
        (404, None, G, G),
        (408, None, G, L),
        (409, None, G, G),
        (302, None, G, L),
        (303, None, G, L),
        (307, None, G, G),
        (308, None, G, G),
        (202, None, G, L),
        (200, None, G, L),
        (999, None, G, L),
    ],
)
def test_a_request_with_an_answer(status, retry_after_s, read, write):
    for kind, expected in (("read", read), ("write", write)):
        decision = decide(
            attempt=1, kind=kind, failure="status", status=status, retry_after_s=retry_after_s, jitter=0.5
        )
        assert isinstance(decision, expected)


@given(st.sampled_from(["read", "write"]), st.integers(100, 599), st.none() | st.floats(0, 100), jitters)
def test_a_write_is_sent_again_only_where_nothing_happened(kind, status, retry_after_s, jitter):
    decision = decide(
        attempt=1, kind="write", failure="status", status=status, retry_after_s=retry_after_s, jitter=jitter
    )
    if isinstance(decision, Wait):
        assert status == 429 or (status == 503 and retry_after_s is not None)


@given(st.sampled_from(["read", "write"]), jitters, st.none() | st.floats(0, 70))
def test_every_request_ends(kind, jitter, retry_after_s):
    attempt, waited_s = 1, 0.0
    while True:
        decision = decide(
            attempt=attempt,
            kind=kind,
            failure="status",
            status=429,
            retry_after_s=retry_after_s,
            spent_s=waited_s,
            jitter=jitter,
        )
        if not isinstance(decision, Wait):
            break
        assert decision.seconds >= (retry_after_s or 0)
        waited_s += decision.seconds
        attempt += 1
    assert isinstance(decision, GiveUp)
    assert waited_s <= PATIENCE_S + 1
    assert attempt <= (MAX_ATTEMPTS if retry_after_s is None else 40)


@given(st.integers(1, MAX_ATTEMPTS - 1), jitters)
def test_waits_grow_and_differ(attempt, jitter):
    wait = decide(attempt=attempt, kind="read", failure="refused", jitter=jitter)
    assert isinstance(wait, Wait)
    assert 0.125 * 2 ** (attempt - 1) <= wait.seconds < 0.25 * 2 ** (attempt - 1) + 1e-9


def test_the_wait_that_a_hub_asks_for_is_honoured_up_to_a_minute():
    def after(seconds):
        return decide(attempt=1, kind="write", failure="status", status=429, retry_after_s=seconds, jitter=0)

    assert after(60) == Wait(60, for_all=True)
    assert after(61) == GiveUp()


@given(
    st.sampled_from(["read", "write"]), st.integers(1, 6), st.integers(100, 599), st.none() | st.floats(0, 9e4), jitters
)
def test_what_a_hub_wants_of_all_is_told_of_every_attempt_that_asked_too_much_and_of_no_other(
    kind, attempt, status, retry_after_s, jitter
):
    pause_s = find_pause(attempt=attempt, jitter=jitter, status=status, retry_after_s=retry_after_s)
    assert (pause_s is not None) == (status == 429 or (status == 503 and retry_after_s is not None))
    assert pause_s is None or pause_s >= max(retry_after_s or 0, 0.125)
    decision = decide(
        attempt=attempt,
        kind=kind,
        failure="status",
        status=status,
        retry_after_s=retry_after_s,
        jitter=jitter,
    )
    if isinstance(decision, Wait):
        assert decision.for_all == (pause_s is not None)
        assert pause_s in (None, decision.seconds)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0),
        (" 12 ", 12),
        ("9" * 18, 86_400),
        ("9" * 5000, None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("Fri, 01 Jan 2027 00:00:00 GMT", 86_400),
        ("Thu, 99 Jan 2026 00:00:30 GMT", None),
        ("Thu, 01 Jan 99999999999 00:00:30 GMT", None),
        ("Thu, 01 Jan 2026 00:00:30 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert parse_retry_after(header, NOW) == seconds


@given(st.text())
def test_any_header_is_a_wait_within_a_day_or_nothing(text):
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= timedelta(days=1).total_seconds()
