"""The table of a REST dialect: one row per operation, used for routing and for OpenAPI alike.

Rules:

* A template such as `/api_keys/{keyId}/lock` is matched segment by segment, after splitting and
  decoding; a placeholder takes one non-empty segment, whatever it holds.
* Literal segments win over placeholders, so `/api_keys/import` is an import for POST and a key
  named `import` for GET.
* A path that is known with other methods is not unknown: the refusal lists what it allows, which is
  what OpenAPI says of the most literal template: nobody is advised to name a key `import`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.exchange import Answer, Call
from keyspec.devhub.hub import Hub
from keyspec.devhub.knobs import Knobs

ParameterObjects = Sequence[Mapping[str, Any]]
Handler = Callable[[Hub, Call, Mapping[str, str]], Answer]


def _describe_none(_: Knobs) -> ParameterObjects:
    return ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a hub can be asked to do.

    `permissions`: any one of them is enough; none means that any live key may. `parameters` builds
    OpenAPI parameter objects, of the query or of headers. `success` is a status with the schema of its
    body, if it has one, and `headers` names those that it always has. `errors` are the other statuses
    beside those that every operation has.
    """

    name: str
    method: str
    path: str
    summary: str
    handler: Handler
    success: tuple[int, str | None]
    permissions: frozenset[str] = frozenset()
    parameters: Callable[[Knobs], ParameterObjects] = _describe_none
    body: str | None = None
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Split the template once."""
        object.__setattr__(self, "segments", tuple(self.path.removeprefix("/").split("/")))

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the placeholders, in order."""
        return tuple(part[1:-1] for part in self.segments if part.startswith("{"))

    def bind(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Return what the placeholders stand for, or None if the path is another one."""
        if len(segments) != len(self.segments):
            return None
        bound: dict[str, str] = {}
        for template, segment in zip(self.segments, segments, strict=True):
            if template.startswith("{") and segment:
                bound[template[1:-1]] = segment
            elif template != segment:
                return None
        return bound


def find_operation(
    operations: Iterable[Operation], method: str, segments: Sequence[str]
) -> tuple[Operation, dict[str, str]]:
    """Return the operation a request means, and its placeholders; raises Refusal if there is none."""
    found = [(o, bound) for o in operations if (bound := o.bind(segments)) is not None]
    if not found:
        raise Refusal(Reason.NO_SUCH_PATH, "the API has no such path")
    fitting = [(o, bound) for o, bound in found if o.method == method]
    if not fitting:
        literal = min(len(bound) for _, bound in found)
        allowed = ", ".join(sorted({o.method for o, bound in found if len(bound) == literal}))
        message = f"this path takes {allowed}"
        raise Refusal(Reason.METHOD_NOT_ALLOWED, message, headers=[("allow", allowed)])
    return min(fitting, key=lambda pair: len(pair[1]))
