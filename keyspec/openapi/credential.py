"""How a hub wants to be told who asks, as a contract says it.

What a contract cannot carry (a key in the query or in a cookie, a token that must be asked for elsewhere) is said, and
the nearest that it can carry stands there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from keyspec.openapi.document import Api, ApiOperation, Scheme

_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")
_CARRIES: Final = re.compile(r"(api|auth|access).*(key|token)|authorization", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a contract's `auth` is, why, and what is missing."""

    auth: Any
    reason: str
    lack: str | None = None


def find_credential(api: Api, operation: ApiOperation) -> Credential:
    """Find the credential of an operation: of the ways that the document allows, the best that a contract can go."""
    known = list_credentials(api, operation)
    return known[0] if known else Credential("none", "the document names no credential", "how the hub knows who asks")


def list_credentials(api: Api, operation: ApiOperation | None) -> tuple[Credential, ...]:
    """List the ways in which an operation may be told who asks, the best first; of none, those of the document."""
    security = operation.security if operation else ()
    names = {name for wanted in security for name in wanted}
    schemes = [(name, scheme) for name, scheme in sorted(api.schemes.items()) if name in names or not security]
    known = [found for name, scheme in schemes if (found := _read_scheme(name, scheme)) is not None]
    if known:
        return tuple(credential for _, credential in sorted(known, key=lambda each: each[0]))
    return tuple(
        Credential({"header": parameter.name.lower()}, f"the header parameter `{parameter.name}`")
        for parameter in (operation.parameters if operation else ())
        if parameter.where == "header" and _CARRIES.fullmatch(parameter.name) and _HEADER.fullmatch(parameter.name)
    )


def _read_scheme(name: str, scheme: Scheme) -> tuple[int, Credential] | None:
    by = f"the security scheme `{name}`"
    match scheme.type, scheme.where, scheme.scheme.lower():
        case "apiKey", "header", _ if _HEADER.fullmatch(scheme.header):
            header = scheme.header.lower()
            lack = "what stands before the value: `prefix`" if header == "authorization" else None
            return 0, Credential({"header": header}, by, lack)
        case "http", _, "bearer":
            return 1, Credential({"scheme": "bearer"}, by)
        case "http", _, "basic":
            return 2, Credential({"scheme": "basic"}, f"{by}; the hub's `auth` holds user:password")
        case "mutualTLS", _, _:
            return 3, Credential({"scheme": "certificate"}, f"{by}; the hub must declare tls.client_cert")
        case (("oauth2" | "openIdConnect"), _, _):
            lack = f"a token must be had elsewhere: {by} is {scheme.type}"
            return 4, Credential({"scheme": "bearer"}, by, lack)
        case "apiKey", _, _:
            lack = f"{by} is in the {scheme.where or 'request'}, and a contract sends a header"
            return 5, Credential("none", by, lack)
        case _:
            return None
