"""A document against a shape: pydantic's verdict in plain words, with file, line, column and a hint.

Used for every YAML format of keyspec (spec, contract, trusted file). Rules kept here: a file that does not name its
format is not quoted; null is no value; an unknown field gets a "did you mean"; pydantic's errors never leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from keyspec.document import Map, locate
from keyspec.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keyspec.document import Document

Path = tuple[str | int, ...]
T = TypeVar("T")

_SAYS: Final = {
    "missing": ("missing-field", "this field is required", None),
    "string_type": ("wrong-type", "text is wanted here", "put it in quotes"),
    "bool_type": ("wrong-type", "true or false is wanted here", None),
    "int_type": ("wrong-type", "a whole number is wanted here", None),
    "float_type": ("wrong-type", "a number is wanted here", None),
    "float_parsing": ("wrong-type", "a number is wanted here", None),
    "dict_type": ("wrong-type", "a mapping is wanted here", "write `name: value` lines below it"),
    "dataclass_type": ("wrong-type", "a mapping is wanted here", "write `field: value` lines below it"),
    "tuple_type": ("wrong-type", "a list is wanted here", "write [one, two] or lines that begin with a hyphen"),
    "too_short": ("invalid-value", "at least one entry is wanted here", None),
    "string_too_short": ("invalid-value", "this text is empty", None),
}
"""What is said for pydantic's error types: code, message, hint."""


@dataclass(frozen=True, slots=True)
class Format(Generic[T]):
    """One YAML format: the field that names it, its version, its shape.

    `shapes` tells which class describes the mapping at a path; `*` stands for any name.
    """

    field: str
    what: str
    adapter: TypeAdapter[T]
    shapes: Mapping[tuple[str, ...], type]
    version: int = 1

    def schema(self, title: str) -> dict[str, Any]:
        """Give the format's JSON Schema, draft 2020-12."""
        schema = _tighten(self.adapter.json_schema())
        schema.pop("title")
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def validate_document(document: Document, form: Format[T]) -> tuple[T | None, tuple[Problem, ...]]:
    """Validate one document by itself; without a value there is at least one problem."""
    root = document.root
    begins = f"`{form.field}: {form.version}`"
    if form.field not in root:
        what = f"this file is no {form.what}"
        return None, (Problem("wrong-format", what, locate(document, ()), f"such a file begins with {begins}"),)
    if root[form.field] != form.version or isinstance(root[form.field], bool):
        source = locate(document, (form.field,))
        what = f"this keyspec reads format {form.version} of a {form.what}"
        return None, (Problem("unknown-format", what, source, f"write {begins}"),)
    nulls = tuple(_find_nulls(root, ()))
    problems = [_explain_null(document, path) for path in nulls]
    try:
        file = form.adapter.validate_python(root)
    except ValidationError as error:
        problems += _explain_all(document, form, error, nulls)
        return None, tuple(problems)
    return (None if problems else file), tuple(problems)


def _explain_null(document: Document, path: Path) -> Problem:
    source = locate(document, path, key=isinstance(path[-1], str))
    return Problem("null-value", "there is no value here", source, "leave the field out, or write {} for an empty one")


def _find_nulls(node: Any, path: Path) -> Iterator[Path]:
    if isinstance(node, Map):
        for name, value in node.items():
            if value is None:
                yield (*path, name)
            elif isinstance(value, dict | list):
                yield from _find_nulls(value, (*path, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            if value is None:
                yield (*path, index)
            elif isinstance(value, dict | list):
                yield from _find_nulls(value, (*path, index))


def _explain_all(
    document: Document, form: Format[Any], error: ValidationError, nulls: tuple[Path, ...]
) -> Iterator[Problem]:
    details = error.errors(include_url=False, include_input=False)
    # A list whose every item is wrong is called too short by pydantic, too.
    parents = {detail["loc"][:-1] for detail in details}
    for detail in details:
        loc = detail["loc"]
        path = loc[:-1] if loc[-1:] == ("[key]",) else loc
        if path not in nulls and not (detail["type"] == "too_short" and loc in parents):
            yield _explain(document, form, path, detail)


def _explain(document: Document, form: Format[Any], path: Path, detail: Any) -> Problem:
    kind = detail["type"]
    if kind == "unexpected_keyword_argument":
        return _unknown_field(document, form, path)
    if kind == "missing":
        source = locate(document, path[:-1], key=True)
        return Problem("missing-field", f"`{path[-1]}` is required here", source)
    code, message, hint = _SAYS.get(kind, ("invalid-value", _plain(detail), None))
    return Problem(code, message, locate(document, path, key=detail["loc"][-1:] == ("[key]",)), hint)


def _plain(detail: Any) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] == "literal_error":
        return f"one of {detail['ctx']['expected'].replace(' or ', ', ')} is wanted here"
    message: str = detail["msg"].removeprefix("Input should be ")
    return f"{message} is wanted here"


def _unknown_field(document: Document, form: Format[Any], path: Path) -> Problem:
    *parents, name = path
    known = _known_fields(form, tuple(str(part) for part in parents))
    near = get_close_matches(str(name), known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
    return Problem("unknown-field", f"there is no field `{name}` here", locate(document, path, key=True), hint)


def _known_fields(form: Format[Any], parents: tuple[str, ...]) -> tuple[str, ...]:
    for pattern, shape in form.shapes.items():
        if len(pattern) == len(parents) and all(p in ("*", q) for p, q in zip(pattern, parents, strict=True)):
            fields = shape.__dataclass_fields__  # type: ignore[attr-defined]
            names: Iterator[str] = (name for name, field in fields.items() if field.init)
            return tuple(form.field if name == form.field.replace("-", "_") else name.rstrip("_") for name in names)
    return ()


def _tighten(node: Any) -> Any:
    """Make a schema of pydantic's as strict as validation is: null is no value, and names have their pattern."""
    if isinstance(node, list):
        return [_tighten(part) for part in node]
    if not isinstance(node, dict):
        return node
    node = {name: _tighten(part) for name, part in node.items() if not (name == "default" and part is None)}
    options = [part for part in node.get("anyOf", ()) if part != {"type": "null"}]
    if len(options) == 1 and len(node["anyOf"]) > 1:
        node.pop("anyOf")
        node = {**options[0], **node}
    if "patternProperties" in node:
        node.setdefault("additionalProperties", False)
    return node
