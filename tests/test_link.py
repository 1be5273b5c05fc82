from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.errors import HubError
from keyspec.link import find_next

ROOT = "https://hub.example.com/prefix/api"
ASKED = f"{ROOT}/keys?limit=5"


def follow(header):
    return find_next(header, asked=ASKED, root=ROOT)


@pytest.mark.parametrize(
    ("header", "url"),
    [
        (None, None),
        ("", None),
        ('</prefix/api/keys>; rel="prev"', None),
        ('<https://hub.example.com/prefix/api/keys?page=2>; rel="next"', f"{ROOT}/keys?page=2"),
        ("<?page=2>; rel=next", f"{ROOT}/keys?page=2"),
        ("<keys?page=2>;rel=next", f"{ROOT}/keys?page=2"),
        ('</prefix/api/a>; rel="first", </prefix/api/b>; title="x, <y>"; rel="last next"', f"{ROOT}/b"),
        ("<https://hub.example.com:443/prefix/api/keys>; REL=Next", "https://hub.example.com:443/prefix/api/keys"),
        ("</prefix/api/b>; rel=next, </prefix/api/b>; rel=next", f"{ROOT}/b"),
    ],
)
def test_the_next_page_is_where_the_header_says(header, url):
    assert follow(header) == url


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example.com/prefix/api/keys",
        "http://hub.example.com/prefix/api/keys",
        "https://hub.example.com:8443/prefix/api/keys",
        "https://user@hub.example.com/prefix/api/keys",
        "//elsewhere.example.com/prefix/api/keys",
        "/prefix/apikeys",
        "/prefix/other",
        "../../other",
        "/prefix/api/%2e%2e/other",
        "/prefix/api/..%2fother",
        "/prefix/api/%252e%252e/other",
        "/prefix/api/%25252e./other",
        "/prefix/api/..;/other",
        "/prefix/api/..;a=b/other",
        "/prefix/api/.%2e%3Ba/other",
        "/prefix/api/.;/other",
        "/prefix/api/a%252fb",
        "/prefix/api/a%5cb",
        "/prefix/api/a\\b",
        "/prefix/api/keys#x",
        "javascript:alert(1)",
        "https://[::1/prefix/api/keys",
        "https://hub.example.com:x/prefix/api/keys",
        "/prefix/api/a b",
    ],
)
def test_a_link_that_leads_elsewhere_is_an_error_that_does_not_quote_it(target):
    with pytest.raises(HubError, match="not followed") as caught:
        follow(f"<{target}>; rel=next")
    assert target not in str(caught.value)


@pytest.mark.parametrize(
    "header", ["keys; rel=next", "<keys; rel=next", "<keys> rel=next", "<a>; rel=next,,<" + "x" * 9000 + ">"]
)
def test_a_header_that_cannot_be_read_is_an_error(header):
    with pytest.raises(HubError):
        follow(header)


def test_two_next_pages_are_an_error():
    with pytest.raises(HubError, match="several"):
        follow("<a>; rel=next, <b>; rel=next")


@given(st.text(max_size=60) | st.text('<>;,=" relnxt/.%2eah:\\@#?', max_size=60))
def test_any_header_names_a_page_below_the_root_or_none_or_is_an_error(header):
    try:
        url = follow(header)
    except HubError:
        return
    assert url is None or url.startswith(f"{ROOT}/")
