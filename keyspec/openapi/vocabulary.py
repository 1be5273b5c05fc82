"""What the words of paths, names and summaries mean: what is done, to what, and which keys are not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Purpose = Literal[
    "list_keys",
    "get_key",
    "create_key",
    "import_key",
    "edit_key",
    "lock_key",
    "unlock_key",
    "delete_key",
    "set_state",
    "revoke_key",
    "lock_keys",
    "unlock_keys",
    "delete_keys",
]

VERBS: Final[Mapping[str, Purpose | None]] = {
    **dict.fromkeys(("list", "search", "find", "query", "all"), "list_keys"),
    **dict.fromkeys(("get", "show", "read", "fetch", "describe"), "get_key"),
    **dict.fromkeys(
        ("create", "add", "new", "generate", "issue", "make", "mint", "provision", "register"), "create_key"
    ),
    **dict.fromkeys(("import", "upload", "existing"), "import_key"),
    **dict.fromkeys(("edit", "update", "change", "modify", "patch", "replace"), "edit_key"),
    **dict.fromkeys(("lock", "disable", "suspend", "deactivate", "block", "pause", "freeze"), "lock_key"),
    **dict.fromkeys(
        ("unlock", "enable", "activate", "resume", "reactivate", "unblock", "unsuspend", "unfreeze", "reinstate"),
        "unlock_key",
    ),
    **dict.fromkeys(("delete", "remove", "destroy", "purge", "erase"), "delete_key"),
    **dict.fromkeys(("revoke", "invalidate"), "revoke_key"),  # for good, or not: never taken for a lock
    **dict.fromkeys(("status", "state"), "set_state"),
    **dict.fromkeys(("rotate", "regenerate", "renew", "refresh", "reset", "roll", "recreate"), None),
    **dict.fromkeys(("validate", "verify", "test", "introspect", "count", "export", "download"), None),
}
"""What words of action mean; None is something that keyspec does not do."""

FILLERS: Final = frozenset({"by", "id", "bulk", "batch", "multiple", "many", "do", "action"})
NOUNS: Final = {"key": 4, "token": 3, "credential": 3, "secret": 1}
QUALIFIERS: Final = {"api": 4, "access": 2, "auth": 2, "service": 1, "machine": 1, "automation": 1, "personal": 1}
CRYPTIC: Final = frozenset(
    "asset cbom cert certificate crypto cryptographic cryptography csr discovered "  # noqa: SIM905 - as text
    "discovery encryption gpg hsm "
    "inventory jwk keystore kms pem pgp scan signature signing ssh truststore".split()
)
"""Words around keys that cipher or sign."""
FOREIGN: Final = CRYPTIC | set("csrf data device host license master private public push refresh".split())  # noqa: SIM905 - as text
"""Words that make another thing of a key or a token."""
ROLE_NOUNS: Final = ("role", "scope", "permission", "group", "profile", "policy", "privilege")
BULK: Final[Mapping[Purpose, Purpose]] = {
    "lock_key": "lock_keys",
    "unlock_key": "unlock_keys",
    "delete_key": "delete_keys",
}
METHODS: Final[Mapping[tuple[str, bool], tuple[Purpose, int]]] = {
    ("GET", False): ("list_keys", 6),
    ("GET", True): ("get_key", 6),
    ("POST", False): ("create_key", 5),
    ("POST", True): ("edit_key", 3),
    ("PUT", False): ("edit_key", 3),
    ("PUT", True): ("edit_key", 6),
    ("PATCH", False): ("edit_key", 3),
    ("PATCH", True): ("edit_key", 7),
    ("DELETE", True): ("delete_key", 6),
}
"""What a method means for all of a thing (False) or one of it, and how surely, where the path has no verb."""
WORTH: Final[Mapping[Purpose, int]] = {"create_key": 3, "import_key": 1, "edit_key": 1, "lock_key": 2, "delete_key": 2}
PAIRS: Final = (("api", "key"), ("api", "token"), ("access", "token"), ("access", "key"))
LEAST_POINTS: Final = 3
