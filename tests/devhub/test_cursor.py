import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.devhub.credentials import SEAL_BYTES, make_pepper, make_seal
from keyspec.devhub.cursor import make_cursor, read_cursor
from keyspec.devhub.errors import Reason, Refusal

PEPPER = make_pepper()


def seal(text):
    return make_seal(text, pepper=PEPPER)


def is_refused(text, rows="keys", seal=seal):
    try:
        read_cursor(text, rows, seal)
    except Refusal as refusal:
        return refusal.reason is Reason.BAD_PARAMETER
    return False


@given(st.text(st.characters(codec="utf-8")))
def test_a_cursor_leads_back_to_its_row_in_its_list_on_its_hub_only(last):
    cursor = make_cursor("keys", last, seal)
    assert read_cursor(cursor, "keys", seal) == last
    assert is_refused(cursor, "roles")
    assert is_refused(cursor, seal=lambda text: make_seal(text, pepper=make_pepper()))


@given(st.data())
def test_a_cursor_that_was_changed_anywhere_is_refused(data):
    cursor = make_cursor("keys", "ci_deployer", seal)
    place = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_=+/ ").filter(lambda letter: letter != cursor[place]))
    assert is_refused(cursor[:place] + letter + cursor[place + 1 :])
    assert is_refused(cursor[:place])
    assert is_refused(cursor[:place] + letter + cursor[place:])


@given(st.text())
def test_what_no_hub_made_is_refused(text):
    assert is_refused(text)


@pytest.mark.parametrize("place", [b"keys\0a", b"keys", b"", b"\xff"])
def test_a_seal_cannot_be_made_up(place):
    assert is_refused(base64.urlsafe_b64encode(bytes(SEAL_BYTES) + place).rstrip(b"=").decode())


def test_it_says_nothing_in_the_clear_and_needs_no_quoting():
    cursor = make_cursor("keys", "ci_deployer", seal)
    assert "ci_deployer" not in cursor
    assert cursor.replace("-", "").replace("_", "").isalnum()
