"""What a hub refuses, and why, before it is turned into a status and into a dialect's words.

Rules:

* A `Refusal` is part of the hub's behaviour, not a failure of the program: it is always answered.
* `Reason` is a closed list. `rest` has a status for every member (its table is tested).
* A message names the rule, never a value, and never a JSON field: names belong to dialects.
  `field` carries the domain name of the field at fault, which a dialect may translate.
* A `KnobError` is raised to whoever configures the hub and carries every problem found.

    Exception
     ├─ Refusal       answered to the caller of the hub
     └─ ValueError
         └─ KnobError  shown to the person who set up the hub
"""

from collections.abc import Iterable
from enum import Enum


class Reason(Enum):
    """Why a request was refused; the value is the `code` of an error body."""

    BAD_PARAMETER = "bad_parameter"
    NOT_JSON = "not_json"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NO_SUCH_PATH = "no_such_path"
    NO_SUCH_KEY = "no_such_key"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    KEY_EXISTS = "key_exists"
    KEY_ID_SPENT = "key_id_spent"
    VALUE_EXISTS = "value_exists"
    PRECONDITION_FAILED = "precondition_failed"
    TOO_LARGE = "too_large"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_ROLE = "unknown_role"
    TOO_MANY_REQUESTS = "too_many_requests"
    BROKEN = "broken"


class Refusal(Exception):  # noqa: N818 - an answer of the hub, not an error of the program
    """The hub does not do what was asked."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        field: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Keep the reason, a sentence for people, the field at fault and extra answer headers."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.headers = tuple(headers)


class KnobError(ValueError):
    """Settings of a hub that cannot be read, all of them at once."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Keep one sentence per problem."""
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
