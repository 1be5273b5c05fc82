import re

import pytest

from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.etag import IF_MATCH_PATTERN, read_if_match, render_etag


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ("*", None),
        ('"7"', {7}),
        (' "7" , "8","9" ', {7, 8, 9}),
        ('W/"7"', set()),
        ('W/"7", "8"', {8}),
        ('"07"', set()),
        ('"0"', set()),
        ('"abc"', set()),
        ('""', set()),
        ('"' + "9" * 100 + '"', set()),
    ],
)
def test_a_tag_is_a_version_or_matches_nothing(header, versions):
    assert read_if_match({"if-match": header}) == versions


def test_no_header_is_no_condition():
    assert read_if_match({"accept": "*/*"}) is None


@pytest.mark.parametrize("header", ["", "7", '"7', '7"', '"7" "8"', '"7";', '*, "7"', 'w/"7"', '"a b"', '"7",', "'7'"])
def test_what_is_no_tag_is_refused(header):
    with pytest.raises(Refusal, match="If-Match") as caught:
        read_if_match({"if-match": header})
    assert caught.value.reason is Reason.BAD_PARAMETER
    assert not re.search(IF_MATCH_PATTERN, header)


def test_what_is_told_is_what_is_wanted():
    assert read_if_match({"if-match": render_etag(12)}) == {12}
    assert re.search(IF_MATCH_PATTERN, render_etag(12))
