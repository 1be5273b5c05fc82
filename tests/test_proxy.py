from __future__ import annotations

import pytest

from keyspec.errors import HubError
from keyspec.proxy import choose_proxy, parse_proxy

HUB = "https://hub.eu.example.com:8443"


@pytest.mark.parametrize(
    ("environ", "url", "found"),
    [
        ({}, HUB, None),
        ({"HTTPS_PROXY": "a"}, HUB, ("a", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "a", "https_proxy": "b"}, HUB, ("b", "https_proxy")),
        ({"HTTPS_PROXY": "a", "https_proxy": ""}, HUB, ("a", "HTTPS_PROXY")),
        ({"HTTP_PROXY": "a"}, HUB, None),
        ({"HTTP_PROXY": "a", "all_proxy": "b"}, HUB, ("b", "all_proxy")),
        ({"ALL_PROXY": "a", "HTTPS_PROXY": "b"}, HUB, ("b", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "a", "http_proxy": "b"}, "http://hub.example.com", ("b", "http_proxy")),
        ({"HTTPS_PROXY": "a"}, "http://hub.example.com", None),
        ({"HTTP_PROXY": "a", "REQUEST_METHOD": "GET"}, "http://hub.example.com", None),
        ({"HTTP_PROXY": "a", "http_proxy": "b", "REQUEST_METHOD": ""}, "http://hub.test", ("b", "http_proxy")),
        ({"HTTPS_PROXY": "a", "REQUEST_METHOD": "GET"}, HUB, ("a", "HTTPS_PROXY")),
    ],
)
def test_the_variable_for_the_scheme_goes_before_that_for_all_and_small_letters_before_capitals(environ, url, found):
    assert choose_proxy(url, environ) == found


@pytest.mark.parametrize(
    ("listed", "url", "direct"),
    [
        ("*", HUB, True),
        ("", HUB, False),
        (" , ", HUB, False),
        ("hub.eu.example.com", HUB, True),
        ("example.com", HUB, True),
        (".example.com", HUB, True),
        ("*.example.com", HUB, True),
        ("EXAMPLE.com", HUB, True),
        ("ample.com", HUB, False),
        ("hub.eu.example.com.", HUB, True),
        ("other, example.com", HUB, True),
        ("other example.com", HUB, True),
        ("example.com:8443", HUB, True),
        ("example.com:443", HUB, False),
        ("example.com:443", "https://example.com", True),
        ("10.0.0.7", "https://10.0.0.7", True),
        ("10.0.0.0/8", "https://10.0.0.7", True),
        ("10.0.0.0/8", "https://11.0.0.7", False),
        ("10.0.0.7:8443", "https://10.0.0.7", False),
        ("0.0.7", "https://10.0.0.7", False),
        ("10.0.0.0/8", HUB, False),
        ("2001:db8::1", "https://[2001:db8::1]:8443", True),
        ("[2001:db8::1]", "https://[2001:db8::1]:8443", True),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443", True),
        ("[2001:db8::1]:1", "https://[2001:db8::1]:8443", False),
        ("2001:db8::/32", "https://[2001:db8::1]:8443", True),
        ("10.0.0.0/8", "https://[2001:db8::1]", False),
        ("[2001:db8::]/32", "https://[2001:db8::1]:8443", True),
        ("[2001:db8::]/32:8443", "https://[2001:db8::1]:8443", True),
        ("[2001:db8::]/32:443", "https://[2001:db8::1]:8443", False),
        ("[2001:db9::]/32", "https://[2001:db8::1]:8443", False),
        ("*:8443", HUB, True),
        ("*:443", HUB, False),
        ("*:443", "https://10.0.0.7", True),
        ("10.", "https://10.0.0.7", False),
        ("10", "https://10.0.0.7", False),
        ("[", HUB, False),
        ("example.com:99999999", HUB, False),
    ],
)
def test_no_proxy_lists_names_addresses_and_networks(listed, url, direct):
    assert (choose_proxy(url, {"ALL_PROXY": "a", "NO_PROXY": listed}) is None) is direct
    assert (
        choose_proxy(url, {"ALL_PROXY": "a", "no_proxy": listed, "NO_PROXY": "" if direct else "x"}) is None
    ) is direct


@pytest.mark.parametrize(
    ("text", "shown", "login"),
    [
        ("http://p.test:3128", "http://p.test:3128", None),
        ("http://p.test:3128/", "http://p.test:3128", None),
        ("p.test:3128", "http://p.test:3128", None),
        ("p.test", "http://p.test:80", None),
        ("HTTPS://p.test", "https://p.test:443", None),
        ("http://[::1]:3128", "http://[::1]:3128", None),
        ("http://user:hush@p.test", "http://p.test:80", "user:hush"),
        ("user:hush@p.test", "http://p.test:80", "user:hush"),
        ("http://user@p.test", "http://p.test:80", "user:"),
        ("http://u%3As%40er:h%2Fush@p.test", "http://p.test:80", "u:s@er:h/ush"),
        ("http://@p.test", "http://p.test:80", None),
        ("http://:@p.test", "http://p.test:80", None),
        ("http://user:\udcffhush@p.test", "http://p.test:80", "user:\udcffhush"),
        ("http://user:%FFhush@p.test", "http://p.test:80", "user:\udcffhush"),
        ("http://user:h@u/sh@p.test", "http://p.test:80", "user:h@u/sh"),
    ],
)
def test_a_proxy_is_shown_without_who_we_are_to_it(text, shown, login):
    proxy = parse_proxy(text, "HTTPS_PROXY")
    assert str(proxy) == f"{shown} (HTTPS_PROXY)"
    assert (None if proxy.login is None else proxy.login.reveal()) == login
    assert "hush" not in f"{proxy}{proxy!r}"


@pytest.mark.parametrize(
    "text",
    ["", "http://", "socks5://user:hush@p.test", "http://user:hush@", "http://user:hush@p.test/path",
     "http://user:hush@p.test:0", "http://user:hush@p.test:http", "http://user:hush@p.test?x", "http://hush@[::1",
     "http://user:\ud800hush@p.test", "http://user:hush@\u212a.p.test", "http://user:hush@p\udcff.test",
     "http://user:hush@p test", "http://user:hush@p.test\r\nX: y", "user:hush@socks5://p.test"],
)  # fmt: skip
def test_what_is_no_proxy_is_an_error_that_shows_nothing_of_it(text):
    with pytest.raises(HubError, match="HTTPS_PROXY is no proxy that can be used") as caught:
        parse_proxy(text, "HTTPS_PROXY")
    assert "hush" not in str(caught.value)
    assert "p.test" not in str(caught.value)
