from __future__ import annotations

from contextlib import ExitStack, contextmanager

import pytest
from crash.world import World

from keyspec.devhub import parse_faults


@pytest.fixture
def world(tmp_path, monkeypatch, capfd):
    """Make worlds, one after another; each is searched for values until its end."""
    made = 0

    @contextmanager
    def make(scenario, *faults):
        nonlocal made
        made += 1
        with ExitStack() as stack:
            each = World(scenario, tmp_path / str(made), monkeypatch, capfd, stack).begin()
            for hub in each.hubs.values():
                hub.set_knobs(faults=parse_faults(*faults))
            yield each

    return make
