from __future__ import annotations

import threading
import time

import pytest
from fakes.hub import FakeTime

from keyspec.errors import HubError
from keyspec.pace import Pace, World


def test_without_a_cap_nothing_waits():
    clock = FakeTime()
    pace = Pace(clock.world(), timeout_s=10)
    for _ in range(100):
        pace.take_turn()
    assert clock.slept == []


def test_with_a_cap_turns_are_evenly_spaced():
    clock = FakeTime()
    pace = Pace(clock.world(), timeout_s=10, requests_per_second=4)
    began = clock.now_s
    for _ in range(9):
        pace.take_turn()
    assert clock.now_s - began == pytest.approx(2.0)


def test_the_slowest_pace_is_a_wait_that_a_clock_can_take():
    clock = FakeTime()
    pace = Pace(clock.world(), timeout_s=10, requests_per_second=5e-324)
    pace.take_turn()
    pace.take_turn()
    assert sum(clock.slept) <= 86_400


def test_threads_share_the_cap():
    pace = Pace(World(), timeout_s=10, requests_per_second=200)
    began = time.monotonic()
    threads = [threading.Thread(target=lambda: [pace.take_turn() for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 19 / 200 - 0.001


def test_a_hub_without_progress_is_not_asked_beyond_its_deadline_until_the_next_phase():
    clock = FakeTime()
    pace = Pace(clock.world(), timeout_s=10)
    with pace.request():
        pace.note_failure()
        assert pace.wait_to_retry(89)
        assert not pace.wait_to_retry(2)
        clock.now_s += 2
        with pytest.raises(HubError, match="no progress for 90 s"):
            pace.take_turn()
        pace.begin_phase()
        pace.take_turn()


def test_progress_starts_the_deadline_anew():
    clock = FakeTime()
    pace = Pace(clock.world(), timeout_s=10)
    with pace.request():
        for _ in range(5):
            pace.note_failure()
            assert pace.wait_to_retry(80)
            pace.note_progress()


def test_time_between_requests_does_not_count():
    clock = FakeTime()
    pace = Pace(clock.world(), timeout_s=10)
    with pace.request():
        pace.note_failure()
    clock.now_s += 10_000
    with pace.request():
        pace.take_turn()
        clock.now_s += 91
        with pytest.raises(HubError, match="no progress"):
            pace.take_turn()


def test_stopping_ends_a_wait_at_once_and_sends_nothing():
    stop = threading.Event()
    pace = Pace(World(stop=stop), timeout_s=10)
    threading.Timer(0.05, stop.set).start()
    began = time.monotonic()
    with pytest.raises(HubError, match="stopped before the request was sent"):
        pace.wait_to_retry(30)
    assert time.monotonic() - began < 10
    with pytest.raises(HubError, match="stopped"):
        pace.take_turn()
