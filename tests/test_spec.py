from __future__ import annotations

import jsonschema
import pytest
from builders import reading

from keyspec.spec import SPEC_FORMAT, Guards, Hub, Ownership, Rollout, is_loopback, is_name, spec_schema
from keyspec.validation import validate_document

PROD = {"url": "https://prod.example", "auth": "env:A", "auth_key_id": "own"}


def valid(**parts):
    value, problems = validate(parts)
    assert not problems
    return value


def validate(parts):
    import json

    return validate_document(reading(json.dumps({"keyspec": 1, **parts})).document, SPEC_FORMAT)


def hub(**fields):
    return valid(hubs={"prod": PROD | fields}).hubs["prod"]


def refused(**parts):
    value, problems = validate(parts)
    assert value is None
    return [problem.code for problem in problems]


def test_the_defaults_are_those_of_the_product():
    guards = Guards()
    assert (guards.max_deletes, guards.max_change_share, guards.unlock) == (5, 30, False)
    assert guards.plan_max_age is None
    assert Ownership() == Ownership(key_ids=(), unlisted="report")
    prod = hub()
    assert (prod.concurrency, prod.timeout, prod.contract, prod.tls.verify) == (8, 10, "cipherinsights-v1", True)
    assert isinstance(prod, Hub)


@pytest.mark.parametrize("name", ["a", "A1", "0", "ci_deployer", "a.b-c_d", "x" * 128])
def test_names_hold_letters_digits_dots_underscores_and_hyphens(name):
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "_a", ".a", "-a", "a b", "a/b", "x" * 129, "é", "a\n", "a{b}", "*"])  # fmt: skip
def test_other_names_are_none(name):
    assert not is_name(name)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://hub.example", "https://hub.example"),
        ("https://hub.example:8443/base/", "https://hub.example:8443/base"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_url_names_a_host_and_loses_the_slash_at_its_end(written, read):
    assert hub(url=written).url == read


@pytest.mark.parametrize(
    "url",
    ["", "hub.example", "ftp://h", "https://", "https:///x", "https://u@h", "https://u:p@h", "https://h?q=1", "https://h#f",
     "https://h?", "https://h#", "https://h:0", "https://h:99999", "https://h:x", "https://h/ x", "https://h\\x", "https://h/../x",
     "https://h/./x", "HTTP://hub.example", "HTTPS://hub.example", "https://h\n", "https://[::1",
     "https://a..b", "https://256.1.1.1", "https://[v1.a]", "https://[fe80::1%25e]", "https://ü.example", "https://\u200b",
     "https://" + "a" * 64, "https://" + ".".join(["a" * 60] * 5), "https://a|b", "https://*",
     "https://\u212aube.example", "https://h/%2e%2e/x", "https://h/.%2E/x", "https://h/a/%2e", "https://h/..;a/x",
     "https://hub.example.", "https://hub.example.:8443/x"],
)  # fmt: skip
def test_a_url_with_more_or_less_than_a_hub_needs_is_refused(url):
    assert refused(hubs={"prod": PROD | {"url": url}}) == ["invalid-value"]


@pytest.mark.parametrize("url", ["http://localhost", "http://127.0.0.1:1", "http://127.255.0.9", "http://[::1]:2/x"])
def test_loopback_is_this_machine(url):
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url", ["http://localhost.evil", "http://128.0.0.1", "http://127.0.0.1.evil", "http://evil", "http://[::2]"]
)
def test_loopback_is_nothing_else(url):
    assert not is_loopback(url)


@pytest.mark.parametrize(
    ("written", "read"),
    [("own", ("own",)), (["b", "a", "b"], ("a", "b")), ("none", ()), (["none"], ()), (["none", "a"], ("a", "none"))],
)
def test_own_keys_are_one_id_a_set_or_none(written, read):
    assert hub(auth_key_id=written).auth_key_id == read


@pytest.mark.parametrize("written", [[], [""], "", 5, {}])
def test_own_keys_are_named(written):
    assert refused(hubs={"prod": PROD | {"auth_key_id": written}})


@pytest.mark.parametrize(
    ("written", "seconds"), [(1, 1), ("90s", 90), ("5m", 300), ("1h", 3600), ("60", 60), ("14d", 1209600)]
)
def test_durations_are_seconds_or_a_number_and_a_unit(written, seconds):
    assert valid(defaults={"reauth_timeout": written}).defaults.reauth_timeout == seconds


@pytest.mark.parametrize("written", [0, -1, "0s", "", "5 m", "m", 1.5, True, [], "1h30m", "٣s"])
def test_other_durations_are_refused(written):
    assert refused(defaults={"reauth_timeout": written}) == ["invalid-value"]


@pytest.mark.parametrize(("written", "share"), [("0%", 0), ("30%", 30), ("100%", 100)])
def test_a_share_is_per_cent(written, share):
    assert valid(guards={"max_change_share": written}).guards.max_change_share == share


@pytest.mark.parametrize("written", [30, 0.3, "30", "101%", "-1%", "٣%", "30 %", "3.5%", True])
def test_other_shares_are_refused(written):
    assert refused(guards={"max_change_share": written}) == ["invalid-value"]


@pytest.mark.parametrize("field", [{"concurrency": 0}, {"concurrency": 129}, {"concurrency": "8"}, {"concurrency": True},
                                   {"requests_per_second": 0}, {"requests_per_second": "20"}, {"requests_per_second": True},
                                   {"timeout": 0}, {"allow_http": "yes"}, {"labels": {"tier": 1}}, {"auth": "hunter2"},
                                   {"auth": 5}, {"contract": ""}, {"role_names": {"a": ""}}])  # fmt: skip
def test_no_setting_of_a_hub_takes_what_it_does_not_mean(field):
    assert refused(hubs={"prod": PROD | field})


@pytest.mark.parametrize(("written", "seconds"), [(90, 90), ("90s", 90), ("12h", 43_200), ("2d", 172_800)])
def test_the_age_of_a_plan_is_a_duration(written, seconds):
    assert valid(guards={"plan_max_age": written}).guards.plan_max_age == seconds


@pytest.mark.parametrize("written", [0, "0h", "12 h", "1h30m", True, [], "none"])
def test_the_age_of_a_plan_is_nothing_else(written):
    assert refused(guards={"plan_max_age": written}) == ["invalid-value"]


def test_a_rollout_is_waves_of_selectors_in_their_order_and_no_hub_may_fail_unless_it_says_so():
    waves = [["env=canary"], ["env=prod,region=eu", "lab_*"], ["*"]]
    assert valid(rollout={"waves": waves}).rollout == Rollout(tuple(map(tuple, waves)), max_failed_hubs=0)
    assert valid(rollout={"waves": [["*"]], "max_failed_hubs": 3}).rollout.max_failed_hubs == 3


@pytest.mark.parametrize(
    ("rollout", "wrong"),
    [
        ({}, ["missing-field"]),
        ({"waves": []}, ["invalid-value"]),
        ({"waves": [[]]}, ["invalid-value"]),
        ({"waves": [["*"], []]}, ["invalid-value"]),
        ({"waves": ["*"]}, ["wrong-type"]),
        ({"waves": "*"}, ["wrong-type"]),
        ({"waves": [["a b"]]}, ["invalid-value"]),
        ({"waves": [[1]]}, ["wrong-type"]),
        ({"waves": [["*"]], "max_failed_hubs": -1}, ["invalid-value"]),
        ({"waves": [["*"]], "max_failed_hubs": 1.0}, ["wrong-type"]),
        ({"waves": [["*"]], "max_failed_hubs": "1"}, ["wrong-type"]),
        ({"waves": [["*"]], "max_failed_hubs": True}, ["wrong-type"]),
        ({"waves": [["*"]], "max_failed_hubs": None}, ["null-value"]),
        ({"waves": [["*"]], "max_failed": 1}, ["unknown-field"]),
        ([["*"]], ["wrong-type"]),
    ],
)
def test_a_rollout_is_nothing_else(rollout, wrong):
    assert refused(rollout=rollout) == wrong


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("rollout: {}", "2:1"),
        ("rollout:\n  waves: []", "3:10"),
        ("rollout:\n  waves:\n    - []", "4:7"),
        ("rollout:\n  waves:\n    - [ok, 'a b']", "4:12"),
        ("rollout: {waves: [[x]], max_failed: 1}", "2:25"),
        ("rollout: {waves: [[x]], max_failed_hubs: -1}", "2:42"),
        ("guards: {plan_max_age: 12 h}", "2:24"),
    ],
)
def test_what_is_wrong_with_waves_is_told_where_it_stands(text, place):
    (problem,) = validate_document(reading(text).document, SPEC_FORMAT)[1]
    assert str(problem.source) == f"keyspec.yaml:{place}"


def test_a_reference_is_never_quoted():
    _, problems = validate({"hubs": {"prod": PROD | {"auth": "hunter2"}}})
    assert all("hunter2" not in str(problem) for problem in problems)


def test_roles_are_a_set_of_at_least_one_name():
    assert valid(keys={"a": {"roles": ["b", "a", "b"]}}).keys["a"].roles == ("a", "b")
    assert refused(keys={"a": {"roles": []}}) == ["invalid-value"]
    assert refused(keys={"a": {"roles": [""]}}) == ["invalid-value"]


def test_only_keys_and_overrides_may_be_absent():
    assert valid(keys={"a": {"state": "absent", "per_hub": {"x": {"state": "absent"}}}})
    assert refused(defaults={"state": "absent"}) == ["invalid-value"]
    assert refused(profiles={"p": {"state": "absent"}}) == ["invalid-value"]


def test_roles_profiles_and_hubs_are_no_fields_of_an_override():
    assert (
        refused(keys={"a": {"per_hub": {"x": {"extends": "p", "hubs": ["x"], "protected": True}}}})
        == ["unknown-field"] * 3
    )


@pytest.mark.parametrize("selector", ["", "a,", "=x", "env=", "env==x", "a b"])
def test_a_selector_that_is_none_is_refused_wherever_it_stands(selector):
    assert refused(keys={"a": {"hubs": [selector]}}) == ["invalid-value"]
    assert refused(keys={"a": {"per_hub": {selector: {}}}}) == ["invalid-value"]


EXAMPLES = [
    {"keyspec": 1},
    {"keyspec": 1, "include": ["teams/*.yaml"], "ownership": {"key_ids": ["ci_*"], "unlisted": "lock"}},
    {"keyspec": 1, "hubs": {"prod": PROD | {"auth_key_id": ["a", "b"], "timeout": "10s", "requests_per_second": 20, "labels": {"a": "b"}}}},
    {"keyspec": 1, "guards": {"max_change_share": "30%", "max_deletes": 0, "unlock": True}, "profiles": {"p": {"roles": ["a"]}}},
    {"keyspec": 1, "rollout": {"waves": [["env=a", "b"], ["*"]], "max_failed_hubs": 2}, "guards": {"plan_max_age": "12h"}},
    {"keyspec": 1, "keys": {"a": {"extends": "p", "hubs": ["x"], "per_hub": {"x": {"state": "absent"}}, "protected": True}}},
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_schema_takes_what_validation_takes(example):
    jsonschema.Draft202012Validator.check_schema(spec_schema())
    jsonschema.validate(example, spec_schema(), cls=jsonschema.Draft202012Validator)
    assert not validate(example)[1]


@pytest.mark.parametrize(
    "example",
    [{}, {"keyspec": 2}, {"keyspec": 1, "kyes": {}}, {"keyspec": 1, "keys": {"bad id": {}}}, {"keyspec": 1, "keys": {"a": {"roles": []}}},
     {"keyspec": 1, "guards": {"max_change_share": 30}}, {"keyspec": 1, "hubs": {"prod": {}}}, {"keyspec": 1, "keys": {"a": {"state": None}}},
     {"keyspec": 1, "rollout": {}}, {"keyspec": 1, "rollout": {"waves": []}}, {"keyspec": 1, "rollout": {"waves": [[]]}},
     {"keyspec": 1, "rollout": {"waves": [["*"]], "max_failed_hubs": -1}}, {"keyspec": 1, "guards": {"plan_max_age": "12 h"}}],
)  # fmt: skip
def test_the_schema_refuses_what_validation_refuses(example):
    assert not jsonschema.Draft202012Validator(spec_schema()).is_valid(example)
