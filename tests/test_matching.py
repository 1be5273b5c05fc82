from __future__ import annotations

from builders import merged
from hypothesis import given
from hypothesis import strategies as st

from keyspec.matching import Matcher
from keyspec.selector import matches_any, parse_selector
from keyspec.spec import Rollout

SPEC = merged("""
    hubs:
      prod_eu: {url: "https://a.example", auth: "env:A", auth_key_id: own, labels: {env: prod, region: eu}}
      prod_us: {url: "https://b.example", auth: "env:A", auth_key_id: own, labels: {env: prod, region: us}}
      lab_1: {url: "https://c.example", auth: "env:A", auth_key_id: own}
    keys:
      everywhere: {roles: [User]}
      some: {roles: [User], hubs: ["env=prod,region!=us", "lab_*"]}
      without: {roles: [User], hubs: ["region!=us"]}
      exact: {roles: [User], hubs: [prod_us], per_hub: {"prod_*": {}, "env=prod": {}, lab_1: {}, "*": {}}}
""")
MATCHER = Matcher({name: hub.value for name, hub in SPEC.hubs.items()})


def hubs_of(key_id):
    return MATCHER.hubs_of(SPEC.keys[key_id].value)


def test_a_key_without_selectors_is_for_every_hub():
    assert hubs_of("everywhere") == ("lab_1", "prod_eu", "prod_us")


def test_comma_means_and_and_a_list_means_or():
    assert hubs_of("some") == ("lab_1", "prod_eu")


def test_unequal_holds_for_hubs_without_the_label():
    assert hubs_of("without") == ("lab_1", "prod_eu")


def test_overrides_are_found_by_hub_in_file_order_whatever_hubs_the_key_is_for():
    overrides = MATCHER.overrides_of(SPEC.keys["exact"].value)
    assert overrides == {"prod_eu": (0, 1, 3), "prod_us": (0, 1, 3), "lab_1": (2, 3)}


def test_a_hub_is_in_the_first_wave_that_means_it_counting_from_one():
    waves = (("region=eu", "nobody"), ("env=prod",), ("*",))
    assert MATCHER.waves_of(Rollout(waves)) == {"prod_eu": 1, "prod_us": 2, "lab_1": 3}


def test_a_hub_that_no_wave_means_is_in_none():
    assert MATCHER.waves_of(Rollout((("lab_*",),))) == {"lab_1": 1}


@given(
    st.lists(st.sampled_from(["prod_eu", "lab_1", "lab*", "*", "env=prod", "region!=us", "lab_1,env=prod"]), max_size=4)
)
def test_a_plain_name_means_what_it_means_as_a_selector(selectors):
    parsed = [parse_selector(text) for text in selectors]
    labels = {name: hub.value.labels for name, hub in sorted(SPEC.hubs.items())}
    expected = tuple(name for name, of in labels.items() if matches_any(parsed, name, of))
    assert MATCHER.match(tuple(selectors)) == expected
