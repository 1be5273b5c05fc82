"""What only `vault:` promises: one secret's other fields, the environment of the vault CLI, errors that tell by name."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from stores.faults import Fault
from stores.service_benches import make_vault_fields

from keyspec.desired import Entry
from keyspec.errors import StoreConflict, StoreError
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference, Secret
from keyspec.stores.vault import VaultStore

VALUE = "Canary7Value0abcdefXYZ"
MARK = Content(Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", "run-1", 1))
RECORD = Content(Record("hub", "key", ("hub",), "fp"), Secret(VALUE))


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return make_vault_fields(tmp_path, monkeypatch)


@pytest.fixture
def server(bench):
    return bench.server


@pytest.fixture
def store(bench):
    return VaultStore(os.environ, timeout_s=0.3)


@pytest.fixture
def entry(bench):
    return bench.entry()


def create(store, entry):
    store.preflight(entry)
    return store.replace(entry, store.put_if_absent(entry, MARK), RECORD)


def at(rest):
    return Entry(Reference("vault", rest), "keyspec.yaml")


def test_the_field_is_exactly_the_value_and_the_note_a_name_beside_it(store, entry, server):
    create(store, entry)
    data = server.data("hub/keys")
    assert data["key"] == VALUE
    assert list(data) == ["key.keyspec", "key"]
    (note,) = data["key.keyspec"]
    assert VALUE not in note


def test_value_and_note_are_one_write(store, entry, server):
    version = store.put_if_absent(entry, MARK)
    before = server.secrets["secret", "hub/keys"]["current"]
    store.replace(entry, version, RECORD)
    assert server.secrets["secret", "hub/keys"]["current"] == before + 1


def test_other_fields_are_neither_read_nor_written(store, entry, server):
    server.put("hub/keys", {"other": "SomebodysValue", "deep": {"a": {"b": 1}}})
    version = create(store, entry)
    store.set_aside(entry, version)
    data = server.data("hub/keys")
    assert (data["other"], data["deep"]) == ("SomebodysValue", {"a": {"b": 1}})
    written = [text for text in server.wire.texts if text.startswith(("POST", "PATCH"))]
    assert not any("SomebodysValue" in text for text in written)


def test_fields_changed_at_once_lose_no_update(server, store):
    entries = [at(f"secret/hub/keys#field-{number}") for number in range(12)]
    with ThreadPoolExecutor(12) as workers:
        list(workers.map(lambda entry: create(store, entry), entries))
    data = server.data("hub/keys")
    assert [data[f"field-{number}"] for number in range(12)] == [VALUE] * 12


def test_a_change_of_another_field_is_no_conflict(store, entry, server):
    version = store.put_if_absent(entry, MARK)
    server.put("hub/keys", {**server.data("hub/keys"), "other": "x"})
    store.replace(entry, version, RECORD)
    assert server.data("hub/keys")["other"] == "x"


def test_the_older_value_outlives_the_versions_that_are_kept(store, entry, server):
    server.max_versions = 1
    version = store.set_aside(entry, create(store, entry))
    assert server.data("hub/keys")["key.prev"] == VALUE
    assert "key" not in server.data("hub/keys")
    store.replace(entry, version, Content(Mark("hub", MARK.note.key, "plan", "run-2")))
    assert server.data("hub/keys")["key.prev"] == VALUE


def test_delete_leaves_the_value_in_no_version_of_a_secret_of_its_own(store, entry, server):
    store.delete(entry, create(store, entry))
    versions = server.secrets["secret", "hub/keys"]["versions"]
    assert VALUE not in str(versions)


def test_delete_destroys_no_version_that_holds_others_fields(store, entry, server):
    server.put("hub/keys", {"other": "x"})
    store.delete(entry, create(store, entry))
    versions = server.secrets["secret", "hub/keys"]["versions"]
    assert not any(version["destroyed"] for version in versions.values())
    assert server.data("hub/keys") == {"other": "x"}


def test_a_secret_deleted_by_somebody_is_begun_anew(store, entry, server):
    create(store, entry)
    server.delete_latest("hub/keys")
    assert store.look(entry).version == "absent"
    create(store, entry)
    assert store.read(entry).reveal() == VALUE


def test_a_foreign_value_that_is_no_text_stays(store, entry, server):
    server.put("hub/keys", {"key": {"a": "b"}})
    kept = store.look(entry)
    assert kept.foreign
    with pytest.raises(StoreConflict, match="move it by hand"):
        store.set_aside(entry, kept.version)
    assert server.data("hub/keys") == {"key": {"a": "b"}}


@pytest.mark.parametrize("note", ["no map", {}, {"a": "", "b": ""}, {"no note": ""}])
def test_a_note_that_cannot_be_read_is_foreign(store, entry, server, note):
    server.put("hub/keys", {"key.keyspec": note})
    assert store.look(entry).foreign


@pytest.mark.parametrize("token", ["reader", "old-policy", "planner", "unknown"])
def test_a_token_that_may_not_write_fails_in_preflight(bench, entry, server, monkeypatch, token):
    monkeypatch.setenv("VAULT_TOKEN", token)
    with pytest.raises(StoreError, match="permission denied"):
        bench.open().preflight(entry)
    assert server.secrets == {}


def test_preflight_names_what_the_policies_lack(bench, entry, monkeypatch):
    monkeypatch.setenv("VAULT_TOKEN", "reader")
    with pytest.raises(StoreError, match="lack create, patch, update on secret/data/hub/keys"):
        bench.open().preflight(entry)


def test_who_plans_needs_no_more_than_subkeys(bench, store, entry, monkeypatch):
    create(store, entry)
    monkeypatch.setenv("VAULT_TOKEN", "planner")
    assert bench.open().look(entry) == store.look(entry)
    with pytest.raises(StoreError, match="permission denied"):
        bench.open().read(entry)


def test_a_token_that_may_not_ask_is_told_so(store, entry, server):
    server.can_list_capabilities = False
    with pytest.raises(StoreError, match="sys/capabilities-self"):
        store.preflight(entry)


def test_a_sealed_server_is_told_at_once(store, entry, server):
    server.sealed = True
    for act in (store.preflight, store.look, store.read, lambda entry: store.put_if_absent(entry, MARK)):
        with pytest.raises(StoreError, match=r"vault:secret/hub/keys#key .*sealed"):
            act(entry)
    assert server.wire.count("PATCH") + server.wire.count("POST") == 0


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("nowhere/path#key", "no engine is mounted there"),
        ("old/path#key", "not a KV engine of version 2"),
        ("team/kv#key", "no secret in it"),
        ("secret/path", "write vault:MOUNT/PATH#FIELD"),
        ("secret#key", "write vault:MOUNT/PATH#FIELD"),
        ("secret/path#", "write vault:MOUNT/PATH#FIELD"),
        ("secret/../sys/seal#key", "write vault:MOUNT/PATH#FIELD"),
        ("secret//path#key", "write vault:MOUNT/PATH#FIELD"),
        ("secret/path#key.keyspec", "ends in none of"),
        ("secret/path#key.prev", "ends in none of"),
    ],
)
def test_a_reference_that_cannot_be_is_told(store, rest, told):
    for act in (store.preflight, store.look):
        with pytest.raises(StoreError, match=told):
            act(at(rest))


def test_an_engine_may_be_mounted_deeper(store, server):
    entry = at("team/kv/a b/ü#key")
    create(store, entry)
    assert ("team/kv", "a b/ü") in server.secrets
    assert store.read(entry).reveal() == VALUE


def test_the_environment_of_the_vault_cli_is_used(bench, entry, server, tmp_path, monkeypatch):
    server.namespace = "team-a"
    monkeypatch.setenv("VAULT_NAMESPACE", "team-a")
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".vault-token").write_text("writer\n")
    create(bench.open(), entry)
    assert server.seen_tokens == {"writer"}


def test_another_namespace_is_denied(bench, entry, server, monkeypatch):
    server.namespace = "team-a"
    monkeypatch.setenv("VAULT_NAMESPACE", "team-b")
    with pytest.raises(StoreError, match="permission denied"):
        bench.open().look(entry)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("VAULT_ADDR", "", "VAULT_ADDR is not set"),
        ("VAULT_ADDR", "vault.example.org", "no address"),
        ("VAULT_ADDR", "http://vault.example.org:8200", "use https:"),
        ("VAULT_ADDR", "https://user:pw@vault.example.org", "no address"),
        ("VAULT_CACERT", "/no/such/file", "VAULT_CACERT names no file"),
        ("VAULT_TOKEN", " ", "there is no token"),
    ],
)
def test_an_environment_that_cannot_be_used_is_told(bench, entry, tmp_path, monkeypatch, name, value, told):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=told):
        bench.open().look(entry)


def test_no_server_is_told(bench, entry, monkeypatch):
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="does not answer"):
        bench.open().look(entry)


def test_redirects_are_not_followed(store, entry, server):
    server.wire.faults.append(Fault("GET", 307))
    with pytest.raises(StoreError, match="not followed"):
        store.look(entry)


@pytest.mark.parametrize("kind", ["lost", "hang", "late", "drop", 500, 502, 429])
def test_a_write_whose_answer_is_lost_is_looked_for_and_done_once(store, entry, server, kind):
    version = store.put_if_absent(entry, MARK)
    server.wire.faults.append(Fault("PATCH", kind))
    store.replace(entry, version, RECORD)
    assert server.secrets["secret", "hub/keys"]["current"] == 2
    assert store.read(entry).reveal() == VALUE


def test_a_write_that_never_gets_through_is_told_without_the_value(store, entry, server):
    version = store.put_if_absent(entry, MARK)
    server.wire.faults.extend([Fault("PATCH", "drop")] * 9)
    with pytest.raises(StoreError, match="lost more than once") as caught:
        store.replace(entry, version, RECORD)
    assert VALUE not in str(caught.value)
    assert store.look(entry).version == version


def test_an_answer_that_repeats_what_was_sent_is_not_shown(store, entry, server):
    version = store.put_if_absent(entry, MARK)
    server.wire.faults.append(Fault("PATCH", 422))
    with pytest.raises(StoreError, match="422") as caught:
        store.replace(entry, version, RECORD)
    assert "fault" not in str(caught.value)


def test_many_entries_of_one_secret_are_one_request(store, entry, server):
    create(store, entry)
    server.wire.lines.clear()
    store.look_all(at(f"secret/hub/keys#{number}") for number in range(50))
    assert server.wire.count("subkeys") == 1


def test_an_entry_that_cannot_be_looked_at_spoils_no_other(store, entry):
    create(store, entry)
    others = [at("nowhere/a#b"), at("secret/hub/keys#x.prev")]
    found = store.look_all([entry, *others])
    assert found[entry] == store.look(entry)
    assert all(isinstance(found[other], StoreError) for other in others)
