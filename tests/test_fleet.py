from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.fleet import PATIENCE_S, run_fleet


def ignore(_):
    raise AssertionError("nobody interrupted")


def test_results_stand_in_the_order_of_the_items_whatever_ends_first():
    assert run_fleet(lambda pause: time.sleep(pause) or pause, (0.03, 0.0, 0.01), parallel=3, interrupted=ignore) == (
        0.03,
        0.0,
        0.01,
    )


def test_no_items_are_no_work():
    assert run_fleet(ignore, (), parallel=4, interrupted=ignore) == ()


@pytest.mark.parametrize("parallel", [1, 3])
def test_no_more_than_parallel_are_under_way(parallel):
    lock, under_way, most = threading.Lock(), 0, 0

    def work(_):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)
        with lock:
            under_way -= 1

    run_fleet(work, range(9), parallel=parallel, interrupted=ignore)
    assert most == parallel


def test_each_interrupt_is_counted_and_ends_no_work():
    counted, cancelled = [], threading.Event()

    def interrupted(number):
        counted.append(number)
        if number < 2:
            os.kill(os.getpid(), signal.SIGINT)
        else:
            cancelled.set()

    def work(_):
        os.kill(os.getpid(), signal.SIGINT)
        assert cancelled.wait(10)
        return "finished"

    assert run_fleet(work, "a", parallel=1, interrupted=interrupted) == ("finished",)
    assert counted == [1, 2]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_is_not_pythons_stays():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        run_fleet(lambda _: os.kill(os.getpid(), signal.SIGINT), "a", parallel=1, interrupted=ignore)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1]


def test_it_works_in_any_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(run_fleet(str.upper, "ab", parallel=2, interrupted=ignore)))
    thread.start()
    thread.join()
    assert results == [("A", "B")]


def test_what_work_raises_is_raised_when_all_have_ended():
    ended = []

    def work(item):
        if item == "bad":
            raise RuntimeError(item)
        time.sleep(0.02)
        ended.append(item)

    with pytest.raises(RuntimeError, match="bad"):
        run_fleet(work, ("bad", "good"), parallel=2, interrupted=ignore)
    assert ended == ["good"]


def test_an_item_begins_only_when_those_it_comes_after_are_done():
    done = []

    def work(item):
        seen = tuple(done)
        done.append(item)
        return seen

    after = {0: frozenset((1, 2)), 1: frozenset((2,))}
    seen = run_fleet(work, "abc", parallel=3, interrupted=lambda _: None, after=after)
    assert {"b", "c"} <= set(seen[0])
    assert "c" in seen[1]


@pytest.mark.parametrize("parallel", [1, 4])
def test_waiting_for_others_takes_no_ones_place(parallel):
    after = {0: frozenset((3,)), 1: frozenset((3,)), 2: frozenset((0,))}
    assert run_fleet(str.upper, "abcd", parallel=parallel, interrupted=lambda _: None, after=after) == tuple("ABCD")


@given(st.data())
def test_whatever_comes_after_what_each_begins_once_and_after_all_it_waits_for(data):
    count = data.draw(st.integers(1, 12))
    after = {
        place: data.draw(st.frozensets(st.integers(0, place - 1), max_size=3))
        for place in range(1, count)
        if data.draw(st.booleans())
    }
    ended = []

    def work(place):
        seen = frozenset(ended)
        ended.append(place)
        return place, seen

    done = run_fleet(work, range(count), parallel=data.draw(st.integers(1, 4)), interrupted=ignore, after=after)
    assert [place for place, _ in done] == list(range(count))
    assert all(after.get(place, frozenset()) <= seen for place, seen in done)


def left():
    return [thread for thread in threading.enumerate() if thread.name.startswith("hub-")]


def test_items_that_hang_hold_up_the_others_no_longer_than_patience():
    release, done = threading.Event(), []

    def work(item):
        if item == "hangs":
            assert release.wait(30)
        else:
            done.append(item)
            if len(done) == 20:
                release.set()
        return item

    items = ["hangs"] * 5 + list(range(20))
    assert run_fleet(work, items, parallel=2, interrupted=ignore, patience_s=0.05) == tuple(items)


def test_within_patience_no_more_than_parallel_are_under_way_and_quick_ones_take_no_more_threads():
    names = set()

    def work(_):
        names.add(threading.current_thread().name)
        time.sleep(0.001)

    run_fleet(work, range(300), parallel=3, interrupted=ignore)
    assert len(names) <= 3
    assert PATIENCE_S >= 1


@pytest.mark.parametrize("parallel", [1, 3])
def test_however_many_hang_threads_are_bounded_and_none_is_left(parallel):
    release, most, lock, under_way = threading.Event(), 0, threading.Lock(), 0

    def work(_):
        nonlocal most, under_way
        with lock:
            under_way += 1
            most = max(most, under_way)
            if most == 8 * parallel:
                threading.Timer(0.3, release.set).start()
        assert release.wait(30)
        with lock:
            under_way -= 1

    run_fleet(work, range(12 * parallel), parallel=parallel, interrupted=ignore, patience_s=0.0)
    assert most == 8 * parallel
    assert left() == []


def test_where_the_system_has_no_more_threads_those_there_are_do_it_all(monkeypatch):
    started, start, most = [], threading.Thread.start, 2

    def refuse(thread):
        if thread.name.startswith("hub-"):
            if len(started) == most:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert run_fleet(str.upper, "abcdefgh", parallel=4, interrupted=ignore) == tuple("ABCDEFGH")
    assert len(started) == 2
    most = len(started)  # not even one more: then whoever asks does it
    assert run_fleet(str.upper, "abc", parallel=4, interrupted=ignore) == tuple("ABC")


def test_what_an_interrupt_raises_ends_the_run_once_those_under_way_have_ended():
    ended = []

    def work(item):
        if item == 0:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        ended.append(item)

    def interrupted(_):
        raise LookupError

    with pytest.raises(LookupError):
        run_fleet(work, range(9), parallel=1, interrupted=interrupted)
    assert ended == [0]
    assert left() == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_place_that_patience_has_given_away_is_given_away_once():
    release, lock, under_way, most = threading.Event(), threading.Lock(), 0, 0

    def work(item):
        nonlocal under_way, most
        if item == "hangs":
            assert release.wait(30)
            return
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.05)
        with lock:
            under_way -= 1
        if item == 11:
            release.set()

    run_fleet(work, ["hangs", *range(12)], parallel=2, interrupted=ignore, patience_s=0.4)
    assert most == 2


def test_with_nobody_to_tell_an_interrupt_ends_it_at_once_and_leaves_those_under_way():
    release, ended = threading.Event(), []

    def work(item):
        if item == "b":
            os.kill(os.getpid(), signal.SIGINT)
        assert release.wait(30)
        ended.append(item)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_fleet(work, "abc", parallel=2, interrupted=None)
    assert time.monotonic() - began < PATIENCE_S / 2
    waiting = left()
    assert [thread.daemon for thread in waiting] == [True, True]
    release.set()
    for thread in waiting:
        thread.join(30)
    assert sorted(ended) == ["a", "b"]


def test_with_nobody_to_tell_no_thread_is_left_when_all_is_done():
    assert run_fleet(str.upper, "abc", parallel=2, interrupted=None) == tuple("ABC")
    assert left() == []
