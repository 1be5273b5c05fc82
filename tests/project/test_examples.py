from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import ExitStack
from pathlib import Path

import jsonschema
import pytest
from processes import run_keyspec

from keyspec.devhub import DevHub
from keyspec.document import parse_document

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/keyspec.yaml"))
URL = re.compile(r"https://[a-z0-9.-]+")
OPTIONS = {"05-fleet": ("--trusted", "trusted.yaml")}
VARIABLES = ("LAB_KEY", "HUB_KEY", "HUB_EU_KEY", "HUB_US_KEY")
VALUE = "the-value-of-keyspec's-own-key"

pytestmark = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)


def place(example, folder, stack):
    """Copy an example, with a devhub in the place of each of its hubs."""
    shutil.copytree(example, folder, dirs_exist_ok=True)
    hubs = {}
    for path in sorted(folder.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        for url in URL.findall(text):
            if url not in hubs:
                hubs[url] = stack.enter_context(DevHub(f"hub{len(hubs)}", admin_value=VALUE))
        path.write_text(URL.sub(lambda match: hubs[match[0]].url, text), encoding="utf-8")
    return list(hubs.values())


def run(*args, folder):
    environ = {**dict.fromkeys(VARIABLES, VALUE), "XDG_STATE_HOME": str(folder / "state")}
    return run_keyspec(*args, cwd=folder, environ=environ)


def test_every_file_fits_its_schema(example):
    for path in example.rglob("*.yaml"):
        tree = parse_document(path.read_bytes(), str(path)).root
        name = "keyspec-trusted" if "keyspec-trusted" in tree else "keyspec"
        schema = json.loads((ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8"))
        jsonschema.validate(json.loads(json.dumps(tree)), schema)
        head = path.read_text(encoding="utf-8").splitlines()[0]
        named = head.removeprefix("# yaml-language-server: $schema=")
        assert Path(os.path.normpath(path.parent / named)) == ROOT / f"schemas/{name}.schema.json"


def test_it_is_planned_applied_and_then_nothing_is_left(example, tmp_path):
    options = OPTIONS.get(example.name, ())
    with ExitStack() as stack:
        hubs = place(example, tmp_path, stack)
        planned = run("plan", *options, "--exit-code", folder=tmp_path)
        assert planned.code == 2, planned.err
        assert all(exchange.method == "GET" for hub in hubs for exchange in hub.requests)
        applied = run("apply", "--yes", *options, folder=tmp_path)
        assert applied.code == 0, applied.out + applied.err
        again = run("plan", *options, "--exit-code", folder=tmp_path)
        assert again.code == 0, again.out
        assert "Nothing to do: every declared key is as declared." in again.out
        assert not any(hub.admin_value in planned.out + applied.out + again.out for hub in hubs)
        assert list(tmp_path.glob("secrets/**/*.keyspec"))


def test_its_readme_names_commands_that_work(example, tmp_path):
    with ExitStack() as stack:
        place(example, tmp_path, stack)
        for line in re.findall(
            r"^\$ (?:\w+=\S+ )?keyspec (.*)$", (example / "README.md").read_text("utf-8"), re.MULTILINE
        ):
            words = [word.strip("'").replace("../", "") for word in line.split()]
            ran = run(*words, *(("--yes",) if words[0] == "apply" else ()), folder=tmp_path)
            assert ran.code == 0, f"{line}: {ran.err}"
