"""Cursors: where a page of a list ended, as a text that only its hub can read or make.

    base64url( seal, list, NUL, ID of the last row )

Rules:

* A cursor names a row, not a number of rows: it stays good while rows come and go, that row included.
* It is sealed. What was changed, cut, made up, spelt otherwise, or comes from another list or
  another hub is refused, never guessed at.
"""

import base64
import hmac
from collections.abc import Callable

from keyspec.devhub.credentials import SEAL_BYTES
from keyspec.devhub.parameters import refuse_parameter

Seal = Callable[[str], bytes]


def make_cursor(rows: str, last: str, seal: Seal) -> str:
    """Return the cursor of the page that follows a row of the list called `rows`."""
    place = f"{rows}\0{last}"
    return base64.urlsafe_b64encode(seal(place) + place.encode()).rstrip(b"=").decode()


def read_cursor(text: str, rows: str, seal: Seal) -> str:
    """Return the ID of the row at which the page before ended; raises Refusal."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        place = raw[SEAL_BYTES:].decode()
    except ValueError as error:
        raise _refuse() from error
    listed, _, last = place.partition("\0")
    if not hmac.compare_digest(raw[:SEAL_BYTES], seal(place)) or listed != rows:
        raise _refuse()
    if make_cursor(rows, last, seal) != text:
        raise _refuse()
    return last


def _refuse() -> Exception:
    return refuse_parameter("cursor", "this hub made no such cursor for this list")
