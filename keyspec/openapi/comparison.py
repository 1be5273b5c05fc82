"""A contract held against an OpenAPI document: everything that it says of requests and answers, row by row.

    found      the document says so, too
    missing    it says nothing of the kind
    differs    it says something else; the note says what

`content` is a contract as data, as its file has it. Both sides are asked: what a contract sends and reads, and what the
document requires or answers beyond it. Where something is missing, what looks most like it is named.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from keyspec.openapi.credential import list_credentials
from keyspec.openapi.draft import Draft, draft_contract
from keyspec.openapi.payloads import compare_answer, compare_request, list_leaves
from keyspec.openapi.plain import names_key
from keyspec.openapi.survey import read_path
from keyspec.openapi.verdict import Row, find_near
from keyspec.openapi.words import split_words
from keyspec.openapi.writing import OWN_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.openapi.document import Api, ApiOperation, Parameter

_MARK: Final = re.compile(r"\{[^{}]*\}")
_MAKING: Final = ("create_key", "import_key")
_WRITES: Final = (*_MAKING, "edit_key", "lock_key", "unlock_key", "delete_key")
_SOME_NEAR: Final = 1_000


def compare_contract(content: Mapping[str, Any], api: Api) -> tuple[Row, ...]:
    """Hold a contract, valid as it is, against a document."""
    drafted = draft_contract(api)
    likely = drafted.content["operations"] if isinstance(drafted, Draft) else {}
    base = drafted.content.get("base", "") if isinstance(drafted, Draft) else ""
    known = {name: f"{each['method']} {base}{each['path']}" for name, each in likely.items()}
    rows: list[Row] = []
    for name, operation in content["operations"].items():
        rows += _compare_operation(name, operation, content, api, known)
    return (*_compare_auth(content, api), *rows)


def _compare_auth(content: Mapping[str, Any], api: Api) -> Iterator[Row]:
    told = _normalise(content["auth"])
    listed = content["operations"]["list_keys"]
    operation = find_operation(api, listed["method"], content.get("base", "") + listed["path"])
    known = [credential for credential in list_credentials(api, operation) if credential.auth != "none"]
    name = _say_auth(told)
    if told in [_normalise(credential.auth) for credential in known] or (told == "none" and not known):
        yield Row("auth", "credential", name, "found")
    elif not known:
        yield Row("auth", "credential", name, "missing", "the document names no credential")
    else:
        says = " or ".join(dict.fromkeys(_say_auth(_normalise(credential.auth)) for credential in known))
        yield Row("auth", "credential", name, "differs", f"the document says {says}")


def _normalise(auth: Any) -> Any:
    """Give the header and its prefix, or the scheme where it is more than a header."""
    if auth == "none":
        return "none"
    scheme = auth.get("scheme", "header")
    if scheme == "bearer":
        return "authorization", "Bearer"
    if scheme in ("header", "login"):
        return auth.get("header", "authorization").lower(), auth.get("prefix", "").strip()
    return scheme, ""


def _say_auth(auth: Any) -> str:
    return auth if isinstance(auth, str) else " ".join(filter(None, auth))


def _compare_operation(
    name: str, operation: Mapping[str, Any], content: Mapping[str, Any], api: Api, likely: Mapping[str, str]
) -> Iterator[Row]:
    path = content.get("base", "") + operation["path"]
    label = f"{operation['method']} {path}"
    found = find_operation(api, operation["method"], path)
    if found is None:
        yield _explain_missing(name, label, operation, content, api, likely)
        return
    yield Row(name, "operation", label, "found")
    yield from _compare_key(name, operation, content, found)
    yield from _compare_parameters(name, operation, content, found)
    yield from compare_request(name, operation, content, found)
    yield _compare_statuses(name, operation, found)
    yield from compare_answer(name, operation, content, found)


def _compare_key(
    name: str, operation: Mapping[str, Any], content: Mapping[str, Any], found: ApiOperation
) -> Iterator[Row]:
    """Say where a write is not about the keys that are listed, or where their ID stands for something else."""
    listed = read_path(content.get("base", "") + content["operations"]["list_keys"]["path"])
    aim = read_path(found.base + found.path)
    if name not in _WRITES or listed is None or aim is None:
        return
    if aim.thing != listed.thing:
        note = f"the path is about `{' '.join(aim.thing)}`, and list_keys about `{' '.join(listed.thing)}`"
        yield Row(name, "operation", f"{found.method} {found.base}{found.path}", "differs", note)
    if name in _MAKING:
        return
    own = split_words(content["key"]["id"])
    carriers = [(each, True) for each in _list_path_carriers(operation["path"], found.path)]
    leaves = (*list_leaves(operation.get("query", {})), *list_leaves(operation.get("body") or {}))
    carriers += [(path[-1], False) for path, value in leaves if value in ("{key_id}", ["{key_id}"])]
    for each, in_path in carriers:
        if each != "keys" and split_words(each) != own and not names_key(each, listed.thing, in_path=in_path):
            note = "it carries {key_id}, and does not sound like the ID of a key"
            yield Row(name, "parameter", each, "differs", note)


def _list_path_carriers(path: str, told: str) -> Iterator[str]:
    """List the names that the document has where a contract's path has the ID; both end alike, whatever the base."""
    pairs = zip(reversed(_MARK.findall(path)), reversed(_MARK.findall(told)), strict=False)
    return (name.strip("{}") for mark, name in pairs if mark == "{key_id}")


def find_operation(api: Api, method: str, path: str) -> ApiOperation | None:
    """Find the operation of a method and a whole path, however the parameters in it are called."""
    wanted = _MARK.sub("{}", path)
    return next((each for each in api.operations if each.method == method and _whole(each) == wanted), None)


def _whole(operation: ApiOperation) -> str:
    return _MARK.sub("{}", operation.base + operation.path)


def _explain_missing(
    name: str,
    label: str,
    operation: Mapping[str, Any],
    content: Mapping[str, Any],
    api: Api,
    likely: Mapping[str, str],
) -> Row:
    """Say what the document has instead: another method, the path below another base, or what looks most like it."""
    below, path = (_MARK.sub("{}", text) for text in (content.get("base", "") + operation["path"], operation["path"]))
    methods = sorted(each.method for each in api.operations if _whole(each) == below)
    if methods:
        return Row(name, "operation", label, "differs", f"the document has {', '.join(methods)} there")
    same = [each for each in api.operations if each.method == operation["method"]]
    based = [each.base or "/" for each in same if _MARK.sub("{}", each.path) == path]
    if based:
        return Row(name, "operation", label, "differs", f"the document has it below `{based[0]}`")
    if name in likely:
        return Row(name, "operation", label, "missing", f"`{likely[name]}` looks like it")
    known = {_whole(each): each for each in same[:_SOME_NEAR]}
    close = get_close_matches(below, known, n=1, cutoff=0.8)
    note = f"`{operation['method']} {known[close[0]].base}{known[close[0]].path}` is near" if close else ""
    return Row(name, "operation", label, "missing", note)


def _compare_parameters(
    name: str, operation: Mapping[str, Any], content: Mapping[str, Any], found: ApiOperation
) -> Iterator[Row]:
    sent: Mapping[str, Any] = operation.get("query", {})
    known = {parameter.name: parameter for parameter in found.parameters if parameter.where == "query"}
    for each, value in sent.items():
        if each not in known:
            near = find_near(each, known)
            yield Row(name, "parameter", each, "missing", f"the document has `{near}`" if near else "")
        else:
            note = _explain_parameter(known[each], value, operation.get("paging", content.get("paging", {})))
            yield Row(name, "parameter", each, "differs" if note else "found", note)
    headers = {header.lower() for header in content.get("headers", {})} | OWN_HEADERS
    for parameter in found.parameters:
        unsent = parameter.where == "query" and parameter.name not in sent
        unsaid = parameter.where == "header" and parameter.name.lower() not in headers
        if parameter.required and (unsent or unsaid):
            note = "the document requires it, and the contract does not send it"
            yield Row(name, "parameter", parameter.name, "differs", note)
    if operation.get("if_match"):
        told = any(each.where == "header" and each.name.lower() == "if-match" for each in found.parameters)
        yield Row(name, "parameter", "If-Match", "found" if told else "missing")


def _explain_parameter(parameter: Parameter, value: Any, paging: Mapping[str, Any]) -> str:
    """Say what is wrong with a value of a query parameter; nothing if all is well."""
    shape = parameter.shape
    if value == "{limit}":
        most = shape.bounds.get("maximum")
        size = paging.get("size", 100)
        return f"at most {most}, and the contract asks for {size}" if type(most) is int and most < size else ""
    if isinstance(value, str) and "{" in value:
        return ""
    shapes = [shape, *([items] if (items := shape.items()) else [])]
    allowed = [each for one in shapes for each in one.values]
    if allowed and value not in allowed:
        return f"one of {', '.join(map(str, allowed[:8]))}"
    if isinstance(value, bool) and not shape.may_be("boolean", "string"):
        return f"the document says {_say_kinds(shape.kinds)}"
    return ""


def _say_kinds(kinds: frozenset[str]) -> str:
    return " or ".join(sorted(kinds))


def _compare_statuses(name: str, operation: Mapping[str, Any], found: ApiOperation) -> Row:
    told = {int(answer.status) for answer in found.successes if answer.status.isdecimal()}
    sent = set(operation["statuses"])
    says = ", ".join(map(str, sorted(sent)))
    if not told:
        note = "" if found.successes else "the document names no success"
        return Row(name, "status", says, "found" if found.successes else "missing", note)
    if told - sent:
        return Row(name, "status", says, "differs", f"the document says {', '.join(map(str, sorted(told)))}")
    return Row(name, "status", says, "found")
