from __future__ import annotations

import os

import pytest
from bench import Bench

from keyspec.errors import SpecError, UsageError
from keyspec.loader import load_desired, load_parts, load_saved, load_text
from keyspec.session import Options


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.write("keys: {ci_a: {roles: [User]}, ci_b: {roles: [User]}}\n")
    return bench


def test_loading_tells_every_problem_of_the_spec_and_opens_nothing(bench):
    bench.write("keys: {ci_a: {rolls: [User]}, ci_b: {roles: [User], extends: nobody}}\n")
    with pytest.raises(SpecError) as caught:
        load_desired(bench.options())
    assert len(caught.value.problems) >= 2
    assert bench.fake.requests == []


def test_an_unknown_contract_or_store_is_named_with_its_place(bench):
    bench.write('keys: {ci_a: {roles: [User], store: "nowhere:x"}}\n')
    with pytest.raises(SpecError, match=r"keyspec\.yaml:4:.*unknown-store"):
        load_desired(bench.options())
    with pytest.raises(SpecError, match="contract"):
        load_text(
            'keyspec: 1\nhubs: {x: {url: "https://x", auth: "env:X", auth_key_id: k, contract: none-such}}\n', "f"
        )


def test_hubs_are_selected_by_name_or_label_and_a_selector_that_matches_none_is_wrong_usage(bench):
    options = bench.options()
    assert list(load_desired(Options(files=options.files, hubs=("fa*",))).hubs) == ["fake"]
    for selector in ("other", "env=prod", "=", ""):
        with pytest.raises(UsageError):
            load_desired(Options(files=options.files, hubs=(selector,)))


@pytest.mark.parametrize(
    "text",
    [
        'store: "nowhere:x"',
        'store: {primary: "file:x", replicas: ["file:y", "nowhere:x"]}',
        'store: "env:X"',
        'value: {from: "nowhere:x"}',
    ],
)
def test_every_place_that_names_a_store_must_name_a_known_one(bench, text):
    bench.write(f"keys: {{ci_a: {{roles: [User], {text}}}}}\n")
    with pytest.raises(SpecError, match=r"keyspec\.yaml:4:.*unknown-store"):
        load_desired(bench.options())


@pytest.mark.parametrize("reference", ["env:CI_VALUE", "file:value", "dotenv:x.env#X", "vault:secret/x#y"])
def test_a_value_may_come_from_whatever_can_be_read(bench, reference):
    bench.write(f'keys: {{ci_a: {{roles: [User], value: {{from: "{reference}"}}}}}}\n')
    assert load_desired(bench.options()).hubs["fake"].keys["ci_a"].value.from_ == reference


def test_every_stage_of_reading_tells_its_problems_in_one_run(tmp_path):
    (tmp_path / "keyspec.yaml").write_text(
        "keyspec: 1\n"
        "hubs:\n"
        '  a: {url: "http://hub.example.com", auth: "env:A", auth_key_id: none}\n'
        '  b: {url: "https://b.example.com", auth: "env:A", auth_key_id: k, contract: gone.yaml}\n'
        "keys:\n"
        "  k1: {rolez: [x]}\n"
        "  k2: {description: x}\n"
        '  k3: {roles: [x], store: "nowhere:x"}\n'
        "  k4: {roles: [x], hubs: [nohub]}\n",
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as caught:
        load_desired(Options(files=(str(tmp_path / "keyspec.yaml"),)))
    codes = {problem.code for problem in caught.value.problems}
    assert {"unknown-field", "plain-http", "own-key-missing", "missing-roles", "unmatched-selector"} <= codes
    assert {"file-missing", "unknown-store"} <= codes


def test_nobody_is_told_that_something_is_missing_which_only_could_not_be_read(tmp_path):
    (tmp_path / "keyspec.yaml").write_text(
        "keyspec: 1\n"
        'hubs: {a: {url: "https://a.example.com", auth: "env:A", auth_key_id: k}}\n'
        "defaults: {roles: nobody}\n"
        "profiles: {p: {roles: 5}}\n"
        "keys: {k1: {extends: p}, k2: {description: x}}\n",
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as caught:
        load_desired(Options(files=(str(tmp_path / "keyspec.yaml"),)))
    assert {problem.code for problem in caught.value.problems} == {"wrong-type"}


def test_what_to_do_about_a_plan_file_is_not_what_to_do_about_a_spec(tmp_path, monkeypatch):
    monkeypatch.setattr("keyspec.loader.MAX_BYTES", 1024**2)
    (tmp_path / "large").write_bytes(b" " * (1024**2 + 1))
    os.mkfifo(tmp_path / "pipe")
    hints = {}
    for name in ("large", "pipe", ".", "-"):
        path = name if name == "-" else str(tmp_path / name)
        for load in (load_saved, lambda path: load_parts([path])):
            with pytest.raises(SpecError) as caught:
                load(path)
            hints.setdefault(name, set()).update(problem.hint for problem in caught.value.problems)
    regular = "keyspec reads regular files only, no stdin and no pipe: write it to a file first"
    assert hints == {
        "large": {"plan less at once: with -l or -k, or with --shard"},
        "pipe": {regular},
        ".": {"name its files one by one, or by a pattern of your shell"},
        "-": {regular},
    }
