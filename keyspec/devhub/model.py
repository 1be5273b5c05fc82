"""What a hub holds: keys, roles and permissions, with the rules that need no storage.

Rules:

* The thirteen permissions and the four built-in roles are the documented ones. Which built-in
  role holds which permission is not documented: the sets below are ours, ordered from all to few.
* Sensor Configuration is only given together with Sensor Status (documented).
* Roles are a set: a key's are kept sorted and without repetition, whatever order they came in.
* A `Key` never holds its value, only what may be shown. Its `version` is a number that no other state
  of any key of the hub has; it says when a key changed, not what it is, and so takes no part in equality.
* A role has a name, by which keys are stored, and an ID, which a role that is made anew does not inherit.
* Every text can be encoded as UTF-8: JSON may spell half a surrogate pair, storage cannot hold it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from keyspec.devhub.errors import Reason, Refusal

PERMISSIONS = (
    "Application",
    "Audit",
    "Issue Configuration",
    "Login",
    "Registry",
    "Security",
    "Sensor Configuration",
    "Sensor Status",
    "Shell",
    "System Configuration",
    "System Management",
    "System State Reports",
    "User Management",
)
ADMINISTERS_KEYS = frozenset({"User Management"})
READS_KEYS = frozenset({"User Management", "Audit"})

DEFAULT_TIMEOUT_S = 60
LONGEST_TIMEOUT_S = 2**31 - 1
LONGEST_DESCRIPTION = 1024
LONGEST_VALUE = 4096
KEY_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
VALUE_PATTERN = r"[!-~]{1,4096}"


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions; without an ID the hub makes one."""

    name: str
    permissions: tuple[str, ...] = ()
    description: str = ""
    role_id: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse what a hub has no permission for."""
        unknown = sorted(set(self.permissions) - set(PERMISSIONS))
        if not self.name or unknown:
            message = f"role {self.name!r}: no such permission: {', '.join(unknown) or '(no name)'}"
            raise ValueError(message)
        if "Sensor Configuration" in self.permissions and "Sensor Status" not in self.permissions:
            message = f"role {self.name!r}: Sensor Configuration needs Sensor Status"
            raise ValueError(message)


BUILT_IN_ROLES = (
    Role("Administrator", PERMISSIONS, "Everything, keys and users included"),
    Role(
        "Operator",
        (
            "Application",
            "Issue Configuration",
            "Login",
            "Registry",
            "Sensor Configuration",
            "Sensor Status",
            "System State Reports",
        ),
        "Runs sensors and discoveries",
    ),
    Role(
        "Unrestricted",
        tuple(name for name in PERMISSIONS if name not in {"Shell", "User Management"}),
        "All data and settings, no shell, no users",
    ),
    Role("User", ("Application", "Login", "Sensor Status"), "Looks at results"),
)


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as the hub shows it."""

    key_id: str
    description: str
    roles: tuple[str, ...]
    reauthentication_timeout: int
    locked: bool
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A key that somebody wants; without an ID the hub invents one."""

    key_id: str | None = None
    description: str = ""
    roles: tuple[str, ...] = ()
    reauthentication_timeout: int = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Edit:
    """The fields of a key that shall change; None leaves a field alone."""

    description: str | None = None
    roles: tuple[str, ...] | None = None
    reauthentication_timeout: int | None = None
    locked: bool | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: a live, unlocked key and what its roles permit."""

    key_id: str
    permissions: frozenset[str] = field(default_factory=frozenset)


def check_key_id(key_id: str) -> None:
    """Refuse an ID outside the hub's charset."""
    if not re.fullmatch(KEY_ID_PATTERN, key_id, re.ASCII):
        message = "a key ID has 1 to 128 letters, digits, '.', '_', '-', and begins with no sign"
        raise Refusal(Reason.INVALID_FIELD, message, field="key_id")


def check_value(value: str) -> None:
    """Refuse a value that no header could carry."""
    if not re.fullmatch(VALUE_PATTERN, value):
        message = f"a key value has 1 to {LONGEST_VALUE} printable ASCII characters without blanks"
        raise Refusal(Reason.INVALID_FIELD, message, field="value")


def check_edit(edit: Edit) -> None:
    """Refuse fields that no key can have; whether the roles exist is for the storage to say."""
    if edit.description is not None:
        check_description(edit.description)
    if edit.roles is not None and not edit.roles:
        raise Refusal(Reason.INVALID_FIELD, "a key needs at least one role", field="roles")
    timeout = edit.reauthentication_timeout
    if timeout is not None and not 1 <= timeout <= LONGEST_TIMEOUT_S:
        message = f"the reauthentication timeout is 1 to {LONGEST_TIMEOUT_S} seconds"
        raise Refusal(Reason.INVALID_FIELD, message, field="reauthentication_timeout")


def check_description(description: str) -> None:
    """Refuse a description that is too long."""
    if len(description) > LONGEST_DESCRIPTION:
        message = f"a description has at most {LONGEST_DESCRIPTION} characters"
        raise Refusal(Reason.INVALID_FIELD, message, field="description")


def sort_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """Return role names in the one order in which keys keep them."""
    return tuple(sorted(set(roles)))
