"""An OpenAPI 3.1 document from a table of operations: what is described is what is served.

Rules:

* Nothing here knows a path or a field: they come from the operations and schemas of a dialect.
* Every operation that needs a key has the answers 401, 403, 404 (path) and 429 as they apply; the
  caller names them once, as `common`.
* Error answers refer to one schema. A success without a schema has no content.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keyspec.devhub.exchange import JSON_TYPE
from keyspec.devhub.operations import Operation

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Description:
    """What a document says beside its operations: title, base, schemas, security, error texts."""

    title: str
    version: str
    summary: str
    base: str
    schemas: Mapping[str, Any]
    security: Mapping[str, Any]
    error_schema: str
    error_texts: Mapping[int, str]
    common: tuple[int, ...]
    placeholder_texts: Mapping[str, str]


def build_document(operations: Iterable[Operation], description: Description) -> Document:
    """Describe a table of operations."""
    paths: dict[str, Document] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, description)
    responses = {f"Error{status}": _build_error(status, description) for status in description.error_texts}
    return {
        "openapi": "3.1.0",
        "info": {"title": description.title, "version": description.version, "summary": description.summary},
        "servers": [{"url": description.base}],
        "security": [{name: []} for name in description.security],
        "paths": paths,
        "components": {
            "schemas": dict(description.schemas),
            "responses": responses,
            "securitySchemes": dict(description.security),
        },
    }


def _describe(operation: Operation, description: Description) -> Document:
    status, schema = operation.success
    answers: Document = {str(status): _build_success(schema)}
    for error in sorted({*description.common, *operation.errors}):
        answers[str(error)] = {"$ref": f"#/components/responses/Error{error}"}
    described: Document = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": _describe_permissions(operation.permissions),
        "parameters": [*_build_placeholders(operation, description), *map(dict, operation.parameters)],
        "responses": answers,
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": _build_content(operation.body)}
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


def _build_success(schema: str | None) -> Document:
    answer: Document = {"description": "Done" if schema is None else "Done, and this is it"}
    if schema is not None:
        answer["content"] = _build_content(schema)
    return answer


def _build_error(status: int, description: Description) -> Document:
    return {"description": description.error_texts[status], "content": _build_content(description.error_schema)}


def _build_content(schema: str) -> Document:
    return {JSON_TYPE: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
