"""Commands that need an extra: said plainly before anything else happens."""

from __future__ import annotations

from importlib.util import find_spec

from keyspec.errors import KeyspecError


def need_devhub() -> None:
    """Check that the local hub can run here.

    Raises:
        KeyspecError: naming the extra.
    """
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise KeyspecError(f"this command needs {' and '.join(missing)}: pip install 'keyspec[devhub]'")
