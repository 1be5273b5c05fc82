from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest
import strategies
from hypothesis import given

from keyspec.fingerprint import canonical, digest_bytes, digest_of, fingerprint, is_alike, is_same_key
from keyspec.model import Key

KEY = Key("ci", "text", ("A", "B"), 60, "active")


def test_the_canonical_form_is_sorted_dense_and_ascii():
    assert canonical({"b": [1, None], "a": "é"}) == b'{"a":"\\u00e9","b":[1,null]}'


def test_a_digest_is_sha256_over_the_canonical_form():
    assert digest_of({"a": 1}) == "sha256:" + hashlib.sha256(b'{"a":1}').hexdigest()
    assert digest_bytes(b"ab", b"c") == "sha256:" + hashlib.sha256(b"abc").hexdigest()


def test_numbers_that_json_does_not_have_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, description="Text"),
        replace(KEY, description=None),
        replace(KEY, roles=("A",)),
        replace(KEY, roles=("A,B",)),
        replace(KEY, reauth_timeout_s=61),
        replace(KEY, state="locked"),
        replace(KEY, state=None),
        replace(KEY, handle=7),
        Key("ci"),
        None,
    ],
)
def test_every_field_counts_in_a_fingerprint(other):
    assert fingerprint(other) != fingerprint(KEY)


def test_an_absent_key_is_not_a_key_of_which_nothing_is_known():
    assert fingerprint(None) != fingerprint(Key("ci"))


@given(strategies.keys())
def test_a_fingerprint_does_not_depend_on_the_name(key):
    assert fingerprint(key) == fingerprint(replace(key, key_id="other"))
    assert re.fullmatch("sha256:[0-9a-f]{64}", fingerprint(key))


def test_another_handle_is_another_key_and_an_unknown_one_says_nothing():
    seven = replace(KEY, handle=7)
    assert fingerprint(seven) not in (fingerprint(replace(KEY, handle="7")), fingerprint(replace(KEY, handle=8)))
    assert not is_same_key(seven, replace(KEY, handle=8))
    assert is_same_key(seven, KEY)
    assert is_alike(seven, KEY)
    assert is_alike(KEY, seven)
    assert is_alike(None, None)
    assert not is_alike(seven, replace(seven, handle=8))
    assert not is_alike(seven, replace(KEY, state="locked"))
    assert not is_alike(seven, None)


def test_an_etag_is_no_part_of_a_key():
    assert is_alike(KEY, replace(KEY, etag="7"))
    assert fingerprint(KEY) == fingerprint(replace(KEY, etag="7"))
