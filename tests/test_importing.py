from __future__ import annotations

import json
import string

import httpx
import pytest
from bench import ALL, Bench, sent, told
from fakes.hub import refuse

from keyspec.custody import mark_value
from keyspec.importing import CHARACTERS, make_value
from keyspec.model import Key
from keyspec.ownership import Policy
from keyspec.record import Mark, Record, dump_note, load_note
from keyspec.secret import Secret

GENERATED = "keys: {ci_a: {roles: [User], value: {from: generated}}}\n"
GIVEN = 'keys: {ci_a: {roles: [User], value: {from: "file:given"}}}\n'
KEY = Key("ci_a", "", ("User",), 60, "active")
AGAIN = Policy(allow_delete=True, allow_unlock=True, allow_reimport=True)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.fake.add("keyspec_ci", roles=["Administrator"])
    bench.write(GENERATED)
    return bench


def note(bench):
    path = bench.folder / "secrets/fake/ci_a.keyspec"
    return load_note(path.read_bytes()) if path.exists() else None


def give(bench, value):
    (bench.folder / "given").write_text(value)
    bench.write(GIVEN)


def put(bench, note_, value=None):
    """Leave something at the entry, as an earlier run or somebody else did."""
    folder = bench.folder / "secrets/fake"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, data in (("ci_a.keyspec", note_ and dump_note(note_)), ("ci_a", value and value.encode())):
        if data:
            (folder / name).write_bytes(data)
            (folder / name).chmod(0o600)


def record(value, *, hubs=(), asked=(), owner="fake"):
    return Record(owner, "ci_a", hubs, mark_value(Secret(value), "n0"), asked=asked)


# Making and storing


def test_a_made_value_has_256_bits_and_its_prefix():
    assert set(CHARACTERS) == {*string.ascii_letters, *string.digits}
    assert make_value(lambda characters: characters[0], "ci_").reveal() == "ci_" + 43 * "a"
    assert make_value(lambda characters: characters[-1], None).reveal() == 43 * "9"
    assert len(CHARACTERS) ** 43 > 2**256


def test_value_and_record_stand_in_the_store_before_the_hub_hears_of_the_value(bench):
    seen = []

    def look(request):
        seen.append((bench.value("ci_a"), note(bench)))
        return bench.fake._answer(request, request.url.path, json.loads(request.content))

    bench.fake.fail_next("import_key", look)
    assert told(bench.run()) == ["import ci_a applied"]
    ((value, before),) = seen
    assert value == bench.fake.values["ci_a"]
    assert (before.hubs, before.asked) == ((), ("fake",))
    assert (note(bench).hubs, note(bench).asked) == (("fake",), ())
    assert sent(bench.fake, "list_keys") == ["import_key /import"]


def test_what_is_stored_is_never_made_anew(bench):
    put(bench, record("st0red", hubs=()), "st0red")
    assert told(bench.run()) == ["import ci_a applied"]
    assert bench.fake.values["ci_a"] == "st0red"


def test_a_store_that_cannot_be_written_sends_nothing(bench):
    (bench.folder / "secrets").write_text("a file where a folder should be")
    report = bench.run()
    assert told(report) in (["import ci_a failed"], ["import ci_a held"])
    assert bench.fake.writes == []


def test_a_given_value_that_the_store_does_not_have_yet_is_stored(bench):
    give(bench, "g1ven-value")
    assert told(bench.run()) == ["import ci_a applied"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"] == "g1ven-value"


# What stands there already


def test_a_given_value_replaces_another_one_that_no_other_hub_has_and_the_old_one_is_kept(bench):
    put(bench, record("0ld-value", hubs=("fake",)), "0ld-value")
    give(bench, "new-value")
    assert told(bench.run()) == ["import ci_a held"]
    assert told(bench.run(policy=AGAIN)) == ["import ci_a applied"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"] == "new-value"
    assert (bench.folder / "secrets/fake/ci_a.prev").read_text() == "0ld-value"


@pytest.mark.parametrize("known", [{"hubs": ("other",)}, {"asked": ("other",)}])
def test_a_value_is_never_replaced_while_another_hub_may_have_it(bench, known):
    put(bench, record("0ld-value", **known), "0ld-value")
    give(bench, "new-value")
    report = bench.run(policy=AGAIN)
    assert told(report) == ["import ci_a failed"]
    assert "other" in report.results[0].error
    assert bench.value("ci_a") == "0ld-value"
    assert bench.fake.count("import_key") == 0


@pytest.mark.parametrize(("hubs", "outcome"), [((), "applied"), (("other",), "failed")])
def test_a_value_that_is_lost_is_made_anew_only_if_no_other_hub_has_it(bench, hubs, outcome):
    put(bench, record("l0st-value", hubs=hubs))
    assert told(bench.run()) == [f"import ci_a {outcome}"]
    assert bench.value("ci_a") == (bench.fake.values["ci_a"] if outcome == "applied" else None)


def test_a_lost_value_that_is_given_again_is_put_back_and_the_hubs_that_have_it_stay_known(bench):
    put(bench, record("g1ven-value", hubs=("other",)))
    give(bench, "g1ven-value")
    assert told(bench.run()) == ["import ci_a applied"]
    assert note(bench).hubs == ("fake", "other")


def test_a_value_beside_a_dead_mark_is_taken_and_gets_its_record(bench):
    put(bench, Mark("fake", KEY, "sha256:0", "dead"), "b0rn-value")
    assert told(bench.run()) == ["import ci_a held"]
    assert isinstance(note(bench), Record)
    assert told(bench.run(policy=AGAIN)) == ["import ci_a applied"]
    assert bench.fake.values["ci_a"] == "b0rn-value"


def test_a_dead_mark_without_a_value_makes_room(bench):
    put(bench, Mark("fake", KEY, "sha256:0", "dead"))
    assert told(bench.run()) == ["import ci_a applied"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"]


@pytest.mark.parametrize("note_", [None, Mark("other", KEY, "sha256:0", "dead"), record("f0reign", owner="other")])
def test_what_others_put_there_stays_until_it_is_taken_over_and_then_moves_aside(bench, note_):
    put(bench, note_, "f0reign")
    assert told(bench.run()) == ["import ci_a held"]
    assert (bench.value("ci_a"), note(bench)) == ("f0reign", note_)
    assert told(bench.run(policy=Policy(take_over=("ci_a",)))) == ["import ci_a applied"]
    assert bench.value("ci_a") == bench.fake.values["ci_a"] != "f0reign"
    assert (bench.folder / "secrets/fake/ci_a.prev").read_text() == "f0reign"


def test_a_reference_to_the_entry_itself_takes_no_value_that_somebody_else_has_a_record_of(bench):
    text = 'keys: {ci_a: {roles: [User], value: {from: "file:secrets/fake/ci_a"}}}\n'
    bench.write(text)
    put(bench, None, "g1ven-value")
    assert told(bench.run()) == ["import ci_a applied"]
    del bench.fake.keys["ci_a"]
    put(bench, record("g1ven-value", owner="other"))
    assert told(bench.run(policy=AGAIN)) == ["import ci_a held"]


# What the hub answers


@pytest.mark.parametrize(("status", "outcome"), [(422, "failed"), (403, "failed"), (409, "conflict")])
def test_a_hub_that_refuses_is_not_in_the_record_and_the_next_run_sends_the_same_value(bench, status, outcome):
    bench.fake.fail_next("import_key", refuse(status, "no", "no"))
    assert told(bench.run()) == [f"import ci_a {outcome}"]
    value = bench.value("ci_a")
    assert (note(bench).hubs, note(bench).asked) == ((), ())
    assert told(bench.run()) == ["import ci_a applied"]
    assert bench.fake.values["ci_a"] == value


@pytest.mark.parametrize(("fault", "outcome"), [("reset-after", "applied"), ("reset-before", "failed")])
def test_a_lost_answer_is_looked_up(bench, fault, outcome):
    bench.fake.fail_next("import_key", fault)
    assert told(bench.run()) == [f"import ci_a {outcome}"]
    assert sent(bench.fake, "list_keys") == ["import_key /import", "get_key /ci_a"]
    assert (note(bench).hubs, note(bench).asked) == ((("fake",), ()) if outcome == "applied" else ((), ("fake",)))


def test_a_lost_answer_and_another_key_is_a_conflict(bench):
    def meddle(request):
        bench.fake.add("ci_a", roles=["Operator"])
        raise httpx.ReadError("reset", request=request)

    bench.fake.fail_next("import_key", meddle)
    assert told(bench.run()) == ["import ci_a conflict"]
    assert bench.fake.keys["ci_a"]["locked"] is False


def test_after_an_import_that_may_have_landed_a_409_is_looked_up(bench):
    put(bench, record("st0red", asked=("fake",)), "st0red")
    assert told(bench.run(between=lambda: bench.fake.add("ci_a"))) == ["import ci_a applied"]
    assert note(bench).hubs == ("fake",)


@pytest.mark.parametrize(("made", "locked"), [("ci_other", "ci_other"), ("keyspec_ci", None), ("stranger", None)])
def test_a_key_under_another_id_is_locked_unless_it_was_there_before(bench, made, locked):
    bench.fake.add("stranger")

    def answer(request):
        if made not in bench.fake.keys:
            bench.fake.add(made)
        return httpx.Response(201, json=bench.fake.keys[made])

    bench.fake.fail_next("import_key", answer)
    report = bench.run()
    assert told(report) == ["import ci_a failed"]
    assert [key_id for key_id, key in bench.fake.keys.items() if key["locked"]] == ([locked] if locked else [])


# The record


def test_a_hub_that_had_the_value_gets_it_again_only_if_allowed_whatever_crashed_between(bench):
    bench.run()
    value = bench.value("ci_a")
    del bench.fake.keys["ci_a"], bench.fake.values["ci_a"]
    assert told(bench.run()) == ["import ci_a held"]
    bench.fake.fail_next("import_key", "reset-before")
    assert told(bench.run(policy=AGAIN)) == ["import ci_a failed"]
    assert told(bench.run()) == ["import ci_a held"]
    assert told(bench.run(policy=AGAIN)) == ["import ci_a applied"]
    assert bench.fake.values["ci_a"] == value


def test_a_hub_that_was_asked_and_has_the_key_is_known_after_the_next_run(bench):
    bench.fake.add("ci_a")
    put(bench, record("st0red", asked=("fake",)), "st0red")
    assert told(bench.run(policy=ALL)) == []
    assert (note(bench).hubs, note(bench).asked) == (("fake",), ())


def test_no_run_completes_the_record_of_somebody_elses_mark(bench):
    theirs = Mark("other", KEY, "sha256:0", "dead")
    put(bench, theirs, "b0rn-value")
    bench.write("keys: {ci_a: {roles: [User]}}\n")
    bench.run()
    assert note(bench) == theirs


@pytest.mark.parametrize("stored", ["kept", "gone"])
def test_the_value_is_in_no_message(bench, stored):
    put(bench, record("s3cret-value", hubs=("other",)), "s3cret-value" if stored == "kept" else None)
    give(bench, "an0ther-s3cret")
    (result,) = bench.run().results
    assert "s3cret" not in result.error
