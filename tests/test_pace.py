from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from fakes.hub import FakeTime
from hypothesis import given, settings
from hypothesis import strategies as st

from keyspec.errors import HubError
from keyspec.pace import ANSWERS_PER_STEP, OWED_S, Pace, World
from keyspec.retry import Wait


def make_pace(world, *, concurrency=8, **more):
    return Pace(world, timeout_s=10, concurrency=concurrency, **more)


@contextmanager
def sending(pace):
    with pace.request() as ticket, pace.turn(ticket):
        yield ticket


def send(pace):
    with sending(pace) as ticket:
        pace.note_progress(ticket)


def refuse(pace, seconds=0.0):
    with sending(pace) as ticket:
        pace.note_failure()
        pace.hold_back(ticket, seconds)


# the cap on requests


def test_without_a_cap_nothing_waits():
    clock = FakeTime()
    pace = make_pace(clock.world())
    for _ in range(100):
        send(pace)
    assert clock.slept == []


def test_with_a_cap_turns_are_evenly_spaced():
    clock = FakeTime()
    pace = make_pace(clock.world(), requests_per_second=4)
    began = clock.now_s
    for _ in range(9):
        send(pace)
    assert clock.now_s - began == pytest.approx(2.0)


def test_the_slowest_pace_is_a_wait_that_a_clock_can_take():
    clock = FakeTime()
    pace = make_pace(clock.world(), requests_per_second=5e-324)
    send(pace)
    send(pace)
    assert sum(clock.slept) <= 86_400


def test_a_moment_is_waited_for_once_whatever_the_clock_says_afterwards():
    slept = []
    pace = make_pace(World(clock=lambda: 5.0, sleep=slept.append), requests_per_second=4)
    send(pace)
    send(pace)
    assert slept == [0.25]


def test_threads_share_the_cap():
    pace = make_pace(World(), requests_per_second=200)
    began = time.monotonic()
    run_threads(4, lambda _: [send(pace) for _ in range(5)])
    assert time.monotonic() - began >= 19 / 200 - 0.001


# the deadline


def test_a_hub_without_progress_is_not_asked_beyond_its_deadline_until_the_next_phase():
    clock = FakeTime()
    pace = make_pace(clock.world())
    with pace.request() as ticket:
        pace.note_failure()
        assert pace.wait_to_retry(Wait(89))
        assert not pace.wait_to_retry(Wait(2))
        clock.now_s += 2
        with pytest.raises(HubError, match="no progress for 90 s"), pace.turn(ticket):
            raise AssertionError
        pace.begin_phase()
        with pace.turn(ticket):
            pass


def test_progress_starts_the_deadline_anew():
    clock = FakeTime()
    pace = make_pace(clock.world())
    with pace.request() as ticket:
        for _ in range(5):
            with pace.turn(ticket):
                pace.note_failure()
            assert pace.wait_to_retry(Wait(80))
            with pace.turn(ticket):
                pace.note_progress(ticket)


def test_time_between_requests_does_not_count():
    clock = FakeTime()
    pace = make_pace(clock.world())
    with pace.request():
        pace.note_failure()
    clock.now_s += 10_000
    with pace.request() as ticket:
        with pace.turn(ticket):
            pass
        clock.now_s += 91
        with pytest.raises(HubError, match="no progress"), pace.turn(ticket):
            raise AssertionError


def test_nothing_is_sent_past_the_deadline_however_long_the_cap_made_it_wait():
    clock = FakeTime()
    pace = make_pace(clock.world(), requests_per_second=0.01)
    send(pace)
    with pace.request() as ticket:
        pace.note_failure()
        with pytest.raises(HubError, match="no progress for 90 s"), pace.turn(ticket):
            raise AssertionError
    assert clock.slept == [100]


# the end of the run


def test_stopping_ends_a_wait_at_once_and_sends_nothing():
    stop = threading.Event()
    pace = make_pace(World(stop=stop))
    threading.Timer(0.05, stop.set).start()
    began = time.monotonic()
    with pytest.raises(HubError, match="stopped before the request was sent"):
        pace.wait_to_retry(Wait(30))
    assert time.monotonic() - began < 10
    with pytest.raises(HubError, match="stopped"):
        send(pace)


def test_what_is_owed_is_sent_after_the_stop_and_nothing_else():
    clock, stop = FakeTime(), threading.Event()
    pace = make_pace(replace(clock.world(), stop=stop), requests_per_second=4)
    stop.set()
    with pytest.raises(HubError, match="stopped before the request was sent"):
        send(pace)
    began = clock.now_s
    with pace.owing():
        with pace.owing():
            refuse(pace, 5.0)
        assert pace.wait_to_retry(Wait(5.0, for_all=True))
        send(pace)
        assert clock.now_s == began + 5.0  # a hub that wants a pause gets it
        send(pace)
        assert clock.now_s == began + 5.25
    with pytest.raises(HubError, match="stopped before the request was sent"):
        send(pace)


def test_what_is_owed_is_given_up_once_it_takes_too_long():
    clock, stop = FakeTime(), threading.Event()
    pace = make_pace(replace(clock.world(), stop=stop))
    stop.set()
    with pace.owing():
        send(pace)
        assert pace.wait_to_retry(Wait(OWED_S, for_all=False))
        assert not pace.wait_to_retry(Wait(0.5, for_all=False))
        clock.sleep(0.5)
        with pytest.raises(HubError, match="stopped"):
            send(pace)


def test_a_pause_that_is_longer_than_what_is_owed_may_take_is_not_waited_for():
    stop = threading.Event()
    pace = make_pace(World(stop=stop))
    stop.set()
    with pace.owing():
        refuse(pace, OWED_S + 5)
        with pytest.raises(HubError, match=r"waited for 3[45] s more"):
            send(pace)


def test_stopping_ends_the_pause_of_every_thread_at_once():
    stop = threading.Event()
    pace = make_pace(World(stop=stop))
    refuse(pace, 30)
    threading.Timer(0.1, stop.set).start()
    began, errors = time.monotonic(), []

    def run(_):
        with pytest.raises(HubError, match="stopped") as caught:
            send(pace)
        errors.append(caught.value)

    run_threads(8, run)
    assert time.monotonic() - began < 10
    assert len(errors) == 8


# a hub that is asked too much


def test_a_pause_is_kept_by_all():
    clock = FakeTime()
    pace = make_pace(clock.world())
    refuse(pace, 7)
    send(pace)
    send(pace)
    assert clock.slept == [7]


def test_who_is_told_to_wait_for_all_waits_in_its_turn():
    clock = FakeTime()
    pace = make_pace(clock.world())
    with pace.request() as ticket:
        with pace.turn(ticket):
            pace.note_failure()
            pace.hold_back(ticket, 7)
        assert pace.wait_to_retry(Wait(7, for_all=True))
        assert clock.slept == []
        with pace.turn(ticket):
            assert clock.slept == [7]


def test_the_longer_of_two_pauses_is_kept():
    clock = FakeTime()
    pace = make_pace(clock.world())
    with sending(pace) as one, sending(pace) as two:
        pace.hold_back(one, 9)
        pace.hold_back(two, 3)
    send(pace)
    assert clock.slept == [9]


def test_every_pause_halves_what_is_allowed_but_for_one():
    pace = make_pace(FakeTime().world(), concurrency=8)
    allowed = []
    for _ in range(5):
        refuse(pace)
        allowed.append(pace._allowed)
    assert allowed == [4, 2, 1, 1, 1]


def test_what_requests_in_flight_together_are_told_halves_once():
    pace = make_pace(FakeTime().world())
    with ExitStack() as stack:
        for ticket in [stack.enter_context(sending(pace)) for _ in range(8)]:
            pace.hold_back(ticket, 1)
        assert pace._allowed == 4


@given(st.integers(1, 9), st.integers(1, 4))
def test_answers_give_back_one_by_one_what_was_allowed_and_no_more(concurrency, pauses):
    pace = make_pace(FakeTime().world(), concurrency=concurrency)
    for _ in range(pauses):
        refuse(pace)
    left = pace._allowed
    for number in range(1, ANSWERS_PER_STEP * 10):
        send(pace)
        assert pace._allowed == min(concurrency, left + number // ANSWERS_PER_STEP)


def test_an_answer_to_what_was_sent_before_the_pause_gives_nothing_back():
    pace = make_pace(FakeTime().world())
    with sending(pace) as early:
        refuse(pace)
        for _ in range(ANSWERS_PER_STEP):
            pace.note_progress(early)
    assert pace._allowed == 4


def test_a_pause_beyond_the_deadline_is_not_waited_for_in_any_phase():
    clock = FakeTime()
    pace = make_pace(clock.world())
    refuse(pace, 3600)
    for _ in range(2):
        with pytest.raises(HubError, match="wants a pause of 3600 s"):
            send(pace)
        pace.begin_phase()
    assert clock.slept == []
    clock.now_s += 3595
    send(pace)
    assert clock.slept == [5]


def test_requests_are_sent_in_the_order_in_which_they_began():
    pace, order, begun = make_pace(World(), concurrency=1), [], threading.Semaphore(0)

    def run(number):
        with pace.request() as ticket:
            begun.release()
            with pace.turn(ticket):
                order.append(number)

    with pace.request() as first, sending(pace):
        threads = []
        for number in range(6):
            threads.append(threading.Thread(target=run, args=(number,)))
            threads[-1].start()
            begun.acquire()
        again = threading.Thread(target=lambda: send_again(pace, first, order))
        again.start()
        while len(pace._waiting) < 7:
            time.sleep(0.001)
    for thread in (*threads, again):
        thread.join(30)
    assert order == ["first", *range(6)]


def send_again(pace, ticket, order):
    with pace.turn(ticket):
        order.append("first")


class Watched:
    """A pace with the moments at which it was told to pause and at which it let something be sent."""

    def __init__(self, concurrency):
        self.local = threading.local()
        self.stop = threading.Event()
        self.pace = make_pace(World(clock=self.clock, stop=self.stop), concurrency=concurrency)
        self.pauses, self.sent, self.ended, self.refused = [], [], [], []

    def clock(self):
        self.local.now = time.monotonic()
        return self.local.now

    def do(self, requests):
        """Send requests, each as often as it is told to; each attempt is a time in flight, and a pause or None."""
        for attempts in requests:
            try:
                with self.pace.request() as ticket:
                    for in_flight_s, pause_s in attempts:
                        self.attempt(ticket, in_flight_s, pause_s)
            except HubError as error:
                self.refused.append(error)

    def attempt(self, ticket, in_flight_s, pause_s):
        with self.pace.turn(ticket):
            self.sent.append(self.local.now)
            with self.pace._changed:
                if self.pace._in_flight[ticket] == self.pace._pauses:
                    assert len(self.pace._in_flight) <= self.pace._allowed
                assert 1 <= self.pace._allowed <= self.pace._most
            time.sleep(in_flight_s)
            if pause_s is None:
                self.pace.note_progress(ticket)
            else:
                self.pace.hold_back(ticket, pause_s)
                self.pauses.append((self.local.now, self.local.now + pause_s))
            self.ended.append(ticket)


instants = st.sampled_from([0.0, 0.001, 0.003])
attempts = st.lists(st.tuples(instants, st.none() | instants), min_size=1, max_size=4)
works = st.lists(st.lists(attempts, max_size=8), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(works, st.integers(1, 6), st.none() | st.floats(0, 0.03))
def test_threads_never_exceed_what_is_allowed_keep_every_pause_and_all_end(work, concurrency, stops_after_s):
    watched, errors = Watched(concurrency), []

    def run(requests):
        try:
            watched.do(requests)
        except BaseException as error:
            errors.append(error)
            raise

    timer = threading.Timer(stops_after_s or 0, watched.stop.set)
    if stops_after_s is not None:
        timer.start()
    run_threads(len(work), lambda number: run(work[number]))
    timer.cancel()
    assert errors == []
    assert len(watched.ended) == len(watched.sent)
    if stops_after_s is None:
        assert watched.refused == []
        assert len(watched.sent) == sum(len(each) for requests in work for each in requests)
    assert not any(told < sent < until for told, until in watched.pauses for sent in watched.sent)
    assert (watched.pace._waiting, watched.pace._in_flight, watched.pace._under_way) == (set(), {}, 0)


def run_threads(count, run):
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
