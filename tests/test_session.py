from __future__ import annotations

import pytest
from bench import Bench

from keyspec.connect import Connections
from keyspec.errors import StoreError, UsageError
from keyspec.session import Session


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_the_first_cancel_skips_and_the_second_stops_waiting(bench):
    session = bench.session()
    session.cancel(1)
    assert session.cancelled.is_set()
    assert not session.connections.world.stop.is_set()
    session.cancel(2)
    assert session.connections.world.stop.is_set()


def test_who_is_told_of_an_interrupt_finds_it_in_effect(bench):
    told = []
    session = bench.session(on_interrupt=lambda number: told.append((number, session.cancelled.is_set())))
    session.cancel(1)
    session.cancel(2)
    assert told == [(1, True), (2, True)]


def test_reading_that_is_cancelled_waits_for_nothing_and_tells_nobody(bench):
    told = []
    session = bench.session(on_interrupt=told.append)
    session.cancel_reading()
    assert session.cancelled.is_set()
    assert session.connections.world.stop.is_set()
    assert told == []


def test_a_session_has_one_store_of_a_scheme_for_it_holds_the_locks(bench):
    session = bench.session()
    assert session.open_store("file") is session.open_store("file")
    assert session.open_store("file") is not bench.session().open_store("file")
    with pytest.raises(StoreError, match="nowhere"):
        session.open_store("nowhere")


def test_the_spool_is_in_the_folder_for_state_or_nowhere(bench):
    assert bench.session().spool.folder == bench.folder / "state/keyspec/spool"
    with pytest.raises(UsageError):
        _ = Session(connections=Connections(environ={})).spool


def test_every_run_has_nonces_of_its_own():
    session = Session()
    assert len({session.new_nonce() for _ in range(100)}) == 100
