"""An OpenAPI 3 document, read as forgivingly as it can be: many are not valid, and most of each is not about keys.

    parse_api(bytes, file) ──> Api: operations with their parameters, bodies and answers

Rules: JSON by its own parser, which reads more than YAML's; anything else as YAML by the rules of `document`. Only what
makes the document unreadable is a problem; an operation, a parameter or a schema of the wrong type is as if it were not
there. What an operation does not say itself, its path and the document say for it (parameters, servers, security).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

from keyspec.document import Document, locate, parse_document
from keyspec.errors import Problem, SpecError
from keyspec.openapi.schemas import Schemas, as_list, as_mapping, is_usable
from keyspec.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from keyspec.openapi.schemas import Shape

METHODS: Final = ("get", "post", "put", "patch", "delete")
MAX_BYTES: Final = 16 * 1024 * 1024
MAX_OPERATIONS: Final = 10_000
MAX_PARAMETERS: Final = 200
MAX_PATH: Final = 500
_HINT: Final = "keyspec reads OpenAPI 3.0 and 3.1, as JSON or YAML"
_JSON_TYPES: Final = re.compile(r"\s*(application/(?:[\w.+-]+\+)?json|\*/\*|application/\*)\s*(?:;.*)?", re.IGNORECASE)
_TEMPLATE: Final = re.compile(r"\{([^{}]*)\}")
_SUCCESS: Final = re.compile(r"2(\d\d|XX)", re.IGNORECASE | re.ASCII)
_RENAMED: Final[Mapping[str, str | None]] = {"not-a-mapping": _HINT, "too-large": None}
"""Hints of `document` that mean a spec."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `where` is path, query, header or cookie."""

    name: str
    where: str
    required: bool
    shape: Shape
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: what its JSON holds (None if nothing is said of a body), and its headers in lower case."""

    status: str
    shape: Shape | None
    headers: frozenset[str]


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One method of one path below `base`; what it holds is read when asked for."""

    method: str
    path: str
    base: str
    name: str
    summary: str
    tags: tuple[str, ...]
    security: tuple[tuple[str, ...], ...]
    node: Mapping[str, Any] = field(repr=False)
    shared: Mapping[str, Any] = field(repr=False)
    schemas: Schemas = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """Method and path, as people say it."""
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, by place and name; those of the operation itself win over its path's."""
        found: dict[tuple[str, str], Parameter] = {}
        for owner in (self.shared, self.node):
            for node in islice(as_list(owner.get("parameters")), MAX_PARAMETERS):
                parameter = _read_parameter(self.schemas, self.schemas.follow(node))
                if parameter is not None:
                    found[parameter.where, parameter.name] = parameter
        return tuple(parameter for _, parameter in sorted(found.items()))

    @property
    def body(self) -> Shape | None:
        """What the JSON of the request holds; None without one."""
        content = self.schemas.follow(self.node.get("requestBody")).get("content")
        return _read_content(self.schemas, content)

    @property
    def wants_other_body(self) -> bool:
        """Whether the request has a body, and none of JSON."""
        content = self.schemas.follow(self.node.get("requestBody")).get("content")
        return bool(as_mapping(content)) and self.body is None

    @property
    def answers(self) -> tuple[Answer, ...]:
        """All answers, by status."""
        return tuple(
            Answer(status, _read_content(self.schemas, node.get("content")), _read_headers(node))
            for status, node in (
                (status, self.schemas.follow(given))
                for status, given in sorted(as_mapping(self.node.get("responses")).items())
            )
        )

    @property
    def successes(self) -> tuple[Answer, ...]:
        """The answers that mean it was done, those with a known body first; `default` only where there is no other."""
        found = [answer for answer in self.answers if _SUCCESS.fullmatch(answer.status)]
        found = found or [answer for answer in self.answers if answer.status == "default"]
        return tuple(sorted(found, key=lambda answer: (answer.shape is None, answer.status)))

    @property
    def success(self) -> Shape | None:
        """What the JSON of its success holds."""
        return next((answer.shape for answer in self.successes), None)

    @property
    def failures(self) -> tuple[Answer, ...]:
        """The answers that mean it was not done."""
        return tuple(answer for answer in self.answers if answer.status[:1] in ("4", "5") or answer.status == "default")


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a caller says who it is; `where` and `header` belong to the type apiKey, `scheme` to http."""

    type: str
    where: str
    header: str
    scheme: str


@dataclass(frozen=True, slots=True)
class Api:
    """What a document says: its operations, by path and method, and the schemes of its security.

    `version` is OpenAPI's, `release` that of the API.
    """

    file: str
    version: str
    title: str
    release: str
    operations: tuple[ApiOperation, ...]
    schemes: Mapping[str, Scheme]


def parse_api(data: bytes, file: str) -> Api:
    """Read an OpenAPI document.

    Raises:
        SpecError: it is none, or cannot be read.
    """
    if len(data) > MAX_BYTES:
        _refuse("too-large", f"the document is larger than {MAX_BYTES >> 20} MiB", Source(file, 1, 1))
    root, find = _read_tree(data, file)
    version = _read_version(root, file, find)
    paths = root.get("paths", {})
    if not isinstance(paths, dict):
        _refuse("wrong-type", "`paths` is no mapping of paths", find(("paths",)), _HINT)
    schemas = Schemas(root)
    operations = tuple(islice(_read_operations(root, paths, schemas), MAX_OPERATIONS + 1))
    if len(operations) > MAX_OPERATIONS:
        _refuse("too-large", f"the document has more than {MAX_OPERATIONS:,} operations", find(("paths",)))
    schemes = as_mapping(schemas.follow(root.get("components")).get("securitySchemes"))
    info = schemas.follow(root.get("info"))
    return Api(
        file,
        version,
        _text(info.get("title")),
        _text(info.get("version")),
        tuple(sorted(operations, key=lambda each: (each.path, each.method))),
        {name: _read_scheme(schemas.follow(node)) for name, node in schemes.items()},
    )


def _read_tree(data: bytes, file: str) -> tuple[dict[str, Any], Callable[[tuple[str, ...]], Source]]:
    """Parse the bytes; give the root, and what finds the place of a path in it."""
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith((b"{", b"[")):
        try:
            document = parse_document(data, file)
        except SpecError as error:
            raise SpecError(_say_otherwise(problem) for problem in error.problems) from None
        return document.root, lambda path: _find(document, path)
    start = Source(file, 1, 1)
    try:
        root = json.loads(data.decode("utf-8-sig"), parse_constant=str)
    except json.JSONDecodeError as error:
        _refuse("json-syntax", f"this is not JSON: {error.msg}", Source(file, error.lineno, error.colno))
    except UnicodeDecodeError:
        _refuse("not-utf8", "the document is not UTF-8", start, "save it as UTF-8")
    except RecursionError:
        _refuse("too-deep", "the document is nested too deep", start)
    except ValueError:
        _refuse("number", "the document holds a number that is too long", start)
    if not isinstance(root, dict):
        _refuse("not-a-mapping", "the document is not an object", start, _HINT)
    return root, lambda path: _find_in_json(data, file, path)


def _find(document: Document, path: tuple[str, ...]) -> Source:
    return locate(document, path, key=True)


def _find_in_json(data: bytes, file: str, path: tuple[str, ...]) -> Source:
    """Give a place in JSON, if YAML's parser can read it, too."""
    try:
        return _find(parse_document(data, file), path)
    except SpecError:
        return Source(file, 1, 1)


def _say_otherwise(problem: Problem) -> Problem:
    return replace(problem, hint=_RENAMED[problem.code]) if problem.code in _RENAMED else problem


def _refuse(code: str, message: str, source: Source, hint: str | None = None) -> NoReturn:
    raise SpecError([Problem(code, message, source, hint)])


def _read_version(root: Mapping[str, Any], file: str, find: Callable[[tuple[str, ...]], Source]) -> str:
    told = root.get("openapi")
    if told is None and "swagger" in root:
        what = "this is a Swagger 2 document"
        _refuse("unknown-format", what, find(("swagger",)), f"convert it to OpenAPI 3: {_HINT}")
    if told is None:
        _refuse("wrong-format", "this is no OpenAPI document: it has no field `openapi`", Source(file, 1, 1), _HINT)
    version = str(told) if isinstance(told, str | int | float) else ""
    if not re.fullmatch(r"3(\.\d{1,3}){0,2}(-[\w.]{1,20})?", version, re.ASCII):
        _refuse("unknown-format", "this is no version of OpenAPI that is read here", find(("openapi",)), _HINT)
    return version


def _read_operations(root: Mapping[str, Any], paths: Mapping[str, Any], schemas: Schemas) -> Iterator[ApiOperation]:
    for path, given in paths.items():
        if not path.startswith("/") or len(path) > MAX_PATH or not path.isprintable():
            continue
        item = schemas.follow(given)
        for method in METHODS:
            if isinstance(node := item.get(method), dict):
                owners = (node, item, root)
                yield ApiOperation(
                    method.upper(),
                    path,
                    _read_base(next((owner["servers"] for owner in owners if owner.get("servers")), None)),
                    _text(node.get("operationId")),
                    _text(node.get("summary")) or _text(node.get("description")),
                    tuple(tag for tag in as_list(node.get("tags"))[:20] if isinstance(tag, str)),
                    _read_security(next((owner["security"] for owner in (node, root) if "security" in owner), None)),
                    node,
                    item,
                    schemas,
                )


def _read_base(servers: Any) -> str:
    """Give the path of the first server, with the defaults of its variables."""
    server = as_mapping(next(iter(as_list(servers)), None))
    variables = as_mapping(server.get("variables"))

    def fill(found: Any) -> str:
        default = as_mapping(variables.get(found[1])).get("default")
        return str(default) if isinstance(default, str | int) else found[0]

    try:
        path = urlsplit(_TEMPLATE.sub(fill, _text(server.get("url")))).path
    except ValueError:
        return ""
    return path.rstrip("/") if path.startswith("/") else ""


def _read_security(node: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(sorted(map(str, wanted))) for wanted in as_list(node)[:20] if isinstance(wanted, dict))


def _read_parameter(schemas: Schemas, node: Mapping[str, Any]) -> Parameter | None:
    name, where = node.get("name"), node.get("in")
    if not isinstance(name, str) or not isinstance(where, str) or not is_usable(name):
        return None
    content = node.get("content")
    shape = (_read_content(schemas, content) if content else None) or schemas.read(node.get("schema"))
    required = node.get("required") is True or where == "path"
    return Parameter(name, where, required, shape, f"{_text(node.get('description'))} {shape.text}".strip())


def _read_content(schemas: Schemas, content: Any) -> Shape | None:
    """Read the schema of the JSON among some media types."""
    for media_type, node in sorted(as_mapping(content).items()):
        if _JSON_TYPES.fullmatch(media_type) and "schema" in (media := schemas.follow(node)):
            return schemas.read(media["schema"])
    return None


def _read_headers(node: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name.lower() for name in islice(as_mapping(node.get("headers")), MAX_PARAMETERS))


def _read_scheme(node: Mapping[str, Any]) -> Scheme:
    return Scheme(*(_text(node.get(name)) for name in ("type", "in", "name", "scheme")))


def _text(node: Any) -> str:
    return node if isinstance(node, str) else ""
