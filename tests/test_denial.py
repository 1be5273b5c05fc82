"""Denials on a hub that is a clock's function: no test waits."""

from __future__ import annotations

from itertools import pairwise

import httpx
import pytest
from builders import default_contract, spec_of

from keyspec.connect import Connections
from keyspec.denial import try_lock
from keyspec.foreseen import Setting
from keyspec.journal import Journal, Left
from keyspec.model import Key
from keyspec.pace import World
from keyspec.removal import Removal
from keyspec.secret import Secret
from keyspec.session import Session
from keyspec.trial import Trial

SPEC = 'hubs: {hub: {url: "http://127.0.0.1:1", auth: "env:A", auth_key_id: own, labels: {env: sandbox}}}\n'


class Bench:
    """A hub that denies the locked key as `denies(seconds since the lock, seconds since it was asked)` says."""

    def __init__(self, folder, denies, *, live=403, denied=401, admits=lambda _: True):
        self.denies, self.live, self.denied, self.admits = denies, live, denied, admits
        self.now = 100.0
        self.since = {"lock": None, "unlock": None}
        self.asked_at = []
        connections = Connections(
            environ={"A": "own-value"},
            world=World(clock=lambda: self.now, sleep=self.sleep),
            transport=httpx.MockTransport(self.answer),
        )
        target = spec_of(SPEC, store=False).hubs["hub"]
        session = Session(connections=connections)
        hub = connections.open(target)
        removal = Removal(hub, Journal(folder), Left("u"), {}, frozenset(), proved={"lock_key"})
        setting = Setting("hub", "u", default_contract(), "User", {}, (5,), "0" * 32, True)
        key = Key(setting.key_id, "", ("User",), 5, "active")
        self.trial = Trial(setting, target, session, hub, removal, key.key_id, 5, 5, key, Secret("the-value-of-it"))

    def sleep(self, seconds):
        self.now += seconds

    def answer(self, request):
        path = request.url.path
        if path.endswith("lock"):
            self.since[path.rpartition("/")[2]] = self.now
            return httpx.Response(200)
        if request.headers["x-api-key"] == "own-value":
            locked = self.since["unlock"] is None
            row = {"keyId": self.trial.key_id, "description": "", "roles": ["User"], "locked": locked}
            return httpx.Response(200, json=row | {"reauthenticationTimeout": 5})
        status = self.denied if self.is_denied() else self.live
        self.asked_at.append(self.now)
        return httpx.Response(status, json={})

    def is_denied(self):
        lock, unlock = self.since["lock"], self.since["unlock"]
        if unlock is not None:
            return not self.admits(self.now - unlock)
        return lock is not None and self.denies(self.now - lock, self.now - self.asked_at[-1])

    def seen(self):
        try_lock(self.trial)
        return {note.step: (note.seen, note.verdict) for note in self.trial.notes}


def test_a_key_that_is_denied_at_once_was_never_asked_twice(tmp_path):
    bench = Bench(tmp_path, lambda *_: True)
    assert bench.seen()["use until denied"] == ("denied with 401 at once; its timeout is 5 s", "agrees")
    assert bench.trial.denied_after_s == 0
    assert len(bench.asked_at) == 3 + 2


@pytest.mark.parametrize(("delay_s", "verdict"), [(3, "agrees"), (5, "agrees"), (9, "differs")])
def test_a_late_denial_is_measured(tmp_path, delay_s, verdict):
    bench = Bench(tmp_path, lambda since, _: since >= delay_s)
    assert bench.seen()["use until denied"][1] == verdict
    assert delay_s <= bench.trial.denied_after_s <= delay_s * 1.05 + 0.3
    assert all(after - before < 1.1 for before, after in pairwise(bench.asked_at[3:]))


def test_a_key_that_is_never_denied_is_left_alone_and_tried_once_more(tmp_path):
    seen = Bench(tmp_path, lambda *_: False).seen()
    assert seen["use until denied"] == (
        "not denied within 20 s, nor when it was left alone for its timeout",
        "differs",
    )


def test_a_key_with_a_timeout_longer_than_anybody_waits_tells_nothing(tmp_path):
    bench = Bench(tmp_path, lambda *_: False)
    bench.trial.timeout_s = 3600
    began = bench.now
    assert bench.seen()["use until denied"] == ("not denied within 900 s, and its timeout is 3600 s", "unknown")
    assert bench.now - began < 1000


def test_a_hub_that_counts_from_the_last_use_is_found_out(tmp_path):
    seen = Bench(tmp_path, lambda _, idle: idle > 5).seen()
    assert seen["use until denied"] == ("not denied within 20 s, but once it was left alone for its timeout", "differs")


def test_a_key_that_is_not_let_in_again_differs(tmp_path):
    seen = Bench(tmp_path, lambda *_: True, admits=lambda _: False).seen()
    assert seen["use until let in"] == ("still denied", "differs")
    late = Bench(tmp_path, lambda *_: True, admits=lambda since: since > 2).seen()
    assert late["use until let in"][0].startswith("let in again after 2.")


def test_a_hub_that_never_lets_the_key_in_tells_nothing(tmp_path):
    bench = Bench(tmp_path, lambda *_: True, live=401)
    seen = bench.seen()
    assert seen["use"] == ("the hub does not let the new key in", "unknown")
    assert "use until denied" not in seen
    assert seen["unlock"] == ("200", "agrees")


def test_a_locked_key_that_is_answered_like_a_live_one_is_not_denied(tmp_path):
    bench = Bench(tmp_path, lambda *_: True, denied=403)
    assert bench.seen()["use until denied"][1] == "differs"


def test_the_value_is_sent_as_a_credential_alone(tmp_path):
    bench = Bench(tmp_path, lambda *_: True)
    seen = bench.seen()
    assert "the-value-of-it" not in str(seen) + str(bench.trial)
