"""The dialects that a hub can be asked for by name.

cipherinsights    the contract cipherinsights-v1, which keyspec assumes (the default)
other             all that the first is not: bearer tokens, cursors, roles by ID, PATCH, ETags, problem bodies
"""

from collections.abc import Mapping

from keyspec.devhub.cipherinsights import CipherInsights
from keyspec.devhub.dialect import Dialect
from keyspec.devhub.other import Other

DEFAULT_DIALECT = "cipherinsights"
DIALECTS: Mapping[str, Dialect] = {DEFAULT_DIALECT: CipherInsights(), "other": Other()}


def find_dialect(name: str) -> Dialect:
    """Return the dialect of this name; raises ValueError."""
    if name not in DIALECTS:
        raise ValueError(f"there is no dialect {name!r}; there are {', '.join(DIALECTS)}")
    return DIALECTS[name]
