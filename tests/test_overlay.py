from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import keyspec
from keyspec.contract import contract_schema, parse_contract
from keyspec.document import locate, parse_document
from keyspec.errors import SpecError
from keyspec.files import read_contract
from keyspec.overlay import find_base, lay_over

BUILT_IN = Path(keyspec.__file__).parent / "contracts" / "cipherinsights-v1.yaml"
BASE = parse_document(BUILT_IN.read_bytes(), "base.yaml")
HEAD = "keyspec-contract: 1\nextends: cipherinsights-v1\n"


def read(text):
    return parse_document(text.encode(), "over.yaml")


def laid(text):
    return lay_over(BASE, read(HEAD + text))


def problems_of(folder, name):
    with pytest.raises(SpecError) as caught:
        parse_contract(read_contract(f"./{name}", file=str(folder / "keyspec.yaml")))
    return [(problem.code, str(problem.source)) for problem in caught.value.problems]


def test_what_says_nothing_is_the_base_under_another_name():
    contract = parse_contract(laid("name: ours\n"))
    base = parse_contract(BASE)
    assert contract.name == "ours"
    assert (contract.operations, contract.key, contract.capabilities) == (base.operations, base.key, base.capabilities)


def test_sections_and_operations_are_laid_over_one_another_and_fields_are_replaced_whole():
    over = laid(
        "base: /other\n"
        "key: {locked: isLocked}\n"
        "capabilities: {etag: true}\n"
        "paging: {style: none}\n"
        "operations:\n"
        "  edit_key: {sends: whole, body: {roles: '{roles}'}}\n"
        "  list_keys: {query: {}}\n"
        "  list_roles: {query: {}}\n"
    )
    contract = parse_contract(over)
    assert (contract.base, contract.key.locked.text, contract.key.id.text) == ("/other", "isLocked", "keyId")
    assert (contract.capabilities.etag, contract.capabilities.ids_reusable) == (True, True)
    assert (contract.paging.style, contract.paging.size) == ("none", 100)
    edit = contract.operations.edit_key
    assert (edit.sends, edit.body, edit.method) == ("whole", {"roles": "{roles}"}, "PUT")


def test_every_place_is_in_the_file_that_extends():
    over = laid("capabilities:\n  etag: [1, {deep: yes}]\n")
    assert str(locate(over, ("capabilities", "etag"))) == "over.yaml:4:9"
    assert str(locate(over, ("capabilities", "etag", 1, "deep"), key=True)) == "over.yaml:4:14"
    assert str(locate(over, ("capabilities", "ids_reusable"))) == "over.yaml:2:10"
    assert str(locate(over, ("operations", "edit_key", "body", "roles"))) == "over.yaml:2:10"
    assert str(locate(over, ("name",), key=True)) == "over.yaml:2:10"


def test_the_base_is_left_as_it_is():
    before = json.dumps(BASE.root)
    laid("key: {locked: isLocked}\n")
    assert json.dumps(BASE.root) == before
    assert str(locate(BASE, ("key", "locked"))).startswith("base.yaml:")


def test_an_overlay_of_an_overlay_is_one_of_the_base(tmp_path):
    (tmp_path / "one.yaml").write_text(f"{HEAD}name: one\ncapabilities: {{etag: true}}\n")
    (tmp_path / "sub").mkdir()
    text = "keyspec-contract: 1\nextends: ../one.yaml\ncapabilities: {ids_reusable: false}\n"
    (tmp_path / "sub" / "two.yaml").write_text(text)
    contract = parse_contract(read_contract("sub/two.yaml", file=str(tmp_path / "keyspec.yaml")))
    assert (contract.name, contract.capabilities.etag, contract.capabilities.ids_reusable) == ("one", True, False)


def test_a_circle_is_a_problem_and_no_endless_one(tmp_path):
    (tmp_path / "a.yaml").write_text("keyspec-contract: 1\nextends: ./b.yaml\n")
    (tmp_path / "b.yaml").write_text("keyspec-contract: 1\nextends: ./a.yaml\n")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "c.yaml").write_text("keyspec-contract: 1\nextends: link/c.yaml\n")
    assert problems_of(tmp_path, "a.yaml") == [("extends-itself", f"{tmp_path}/a.yaml:2:10")]
    assert problems_of(tmp_path, "c.yaml") == [("extends-itself", f"{tmp_path}/link/c.yaml:2:10")]


def test_a_chain_that_is_too_long_is_a_problem_where_it_goes_on(tmp_path):
    (tmp_path / "0.yaml").write_text(BUILT_IN.read_text())
    for number in range(1, 1500):
        (tmp_path / f"{number}.yaml").write_text(f"keyspec-contract: 1\nextends: ./{number - 1}.yaml\n")
    assert parse_contract(read_contract("./16.yaml", file=str(tmp_path / "keyspec.yaml"))).name == "cipherinsights-v1"
    assert problems_of(tmp_path, "17.yaml") == [("too-deep", f"{tmp_path}/1.yaml:2:10")]
    assert problems_of(tmp_path, "1499.yaml") == [("too-deep", f"{tmp_path}/1483.yaml:2:10")]


def test_what_is_no_mapping_is_told_how_a_contract_begins(tmp_path):
    (tmp_path / "a.yaml").write_text("[]\n")
    with pytest.raises(SpecError, match="a contract begins with `keyspec-contract: 1`"):
        read_contract("./a.yaml", file=str(tmp_path / "keyspec.yaml"))


def test_the_state_of_a_key_takes_the_place_of_locked_and_the_other_way_round():
    state = "state: {at: status, active: [on], locked: [off]}"
    over = laid(f"key: {{{state}}}\n")
    assert "locked" not in over.root["key"]
    assert parse_contract(over).key.state is not None
    back = lay_over(over, read(f"{HEAD}key: {{locked: locked}}\n"))
    assert "state" not in back.root["key"]
    assert parse_contract(back).key.locked.text == "locked"
    with pytest.raises(SpecError):
        parse_contract(laid(f"key: {{locked: locked, {state}}}\n"))


@pytest.mark.parametrize(
    ("extends", "code"),
    [("nothing", "unknown-contract"), ("./nothing.yaml", "file-missing"), ("[1]", "wrong-type"), ("''", "wrong-type")],
)
def test_a_base_that_cannot_be_read_is_a_problem_where_it_is_named(tmp_path, extends, code):
    (tmp_path / "a.yaml").write_text(f"keyspec-contract: 1\nextends: {extends}\n")
    assert problems_of(tmp_path, "a.yaml") == [(code, f"{tmp_path}/a.yaml:2:10")]


def test_a_mistake_of_the_base_is_told_where_it_stands(tmp_path):
    (tmp_path / "base.yaml").write_text(BUILT_IN.read_text().replace("method: GET", "method: PUT"))
    (tmp_path / "a.yaml").write_text("keyspec-contract: 1\nextends: ./base.yaml\n")
    assert {place.rpartition("/")[2].partition(":")[0] for _, place in problems_of(tmp_path, "a.yaml")} == {"base.yaml"}


def test_a_mistake_of_the_overlay_is_told_where_it_stands(tmp_path):
    (tmp_path / "a.yaml").write_text(
        f"{HEAD}capabilities: {{nothing: true}}\noperations: {{edit_key: {{sends: all}}}}\n"
    )
    found = problems_of(tmp_path, "a.yaml")
    assert found == [("unknown-field", f"{tmp_path}/a.yaml:3:16"), ("invalid-value", f"{tmp_path}/a.yaml:4:32")]


def test_what_is_no_contract_extends_nothing():
    assert find_base(read("extends: x\n")) is None
    assert find_base(read("keyspec-contract: 2\nextends: x\n")) is None
    assert find_base(BASE) is None


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (HEAD, True),
        (f"{HEAD}key: {{locked: x}}\noperations: {{edit_key: {{sends: whole}}}}\ncapabilities: {{etag: true}}\n", True),
        (f"{HEAD}operations: {{edit_key: {{sends: all}}}}\n", False),
        (f"{HEAD}operations: {{no_key: {{}}}}\n", False),
        (f"{HEAD}nothing: 1\n", False),
        ("keyspec-contract: 1\nname: x\n", False),
        (f"keyspec-contract: 1\n{BUILT_IN.read_text().partition('keyspec-contract: 1')[2]}", True),
        (BUILT_IN.read_text().replace("  id: keyId\n", ""), False),
    ],
)
def test_the_schema_takes_both_whole_contracts_and_overlays(text, valid):
    content = json.loads(json.dumps(read(text).root))
    assert jsonschema.Draft202012Validator(contract_schema()).is_valid(content) is valid
