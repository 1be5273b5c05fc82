from __future__ import annotations

import pytest
from builders import contract_without, default_contract, spec_of

from keyspec.errors import SpecError

TWO = """
hubs:
  lab: {url: "https://lab.example", auth: "env:A", auth_key_id: own, labels: {env: lab}}
  prod: {url: "https://prod.example", auth: "env:A", auth_key_id: own}
"""


def problems_of(text, **options):
    with pytest.raises(SpecError) as caught:
        spec_of(text, **options)
    return [problem.code for problem in caught.value.problems]


def key_of(text, hub="hub", key_id="a"):
    return spec_of(text).hubs[hub].keys[key_id]


def test_nothing_is_declared_that_is_not_written():
    key = key_of("keys: {a: {roles: [User]}}")
    assert (key.description, key.reauth_timeout_s, key.state, key.roles) == (None, None, None, ("User",))


def test_defaults_yield_to_profiles_they_to_keys_they_to_overrides():
    text = (
        TWO
        + """
defaults: {description: of all, reauth_timeout: 1s, roles: [D], store: "file:{hub}/{key}"}
profiles: {p: {reauth_timeout: 2s, roles: [P]}}
keys: {a: {extends: p, roles: [K], per_hub: {lab: {roles: [O]}}}, b: {}}
"""
    )
    a, lab, b = key_of(text, "prod"), key_of(text, "lab"), key_of(text, "lab", "b")
    assert (a.description, a.reauth_timeout_s, a.roles) == ("of all", 2, ("K",))
    assert (lab.description, lab.reauth_timeout_s, lab.roles) == ("of all", 2, ("O",))
    assert (b.reauth_timeout_s, b.roles) == (1, ("D",))


def test_overrides_hold_in_file_order_and_later_ones_win():
    text = (
        TWO + 'keys: {a: {roles: [U], per_hub: {lab: {reauth_timeout: 1s, description: x}, "*": {reauth_timeout: 2s}}}}'
    )
    lab = key_of(text, "lab")
    assert (lab.reauth_timeout_s, lab.description) == (2, "x")


def test_fields_are_replaced_whole_roles_too():
    assert key_of("profiles: {p: {roles: [A, B]}}\nkeys: {a: {extends: p, roles: [C]}}").roles == ("C",)


def test_an_empty_description_is_declared():
    assert key_of("defaults: {description: of all}\nkeys: {a: {roles: [U], description: ''}}").description == ""


def test_each_field_knows_the_layer_that_declares_it():
    text = (
        TWO
        + """
profiles: {p: {roles: [P]}}
keys:
  a: {extends: p, per_hub: {lab: {state: locked}}}
"""
    )
    lab = key_of(text, "lab")
    assert [str(lab.source(name)) for name in ("roles", "state", "description")] == [
        "keyspec.yaml:7:16",
        "keyspec.yaml:9:35",
        "keyspec.yaml:9:3",
    ]


def test_roles_are_always_declared_unless_the_key_is_absent():
    assert problems_of("keys: {a: {}, b: {state: locked}, c: {state: absent}}") == ["missing-roles", "missing-roles"]
    assert problems_of(TWO + "keys: {a: {state: absent, per_hub: {lab: {state: active}}}}") == ["missing-roles"]


def test_roles_bear_the_hubs_own_names_sorted():
    text = """
hubs:
  prod: {url: "https://p.example", auth: "env:A", auth_key_id: own, role_names: {deployer: Zebra, reader: Ape}}
keys: {a: {roles: [deployer, middle, reader]}}
"""
    desired = spec_of(text).hubs["prod"]
    assert desired.keys["a"].roles == ("Ape", "Zebra", "middle")
    assert [desired.spec_role(role) for role in ("Ape", "Zebra", "middle")] == ["reader", "deployer", "middle"]


@pytest.mark.parametrize("names", ["{a: X, b: X}", "{a: b}", "{c: b}"])
def test_role_names_are_one_to_one(names):
    text = f"""
hubs: {{prod: {{url: "https://p.example", auth: "env:A", auth_key_id: own, role_names: {names}}}}}
keys: {{k: {{roles: [a, b]}}}}
"""
    assert problems_of(text) == ["role-names"]


def test_role_names_may_change_places():
    text = """
hubs: {prod: {url: "https://p.example", auth: "env:A", auth_key_id: own, role_names: {a: b, b: a}}}
keys: {k: {roles: [a]}}
"""
    assert spec_of(text).hubs["prod"].keys["k"].roles == ("b",)


@pytest.mark.parametrize(
    ("one", "two"),
    [("file:x", "file:x"), ("file:x", "file:./y/../x"), ("file:x", "file:X"), ("file:x", "file:x.keyspec"), ("file:x", "file:x.PREV"),
     ("file:x.tmp", "file:x"), ("file:x", "file:x.next"), ("dotenv:.env#A", "dotenv:.env#A")],
)  # fmt: skip
def test_two_keys_never_share_an_entry(one, two):
    assert problems_of(
        f'keys: {{a: {{roles: [U], store: "{one}"}}, b: {{roles: [U], store: "{two}"}}}}', store=False
    ) == ["store-shared"]


def test_one_key_on_two_hubs_has_two_entries():
    assert problems_of(TWO + 'defaults: {store: "file:{key}"}\nkeys: {a: {roles: [U]}, b: {roles: [U]}}') == [
        "store-shared"
    ]
    assert spec_of(TWO + 'defaults: {store: "file:{hub}/{key}"}\nkeys: {a: {roles: [U]}, b: {roles: [U]}}')


def test_entries_that_only_look_alike_are_two():
    assert spec_of('keys: {a: {roles: [U], store: "vault:x"}, b: {roles: [U], store: "vault:x.prev"}}', store=False)


@pytest.mark.parametrize("url", ["http://hub.example", "http://10.0.0.1"])
def test_plain_http_is_only_for_loopback_unless_it_is_said_aloud(url):
    hub = f'hubs: {{prod: {{url: "{url}", auth: "env:A", auth_key_id: own%s}}}}'
    assert problems_of(hub % "") == ["plain-http"]
    assert spec_of(hub % ", allow_http: true")
    assert spec_of((hub % "").replace(url, "http://127.0.0.1:8080"))


def test_no_own_key_is_an_error_where_the_contract_sends_one():
    from dataclasses import replace

    text = 'hubs: {prod: {url: "https://p.example", auth: "env:A", auth_key_id: none}}'
    assert problems_of(text) == ["own-key-missing"]
    assert spec_of(text, contract=replace(default_contract(), auth=None)).hubs["prod"].hub.auth_key_id == ()


def test_a_client_certificate_and_its_key_go_together():
    text = 'hubs: {prod: {url: "https://p.example", auth: "env:A", auth_key_id: own, tls: {client_cert: c.pem}}}'
    assert problems_of(text) == ["missing-field"]


@pytest.mark.parametrize("tls", ["{verify: false}", "{ca_file: ca.pem}"])
def test_http_has_no_tls_settings(tls):
    text = f'hubs: {{prod: {{url: "http://127.0.0.1", auth: "env:A", auth_key_id: own, tls: {tls}}}}}'
    assert problems_of(text) == ["tls-on-http"]
    assert spec_of(text.replace("http:", "https:"))
    assert spec_of(text.replace(tls, "{}"))


@pytest.mark.parametrize("url", ["https://127.0.0.1", "http://[::1]", "https://localhost:8443"])
def test_this_machine_has_no_proxy(url):
    text = f'hubs: {{prod: {{url: "{url}", auth: "env:A", auth_key_id: own, proxy: "http://proxy.example:3128"}}}}'
    assert problems_of(text) == ["proxy-on-loopback"]
    assert spec_of(text.replace(url, "https://p.example")).hubs["prod"].hub.proxy == "http://proxy.example:3128"


def test_every_problem_is_found_in_one_run():
    text = """
hubs: {prod: {url: "http://p.example", auth: "env:A", auth_key_id: none, role_names: {x: y, z: y}}}
keys: {a: {}, b: {roles: [U], store: "file:s"}, c: {roles: [U], store: "file:s"}}
"""
    expected = ["missing-roles", "own-key-missing", "plain-http", "role-names", "store-shared"]
    assert sorted(problems_of(text, store=False)) == expected


def test_the_digest_follows_from_what_is_meant_not_from_how_it_is_written():
    one = spec_of('keys: {a: {roles: [A, B]}, b: {roles: [A]}}\nownership: {key_ids: ["x*", "y*"]}').spec
    two = spec_of(
        'ownership: {key_ids: ["y*", "x*"]}\nprofiles: {p: {roles: [B, A]}}\nkeys: {b: {roles: [A]}, a: {extends: p}}'
    ).spec
    assert one == two
    assert spec_of("keys: {a: {roles: [A]}}").spec != spec_of("keys: {a: {roles: [B]}}").spec
    assert spec_of("guards: {unlock: true}").spec != spec_of("").spec
    assert spec_of("keys: {a: {roles: [A]}}").spec != spec_of("keys: {a: {roles: [A], protected: true}}").spec


WAVES = 'rollout: {waves: [["env=lab"], ["*"]], max_failed_hubs: %d}\n'


def test_every_hub_knows_its_wave_and_the_spec_its_rollout():
    desired = spec_of(TWO + WAVES % 2)
    assert {name: hub.wave for name, hub in desired.hubs.items()} == {"lab": 1, "prod": 2}
    assert (desired.rollout.waves, desired.rollout.max_failed_hubs) == ((("env=lab",), ("*",)), 2)


def test_without_a_rollout_there_are_no_waves():
    desired = spec_of(TWO)
    assert {hub.wave for hub in desired.hubs.values()} == {None}
    assert desired.rollout is None


def test_the_digest_follows_from_the_waves_of_hubs_not_from_their_selectors():
    one = spec_of(TWO + WAVES % 0).spec
    assert one != spec_of(TWO).spec
    assert one == spec_of(TWO + "rollout: {waves: [[lab], [prod]], max_failed_hubs: 1}").spec
    assert one != spec_of(TWO + "rollout: {waves: [[prod], [lab]]}").spec
    assert one != spec_of(TWO + "rollout: {waves: [['*']]}").spec


def test_the_digest_of_a_spec_without_waves_stays_as_it_was():
    was = "sha256:409a2523f79a55ab409e2ed781940a9c9aad55522c7e6cc99dfed8b967bd9644"
    text = TWO + "keys: {a: {roles: [A]}}\nguards: {max_deletes: 3%s}"
    assert spec_of(text % "").spec == was
    assert spec_of(text % ", plan_max_age: 12h").spec == was


def test_contracts_do_not_change_the_resolved_keys():
    text = "keys: {a: {roles: [U]}}"
    assert spec_of(text).spec == spec_of(text, contract=contract_without("lock_key")).spec
