from __future__ import annotations

import json

import pytest
from apis import root_of
from builders import spec_of
from fakes.hub import FakeHub

from keyspec.errors import SpecError, UsageError
from keyspec.fitting import choose_hub, load_api, load_named, load_used, open_new, write_draft


def test_a_contract_is_found_by_name_and_by_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    usage = load_named("cipherinsights-v1")
    assert (usage.contract.name, usage.document.file, usage.hubs) == (
        "cipherinsights-v1",
        "keyspec/contracts/cipherinsights-v1.yaml",
        (),
    )
    (tmp_path / "ours.yaml").write_bytes(usage.data)
    assert load_named("ours.yaml").contract == usage.contract
    assert load_named("./sub/../ours.yaml").document.file == "ours.yaml"


def test_the_contracts_in_use_are_read_once_with_the_names_of_their_hubs():
    (usage,) = load_used(spec_of("keys: {}", hubs=("b", "a")))
    assert usage.hubs == ("a", "b")


def test_the_only_hub_needs_no_name():
    desired = spec_of("keys: {}")
    assert choose_hub(desired, None).name == choose_hub(desired, "hub").name == "hub"
    with pytest.raises(UsageError, match="--hub x: there is no such hub; there are hub"):
        choose_hub(desired, "x")
    with pytest.raises(UsageError, match="say which hub: --hub NAME; there are a, b"):
        choose_hub(spec_of("keys: {}", hubs=("a", "b")), None)


def test_a_document_is_read_from_a_file_and_hints_for_specs_are_not_given(tmp_path):
    path = tmp_path / "hub.json"
    path.write_text(json.dumps(root_of("other")), encoding="utf-8")
    assert load_api(str(path)).file == str(path)
    with pytest.raises(SpecError) as caught:
        load_api(str(tmp_path))
    assert [problem.hint for problem in caught.value.problems] == [None]


def test_a_draft_is_written_into_a_new_file_only(tmp_path):
    path = tmp_path / "ours.yaml"
    write_draft(str(path), "é\n")
    assert path.read_text(encoding="utf-8") == "é\n"
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("ours.yaml", "link"):
        with pytest.raises(UsageError, match="is there already; nothing was written"):
            write_draft(str(tmp_path / name), "x")


def test_a_new_file_is_there_from_the_start_and_gone_if_nothing_is_written(tmp_path):
    path = tmp_path / "ours.yaml"
    with open_new(str(path)) as file:
        assert path.read_bytes() == b""
        with pytest.raises(UsageError, match="is there already"), open_new(str(path)):
            pass
        file.write("é\n")
    assert path.read_text(encoding="utf-8") == "é\n"
    with pytest.raises(RuntimeError), open_new(str(tmp_path / "b.yaml")):
        raise RuntimeError
    assert not (tmp_path / "b.yaml").exists()
    with pytest.raises(UsageError, match="cannot be written"), open_new("/proc/x.yaml"):
        pass


def test_the_first_page_of_a_list_is_shown_as_it_was_sent():
    fake = FakeHub()
    fake.add("ci_one")
    with fake.connect() as hub:
        page = hub.show_page("list_keys")
    assert [row["keyId"] for row in page["rows"]] == ["ci_one"]
    assert page["totalCount"] == 1
