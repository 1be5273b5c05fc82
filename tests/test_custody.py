from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from bench import Bench, sent, told
from fakes.hub import refuse

from keyspec.custody import mark_value
from keyspec.errors import StoreError
from keyspec.model import Key
from keyspec.ownership import Policy
from keyspec.reconcile import apply_run
from keyspec.record import Content, Mark, Record, dump_note, load_note
from keyspec.report import apply_exit_code
from keyspec.secret import Secret
from keyspec.stores.file import FileStore

ONE = "guards: {max_change_share: 100%}\nkeys: {ci_a: {roles: [User]}}\n"
KEY = Key("ci_a", "", ("User",), 60, "active")


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.fake.add("keyspec_ci", roles=["Administrator"])
    bench.write(ONE)
    return bench


class FailingStore(FileStore):
    """A real store whose disk fails as soon as a value comes; what is put of it first, `partly` tells."""

    def __init__(self, error, *, partly=False):
        super().__init__()
        self.error = error
        self.partly = partly

    def replace(self, entry, expected_version, content):
        if content.value is None:
            return super().replace(entry, expected_version, content)
        if self.partly:
            (path := entry_path(entry)).write_text(content.value.reveal())
            path.chmod(0o600)
        raise self.error


def entry_path(entry):
    return Path(entry.file).parent / entry.reference.rest


def note(bench, key_id="ci_a"):
    path = bench.folder / f"secrets/fake/{key_id}.keyspec"
    return load_note(path.read_bytes()) if path.exists() else None


def put_mark(bench, key=KEY, nonce="dead", value=None):
    """Leave a dead run's mark, and its value if it got so far."""
    folder = bench.folder / "secrets/fake"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (("ci_a.keyspec", dump_note(Mark("fake", key, "sha256:0", nonce))), ("ci_a", value)):
        if data is not None:
            (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
            (folder / name).chmod(0o600)


def run_with(bench, store):
    session = bench.session()
    session._stores["file"] = store
    return apply_run(bench.plan(session), bench.options(), session)


# The way that goes well


def test_a_created_value_and_its_record_stand_in_the_store(bench):
    report = bench.run()
    assert told(report) == ["create ci_a applied"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"]
    record = note(bench)
    assert (record.hub, record.key_id, record.hubs, record.locked_by_keyspec) == ("fake", "ci_a", ("fake",), False)
    _, nonce, _ = record.fingerprint.split(":")
    assert record.fingerprint == mark_value(Secret(bench.value("ci_a")), nonce)


def test_the_mark_stands_before_the_hub_is_asked_and_tells_what_it_is_asked_for(bench):
    seen = []

    def look(request):
        seen.append(note(bench))
        bench.fake.next_faults.clear()
        return bench.fake._answer(request, request.url.path, json.loads(request.content))

    bench.fake.fail_next("create_key", look)
    bench.run()
    assert [(mark.hub, mark.key) for mark in seen if isinstance(mark, Mark)] == [("fake", KEY)]


def test_a_key_that_is_gone_is_made_anew_and_its_old_value_moves_aside(bench):
    bench.run()
    first = bench.value("ci_a")
    del bench.fake.keys["ci_a"]
    assert told(bench.run()) == ["create ci_a applied"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"] != first
    assert (bench.folder / "secrets/fake/ci_a.prev").read_text() == first


# Stores that fail


@pytest.mark.parametrize("partly", [False, True])
@pytest.mark.parametrize("error", [StoreError("the disk is full"), RuntimeError("s3cret")])
def test_a_value_whose_store_fails_waits_in_the_spool_and_its_key_is_locked_until_it_is_stored(bench, error, partly):
    report = run_with(bench, FailingStore(error, partly=partly))
    assert told(report) == ["create ci_a failed"]
    assert apply_exit_code(report) == 1
    told_error = report.results[0].error
    assert "s3cret" not in told_error
    assert "the key is locked" in told_error
    assert str(bench.folder / "state/keyspec/spool") in told_error
    assert sent(bench.fake, "list_keys") == ["create_key ci_a", "lock_key /ci_a/lock"]
    value = bench.fake.values["ci_a"]
    assert [json.loads(text)["value"] for text in bench.spooled()] == [value]

    # no plan takes the key for undelivered while its value waits
    assert bench.plan().plan.steps == ()
    assert bench.spooled()

    report = bench.run(policy=Policy(allow_delete=True))
    assert told(report) == []
    assert bench.spooled() == []
    assert bench.value("ci_a") == value
    assert note(bench).locked_by_keyspec

    assert told(bench.run(policy=Policy())) == ["unlock ci_a held"]
    assert told(bench.run()) == ["unlock ci_a applied"]
    assert bench.fake.keys["ci_a"]["locked"] is False
    assert not note(bench).locked_by_keyspec


@pytest.mark.parametrize("opened_by", ["keyspec", "hand"])
def test_what_keyspec_locked_and_is_open_again_is_somebody_elses_to_lock(bench, opened_by):
    run_with(bench, FailingStore(StoreError("the disk is full")))
    bench.run(policy=Policy())
    assert note(bench).locked_by_keyspec
    if opened_by == "hand":
        bench.fake.keys["ci_a"]["locked"] = False
    assert told(bench.run()) == (["unlock ci_a applied"] if opened_by == "keyspec" else [])
    bench.fake.keys["ci_a"]["locked"] = True
    assert bench.plan().plan.steps == ()


def test_a_spool_that_cannot_be_emptied_keeps_its_value_and_the_hub_is_not_verified(bench):
    run_with(bench, FailingStore(StoreError("the disk is full")))
    bench.write(ONE.replace("[User]", "[Operator], state: active"))
    report = run_with(bench, FailingStore(StoreError("the disk is full")))
    assert told(report) == ["edit ci_a skipped", "unlock ci_a skipped"]
    assert report.hubs[0].verified is False
    assert "the disk is full" in report.hubs[0].error
    assert apply_exit_code(report) == 3
    assert len(bench.spooled()) == 1
    assert bench.fake.keys["ci_a"]["locked"]

    report = bench.run()
    assert told(report) == ["edit ci_a applied", "unlock ci_a applied"]
    assert bench.spooled() == []
    assert bench.value("ci_a") == bench.fake.values["ci_a"]


def test_where_spool_and_store_fail_the_key_is_locked_and_replaced_when_allowed(bench):
    (bench.folder / "state").write_text("a file where a folder should be")
    report = run_with(bench, FailingStore(StoreError("the disk is full")))
    assert "could not be kept anywhere" in report.results[0].error
    assert bench.fake.keys["ci_a"]["locked"]
    (bench.folder / "state").unlink()
    assert told(bench.run()) == ["delete ci_a applied", "create ci_a applied"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"]


def test_the_value_of_another_mark_is_never_stored_here(bench):
    run_with(bench, FailingStore(StoreError("the disk is full")))
    put_mark(bench, nonce="another")
    report = bench.run(policy=Policy())
    assert bench.value("ci_a") is None
    assert len(bench.spooled()) == 1
    assert "another-run" in report.hubs[0].error


# Conflicts and lost answers


def test_a_409_under_a_fresh_mark_is_a_conflict_and_leaves_nothing_behind(bench):
    report = bench.run(between=lambda: bench.fake.add("ci_a"))
    assert told(report) == ["create ci_a conflict"]
    assert note(bench) is None
    assert list((bench.folder / "secrets/fake").iterdir()) == []
    assert bench.fake.keys["ci_a"]["locked"] is False
    assert sent(bench.fake, "list_keys") == ["create_key ci_a"]


def test_a_409_after_a_retried_create_is_a_lost_answer(bench):
    bench.fake.fail_next("create_key", refuse(429, "slow", "down", **{"retry-after": "1"}))
    report = bench.run(between=lambda: bench.fake.add("ci_a"))
    assert told(report) == ["create ci_a failed"]
    assert bench.fake.keys["ci_a"]["locked"]
    assert sent(bench.fake, "list_keys")[-2:] == ["get_key /ci_a", "lock_key /ci_a/lock"]


def test_a_409_under_an_inherited_mark_is_a_lost_answer(bench):
    put_mark(bench)
    report = bench.run(between=lambda: bench.fake.add("ci_a"))
    assert told(report) == ["create ci_a failed"]
    assert bench.fake.keys["ci_a"]["locked"]
    assert isinstance(note(bench), Mark)
    assert told(bench.run()) == ["delete ci_a applied", "create ci_a applied"]


def test_a_dead_runs_create_that_lands_late_is_known_by_the_dead_runs_mark(bench):
    """The spec has changed since: the key has the fields of the older mark, which is put back."""
    put_mark(bench, Key("ci_a", "as it was", ("User",), 60, "active"))
    report = bench.run(between=lambda: bench.fake.add("ci_a", description="as it was"))
    assert told(report) == ["create ci_a failed"]
    assert bench.fake.keys["ci_a"]["locked"]
    assert note(bench).key.description == "as it was"
    assert told(bench.run()) == ["delete ci_a applied", "create ci_a applied"]


@pytest.mark.parametrize("inherited", [False, True])
def test_a_key_with_other_fields_than_any_mark_of_ours_is_somebody_elses(bench, inherited):
    if inherited:
        put_mark(bench)
    else:
        bench.fake.fail_next("create_key", "reset-before")
    report = bench.run(between=lambda: bench.fake.add("ci_a", description="by hand"))
    assert told(report) == ["create ci_a conflict"]
    assert bench.fake.keys["ci_a"]["locked"] is False
    assert isinstance(note(bench), Mark)


def test_the_lock_of_a_key_whose_value_is_lost_is_itself_looked_up_and_sent_again(bench):
    bench.fake.fail_next("create_key", "reset-after")
    bench.fake.fail_next("lock_key", "reset-before")
    report = bench.run()
    assert told(report) == ["create ci_a failed"]
    assert "the key is locked" in report.results[0].error
    assert sent(bench.fake, "list_keys") == [
        "create_key ci_a",
        "get_key /ci_a",
        "lock_key /ci_a/lock",
        "get_key /ci_a",
        "lock_key /ci_a/lock",
    ]


def test_a_lock_that_is_refused_is_said_and_the_next_run_locks(bench):
    bench.fake.fail_next("create_key", "reset-after")
    bench.fake.fail_next("lock_key", refuse(403, "no", "no"))
    report = bench.run()
    assert "NOT be locked" in report.results[0].error
    assert report.hubs[0].verified is False
    assert told(bench.run()) == ["lock ci_a applied"]


def test_an_unusable_value_locks_the_key(bench):
    def answer(request):
        done = bench.fake._answer(request, request.url.path, json.loads(request.content))
        return httpx.Response(201, json=done.json() | {"apiKey": "with a blank"})

    bench.fake.fail_next("create_key", answer)
    report = bench.run()
    assert told(report) == ["create ci_a failed"]
    assert "with a blank" not in report.results[0].error
    assert bench.fake.keys["ci_a"]["locked"]


@pytest.mark.parametrize(("made", "locked"), [("ci_other", "ci_other"), ("keyspec_ci", None), ("stranger", None)])
def test_a_key_made_under_another_id_is_locked_unless_it_was_there_before(bench, made, locked):
    bench.fake.add("stranger")

    def answer(request):
        body = json.loads(request.content) | {"keyId": made}
        if made not in bench.fake.keys:
            bench.fake.add(made)
        return httpx.Response(201, json={**bench.fake.keys[made], **body, "apiKey": "v4lue-of-somebody"})

    bench.fake.fail_next("create_key", answer)
    report = bench.run()
    assert told(report) == ["create ci_a failed"]
    assert [key_id for key_id, key in bench.fake.keys.items() if key["locked"]] == ([locked] if locked else [])


# What earlier runs left, and other runs beside this one


def test_a_value_beside_a_dead_mark_gets_its_record_and_no_request(bench):
    bench.fake.add("ci_a")
    put_mark(bench, value=bench.fake.values["ci_a"])
    report = bench.run()
    assert told(report) == []
    assert isinstance(note(bench), Record)
    assert note(bench).locked_by_keyspec is False
    assert bench.value("ci_a") == bench.fake.values["ci_a"]
    assert bench.fake.writes == []


def test_a_living_runs_mark_stops_the_create_and_is_left_alone(bench):
    entry_of = bench.plan().desired.hubs["fake"]
    entry = entry_of.entry(entry_of.keys["ci_a"])
    other = FileStore()

    def begin():
        other.put_if_absent(entry, Content(Mark("fake", KEY, "sha256:0", "alive")))

    report = bench.run(between=begin)
    assert told(report) == ["create ci_a failed"]
    assert "another-run" in report.results[0].error
    assert bench.fake.writes == []
    assert note(bench).nonce == "alive"
    other.release(entry)


def test_a_value_that_another_run_stored_since_the_plan_is_never_moved(bench):
    report = bench.run(between=lambda: Bench(bench.folder, bench.fake).run())
    assert told(report) == ["create ci_a failed"]
    assert "another-run" in report.results[0].error
    assert bench.value("ci_a") == bench.fake.values["ci_a"]
    assert isinstance(note(bench), Record)
    assert bench.fake.count("create_key") == 1


def test_stores_are_read_before_hubs_so_that_another_runs_create_is_no_lost_key(bench):
    """Another run creates the key after the hub was listed: what it stored must not look like a former key's."""
    session = bench.session()
    session_with_race = bench.session(on_read=lambda _: Bench(bench.folder, bench.fake).run())
    planned = bench.plan(session_with_race)
    report = apply_run(planned, bench.options(), session)
    assert told(report) == ["create ci_a failed"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"]


@pytest.mark.parametrize("locked", [False, True])
def test_recovery_does_nothing_to_a_key_whose_store_has_changed_since(bench, locked):
    bench.fake.add("ci_a", locked=locked)
    put_mark(bench)
    report = bench.run(between=lambda: put_mark(bench, value=bench.fake.values["ci_a"]))
    assert told(report)[0] == f"{'delete' if locked else 'lock'} ci_a conflict"
    assert set(told(report)[1:]) <= {"create ci_a skipped"}
    assert bench.fake.keys["ci_a"]["locked"] is locked
    assert bench.fake.writes == []


def test_a_foreign_entry_stops_the_create_until_it_is_taken_over(bench):
    (bench.folder / "secrets/fake").mkdir(parents=True)
    (bench.folder / "secrets/fake/ci_a").write_text("somebody's")
    assert told(bench.run()) == ["create ci_a held"]
    assert bench.fake.writes == []
    assert told(bench.run(policy=Policy(take_over=("ci_a",)))) == ["create ci_a applied"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"]
    assert (bench.folder / "secrets/fake/ci_a.prev").read_text() == "somebody's"


def test_a_mark_with_a_lease_is_alive_until_it_ends(bench):
    put_mark(bench, nonce="leased")
    path = bench.folder / "secrets/fake/ci_a.keyspec"
    path.write_bytes(dump_note(Mark("fake", KEY, "sha256:0", "leased", lease_until=1000)))
    assert told(bench.run(now=lambda: 999.0)) == ["create ci_a held"]
    assert bench.fake.writes == []
    assert told(bench.run(now=lambda: 1001.0)) == ["create ci_a applied"]
