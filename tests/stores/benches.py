"""Where the stores of the common suite stand in tests: each makes its world in a folder and gives stores and entries."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from stores.service_benches import SERVICE_BENCHES

from keyspec.desired import Entry
from keyspec.secret import Reference
from keyspec.stores import open_store

HERE = Path(__file__).parent
TESTS = HERE.parent


@dataclass(frozen=True)
class Bench:
    """Stores of one scheme whose references are `template` with the name of an entry in it."""

    folder: Path
    scheme: str
    template: str

    def open(self):
        return open_store(self.scheme)

    def entry(self, name="key"):
        rest = self.template.format(name=name.replace("-", "_"))
        return Entry(Reference(self.scheme, rest), str(self.folder / "keyspec.yaml"))

    def plant_foreign(self, entry):
        path = self.folder / entry.reference.rest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("somebody's")


@dataclass(frozen=True)
class DotenvBench(Bench):
    def plant_foreign(self, entry):
        path, _, name = entry.reference.rest.rpartition("#")
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as stream:
            stream.write(f"{name}=somebody's\n")


@dataclass(frozen=True)
class KeyringBench(Bench):
    def plant_foreign(self, entry):
        import keyring

        keyring.set_password(*entry.reference.rest.split("/", 1), "somebody's")


@dataclass(frozen=True)
class ExecBench(Bench):
    def plant_foreign(self, entry):
        import hashlib
        import json

        kept = self.folder.parent / "program" / "kept"
        kept.mkdir(exist_ok=True)
        row = {"note": None, "value": "somebody's", "previous": None, "count": 1}
        name = entry.reference.rest.partition("#")[2]
        (kept / hashlib.sha256(name.encode()).hexdigest()).write_text(json.dumps(row))


@dataclass(frozen=True)
class SqliteBench(Bench):
    def plant_foreign(self, entry):
        module = importlib.import_module("keyspec_sqlite")
        path, name = module.locate(entry)
        with module.closing(module.sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(module.TABLE)
            database.execute("INSERT INTO kept VALUES (?, NULL, 'somebody''s', NULL, 1)", (name,))


def make_dotenv(folder, monkeypatch):
    return DotenvBench(folder, "dotenv", "secrets/.env#{name}")


def make_age(folder, monkeypatch):
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    file = folder.parent / "identity.txt"
    file.write_text(f"# made for tests\n{identity}\n")
    monkeypatch.setenv("KEYSPEC_AGE_RECIPIENTS", str(identity.to_public()))
    monkeypatch.setenv("KEYSPEC_AGE_IDENTITY", str(file))
    return Bench(folder, "age", "secrets/hub/{name}.age")


def make_keyring(folder, monkeypatch):
    import keyring
    from stores.keyring_backends import FolderKeyring

    (folder.parent / "ring").mkdir()
    monkeypatch.setenv("TEST_KEYRING_FOLDER", str(folder.parent / "ring"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / "state"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "stores.keyring_backends.FolderKeyring")
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setattr(keyring.core, "_keyring_backend", FolderKeyring())
    return KeyringBench(folder, "keyring", "keyspec/hub/{name}")


def make_exec(folder, monkeypatch):
    program = install_program(folder.parent / "program")
    monkeypatch.setenv("KEYSPEC_ALLOW_EXEC", str(program))
    return ExecBench(folder, "exec", f"{program}#hub/{{name}}")


def make_sqlite(folder, monkeypatch):
    target = install_example(folder.parent / "target")
    monkeypatch.syspath_prepend(str(target))
    monkeypatch.setenv("PYTHONPATH", str(target))
    monkeypatch.delitem(sys.modules, "keyspec_sqlite", raising=False)
    return SqliteBench(folder, "sqlite", "kept.db#{name}")


def install_program(folder):
    """Make an executable of the program that keeps values in a folder."""
    folder.mkdir()
    program = folder / "keep"
    program.write_text(f"#!{sys.executable} -IS\n{(HERE / 'folder_program.py').read_text()}")
    program.chmod(0o700)
    return program


def install_example(target):
    """Put the example package where `pip install --target` would, without a network or a build."""
    project = tomllib.loads((HERE / "example" / "pyproject.toml").read_text())["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = target / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    shutil.copy(HERE / "example" / f"{name}.py", target)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n")
    groups = project["entry-points"]
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in groups.items()]
    (info / "entry_points.txt").write_text(os.linesep.join(lines))
    return target


BENCHES = {
    "age": make_age,
    "dotenv": make_dotenv,
    "exec": make_exec,
    "keyring": make_keyring,
    "sqlite": make_sqlite,
    **SERVICE_BENCHES,
}
