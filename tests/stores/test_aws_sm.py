"""What only `aws-sm:` promises: what a consumer finds, labels as compare-and-set, errors that tell by name."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from stores.faults import Fault
from stores.service_benches import make_aws

from keyspec.desired import Entry
from keyspec.errors import StoreError
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference, Secret
from keyspec.stores.aws_sm import AwsSmStore

VALUE, NEXT = "Canary7Value0abcdefXYZ", "NextValue1next"
KEY = Key("key", "", ("User",), 60, "active")
MARK = Content(Mark("hub", KEY, "plan", "run-1", 1))
RECORD = Content(Record("hub", "key", ("hub",), "fp"), Secret(VALUE))


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    return make_aws(tmp_path, monkeypatch)


@pytest.fixture
def server(bench):
    return bench.server


@pytest.fixture
def store(bench):
    return AwsSmStore(os.environ, timeout_s=0.5)


def at(rest):
    return Entry(Reference("aws-sm", rest), "keyspec.yaml")


WHOLE, FIELD = at("hub/key"), at("hub/keys#key")


def create(store, entry, nonce="run-1", value=VALUE):
    store.preflight(entry)
    version = store.set_aside(entry, store.look(entry).version)
    version = store.replace(entry, version, Content(Mark("hub", KEY, "plan", nonce, 1)))
    return store.replace(entry, version, Content(Record("hub", "key", ("hub",), f"fp-{nonce}"), Secret(value)))


def get(name, **which):
    """What a consumer does."""
    return boto3.client("secretsmanager").get_secret_value(SecretId=name, **which)["SecretString"]


def test_without_a_field_the_secret_is_exactly_the_value(store):
    create(store, WHOLE)
    assert get("hub/key") == VALUE


def test_with_a_field_the_others_stay(store, server):
    server.put_by_hand("hub/keys", json.dumps({"other": "x", "deep": {"a": 1}}))
    create(store, FIELD)
    assert json.loads(get("hub/keys")) == {"other": "x", "deep": {"a": 1}, "key": VALUE}


def test_the_value_before_is_labelled_awsprevious(store):
    create(store, WHOLE)
    create(store, WHOLE, "run-2", NEXT)
    assert (get("hub/key"), get("hub/key", VersionStage="AWSPREVIOUS")) == (NEXT, VALUE)


def test_the_value_before_of_a_field_stands_beside_it(store):
    create(store, FIELD)
    create(store, FIELD, "run-2", NEXT)
    assert json.loads(get("hub/keys")) == {"key": NEXT, "key.prev": VALUE}


def test_a_consumer_finds_the_older_value_until_the_next_one_comes(store):
    version = store.set_aside(WHOLE, create(store, WHOLE))
    store.replace(WHOLE, version, Content(Mark("hub", KEY, "plan", "run-2")))
    kept = store.look(WHOLE)
    assert (kept.has_value, store.read(WHOLE)) == (False, None)
    assert get("hub/key") == VALUE


@pytest.mark.parametrize("entry", [WHOLE, FIELD], ids=["whole", "field"])
def test_delete_leaves_no_label_on_the_value(store, server, entry):
    create(store, entry)
    store.delete(entry, create(store, entry, "run-2", NEXT))
    name = entry.reference.rest.partition("#")[0]
    labelled = [text for labels, text in server.versions(name).values() if labels]
    assert not any(VALUE in text or NEXT in text for text in labelled)


def test_fields_changed_at_once_lose_no_update(store):
    entries = [at(f"hub/keys#field-{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as workers:
        list(workers.map(lambda entry: create(store, entry), entries))
    assert json.loads(get("hub/keys")) == {f"field-{number}": VALUE for number in range(6)}
    assert all(store.look(entry).has_value for entry in entries)


def test_a_value_brought_by_a_dead_run_stays_its_own_when_another_field_follows(store, server):
    version = store.put_if_absent(FIELD, MARK)
    server.wire.faults.extend([Fault("PutSecretValue  keyspec-note", 500)] * 12)
    with pytest.raises(StoreError):
        store.replace(FIELD, version, RECORD)
    server.wire.faults.clear()
    create(store, at("hub/keys#other"))
    kept = store.look(FIELD)
    assert isinstance(kept.note, Mark)
    assert kept.has_value
    assert store.read(FIELD).reveal() == VALUE
    store.replace(FIELD, kept.version, RECORD)
    assert json.loads(get("hub/keys")) == {"key": VALUE, "other": VALUE}


def test_an_empty_secret_made_by_somebody_is_filled(store):
    boto3.client("secretsmanager").create_secret(Name="hub/key", Description="made by Terraform")
    assert store.look(WHOLE).version == "absent"
    create(store, WHOLE)
    assert get("hub/key") == VALUE


@pytest.mark.parametrize("entry", [WHOLE, FIELD], ids=["whole", "field"])
def test_a_value_changed_by_hand_is_still_there_and_is_what_is_read(store, server, entry):
    create(store, entry)
    by_hand = "ByHand2value"
    server.put_by_hand(
        entry.reference.rest.partition("#")[0], json.dumps({"key": by_hand}) if "#" in entry.reference.rest else by_hand
    )
    kept = store.look(entry)
    assert (type(kept.note), kept.has_value, kept.foreign) == (Record, True, False)
    assert store.read(entry).reveal() == by_hand


@pytest.mark.parametrize("entry", [WHOLE, FIELD], ids=["whole", "field"])
def test_what_somebody_puts_beside_a_mark_is_not_that_creates_value(store, server, entry):
    version = store.put_if_absent(entry, MARK)
    server.put_by_hand(entry.reference.rest.partition("#")[0], json.dumps({"key": "ByHand2value"}))
    assert store.look(entry).foreign
    with pytest.raises(StoreError):
        store.replace(entry, version, RECORD)
    assert "ByHand2value" in get(entry.reference.rest.partition("#")[0])


def test_a_secret_that_is_no_json_has_no_fields(store, server):
    server.put_by_hand("hub/keys", "a text")
    with pytest.raises(StoreError, match="no JSON object"):
        store.preflight(FIELD)


def test_a_secret_is_kept_as_a_whole_or_by_fields(store):
    create(store, FIELD)
    with pytest.raises(StoreError, match="another entry keeps"):
        store.preflight(at("hub/keys"))


@pytest.mark.parametrize("before", ["nothing", "a record"])
def test_credentials_that_may_only_read_fail_in_preflight(bench, store, server, monkeypatch, before):
    if before != "nothing":
        create(store, WHOLE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "READONLY")
    with pytest.raises(StoreError, match="secretsmanager:UpdateSecretVersionStage"):
        bench.open().preflight(WHOLE)


@pytest.mark.parametrize("entry", [WHOLE, FIELD], ids=["whole", "field"])
def test_who_plans_needs_no_more_than_the_ledger(bench, store, monkeypatch, entry):
    create(store, entry)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "PLANNER")
    planner = bench.open()
    assert planner.look(entry) == store.look(entry)
    with pytest.raises(StoreError, match="access denied"):
        planner.read(entry)


def test_a_secret_scheduled_for_deletion_is_told(store):
    create(store, WHOLE)
    boto3.client("secretsmanager").delete_secret(SecretId="hub/key")
    with pytest.raises(StoreError, match="scheduled for deletion"):
        store.look(WHOLE)


def test_a_ledger_of_another_make_is_told_and_stays(store, server):
    client = boto3.client("secretsmanager")
    client.create_secret(Name="hub/key")
    client.put_secret_value(SecretId="hub/key", SecretString="{}", VersionStages=["KEYSPEC"])
    with pytest.raises(StoreError, match="KEYSPEC"):
        store.put_if_absent(WHOLE, MARK)


def test_a_binary_secret_is_told(store, server):
    boto3.client("secretsmanager").create_secret(Name="hub/keys", SecretBinary=b"\0")
    with pytest.raises(StoreError, match="binary"):
        store.look(FIELD)


@pytest.mark.parametrize("rest", ["", "#key", "hub/key#", "a b#key", "arn:aws:x#key", "hub/keys#key.prev"])
def test_a_reference_that_cannot_be_is_told(store, rest):
    for act in (store.preflight, store.look):
        with pytest.raises(StoreError, match=r"write aws-sm:|ends in none of"):
            act(at(rest))


def test_an_environment_without_credentials_or_region_is_told(bench, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(StoreError, match="no credentials"):
        bench.open().look(WHOLE)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(StoreError, match="AWS_REGION"):
        bench.open().look(WHOLE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "WRITER")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert bench.open().look(WHOLE).version == "absent"


def test_no_service_is_told(bench, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="does not answer"):
        bench.open().look(WHOLE)


def test_a_service_that_hangs_is_given_up(store, server, monkeypatch):
    monkeypatch.setattr("keyspec.stores.awssecrets._ATTEMPTS", 1)
    server.wire.faults.append(Fault("DescribeSecret", "hang"))
    with pytest.raises(StoreError, match="does not answer"):
        store.look(WHOLE)


@pytest.mark.parametrize(
    "what", ["PutSecretValue  keyspec-value", "AWSCURRENT", "PutSecretValue  keyspec-note", "Stage KEYSPEC"]
)
def test_a_write_done_but_not_answered_is_one_version(store, server, what):
    version = store.put_if_absent(WHOLE, MARK)
    server.wire.faults.append(Fault(what, "lost"))
    store.replace(WHOLE, version, RECORD)
    assert get("hub/key") == VALUE
    assert sum(text == VALUE for _, text in server.versions("hub/key").values()) == 1


def test_a_write_that_never_gets_through_is_told_without_the_value(store, server):
    version = store.put_if_absent(WHOLE, MARK)
    server.wire.faults.extend([Fault("PutSecretValue", 500)] * 20)
    with pytest.raises(StoreError, match="InternalServiceError") as caught:
        store.replace(WHOLE, version, RECORD)
    assert VALUE not in str(caught.value)
    server.wire.faults.clear()
    assert store.look(WHOLE).version == version


def test_many_entries_of_one_secret_are_one_look(store, server):
    create(store, FIELD)
    server.wire.lines.clear()
    store.look_all(at(f"hub/keys#{number}") for number in range(50))
    assert server.wire.count("DescribeSecret") == 1


def test_an_entry_that_cannot_be_looked_at_spoils_no_other(store):
    create(store, WHOLE)
    found = store.look_all([WHOLE, at("a b")])
    assert found[WHOLE] == store.look(WHOLE)
    assert isinstance(found[at("a b")], StoreError)
