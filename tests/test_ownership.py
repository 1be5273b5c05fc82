from __future__ import annotations

import pytest
from builders import hub_of, key, spec_of

from keyspec.ownership import Policy, is_owned, pair_keys

DESIRED = spec_of(
    """
hubs:
  hub: {url: "https://h.example", auth: "env:A", auth_key_id: [own, ci_own]}
  lab: {url: "https://l.example", auth: "env:A", auth_key_id: own}
ownership: {key_ids: ["ci_*", "o?n"]}
keys: {ci_a: {roles: [User]}, ci_lab: {roles: [User], hubs: [lab]}, free: {roles: [User]}, ci_own: {roles: [User], hubs: [lab]}}
"""
)
HUB = DESIRED.hubs["hub"]
LIVE = hub_of(*(key(each) for each in ("ci_a", "ci_lab", "ci_own", "ci_x", "ci x", "theirs", "CI_y"))).keys


def pairs(**policy):
    return {pair.key_id: pair.standing for pair in pair_keys(DESIRED, HUB, LIVE, Policy(**policy))}


def test_declared_unlisted_and_elsewhere_keys_are_paired_and_no_others():
    assert pairs() == {"ci_a": "declared", "ci_lab": "elsewhere", "ci_x": "unlisted", "free": "declared"}


def test_none_on_one_side_is_the_meaning():
    found = {pair.key_id: (pair.desired is None, pair.live is None) for pair in pair_keys(DESIRED, HUB, LIVE, Policy())}
    assert found == {"ci_a": (False, False), "ci_lab": (True, False), "ci_x": (True, False), "free": (False, True)}


def test_pairs_are_in_the_order_of_their_ids():
    backwards = dict(reversed(LIVE.items()))
    assert [pair.key_id for pair in pair_keys(DESIRED, HUB, backwards, Policy())] == sorted(pairs())


@pytest.mark.parametrize(
    ("globs", "found"), [(("ci_a",), {"ci_a"}), (("*x", "f*"), {"ci_x", "free"}), (("no",), set())]
)
def test_a_run_looks_only_at_the_keys_it_names(globs, found):
    assert set(pairs(keys=globs)) == found


@pytest.mark.parametrize("key_id", ["own", "ci_own", "ci x", "theirs", "CI_y"])
def test_own_keys_foreign_ids_and_other_keys_are_never_owned(key_id):
    assert not is_owned(key_id, DESIRED, HUB)


def test_nothing_is_owned_without_globs():
    desired = spec_of("keys: {ci_a: {roles: [User]}}")
    assert not is_owned("ci_a", desired, desired.hubs["hub"])
