"""OpenAPI documents for tests: the devhub's own, some of strangers, and all of them spoilt in every way.

api = api_of({"/keys": {"get": ...}})           a document with these paths
draft = drafted("pages-and-scopes.yaml")        what is drafted from a stranger's
@given(spoilt())                                 a document with nodes replaced, moved, dropped and turned into cycles
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from keyspec.devhub import cipherinsights, other
from keyspec.devhub.knobs import Knobs
from keyspec.document import parse_document
from keyspec.openapi.document import parse_api
from keyspec.openapi.draft import draft_contract

FOLDER = Path(__file__).parent / "openapi" / "documents"
OTHERS = ("pages-and-scopes.yaml", "cursor-and-status.json", "no-keys.yaml")
DIALECTS = {"cipherinsights": cipherinsights.describe_api, "other": other.describe_api}


@cache
def _root(name):
    if name in DIALECTS:
        return json.loads(json.dumps(DIALECTS[name](Knobs())))
    data = (FOLDER / name).read_bytes()
    return json.loads(data) if name.endswith(".json") else json.loads(json.dumps(parse_document(data, name).root))


def root_of(name):
    """Give a document as data that a test may change."""
    return copy.deepcopy(_root(name))


def read(root, file="api.json"):
    """Read a document that is data."""
    return parse_api(json.dumps(root).encode(), file)


def drafted(name):
    """Draft a contract from a document by name."""
    return draft_contract(read(root_of(name), name))


def api_of(paths, **more):
    """Give a document that has nothing but paths, and what is said of it."""
    return read({"openapi": "3.1.0", "info": {"title": "Hub", "version": "1"}, "paths": paths, **more})


def answer(schema, status="200"):
    """Describe the answers of an operation that has one."""
    return {status: {"description": "", "content": {"application/json": {"schema": schema}}}}


def texts(*names):
    """Describe an object of texts."""
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


def many(schema, name="items"):
    """Describe an object that lists others."""
    return {"type": "object", "properties": {name: {"type": "array", "items": schema}}}


_WORDS = (
    "id",
    "key_id",
    "roles",
    "token",
    "{id}",
    "{key_id}",
    "status",
    "::set-output",
    "x\n- y",
    "\ud800",
    "",
    "a" * 300,
)
_REFS = (
    "#",
    "#/",
    "#/paths",
    "#/components/schemas/Key",
    "#/components/schemas/Token",
    "https://x.example/y.json",
    "#/%",
)
_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(_WORDS),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.sampled_from(_REFS).map(lambda ref: {"$ref": ref}),
    st.sampled_from(_REFS).map(lambda ref: {"allOf": [{"$ref": ref}, {"oneOf": [{"$ref": ref}, {"type": "null"}]}]}),
    st.lists(st.sampled_from(_WORDS), max_size=3),
)


def _places(node, path=()):
    yield path
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, part in members:
        yield from _places(part, (*path, name))


def _owner(root, path):
    for step in path[:-1]:
        root = root[step]
    return root


@st.composite
def spoilt(draw, names=(*DIALECTS, *OTHERS)):
    """Give a document as data, with up to a dozen nodes that are not what they should be."""
    root = root_of(draw(st.sampled_from(names)))
    for _ in range(draw(st.integers(0, 12))):
        path = draw(st.sampled_from(sorted(_places(root), key=str)[1:] or [()]))
        if not path:
            break
        owner, name = _owner(root, path), path[-1]
        match draw(st.sampled_from(("replace", "drop", "rename", "copy"))):
            case "replace":
                owner[name] = draw(_JUNK)
            case "drop":
                del owner[name]
            case "rename" if isinstance(owner, dict):
                owner[draw(st.sampled_from(_WORDS))] = owner.pop(name)
            case _:
                other_path = draw(st.sampled_from(sorted(_places(root), key=str)))
                found = root
                for step in other_path:
                    found = found[step]
                owner[name] = copy.deepcopy(found) if len(json.dumps(found)) < 20_000 else {}
    return root


@st.composite
def shuffled(draw, node):
    """Give the same data with the members of all mappings in another order."""
    if isinstance(node, dict):
        names = draw(st.permutations(list(node)))
        return {name: draw(shuffled(node[name])) for name in names}
    return [draw(shuffled(part)) for part in node] if isinstance(node, list) else node


_FIELDS = (
    *("id", "keyId", "key_id", "uuid", "name", "token_name", "description", "note", "comment", "roles", "role_ids"),
    *(
        "scopes",
        "permissions",
        "grants",
        "reauthTimeout",
        "ttl_ms",
        "timeoutSeconds",
        "expires_in",
        "locked",
        "enabled",
    ),
    *(
        "status",
        "state",
        "value",
        "secret",
        "token",
        "apiKey",
        "key",
        "prefix",
        "etag",
        "version",
        "owner",
        "meta",
        "a-b",
    ),
)
_STATES = (["active", "locked"], ["ENABLED", "DISABLED", "expired"], ["on", "off"], ["valid", "revoked"], [True, False])
_THINGS = ("keys", "api-keys", "apiKeys", "tokens", "access_tokens", "credentials", "ssh-keys", "integrations")
_ITEMS = ("id", "keyId", "name", "key_id")
_QUERIES = (
    *(
        "limit",
        "page",
        "offset",
        "cursor",
        "pageSize",
        "page_size",
        "pageToken",
        "skip",
        "sort",
        "includeTotal",
        "after",
    ),
    *("start", "size", "per_page", "q", "tenant", "count", "next", "user_id", "roleId", "key_id"),
)
_ACTIONS = (
    "lock",
    "unlock",
    "disable",
    "enable",
    "suspend",
    "revoke",
    "rotate",
    "import",
    "status",
    "delete",
    "bulk/lock",
    "bulk/delete",
    "remove_block",
    "delete_lock",
    "invalidate",
)


def _schema(depth):
    leaf = st.one_of(
        st.sampled_from(("string", "integer", "boolean", "number")).map(lambda kind: {"type": kind}),
        st.sampled_from(_STATES).map(lambda values: {"enum": values}),
        st.sampled_from(("array", "object", "null")).map(lambda kind: {"type": ["string", kind]}),
        st.sampled_from(("date-time", "uuid", "duration", "uri")).map(lambda form: {"type": "string", "format": form}),
        st.just({"type": "string", "readOnly": True}),
        st.just({"type": "array", "items": {"type": "string"}}),
        st.just({"type": "array", "items": {"type": "integer"}}),
        st.just({}),
    )
    if not depth:
        return leaf
    inner = st.one_of(
        leaf, leaf, _schema(depth - 1), _schema(depth - 1).map(lambda part: {"type": "array", "items": part})
    )
    fields = st.dictionaries(st.sampled_from(_FIELDS), inner, min_size=1, max_size=7)
    return fields.flatmap(
        lambda found: st.lists(st.sampled_from(sorted(found)), max_size=2).map(
            lambda names: {"type": "object", "properties": found, "required": names}
        )
    )


_PARAMETERS = st.lists(
    st.builds(
        lambda name, where, kind, required: {"name": name, "in": where, "required": required, "schema": kind},
        st.sampled_from((*_QUERIES, "If-Match", "x-api-key")),
        st.sampled_from(("query", "query", "query", "header")),
        st.one_of(_schema(0), st.just({"type": "integer", "minimum": 0}), st.just({"type": "integer", "default": 1})),
        st.integers(0, 9).map(lambda chance: not chance),
    ),
    max_size=4,
)


@st.composite
def _operation(draw, schema, body=None):
    status = draw(st.sampled_from(("200", "201", "204", "202", "default", "2XX")))
    responses = draw(st.sampled_from((answer(schema, status), answer(schema, status), {status: {"description": ""}})))
    responses[status]["headers"] = draw(st.sampled_from(({}, {}, {"ETag": {}}, {"Link": {}})))
    summary = draw(st.sampled_from(("", "Import an API key", "Change some fields", "Lock a key", "Replace")))
    operation = {"parameters": draw(_PARAMETERS), "responses": responses, "summary": summary}
    if body is not None or draw(st.booleans()):
        content = {"schema": body or draw(_schema(2))}
        operation["requestBody"] = {"content": {draw(st.sampled_from(("application/json", "*/*"))): content}}
    return operation


@st.composite
def _part(draw, row, more):
    """Give an object of some fields of a row, and of others; one level deeper, at times."""
    known = {**row["properties"], **more}
    names = draw(st.lists(st.sampled_from(sorted(known)), min_size=1, unique=True))
    required = draw(st.lists(st.sampled_from(names), max_size=2))
    found = {"type": "object", "properties": {name: known[name] for name in names}, "required": required}
    return draw(st.sampled_from((found, found, {"type": "object", "properties": {"data": found}})))


@st.composite
def invented(draw):
    """Give a document that nobody ever wrote, of the words that such documents are made of."""
    item = draw(st.sampled_from(_ITEMS))
    roles = st.sampled_from(("roles", "role_ids", "scopes"))
    usual = {item: {"type": "string"}, draw(roles): {"type": "array", "items": draw(_schema(draw(st.integers(0, 1))))}}
    row = {"type": "object", "properties": {**draw(_schema(2)).get("properties", {}), **usual}}
    listed = draw(st.sampled_from((many(row, "data"), many(row, "keys"), {"type": "array", "items": row})))
    if draw(st.booleans()) and "properties" in listed:
        listed["properties"].update({"total": {"type": "integer"}, "next": {"type": "string"}})
    secret = {draw(st.sampled_from(("secret", "value", "apiKey", "token"))): {"type": "string"}}
    listed_ids = {"type": "array", "items": {"type": "string"}}
    more = {
        **secret,
        **{name: {"type": "string"} for name in ("owner", "userId")},
        **dict.fromkeys(("ids", "keyIds", "excludedKeyIds", "userIds"), listed_ids),
        "kind": {"enum": ["key"]},
        "enabled": {"type": "boolean"},
        "all": {"type": "boolean", "default": True},
    }
    created = {"type": "object", "properties": {**row["properties"], **secret}}
    thing = draw(st.sampled_from(_THINGS))
    one = {
        "get": draw(_operation(draw(st.sampled_from((row, many(row, "x"), {"properties": {"data": row}}))))),
        "put": draw(_operation(row, draw(_part(row, more)))),
        "patch": draw(_operation(row, draw(_part(row, more)))),
        "delete": draw(_operation({})),
    }
    paths = {
        f"/{thing}": {"get": draw(_operation(listed)), "post": draw(_operation(created, draw(_part(row, more))))},
        f"/{thing}/{{{item}}}": {method: one[method] for method in draw(st.sets(st.sampled_from(sorted(one))))},
        "/roles": {"get": draw(_operation(many(draw(_schema(1)), "roles")))},
    }
    for action in draw(st.lists(st.sampled_from(_ACTIONS), max_size=3)):
        below = draw(st.sampled_from((f"/{thing}/{{{item}}}/{action}", f"/{thing}:{action}", f"/{thing}/{action}")))
        method = draw(st.sampled_from(("post", "post", "put", "patch", "delete", "get")))
        paths[below] = {method: draw(_operation(row, draw(_part(row, more))))}
    return {"openapi": "3.0.3", "info": {"title": "Invented", "version": "0"}, "paths": paths}
