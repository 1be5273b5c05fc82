from __future__ import annotations

import pytest
from test_contract import TEXT, problems_of

from keyspec.contract import parse_contract
from keyspec.document import parse_document

AUTH = "auth: {header: x-api-key}"
LOGIN = (
    'scheme: login, path: "/session", body: {key: "{credential}"}, statuses: [200], token: data.token, header: x-token'
)


def parse(auth, headers=""):
    return parse_contract(parse_document(TEXT.replace(AUTH, f"auth: {auth}\n{headers}").encode(), "c.yaml"))


@pytest.mark.parametrize(
    ("auth", "carrier", "stem", "sends_key"),
    [
        ("none", None, None, False),
        ("{header: x-api-key}", "x-api-key", "", True),
        ('{scheme: header, header: x-api-key, prefix: "Key "}', "x-api-key", "Key ", True),
        ("{scheme: bearer}", "authorization", "Bearer ", True),
        ("{scheme: basic}", "authorization", "Basic ", True),
        ("{scheme: certificate}", None, "", False),
        (f"{{{LOGIN}}}", "x-token", "", True),
        (f'{{{LOGIN}, method: POST, prefix: "Bearer "}}', "x-token", "Bearer ", True),
    ],
)
def test_every_scheme_says_in_which_header_what_stands(auth, carrier, stem, sends_key):
    contract = parse(auth)
    found = contract.auth
    assert (found.carrier if found else None, found.stem if found else None) == (carrier, stem)
    assert contract.sends_key is sends_key


@pytest.mark.parametrize(
    ("auth", "code", "says"),
    [
        ("{}", "missing-field", "`header` is required here, by `scheme: header`"),
        ("{scheme: bearer, header: x}", "unknown-field", "`scheme: bearer` has no field `header`"),
        ("{scheme: header, header: x, token: t}", "unknown-field", "no field `token`"),
        ("{scheme: digest}", "invalid-value", "one of"),
        ("{scheme: [bearer]}", "invalid-value", "one of"),
        ("{scheme: bearer, hedaer: x}", "unknown-field", "no field `hedaer`"),
        ("bearer", "wrong-type", "a mapping"),
        ("{header: Content-Type}", "invalid-value", "not one that a credential can stand in"),
        ("{header: host}", "invalid-value", "not one that a credential"),
        ("{scheme: login}", "missing-field", "`token` is required"),
        (f"{{{LOGIN}, method: GET}}", "invalid-value", "POST"),
        (f"{{{LOGIN.replace('/session', '/s/{credential}')}}}", "wrong-placeholder", "alone in its body"),
        (f"{{{LOGIN.replace('{credential}', 'x{credential}')}}}", "wrong-placeholder", "alone in its body"),
        (f"{{{LOGIN.replace('{credential}', '{value}')}}}", "wrong-placeholder", "only `{credential}`"),
        (f"{{{LOGIN.replace('{credential}', 'x')}}}", "missing-placeholder", "must carry {credential}"),
        (f"{{{LOGIN.replace('[200]', '[302]')}}}", "invalid-value", "200 to 299"),
    ],
)
def test_what_a_scheme_lacks_or_has_of_another_is_a_problem_in_its_line(auth, code, says):
    text = TEXT.replace(AUTH, f"auth: {auth}")
    line = text[: text.index("auth: ")].count("\n") + 1
    assert any(found[0] == code and found[1] == line and says in found[3] for found in problems_of(text))


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("host: x", "not one that a contract may set"),
        ("Authorization: x", "not one that"),
        ("cookie: x", "not one that"),
        ("content-type: text/plain", "not one that"),
        ("X-Api-Key: x", "not one that"),
        ("proxy-authorization: x", "not one that"),
        ("transfer-encoding: chunked", "not one that"),
        ('"x y": a', "letters, digits and -"),
        ('x: ""', "printable ASCII"),
        ('x: "a\\r\\nb: c"', "printable ASCII"),
        ('x: " a"', "printable ASCII"),
        ("x: 7", "text is wanted"),
        ("X: a, x: b", "stands here twice"),
    ],
)
def test_constant_headers_carry_no_credential_and_break_no_request(header, says):
    text = TEXT.replace(AUTH, f"{AUTH}\nheaders: {{{header}}}")
    line = text[: text.index("headers: ")].count("\n") + 1
    assert any(found[1] == line and says in found[3] for found in problems_of(text))


def test_constant_headers_are_kept():
    assert parse("{scheme: bearer}", "headers: {accept-language: en, X-Tenant: a b}").headers == {
        "accept-language": "en",
        "X-Tenant": "a b",
    }
