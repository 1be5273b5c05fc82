"""Entity tags: the version of a key as `ETag` tells it and `If-Match` wants it (RFC 9110, 8.8.3 and 13.1.1).

Rules:

* Tags are strong. A weak one, or one that this hub never made, is a tag all the same: it matches nothing.
* What is no tag is refused with 400; a version without its quotes is none.
"""

import re
from collections.abc import Mapping

from keyspec.devhub.hub import Versions
from keyspec.devhub.parameters import refuse_parameter

IF_MATCH = "If-Match"
_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_TAGS = rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*"
_OWN_TAG = r'"[1-9][0-9]{0,17}"'
IF_MATCH_PATTERN = rf"^(\*|{_OWN_TAG}(, {_OWN_TAG})*)$"


def render_etag(version: int) -> str:
    """Return the tag of a version."""
    return f'"{version}"'


def read_if_match(headers: Mapping[str, str]) -> Versions:
    """Return which versions the caller means; None is any. Raises Refusal."""
    text = headers.get(IF_MATCH.lower(), "*").strip()
    if text == "*":
        return None
    if not re.fullmatch(_TAGS, text):
        raise refuse_parameter(IF_MATCH, "`*`, or entity tags in their quotes, separated by commas")
    return frozenset(int(tag[1:-1]) for tag in re.findall(_TAG, text) if re.fullmatch(_OWN_TAG, tag))
