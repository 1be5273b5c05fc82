from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import httpx
import jsonschema
import pytest
from fakes.hub import load_default_contract
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

import keyspec
from keyspec.contract import contract_schema, parse_contract
from keyspec.document import parse_document
from keyspec.errors import HubError, SpecError
from keyspec.hub import Endpoint, Hub
from keyspec.model import Key
from keyspec.secret import Secret

OTHER = Path(__file__).parent / "contracts" / "other-v2.yaml"
NUMBERED = Path(__file__).parent / "contracts" / "numbered-v1.yaml"
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
        ("method: POST\n    path: /api_keys/{key_id}/lock", "method: DELETE\n    path: /api_keys/{key_id}/lock", "invalid-value", "DELETE\n    path: /api_keys/{key_id}/lock", "`lock_key` is no DELETE"),
        ("method: POST\n    path: /api_keys/{key_id}/unlock", "method: DELETE\n    path: /api_keys/{key_id}/unlock", "invalid-value", "DELETE\n    path: /api_keys/{key_id}/unlock", "`unlock_key` is no DELETE"),
        ("method: DELETE\n    path: /api_keys/{key_id}", "method: POST\n    path: /api_keys/{key_id}/lock", "invalid-value", "POST\n    path: /api_keys/{key_id}/lock", "`lock_key` and `delete_key` are one and the same request"),
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
        ("etag: false", "etag: maybe", "wrong-type", "maybe\n  bulk", ""),
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


def test_the_second_contract_is_valid_by_parser_and_schema():
    text = OTHER.read_text(encoding="utf-8")
    contract = parse_contract(parse_document(text.encode(), "other.yaml"))
    assert contract.supports("import_key")
    assert (contract.sources["edit_key"].file, contract.sources["edit_key"].line) == (
        "other.yaml",
        line_of(text, "  edit_key:"),
    )
    jsonschema.validate(YAML(typ="safe", pure=True).load(text), contract_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("auth: {scheme: bearer}", "auth: {scheme: magic}"),
        ("unit: ms", "unit: days"),
        ("by: id", "by: rank"),
        ("active: [enabled]", "active: []"),
        ("style: cursor", "style: pages"),
        ("method: PATCH", "method: GET"),
        ("if_match: true", "if_match: maybe"),
        ("base: /admin/v2", "base: /admin/v2\nsources: {}"),
        ("base: /admin/v2", "base: /admin/v2\nbulk: {}"),
        ("etag: true", "etags: true"),
    ],
)
def test_what_the_schema_refuses_the_parser_refuses_too(old, new):
    text = OTHER.read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(YAML(typ="safe", pure=True).load(text), contract_schema())
    assert problems_of(text)


# any file


WORDS = sorted({"none", "login", "at", "by", "send", "{role}", "{state}", "{x", "{key_id}", "{cursor}", "@", "a[", "", "GET", "/x/{key_id}", "link", "iso", *re.findall(r"[\w.@/{}-]+", TEXT + OTHER.read_text(encoding="utf-8") + NUMBERED.read_text(encoding="utf-8"))})  # fmt: skip
scalars = st.sampled_from(WORDS) | st.booleans() | st.integers(-2, 300) | st.floats() | st.text(max_size=6)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


def paths_of(node, path=()):
    yield path
    if isinstance(node, dict):
        for name, part in node.items():
            yield from paths_of(part, (*path, name))
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from paths_of(part, (*path, index))


def put(node, path, tree, *, gone):
    """Give a tree with another one at a path, or without what stands there."""
    if not path:
        return tree
    copy = dict(node) if isinstance(node, dict) else list(node)
    if len(path) == 1 and gone:
        del copy[path[0]]
    else:
        copy[path[0]] = put(node[path[0]], path[1:], tree, gone=gone)
    return copy


@given(st.data(), st.sampled_from([BUILT_IN, OTHER, NUMBERED]), st.integers(1, 3))
def test_any_file_is_a_contract_or_has_problems_with_their_places(data, file, times):
    tree = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    for _ in range(times):
        path = data.draw(st.sampled_from(list(paths_of(tree))[1:] or [()]), "where")
        tree = put(tree, path, data.draw(trees, "what"), gone=data.draw(st.booleans(), "gone"))
        if not isinstance(tree, dict):
            return
    text = json.dumps(tree)
    try:
        contract = parse_contract(parse_document(text.encode(), "c.yaml"))
    except SpecError as error:
        found = error.problems
    else:
        found = ()
    if found:
        assert all(problem.source is not None for problem in found)
        return
    for name in contract.sources:
        contract.carried(name)
    with Hub(Endpoint("h", "https://h.example"), contract, Secret("user:cr3dential"), transport=HOSTILE) as hub:
        live = Key("k", "", ("User",), 60, "active", handle="../x")
        for ask in (hub.list_keys, hub.list_roles, lambda: hub.get_key("k"), lambda: hub.get_key(live), lambda: hub.lock_key("k"), lambda: hub.lock_key(live), lambda: hub.edit_key(live, {"roles": ("Operator",)}), lambda: hub.delete_key(live), lambda: hub.create_key(Key("k", "", ("User",), 60))):  # fmt: skip
            with suppress(HubError):
                ask()


def answer_hostile(request):
    path = request.url.raw_path.decode("ascii").partition("?")[0]
    assert not {".", ".."} & set(path.split("/"))
    rows = [{"keyId": "k", "name": "k", "num": ["x"]}] if "take" in str(request.url) else []
    return httpx.Response(200, json={"rows": rows, "data": rows, "items": rows, "totalCount": 0})


HOSTILE = httpx.MockTransport(answer_hostile)
