from __future__ import annotations

import json
import stat
from dataclasses import replace

import pytest

from keyspec.disk import Trail, create_temporary, open_folder
from keyspec.errors import KeyspecError, StoreError
from keyspec.secret import Secret
from keyspec.spool import Slot, Spool, Spooled
from keyspec.stores.age import IDENTITY, RECIPIENTS, AgeCoding

SLOT = Slot("lab", "ci_a", "file:secrets/lab/ci_a", "keyspec.yaml")


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "state" / "spool")


def test_what_was_put_is_found_with_its_nonce_until_it_is_removed(spool):
    assert spool.is_empty()
    assert spool.find(SLOT) is None
    spool.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    found = spool.find(SLOT)
    assert (found.slot, found.nonce, found.value.reveal()) == (SLOT, "nonce-1", "v4lue")
    assert not spool.is_empty()
    spool.remove(SLOT)
    assert spool.find(SLOT) is None
    assert spool.is_empty()
    spool.remove(SLOT)


def test_a_value_waits_in_a_private_file_of_a_private_folder_whose_name_tells_nothing(spool):
    path = spool.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(spool.files()) == [path]
    assert not {"lab", "ci_a", "v4lue"} & set(path.name.split("."))


@pytest.mark.parametrize(
    "other",
    [
        replace(SLOT, hub="prod"),
        replace(SLOT, key_id="ci_b"),
        replace(SLOT, reference="file:elsewhere"),
        replace(SLOT, file="another/project/keyspec.yaml"),
    ],
)
def test_two_entries_never_share_a_slot(spool, other):
    spool.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    assert spool.find(other) is None
    spool.put(Spooled(other, "nonce-2", Secret("0ther")))
    assert spool.find(SLOT).value.reveal() == "v4lue"


def test_one_spec_folder_is_one_by_whatever_path_it_is_named(spool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spool.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    assert spool.find(replace(SLOT, file=str(tmp_path / "keyspec.yaml"))) is not None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"format": "keyspec-spool/2"}', b'{"format": "keyspec-spool/1", "nonce": "n"}']
)
def test_a_file_that_cannot_be_read_is_an_error_and_stays(spool, content):
    path = spool.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    path.write_bytes(content)
    with pytest.raises(StoreError, match=path.name):
        spool.find(SLOT)
    assert path.exists()


def test_what_a_dead_process_left_half_written_is_swept_away_and_what_a_living_one_writes_is_not(spool, tmp_path):
    path = spool.put(Spooled(SLOT, "n1", Secret("v4lue")))
    dead = path.with_name("other.json.tmp")
    dead.write_text("v4lue")
    with open_folder(Trail(str(spool.folder), (), "")) as folder, create_temporary(folder, "living.json.tmp"):
        spool.sweep()
        assert sorted(each.name for each in spool.folder.iterdir()) == sorted([path.name, "living.json.tmp"])
    assert spool.find(SLOT).value.reveal() == "v4lue"


def test_there_need_be_no_folder_to_sweep(tmp_path):
    Spool(tmp_path / "nowhere").sweep()
    assert not (tmp_path / "nowhere").exists()


def test_no_link_is_followed(spool, tmp_path):
    path = spool.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    target = path.rename(tmp_path / "elsewhere")
    path.symlink_to(target)
    assert spool.find(SLOT) is None
    with pytest.raises(KeyspecError):
        spool.put(Spooled(SLOT, "nonce-2", Secret("0ther")))
    assert json.loads(target.read_text())["nonce"] == "nonce-1"


@pytest.fixture
def sealed(tmp_path):
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity.txt").write_text(f"{identity}\n")
    environ = {RECIPIENTS: str(identity.to_public()), IDENTITY: str(tmp_path / "identity.txt")}
    return Spool(tmp_path / "state" / "spool", AgeCoding(environ))


def test_with_recipients_a_value_waits_sealed_and_comes_back(sealed):
    path = sealed.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    assert path.suffix == ".age"
    assert b"v4lue" not in path.read_bytes()
    assert sealed.find(SLOT).value.reveal() == "v4lue"
    sealed.remove(SLOT)
    assert sealed.is_empty()


def test_a_sealed_value_is_an_error_to_who_cannot_open_it_and_stays(sealed):
    path = sealed.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    for other in (Spool(sealed.folder), Spool(sealed.folder, AgeCoding({}))):
        with pytest.raises(StoreError):
            other.find(SLOT)
    assert path.exists()


def test_a_value_that_cannot_be_sealed_waits_in_a_private_file_rather_than_nowhere(tmp_path):
    spool = Spool(tmp_path / "spool", AgeCoding({RECIPIENTS: "age1nonsense"}))
    path = spool.put(Spooled(SLOT, "nonce-1", Secret("v4lue")))
    assert (path.suffix, stat.S_IMODE(path.stat().st_mode)) == (".json", 0o600)
    assert spool.find(SLOT).value.reveal() == "v4lue"
