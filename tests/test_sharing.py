from __future__ import annotations

import pytest
from builders import HUB, default_contract, merged

from keyspec.errors import SpecError
from keyspec.resolve import build_desired
from keyspec.sharing import NO_ORIGIN, makes_value, making_of, owner_of
from keyspec.spec import Value

SHARED = Value(shared=True, origin="a")
ALONE = Value()
GENERATED = Value(**{"from": "generated"})
TOGETHER = Value(**{"from": "generated"}, shared=True)
NONE = Value(**{"from": "none"})


@pytest.mark.parametrize(
    ("value", "hub", "owner", "makes", "fresh", "stored"),
    [
        (ALONE, "a", "a", True, "create", "create"),
        (SHARED, "a", "a", True, "create", "import"),
        (SHARED, "b", "a", False, "import", "import"),
        (GENERATED, "b", "b", False, "import", "import"),
        (TOGETHER, "b", NO_ORIGIN, False, "import", "import"),
        (Value(**{"from": "env:X"}), "b", "b", False, "import", "import"),
        (Value(**{"from": "env:X"}, shared=True), "b", NO_ORIGIN, False, "import", "import"),
        (NONE, "a", "a", False, "none", "none"),
    ],
)
def test_who_owns_a_value_who_makes_it_and_how_it_comes_to_a_hub(value, hub, owner, makes, fresh, stored):
    assert owner_of(value, hub) == owner
    assert makes_value(value, hub) is makes
    assert making_of(value, hub, stored=False) == fresh
    assert making_of(value, hub, stored=True) == stored


def test_no_hub_is_named_like_the_owner_of_a_value_without_an_origin():
    with pytest.raises(SpecError):
        merged(f'hubs: {{"{NO_ORIGIN}": {HUB % "x"}}}')


def problems(value, *, hubs="ab", store="file:secrets/{key}", env=None):
    """Give the codes of what is wrong with a key's value; `env` labels hubs."""
    labels = {name: f", labels: {{env: {(env or {}).get(name, 'prod')}}}" for name in hubs}
    lines = "".join(f"  {name}: {(HUB % name)[:-1]}{labels[name]}}}\n" for name in hubs)
    spec = merged(f'hubs:\n{lines}defaults: {{store: "{store}"}}\nkeys: {{ci_a: {{roles: [User], value: {value}}}}}\n')
    try:
        build_desired(spec, dict.fromkeys(spec.hubs, default_contract()))
    except SpecError as error:
        return sorted({problem.code for problem in error.problems})
    return []


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("{shared: true, origin: a}", []),
        ("{shared: true, from: generated}", []),
        ('{shared: true, from: "env:X"}', []),
        ("{shared: true}", ["value-origin"]),
        ("{shared: true, origin: nobody}", ["value-origin"]),
        ("{shared: true, from: generated, origin: a}", ["value-origin"]),
        ("{shared: true, origin: a, prefix: x_}", ["value-prefix"]),
        ("{shared: true, from: generated, prefix: x_}", []),
        ('{shared: true, from: "file:{hub}/x"}', ["value-shared"]),
    ],
)
def test_a_shared_value_is_made_in_one_place_for_all(value, wrong):
    assert problems(value) == wrong


def test_an_origin_is_for_shared_values():
    assert problems("{origin: a}", hubs="a") == ["value-origin"]


def test_one_reference_on_several_hubs_is_shared_aloud_or_depends_on_the_hub():
    apart = "file:secrets/{hub}/{key}"
    assert problems('{from: "env:X"}', store=apart) == ["value-shared"]
    assert problems('{from: "file:{hub}/x"}', store=apart) == []
    assert problems('{from: "env:X"}', hubs="a", store=apart) == []


def test_a_shared_value_has_one_entry_and_others_have_one_each():
    assert problems("{shared: true, origin: a}", store="file:secrets/{hub}/{key}") == ["store-not-shared"]
    assert problems("{from: generated}") == ["store-shared"]


@pytest.mark.parametrize(
    ("trust", "wrong"),
    [
        ("", ["value-shared-across"]),
        (", trust: [prod]", ["value-shared-across"]),
        (", trust: [prod, lab]", []),
        (", trust: [prod, lab, more]", []),
    ],
)
def test_one_value_crosses_from_one_environment_to_another_only_if_all_are_named(trust, wrong):
    assert problems(f"{{shared: true, origin: a{trust}}}", env={"b": "lab"}) == wrong


def test_hubs_of_one_environment_share_without_more_words():
    assert problems("{shared: true, origin: a}", env={"a": "lab", "b": "lab"}) == []


FLEET = "hubs:\n" + "".join(f"  {name}: {HUB % name}\n" for name in "abcd") + 'defaults: {store: "file:s/{key}"}\n'


def test_what_is_to_be_said_names_hubs_without_an_environment_as_yaml_does():
    hubs = f"hubs:\n  a: {HUB % 'a'}\n  b: {(HUB % 'b')[:-1]}, labels: {{env: lab}}}}\n"
    spec = f'{hubs}defaults: {{store: "file:s/{{key}}"}}\nkeys: {{ci_a: {{roles: [User], value: {{shared: true, origin: a}}}}}}\n'
    with pytest.raises(SpecError) as raised:
        build_desired(merged(spec), dict.fromkeys("ab", default_contract()))
    assert [problem.hint for problem in raised.value.problems] == ['say `trust: ["", lab]` if that is meant']
    said = merged(spec.replace("origin: a", 'origin: a, trust: ["", lab]'))
    assert set(build_desired(said, dict.fromkeys("ab", default_contract())).hubs) == {"a", "b"}


def wrong_origin(key, waves="[[b], [a, c], [d]]"):
    """Give what is wrong with a key that stands on line 10."""
    spec = merged(FLEET + f"rollout: {{waves: {waves}}}\nkeys:\n  ci_a: {{roles: [User], {key}}}\n")
    try:
        build_desired(spec, dict.fromkeys(spec.hubs, default_contract()))
    except SpecError as error:
        return [(str(each.source), each.code, each.message, each.hint) for each in error.problems]
    return []


@pytest.mark.parametrize(
    "key",
    [
        "value: {shared: true, origin: b}",
        "hubs: [a, c, d], value: {shared: true, origin: c}",
        "hubs: [c, d], value: {shared: true, origin: c}",
        "hubs: [d], value: {shared: true, origin: d}",
    ],
)
def test_the_origin_is_in_the_first_wave_of_the_hubs_of_its_key(key):
    assert wrong_origin(key) == []


def test_an_origin_in_a_later_wave_is_an_error_at_its_place():
    assert wrong_origin("value: {shared: true, origin: d}") == [
        (
            "1.yaml:10:47",
            "origin-wave",
            "`d` makes this value in wave 3, and `b` needs it in wave 1",
            "`origin:` name one of its hubs in wave 1: b",
        )
    ]
    ((_, _, message, hint),) = wrong_origin("hubs: [a, c, d], value: {shared: true, origin: d}")
    assert message == "`d` makes this value in wave 3, and `a` needs it in wave 2"
    assert hint == "`origin:` name one of its hubs in wave 2: a, c"


@pytest.mark.parametrize(
    "value", ["{from: generated, shared: true}", '{from: "env:X", shared: true}', "{from: generated}, hubs: [d]"]
)
def test_a_value_that_no_other_hub_makes_knows_no_waves(value):
    assert wrong_origin(f"value: {value}") == []


def test_an_origin_that_is_no_hub_of_the_key_is_told_of_that_only():
    ((_, code, _, _),) = wrong_origin("hubs: [a, b], value: {shared: true, origin: d}")
    assert code == "value-origin"
