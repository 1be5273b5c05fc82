"""What only the `age:` store promises: sealed files that stock tools open, and writing without an identity."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from keyspec.desired import Entry
from keyspec.errors import StoreConflict, StoreError
from keyspec.model import Key
from keyspec.record import Content, Mark, Record
from keyspec.secret import Reference, Secret
from keyspec.stores.age import open_age

VALUE = "Canary7Value0abcdefXYZ"
MARK = Content(Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", "run-1"))
RECORD = Content(Record("hub", "key", ("hub",), "fp"), Secret(VALUE))


@pytest.fixture
def identity():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def entry(tmp_path):
    return Entry(Reference("age", "sealed/key.age"), str(tmp_path / "keyspec.yaml"))


@pytest.fixture
def environ(tmp_path, identity):
    return make_environ(tmp_path, identity)


def make_environ(folder, identity):
    (folder / "identity").write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")
    return {
        "KEYSPEC_AGE_RECIPIENTS": str(identity.to_public()),
        "KEYSPEC_AGE_IDENTITY": str(folder / "identity"),
    }


def create(store, entry):
    store.preflight(entry)
    return store.replace(entry, store.put_if_absent(entry, MARK), RECORD)


def test_stock_tools_open_what_was_sealed(environ, entry, tmp_path, identity):
    create(open_age(environ), entry)
    sealed = (tmp_path / "sealed" / "key.age").read_bytes()
    assert pyrage.decrypt(sealed, [identity]) == VALUE.encode()
    assert sealed.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")


def test_what_stock_tools_sealed_is_read(environ, entry, tmp_path, identity):
    (tmp_path / "sealed").mkdir()
    for armored in (False, True):
        sealed = pyrage.encrypt(b"theirs", [identity.to_public()], armored=armored)
        (tmp_path / "sealed" / "key.age").write_bytes(sealed)
        assert open_age(environ).read(entry).reveal() == "theirs"
    assert open_age(environ).look(entry).foreign


def test_no_file_holds_the_value_and_the_note_is_plain(environ, entry, tmp_path):
    store = open_age(environ)
    version = store.set_aside(entry, create(store, entry))
    store.replace(entry, store.replace(entry, version, MARK), RECORD)
    files = {file.name: file.read_bytes() for file in (tmp_path / "sealed").iterdir()}
    assert sorted(files) == ["key.age", "key.age.keyspec", "key.age.prev"]
    assert all(VALUE.encode() not in data for data in files.values())
    assert json.loads(files["key.age.keyspec"])["record"]["key_id"] == "key"


def test_without_an_identity_values_are_written_and_never_read(environ, entry, tmp_path, identity):
    store = open_age({"KEYSPEC_AGE_RECIPIENTS": environ["KEYSPEC_AGE_RECIPIENTS"]})
    assert not store.capabilities.readable
    version = create(store, entry)
    assert store.look(entry).has_value
    assert pyrage.decrypt((tmp_path / "sealed" / "key.age").read_bytes(), [identity]) == VALUE.encode()
    with pytest.raises(StoreError, match="KEYSPEC_AGE_IDENTITY"):
        store.read(entry)
    with pytest.raises(StoreConflict, match="cannot be read here"):
        store.replace(entry, version, Content(Record("hub", "key", ("hub",), "fp-2"), Secret(VALUE)))
    version = store.set_aside(entry, version)
    store.replace(entry, version, Content(Record("hub", "key", ("hub",), "fp-2"), Secret("Newer")))
    assert open_age(environ).capabilities.readable
    assert open_age(environ).read(entry).reveal() == "Newer"


@pytest.mark.parametrize("form", ["{0},{1}", "{0} {1}", " {0} ,\n{1},", "file"])
def test_every_recipient_can_open(tmp_path, entry, form):
    identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
    names = [str(identity.to_public()) for identity in identities]
    text = form.format(*names)
    if form == "file":
        text = str(tmp_path / "recipients")
        Path(text).write_text("# ours\n" + "\n\n".join(names) + "\n")
    create(open_age({"KEYSPEC_AGE_RECIPIENTS": text}), entry)
    sealed = (tmp_path / "sealed" / "key.age").read_bytes()
    assert [pyrage.decrypt(sealed, [identity]) for identity in identities] == [VALUE.encode()] * 2


def test_ssh_keys_serve_too(tmp_path, entry):
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    openssh = serialization.Encoding.OpenSSH
    public = key.public_key().public_bytes(openssh, serialization.PublicFormat.OpenSSH).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    (tmp_path / "id").write_bytes(private)
    store = open_age({"KEYSPEC_AGE_RECIPIENTS": f"{public} me@here", "KEYSPEC_AGE_IDENTITY": str(tmp_path / "id")})
    create(store, entry)
    assert store.read(entry).reveal() == VALUE


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"KEYSPEC_AGE_RECIPIENTS": ""}, "needs recipients"),
        ({"KEYSPEC_AGE_RECIPIENTS": "age1nonsense"}, "no age recipient"),
        ({"KEYSPEC_AGE_RECIPIENTS": "ssh-ed25519 nonsense"}, "no age recipient"),
        ({"KEYSPEC_AGE_RECIPIENTS": "/no/such/file"}, "KEYSPEC_AGE_RECIPIENTS cannot be read"),
        ({"KEYSPEC_AGE_RECIPIENTS": "/dev/null"}, "KEYSPEC_AGE_RECIPIENTS"),
        ({"KEYSPEC_AGE_IDENTITY": "/no/such/file"}, "KEYSPEC_AGE_IDENTITY cannot be read"),
        ({"KEYSPEC_AGE_IDENTITY": __file__}, "no file of age identities"),
    ],
)
def test_what_is_wrong_is_told_by_preflight_before_anything_is_written(environ, entry, tmp_path, change, told):
    with pytest.raises(StoreError, match=told):
        open_age({**environ, **change}).preflight(entry)
    assert not (tmp_path / "sealed").exists()


def test_an_identity_that_cannot_open_what_is_sealed_is_told_by_preflight(environ, entry, tmp_path):
    other = pyrage.x25519.Identity.generate()
    (tmp_path / "other").mkdir()
    environ["KEYSPEC_AGE_IDENTITY"] = make_environ(tmp_path / "other", other)["KEYSPEC_AGE_IDENTITY"]
    with pytest.raises(StoreError, match="no identity"):
        open_age(environ).preflight(entry)


def test_an_identity_put_where_recipients_belong_is_not_shown(environ, entry, identity):
    for text in (f"age1x,{identity}", f"age1x {identity}"):
        with pytest.raises(StoreError) as caught:
            open_age({**environ, "KEYSPEC_AGE_RECIPIENTS": text}).preflight(entry)
        assert str(identity)[20:] not in repr(caught.value)
        assert caught.value.__cause__ is None


def test_what_is_no_age_file_is_not_read(environ, entry, tmp_path):
    (tmp_path / "sealed").mkdir()
    (tmp_path / "sealed" / "key.age").write_text("plain")
    with pytest.raises(StoreError, match="no age file"):
        open_age(environ).read(entry)


def test_without_the_library_the_extra_is_named(environ, entry):
    code = """
import sys
sys.modules["pyrage"] = None
from keyspec.desired import Entry
from keyspec.errors import StoreError
from keyspec.secret import Reference
from keyspec.stores import open_store
try:
    open_store("age").preflight(Entry(Reference("age", "sealed/key.age"), sys.argv[1]))
except StoreError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, entry.file], capture_output=True, text=True, env=environ, check=True
    )
    assert "install keyspec[age]" in done.stdout
