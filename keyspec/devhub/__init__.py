"""A local Analytics Hub to try keyspec on: real sockets, real SQLite, no wishes granted.

Rules:

* It imports nothing of the client side: a hub that shared code with its client
  would share its mistakes.
* The domain (`model`, `storage`, `hub`) knows no HTTP. A dialect (`cipherinsights`, `other`) knows no
  SQL, and shares what it does as any other would (`rest`, `body`, `parameters`, `openapi`). `gate` stands
  between the socket and the dialect and makes the trouble that was asked for.
* It needs the extra `keyspec[devhub]`; importing this package alone does not, using it does.

    serving > devhub > server > gate > dialect (cipherinsights, other) > rest > hub > storage
                                  |            |
                     faults, knobs, wirelog    operations > openapi

    with DevHub(name="dev") as hub:
        httpx.get(f"{hub.url}/api/v1/api_keys", headers={"x-api-key": hub.admin_value})
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyspec.devhub.devhub import DevHub
    from keyspec.devhub.errors import KnobError, Refusal
    from keyspec.devhub.faults import Fault, parse_fault, parse_faults
    from keyspec.devhub.knobs import Knobs, Portal, parse_knobs
    from keyspec.devhub.model import BUILT_IN_ROLES, PERMISSIONS, Role
    from keyspec.devhub.serving import serve
    from keyspec.devhub.wirelog import Exchange

__all__ = [
    "BUILT_IN_ROLES",
    "PERMISSIONS",
    "DevHub",
    "Exchange",
    "Fault",
    "KnobError",
    "Knobs",
    "Portal",
    "Refusal",
    "Role",
    "parse_fault",
    "parse_faults",
    "parse_knobs",
    "serve",
]

_HOMES = {
    "BUILT_IN_ROLES": "model",
    "PERMISSIONS": "model",
    "DevHub": "devhub",
    "Exchange": "wirelog",
    "Fault": "faults",
    "KnobError": "errors",
    "Knobs": "knobs",
    "Portal": "knobs",
    "Refusal": "errors",
    "Role": "model",
    "parse_fault": "faults",
    "parse_faults": "faults",
    "parse_knobs": "knobs",
    "serve": "serving",
}
_EXTRA = frozenset({"starlette", "uvicorn", "h11"})


def __getattr__(name: str) -> object:
    """Load a public name from its module, when it is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        return getattr(import_module(f"{__name__}.{home}"), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        message = (
            f"the local hub needs {missing}, which is not installed; "
            "it comes with an extra: pip install 'keyspec[devhub]'"
        )
        raise ImportError(message, name=missing) from error
