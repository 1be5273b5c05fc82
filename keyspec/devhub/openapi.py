"""An OpenAPI 3.1 document from a table of operations: what is described is what is served.

Rules:

* Nothing here knows a path or a field: they come from the operations and schemas of a dialect. What
  statuses and headers mean is HTTP's, and stands here.
* Every operation has the answers that the dialect names as `common`, and its own.
* Error answers refer to one schema. A success without a schema has no content.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keyspec.devhub.exchange import JSON_TYPE
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.operations import Operation

Document = dict[str, Any]

ERROR_TEXTS: Mapping[int, str] = {
    400: "A parameter is wrong, or the body is not JSON",
    401: "No value, or not that of a live, unlocked key",
    403: "The roles of the key do not permit this",
    404: "There is no such key",
    405: "The path takes other methods",
    409: "The ID or the value is taken",
    412: "The key is not, or no longer, of this version",
    413: "The body is too large",
    422: "A field of the body is wrong",
    429: "Too many requests; Retry-After says when to come back",
    503: "Not now; Retry-After may say when to come back",
}
_HEADERS: Mapping[str, Document] = {
    "Allow": {"required": True, "description": "The methods that the path takes", "schema": {"type": "string"}},
    "ETag": {"required": True, "description": "The version", "schema": {"type": "string", "pattern": '^"[0-9]+"$'}},
    "Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"required": True, "description": "The scheme", "schema": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a document says beside its operations.

    `error` is the media type and the schema of error bodies, `error_headers` the headers by status,
    `common` the statuses of every operation.
    """

    title: str
    version: str
    summary: str
    base: str
    schemas: Mapping[str, Any]
    security: Mapping[str, Any]
    error: tuple[str, str]
    error_headers: Mapping[int, str]
    common: tuple[int, ...]
    placeholder_texts: Mapping[str, str]


def build_document(operations: Iterable[Operation], description: Description, knobs: Knobs) -> Document:
    """Describe a table of operations, as a hub with these knobs serves it."""
    table = tuple(operations)
    paths: dict[str, Document] = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, description, knobs)
    statuses = sorted({*description.common, *(status for operation in table for status in operation.errors)})
    return {
        "openapi": "3.1.0",
        "info": {"title": description.title, "version": description.version, "summary": description.summary},
        "servers": [{"url": description.base}],
        "security": [{name: []} for name in description.security],
        "paths": paths,
        "components": {
            "schemas": dict(description.schemas),
            "responses": {f"Error{status}": _build_error(status, description) for status in statuses},
            "securitySchemes": dict(description.security),
        },
    }


def _describe(operation: Operation, description: Description, knobs: Knobs) -> Document:
    answers: Document = {str(operation.success[0]): _build_success(operation)}
    for error in sorted({*description.common, *operation.errors}):
        answers[str(error)] = {"$ref": f"#/components/responses/Error{error}"}
    described: Document = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": _describe_permissions(operation.permissions),
        "parameters": [*_build_placeholders(operation, description), *map(dict, operation.parameters(knobs))],
        "responses": answers,
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": _build_content(JSON_TYPE, operation.body)}
    return described


def _describe_permissions(permissions: frozenset[str]) -> str:
    if not permissions:
        return "Any live, unlocked key may."
    return "Needs the permission " + " or ".join(sorted(permissions)) + "."


def _build_placeholders(operation: Operation, description: Description) -> list[Document]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": description.placeholder_texts[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in operation.placeholders
    ]


def _build_success(operation: Operation) -> Document:
    schema = operation.success[1]
    answer: Document = {"description": "Done" if schema is None else "Done, and this is it"}
    if operation.headers:
        answer["headers"] = {name: _HEADERS[name] for name in operation.headers}
    if schema is not None:
        answer["content"] = _build_content(JSON_TYPE, schema)
    return answer


def _build_error(status: int, description: Description) -> Document:
    answer: Document = {"description": ERROR_TEXTS[status], "content": _build_content(*description.error)}
    if status in description.error_headers:
        name = description.error_headers[status]
        answer["headers"] = {name: _HEADERS[name]}
    return answer


def _build_content(media_type: str, schema: str) -> Document:
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
