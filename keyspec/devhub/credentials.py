"""Key values: how they are made, and the only form in which a hub remembers them.

Rules:

* A value is 32 random bytes in URL-safe base64: 43 characters.
* A hub keeps HMAC-SHA-256 of a value under a pepper of its own, so it can recognise a value and
  find a repeated one by an index, and can never show it again. Values of 256 random bits need no
  slow hash; imported weak ones are the importer's choice, and the pepper is no defence there.
* The same pepper seals what a hub hands out and wants back unchanged, such as a cursor.
* Two hubs have different peppers: equal values cannot be told from two database files.
"""

import hashlib
import hmac
import secrets

PEPPER_BYTES = 32
VALUE_BYTES = 32
GENERATED_ID_BYTES = 6
SEAL_BYTES = 16


def make_value() -> str:
    """Make a new key value."""
    return secrets.token_urlsafe(VALUE_BYTES)


def make_key_id() -> str:
    """Make an ID for a key that was created without one."""
    return f"key-{secrets.token_hex(GENERATED_ID_BYTES)}"


def make_role_id() -> str:
    """Make an ID for a role."""
    return f"r-{secrets.token_hex(GENERATED_ID_BYTES)}"


def make_pepper() -> bytes:
    """Make the secret under which one hub hashes its values."""
    return secrets.token_bytes(PEPPER_BYTES)


def digest_value(value: str, *, pepper: bytes) -> bytes:
    """Return the only trace of a value that a hub keeps."""
    return hmac.digest(pepper, value.encode("utf-8", "surrogatepass"), hashlib.sha256)


def make_seal(text: str, *, pepper: bytes) -> bytes:
    """Return what only the hub of this pepper can add to a text; never what `digest_value` returns."""
    return hmac.digest(pepper, b"\0seal\0" + text.encode(), hashlib.sha256)[:SEAL_BYTES]
