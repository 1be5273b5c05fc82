from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from fakes.hub import load_default_contract
from ruamel.yaml import YAML

import keyspec
from keyspec.contract import contract_schema, parse_contract
from keyspec.document import parse_document
from keyspec.errors import SpecError

BUILT_IN = Path(keyspec.__file__).parent / "contracts" / "cipherinsights-v1.yaml"
TEXT = BUILT_IN.read_text(encoding="utf-8")


def problems_of(text: str) -> list[tuple[str, int, int, str]]:
    with pytest.raises(SpecError) as caught:
        parse_contract(parse_document(text.encode(), "c.yaml"))
    found = []
    for problem in caught.value.problems:
        assert problem.source is not None
        assert problem.source.file == "c.yaml"
        found.append((problem.code, problem.source.line, problem.source.column, problem.message))
    return found


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_built_in_contract_is_the_documented_default():
    contract = load_default_contract()
    assert (contract.name, contract.verified, contract.base) == ("cipherinsights-v1", False, "/api/v1")
    assert contract.auth is not None
    assert (contract.auth.header, contract.auth.prefix) == ("x-api-key", "")
    assert (contract.paging.style, contract.paging.size) == ("page-index", 100)
    capabilities = contract.capabilities
    assert (capabilities.ids_reusable, capabilities.import_takes_id) == (True, True)
    assert (capabilities.etag, capabilities.created_locked, capabilities.bulk) == (False, False, "none")
    assert contract.operations.create_key is not None
    assert contract.operations.create_key.value.text == "apiKey"


def test_every_operation_of_the_default_is_supported_and_one_left_out_is_not():
    contract = load_default_contract()
    assert all(contract.supports(name) for name in ("list_keys", "import_key", "openapi"))
    without = parse_contract(parse_document(TEXT[: TEXT.index("  openapi:")].encode(), "c.yaml"))
    assert not without.supports("openapi")
    with pytest.raises(LookupError, match="no operation `openapi`"):
        without.operation("openapi")


@pytest.mark.parametrize(
    ("old", "new", "code", "at", "message"),
    [
        ("method: GET\n    path: /api_keys/{key_id}", "method: POST\n    path: /api_keys/{key_id}", "invalid-value", "method: POST\n    path: /api_keys/{key_id}\n    statuses", "reads is GET"),
        ("method: DELETE", "method: GET", "invalid-value", "method: GET\n    path: /api_keys/{key_id}\n    statuses: [200, 204]", "POST, PUT or DELETE"),
        ("/api_keys/{key_id}/lock", "/api_keys/{keyid}/lock", "wrong-placeholder", "path: /api_keys/{keyid}/lock", "`{keyid}` does not belong here"),
        ("/api_keys/{key_id}/lock", "/api_keys/{value}/lock", "wrong-placeholder", "path: /api_keys/{value}/lock", "`{value}` does not"),
        ("/api_keys/{key_id}/unlock", "/api_keys/unlock", "missing-placeholder", "unlock_key:", "`unlock_key` must carry {key_id}"),
        ('apiKey: "{value}"', 'apiKey: "x{value}"', "wrong-placeholder", 'apiKey: "x{value}"', "stands alone"),
        ('apiKey: "{value}"', "apiKey: x", "missing-placeholder", "import_key:", "must carry {value}"),
        ('apiKey: "{value}"', 'apiKey: "{value"', "wrong-placeholder", 'apiKey: "{value"', "a brace"),
        ("statuses: [200, 204]", "statuses: [404]", "invalid-value", "404", "200 to 299"),
        ("statuses: [200, 204]", "statuses: []", "invalid-value", "[]", "at least one"),
        ("base: /api/v1", "base: /api/../v1", "invalid-value", "/api/../v1", "no dot segments"),
        ("base: /api/v1", "base: /api/", "invalid-value", "/api/\n", "ends with no /"),
        ("base: /api/v1", "base: api", "invalid-value", "api\n", "begins with /"),
        ("path: /roles", "path: /roles?x", "invalid-value", "/roles?x", "begins with /"),
        ("rows: rows\n    total: totalCount\n  get", "rows: 'a[['\n    total: totalCount\n  get", "invalid-value", "'a[['", "JMESPath"),
        ("etag: false", "etag: true", "invalid-value", "true\n  bulk", ""),
        ("verified: false", "verify: false", "unknown-field", "verify:", "no field `verify`"),
        ("value: apiKey", "velue: apiKey", "unknown-field", "velue", "no field `velue`"),
        ("auth: {header: x-api-key}", "auth: null", "null-value", "auth", ""),
        ("header: x-api-key", 'header: "x api"', "invalid-value", '"x api"', ""),
        ("size: 100", "size: 0", "invalid-value", "0}", ""),
        ("sorts: keyId asc, reportTotalCount: true}\n    statuses: [200]", "sorts: {a: b}, reportTotalCount: true}\n    statuses: [200]", "invalid-value", '{limit: "{limit}", offset: "{page}", sorts: {a', "query parameter `sorts`"),
        ("role:\n  name: name\n  permissions: permissions\n", "", "missing-field", "keyspec-contract: 1", "`role` is required"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_place(old, new, code, at, message):
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    found = problems_of(text)
    assert any(problem[0] == code and problem[1] == line_of(text, at) and message in problem[3] for problem in found)


def test_all_mistakes_are_found_in_one_run():
    text = (
        TEXT.replace("verified: false", "verified: maybe")
        .replace("/{key_id}/lock", "/lock")
        .replace("size: 100", "size: x")
    )
    assert {problem[0] for problem in problems_of(text)} == {"wrong-type", "missing-placeholder"}
    assert len(problems_of(text)) == 3


def test_a_file_that_is_no_contract_is_not_quoted():
    ((code, _, _, message),) = problems_of("password: hunter2\n")
    assert code == "wrong-format"
    assert "hunter2" not in message


def test_a_hub_without_a_key_of_its_own_is_said_aloud():
    text = TEXT.replace("auth: {header: x-api-key}", "auth: none")
    assert parse_contract(parse_document(text.encode(), "c.yaml")).auth is None


def test_an_import_without_id_is_possible_where_the_hub_takes_none():
    text = TEXT.replace("import_takes_id: true", "import_takes_id: false")
    head, tail = text.split("  import_key:")
    text = head + "  import_key:" + tail.replace('      keyId: "{key_id}"\n', "", 1)
    contract = parse_contract(parse_document(text.encode(), "c.yaml"))
    assert contract.operations.import_key is not None
    assert "keyId" not in (contract.operations.import_key.body or {})


def test_the_schema_accepts_the_built_in_contract_and_refuses_a_reading_post():
    schema = contract_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    tree = YAML(typ="safe", pure=True).load(TEXT)
    jsonschema.validate(tree, schema)
    jsonschema.validate(tree | {"auth": "none"}, schema)
    tree["operations"]["get_key"]["method"] = "POST"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, schema)
