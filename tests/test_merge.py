from __future__ import annotations

import pytest
from builders import merged, reading

from keyspec.document import parse_document
from keyspec.errors import Problem, SpecError
from keyspec.merge import Reading, merge_spec

HUBS = 'hubs: {prod: {url: "https://a.example", auth: "env:A", auth_key_id: own}}\n'


def problems_of(*texts, found_before=()):
    readings = [each if not isinstance(each, str) else reading(each, f"{at}.yaml") for at, each in enumerate(texts, 1)]
    with pytest.raises(SpecError) as caught:
        merge_spec(readings, found_before)
    return [(str(problem.source), problem.code) for problem in caught.value.problems]


def test_parts_of_all_files_are_joined_in_their_order_and_know_their_place():
    spec = merged(HUBS, "keys: {b: {roles: [x]}}\n", "keys: {a: {roles: [x]}}\nprofiles: {p: {roles: [y]}}\n")
    assert [str(declared.source()) for declared in spec.keys.values()] == ["2.yaml:2:8", "3.yaml:2:8"]
    assert str(spec.profiles["p"].source("roles")) == "3.yaml:3:16"
    assert spec.connections == {"prod": "1.yaml"}


@pytest.mark.parametrize(
    ("section", "one", "two"), [("keys", "{roles: [x]}", "{roles: [y]}"), ("profiles", "{}", "{}")]
)
def test_the_same_name_declared_twice_is_an_error_that_names_both_places(section, one, two):
    with pytest.raises(SpecError) as caught:
        merged(HUBS + f"{section}: {{a: {one}}}\n", f"{section}: {{a: {two}}}\n")
    (problem,) = caught.value.problems
    assert problem.code == "declared-twice"
    assert str(problem.source).startswith("2.yaml:2:")
    assert "1.yaml:3:" in problem.message


def test_the_same_hub_declared_twice_is_an_error():
    assert problems_of(HUBS, HUBS) == [("2.yaml:2:8", "declared-twice")]


@pytest.mark.parametrize("section", ["ownership: {}", "guards: {}", "defaults: {}", "rollout: {waves: [['*']]}"])
def test_what_governs_the_run_stands_once_and_only_in_files_that_are_named(section):
    assert merged(HUBS, section)
    assert problems_of(HUBS, section, section) == [("3.yaml:2:1", "declared-twice")]
    assert problems_of(HUBS, reading(section, "in.yaml", named=False)) == [("in.yaml:2:1", "misplaced-section")]


def test_included_files_may_hold_hubs_profiles_and_keys():
    spec = merge_spec([reading(HUBS + "profiles: {p: {}}\nkeys: {a: {roles: [x]}}\n", named=False)])
    assert (list(spec.hubs), list(spec.profiles), list(spec.keys)) == (["prod"], ["p"], ["a"])


def test_there_is_at_least_one_hub_in_all():
    assert problems_of("keys: {}", "keys: {a: {roles: [x]}}") == [("None", "no-hubs")]


def test_a_profile_that_nobody_declares_is_an_error_with_a_hint():
    with pytest.raises(SpecError, match=r"did you mean `pipe`\?"):
        merged(HUBS + "profiles: {pipe: {roles: [x]}}\nkeys: {a: {extends: pip}}\n")


@pytest.mark.parametrize(
    "where", ["hubs: [prod, prd]", "per_hub: {prd: {}}", "hubs: ['env=x']", "per_hub: {'lab_*': {}}"]
)
def test_a_selector_that_matches_no_hub_is_an_error_anywhere(where):
    (problem,) = problems_of(HUBS + f"keys: {{a: {{roles: [x], {where}}}}}\n")
    assert problem[1] == "unmatched-selector"


FLEET = """hubs:
  prod_1: {url: "https://a.example", auth: "env:A", auth_key_id: own, labels: {env: prod}}
  prod_2: {url: "https://b.example", auth: "env:A", auth_key_id: own, labels: {env: prod}}
  lab: {url: "https://c.example", auth: "env:A", auth_key_id: own, labels: {env: lab}}
"""


def wrong_waves(*waves, before=FLEET):
    """Give what is wrong with waves that stand on lines 8 and more of one file."""
    lines = "".join(f"    - {wave}\n" for wave in waves)
    with pytest.raises(SpecError) as caught:
        merged(before + "rollout:\n  waves:\n" + lines)
    return [(str(problem.source), problem.code, problem.message, problem.hint) for problem in caught.value.problems]


def test_a_rollout_that_has_every_hub_in_a_wave_is_fine():
    spec = merged(FLEET, 'rollout: {waves: [[lab], ["env=prod"]]}')
    assert str(spec.rollout.source("waves", 1)) == "2.yaml:2:26"
    assert spec.rollout.value.waves == (("lab",), ("env=prod",))
    assert merged(FLEET).rollout is None


def test_a_selector_of_a_wave_that_matches_no_hub_is_an_error():
    assert wrong_waves("['env=lab', lba]", "['*']") == [
        ("1.yaml:8:19", "unmatched-selector", "`lba` matches no hub", "did you mean `lab`?")
    ]


def test_a_hub_in_no_wave_is_an_error_that_names_it():
    assert wrong_waves("[prod_1]") == [
        ("1.yaml:7:3", "no-wave", "in no wave: `lab`, `prod_2`", 'add a last wave ["*"]')
    ]


def test_of_many_hubs_in_no_wave_the_first_are_named():
    more = "".join(
        f'  hub_{number}: {{url: "https://{number}.example", auth: "env:A", auth_key_id: own}}\n' for number in range(9)
    )
    ((_, _, message, _),) = wrong_waves("['env=prod']", before=FLEET + more)
    assert message == "in no wave: `hub_0`, `hub_1`, `hub_2`, `hub_3`, `hub_4` and 5 more"


def test_a_wave_that_earlier_ones_leave_no_hub_may_wait_for_hubs_to_come():
    assert len(merged(FLEET, "rollout: {waves: [['*'], [lab]]}").rollout.value.waves) == 2


def test_a_wave_that_means_no_hub_at_all_is_told_of_its_selectors_only():
    assert [problem[:2] for problem in wrong_waves("['*']", "[nowhere, gone]")] == [
        ("1.yaml:9:8", "unmatched-selector"),
        ("1.yaml:9:17", "unmatched-selector"),
    ]


def test_everything_wrong_with_waves_is_told_in_one_run():
    assert [problem[:2] for problem in wrong_waves("['env=canray']", "['env=prod']", "[prod_1]")] == [
        ("1.yaml:7:3", "no-wave"),
        ("1.yaml:8:8", "unmatched-selector"),
    ]


def test_waves_are_not_judged_while_hubs_are_unknown():
    unread = Problem("file-missing", "gone")
    rollout = "rollout: {waves: [[later], [prod, own]]}\n"
    assert problems_of(HUBS + rollout, found_before=[unread]) == [("None", "file-missing")]
    assert problems_of(HUBS.replace("https", "ftp") + rollout) == [("1.yaml:2:20", "invalid-value")]


def test_waves_with_something_wrong_hide_no_problem_of_the_rest():
    text = FLEET + "rollout: {waves: [[lab], []]}\nkeys: {a: {roles: [x], hubs: [gone]}}\n"
    assert problems_of(text) == [("1.yaml:6:26", "invalid-value"), ("1.yaml:7:31", "unmatched-selector")]


def test_every_problem_of_every_file_is_found_in_one_run():
    first = HUBS + "keys:\n  a: {extends: nowhere}\n  b: {roles: []}\n  c: {roles: [x], hubs: [nowhere]}\n"
    second = "keys:\n  a: {roles: [x]}\n  d: {rolse: [x]}\n  e: {roles: [x], extends: gone}\nguards: {unlock: maybe}\nownership: {}\n"
    third = "ownership: {}\nprofiles: {p: }\n"
    assert problems_of(first, second, third) == [
        ("1.yaml:4:7", "unknown-profile"),
        ("1.yaml:5:14", "invalid-value"),
        ("1.yaml:6:26", "unmatched-selector"),
        ("2.yaml:3:3", "declared-twice"),
        ("2.yaml:4:7", "unknown-field"),
        ("2.yaml:5:19", "unknown-profile"),
        ("2.yaml:6:18", "wrong-type"),
        ("3.yaml:2:1", "declared-twice"),
        ("3.yaml:3:12", "null-value"),
    ]


def test_what_is_declared_but_invalid_is_not_called_missing():
    text = """
    hubs: {prod: {url: nowhere, auth: "env:A", auth_key_id: own}}
    profiles: {p: {rolse: [x]}}
    keys: {a: {extends: p, hubs: [prod]}}
    """
    assert [code for _, code in problems_of(text)] == ["invalid-value", "unknown-field"]


def test_where_a_file_cannot_be_read_nothing_is_called_missing():
    unread = Problem("file-missing", "gone")
    assert problems_of("keys: {a: {extends: p, hubs: [prod]}}\n", found_before=[unread]) == [("None", "file-missing")]


def test_a_file_that_is_no_spec_does_not_hide_problems_of_the_others():
    stranger = Reading(parse_document(b"hunter2: 1\n", "0.yaml"), named=False)
    found = problems_of(stranger, HUBS + "keys: {a: {roles: []}}")
    assert [code for _, code in found] == ["wrong-format", "invalid-value"]
