"""Where the fields of a key, a role and an error stand in what a hub answers, and in which form.

A place is written as text; where a form is told beside it, as a mapping whose `at` is the place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic import WithJsonSchema as Schema
from pydantic.dataclasses import dataclass

from keyspec.conversion import Unit  # noqa: TC001 - pydantic reads it
from keyspec.place import Place, parse_place

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

CONFIG: Final = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
"""How the classes of a contract are validated: an unknown field is an error."""
_TEXT_SCHEMA: Final = {"type": "string", "minLength": 1}


class AlsoText:
    """Marks a mapping in whose stead its `at` may stand, as text."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [_TEXT_SCHEMA, handler(schema)]}


def _read_at(value: object) -> object:
    return {"at": value} if isinstance(value, str) else value


def _check_word(word: object) -> object:
    if word == "" or not isinstance(word, str | int):
        raise ValueError("the name of a state is text, a whole number, true or false")
    return word


PlaceText = Annotated[Place, BeforeValidator(parse_place), Schema(_TEXT_SCHEMA)]
Words = Annotated[
    tuple[Annotated[Any, BeforeValidator(_check_word), Schema({"type": ["string", "integer", "boolean"]})], ...],
    Field(min_length=1),
]


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class RolesPlace:
    """Where a key's roles stand: names, or IDs that the list of roles explains; `send` is one role in a body."""

    at: PlaceText
    by: Literal["name", "id"] = "name"
    send: Any = "{role}"


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class TimeoutPlace:
    """Where a key's timeout stands, and in which unit: a whole number, or a duration as text."""

    at: PlaceText
    unit: Unit = "s"


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class StatePlace:
    """Where a key's state stands as a word; the first of each list is the one that is sent."""

    at: PlaceText
    active: Words
    locked: Words


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class KeyPlaces:
    """Where the fields of a key stand in a row; a place left out cannot be compared.

    The state stands at `locked`, as true or false, or at `state`, never at both. `etag` is what If-Match sends. Where
    paths name a key by something that the hub made up itself, `id` is the name that was chosen, and `handle` the other.
    """

    id: PlaceText
    handle: PlaceText | None = None
    description: PlaceText | None = None
    roles: Annotated[RolesPlace, BeforeValidator(_read_at), AlsoText()] | None = None
    reauth_timeout: Annotated[TimeoutPlace, BeforeValidator(_read_at), AlsoText()] | None = None
    locked: PlaceText | None = None
    state: StatePlace | None = None
    etag: PlaceText | None = None

    @property
    def unit(self) -> Unit:
        """The unit that timeouts are sent in."""
        return "s" if self.reauth_timeout is None else self.reauth_timeout.unit

    @property
    def roles_by_id(self) -> bool:
        """Whether roles stand as IDs."""
        return self.roles is not None and self.roles.by == "id"

    def word(self, state: str) -> object:
        """Give what is sent for `active` or `locked`."""
        if self.state is None:
            return state == "locked"
        return (self.state.locked if state == "locked" else self.state.active)[0]


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class RolePlaces:
    """Where the fields of a role stand in a row."""

    name: PlaceText
    id: PlaceText | None = None
    permissions: PlaceText | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=CONFIG)
class ErrorPlaces:
    """Where an error's code and message stand in a body."""

    code: PlaceText | None = None
    message: PlaceText | None = None
