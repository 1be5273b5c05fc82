from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import jsonschema
import pytest
from placing import place, spec_files
from processes import clean_environ, run_keyspec
from stores import kv2_server

from keyspec.document import parse_document

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/keyspec.yaml"))
OPTIONS = dict.fromkeys(("05-fleet", "06-sharded"), ("--trusted", "trusted.yaml"))
VARIABLES = ("LAB_KEY", "HUB_KEY", "HUB_EU_KEY", "HUB_US_KEY")
VALUE = "the-value-of-keyspec's-own-key"

pytestmark = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)


@pytest.fixture
def environ(tmp_path):
    """What a user has in the environment; Vault is empty."""
    vault, address = kv2_server.start()
    vault.reset()
    stores = {"VAULT_ADDR": address, "VAULT_TOKEN": "writer"}
    return {**dict.fromkeys(VARIABLES, VALUE), **stores, "XDG_STATE_HOME": str(tmp_path / "state")}


def kept(folder):
    """Tell what stores hold: the records beside files, and the secrets of Vault."""
    return [*folder.glob("secrets/**/*.keyspec"), *kv2_server.start()[0].secrets]


def test_every_file_fits_its_schema(example):
    for path in spec_files(example):
        tree = parse_document(path.read_bytes(), str(path)).root
        name = "keyspec-trusted" if "keyspec-trusted" in tree else "keyspec"
        schema = json.loads((ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8"))
        jsonschema.validate(json.loads(json.dumps(tree)), schema)
        head = path.read_text(encoding="utf-8").splitlines()[0]
        named = head.removeprefix("# yaml-language-server: $schema=")
        assert Path(os.path.normpath(path.parent / named)) == ROOT / f"schemas/{name}.schema.json"


def test_it_is_planned_applied_and_then_nothing_is_left(example, tmp_path, environ):
    def run(*args):
        return run_keyspec(*args, cwd=tmp_path, environ=environ)

    options = OPTIONS.get(example.name, ())
    with ExitStack() as stack:
        hubs = place(example, tmp_path, stack, value=VALUE).values()
        planned = run("plan", *options, "--exit-code")
        assert planned.code == 2, planned.err
        assert all(exchange.method == "GET" for hub in hubs for exchange in hub.requests)
        applied = run("apply", "--yes", *options)
        assert applied.code == 0, applied.out + applied.err
        again = run("plan", *options, "--exit-code")
        assert again.code == 0, again.out
        assert "Nothing to do: every declared key is as declared." in again.out
        assert not any(hub.admin_value in planned.out + applied.out + again.out for hub in hubs)
        assert kept(tmp_path)


def test_its_readme_names_commands_that_work(example, tmp_path, environ):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    text = (example / "README.md").read_text("utf-8").replace("../", "")
    with ExitStack() as stack:
        place(example, tmp_path, stack, value=VALUE)
        for line in re.findall(r"^\$ (?:\w+=\S+ )?(keyspec .*)$", text, re.MULTILINE):
            answered = line.replace("keyspec apply", "keyspec apply --yes")
            ran = subprocess.run(
                ["bash", "-c", answered],
                cwd=tmp_path,
                env=clean_environ(PATH=path, **environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                check=False,
                timeout=120,
            )
            assert ran.returncode == 0, f"{line}: {ran.stdout}{ran.stderr}"
