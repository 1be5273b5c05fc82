from __future__ import annotations

import pytest
from bench import Bench
from fakes.hub import refuse

from keyspec.doctor import EXTRAS, examine
from keyspec.loader import load_desired
from keyspec.secret import Secret
from keyspec.spool import Slot, Spooled
from keyspec.stores import _BUILT_IN


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.fake.add("keyspec_ci", roles=["Administrator"])
    bench.write('ownership: {key_ids: ["ci_*"]}\nkeys: {ci_a: {roles: [User]}, ci_b: {roles: [User]}}\n')
    return bench


def look(bench, **options):
    """Give what was found, by subject."""
    found = {}
    for check in examine(load_desired(bench.options()), bench.options(**options), bench.session()):
        found.setdefault(check.subject, []).append(check)
    return found


def verdicts(bench, subject):
    return [check.verdict for check in look(bench).get(subject, ())]


def test_all_that_works_is_ok_and_nothing_is_left_behind(bench):
    bench.fake.add("ci_a")
    found = look(bench)
    assert {check.verdict for subject in ("hub fake", "store file", "spool") for check in found[subject]} <= {
        "ok",
        "warning",
    }
    assert "2 live keys, 1 owned" in found["hub fake"][0].message
    assert "2 entries" in found["store file"][0].message
    assert bench.fake.writes == []
    assert sorted(path.name for path in bench.folder.iterdir()) == ["keyspec.yaml"]


def test_a_hub_that_cannot_be_read_has_failed(bench):
    bench.fake.fail_next("list_keys", refuse(403, "no", "no"))
    (check,) = look(bench)["hub fake"]
    assert (check.verdict, "403" in check.message) == ("failed", True)


def test_a_hub_without_keyspecs_own_key_has_failed(bench):
    del bench.fake.keys["keyspec_ci"]
    assert "failed" in verdicts(bench, "hub fake")


def test_an_entry_that_cannot_be_written_has_failed_and_the_others_work(bench):
    (bench.folder / "secrets/fake/ci_a").mkdir(parents=True)
    found = look(bench)["store file"]
    assert sorted(check.verdict for check in found) == ["failed", "ok"]
    assert "ci_a" in next(check.message for check in found if check.verdict == "failed")


def test_replicas_are_tried_too_and_what_is_absent_is_not(bench):
    bench.write(
        'keys: {ci_a: {roles: [User], store: {primary: "file:a", replicas: ["file:b"]}}, ci_c: {state: absent}}\n'
    )
    (check,) = look(bench)["store file"]
    assert "2 entries" in check.message


def test_a_value_that_waits_is_a_warning_that_does_not_show_it(bench):
    session = bench.session()
    slot = Slot("fake", "ci_a", "file:secrets/fake/ci_a", str(bench.folder / "keyspec.yaml"))
    session.spool.put(Spooled(slot, "n0", Secret("s3cret-value")))
    (check,) = look(bench)["spool"]
    assert (check.verdict, "1 value" in check.message) == ("warning", True)
    assert "s3cret" not in repr(look(bench))


def test_extras_are_those_of_stores_that_exist(bench):
    assert set(EXTRAS) < set(_BUILT_IN)
    assert {subject for subject in look(bench) if subject.startswith("extra ")} == {
        f"extra {extra}" for _, extra in EXTRAS.values()
    }


def test_a_missing_library_has_failed_only_where_a_store_needs_it(bench, monkeypatch):
    monkeypatch.setattr("keyspec.doctor.find_spec", lambda _: None)
    assert verdicts(bench, "extra vault") == ["ok"]
    bench.write('keys: {ci_a: {roles: [User], store: "vault:secret/x#y"}}\n')
    assert verdicts(bench, "extra vault") == ["failed"]
