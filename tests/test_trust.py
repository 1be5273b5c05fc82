from __future__ import annotations

import pytest
from builders import merged, reading, spec_of

from keyspec.errors import RefusedError, SpecError
from keyspec.trust import PINNED, check_references, is_trusted, parse_trusted, pin_hubs, trusted_schema

TRUSTED = """
keyspec-trusted: 1
hubs:
  prod: {url: "https://prod.example", auth: "env:PROD", auth_key_id: [own, spare], contract: c.yaml, tls: {ca_file: ca.pem}}
references: ["file:secrets/*/*"]
guards: {max_deletes: 3}
"""
PROD = {
    "url": '"https://prod.example"',
    "auth": '"env:PROD"',
    "auth_key_id": "[spare, own]",
    "contract": "c.yaml",
    "tls": "{ca_file: ca.pem}",
}


def trusted(text=TRUSTED):
    return parse_trusted(reading(text, "base/trusted.yaml").document)


def spec(guards="{max_deletes: 3}", **fields):
    hub = ", ".join(f"{name}: {value}" for name, value in (PROD | fields).items())
    return merged(f"hubs: {{prod: {{{hub}}}}}\nguards: {guards}\n")


def refused(call, *arguments):
    with pytest.raises(RefusedError) as caught:
        call(*arguments)
    assert {problem.code for problem in caught.value.problems} == {"untrusted"}
    return [problem.message for problem in caught.value.problems]


def test_a_spec_that_says_the_same_is_trusted_and_its_files_are_read_from_beside_the_trusted_one():
    assert pin_hubs(spec(), trusted()).connections == {"prod": "base/trusted.yaml"}


@pytest.mark.parametrize(
    "change",
    [{"url": '"https://evil.example"'}, {"auth": '"env:OTHER"'}, {"auth_key_id": "own"}, {"tls": "{}"}, {"tls": "{ca_file: ca.pem, verify: false}"},
     {"contract": "d.yaml"}, {"proxy": '"http://proxy.example"'}, {"allow_http": "true"}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_everything_of_a_connection_is_pinned(change):
    (message,) = refused(pin_hubs, spec(**change), trusted())
    assert f"`{next(iter(change))}`" in message
    assert next(iter(change)) in PINNED


@pytest.mark.parametrize(
    "change", [{"concurrency": "1"}, {"labels": "{a: b}"}, {"timeout": "1s"}, {"role_names": "{a: b}"}]
)
def test_what_gives_no_key_away_is_the_specs_own(change):
    assert pin_hubs(spec(**change), trusted())


def test_a_hub_the_trusted_file_does_not_name_is_refused():
    assert refused(pin_hubs, spec(), trusted("keyspec-trusted: 1\nguards: {max_deletes: 3}\n")) == [
        "hub `prod` is not in the trusted file"
    ]


@pytest.mark.parametrize(
    ("guards", "names"),
    [("{max_deletes: 3}", []), ("{max_deletes: 0, max_change_share: 0%}", []), ("{max_deletes: 4}", ["max_deletes"]), ("{}", ["max_deletes"]),
     ("{max_deletes: 3, max_change_share: 31%}", ["max_change_share"]), ("{max_deletes: 3, unlock: true}", ["unlock"])],
)  # fmt: skip
def test_guards_may_be_tighter_never_looser(guards, names):
    if not names:
        assert pin_hubs(spec(guards), trusted())
    else:
        assert refused(pin_hubs, spec(guards), trusted()) == [
            f"`guards.{name}` allows more than the trusted file" for name in names
        ]


@pytest.mark.parametrize(
    ("age", "least", "allowed"),
    [
        ("", "", True),
        ("plan_max_age: 12h", "", True),
        ("plan_max_age: 12h", "plan_max_age: 12h", True),
        ("plan_max_age: 1h", "plan_max_age: 12h", True),
        ("plan_max_age: 720m", "plan_max_age: 12h", True),
        ("plan_max_age: 43201s", "plan_max_age: 12h", False),
        ("", "plan_max_age: 12h", False),
    ],
)
def test_a_plan_may_grow_no_older_than_the_trusted_file_says(age, least, allowed):
    ours, theirs = (
        spec(f"{{max_deletes: 3, {age}}}"),
        trusted(TRUSTED.replace("max_deletes: 3", f"max_deletes: 3, {least}")),
    )
    if allowed:
        assert pin_hubs(ours, theirs)
    else:
        assert refused(pin_hubs, ours, theirs) == ["`guards.plan_max_age` allows more than the trusted file"]


def test_a_guard_that_allows_more_is_told_where_it_stands_or_is_missing():
    least = trusted(TRUSTED.replace("max_deletes: 3", "plan_max_age: 12h"))
    places = []
    for guards in ("{plan_max_age: 1d}", "{max_deletes: 3}"):
        with pytest.raises(RefusedError) as caught:
            pin_hubs(spec(guards), least)
        places += [str(problem.source) for problem in caught.value.problems]
    assert places == ["1.yaml:3:10", "1.yaml:3:1"]


def test_waves_are_the_specs_own():
    text = 'hubs: {prod: {url: "https://prod.example", auth: "env:PROD", auth_key_id: [own, spare], contract: c.yaml, tls: {ca_file: ca.pem}}}'
    ours = merged(text + "\nguards: {max_deletes: 3}\nrollout: {waves: [['*']], max_failed_hubs: 9}")
    assert pin_hubs(ours, trusted()).rollout == ours.rollout


def test_everything_untrusted_is_told_at_once():
    assert len(refused(pin_hubs, spec("{}", url='"https://evil.example"', auth='"env:OTHER"'), trusted())) == 3


@pytest.mark.parametrize(
    ("reference", "glob", "verdict"),
    [
        ("file:secrets/a", "file:secrets/*", True),
        ("file:./secrets//a", "file:secrets/*", True),
        ("file:secrets/a/b", "file:secrets/*", False),
        ("file:secrets/a/b", "file:secrets/*/*", True),
        ("file:secrets/../evil", "file:secrets/*", False),
        ("file:secrets/x/../a", "file:secrets/*", True),
        ("file:../a", "file:*/a", False),
        ("file:../a", "file:??/a", False),
        ("file:..", "file:*", False),
        ("file:../a", "file:../*", True),
        ("file:../../a", "file:../*/*", False),
        ("file:/etc/a", "file:*/a", False),
        ("file:/etc/a", "file:/etc/?", True),
        ("file:ab", "file:?", False),
        ("vault:kv/a#f", "vault:kv/*", True),
        ("vault:kv/a", "file:kv/*", False),
        ("file:a.b", "file:a?b", True),
        ("file:axb", "file:a.b", False),
        ("file:a\nb", "file:a", False),
        ("file:[a]", "file:[a]", True),
    ],
)
def test_references_are_compared_normalised_and_a_star_crosses_no_slash(reference, glob, verdict):
    assert is_trusted(reference, (glob,)) is verdict


def test_every_store_is_held_to_the_globs_expanded_and_told_once():
    hubs = 'hubs: {%s: {url: "https://a.example", auth: "env:A", auth_key_id: own}, b: {url: "https://b.example", auth: "env:A", auth_key_id: own}}\n'
    fine = spec_of(
        hubs % "a" + 'defaults: {store: "file:secrets/{hub}/{key}"}\nkeys: {k: {roles: [U]}, l: {roles: [U]}}'
    )
    check_references(fine, trusted())
    other = spec_of(
        hubs % "a"
        + 'defaults: {store: "file:{hub}/{key}"}\nkeys: {k: {roles: [U]}, l: {roles: [U], store: "file:/x/{hub}"}}'
    )
    assert len(refused(check_references, other, trusted())) == 2


def test_a_trusted_file_is_validated_like_a_spec():
    with pytest.raises(SpecError) as caught:
        trusted("keyspec-trusted: 1\nhubs: {prod: {url: x}}\nguards: {max_deletes: many}\nkeys: {}\n")
    assert [problem.code for problem in caught.value.problems] == [
        "missing-field",
        "missing-field",
        "invalid-value",
        "wrong-type",
        "unknown-field",
    ]


def test_the_schema_names_the_format():
    schema = trusted_schema()
    assert schema["properties"]["keyspec-trusted"]["const"] == 1
    assert "keyspec-trusted" in schema["required"]
