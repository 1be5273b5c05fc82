from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from keyspec.fleet import run_fleet


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
