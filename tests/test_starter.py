from __future__ import annotations

import strategies
from hypothesis import given
from hypothesis import strategies as st

from keyspec.document import parse_document
from keyspec.merge import Reading, merge_spec
from keyspec.model import Key
from keyspec.spec import is_name
from keyspec.starter import EXAMPLE, write_keys, write_starter

keys = st.builds(
    Key,
    key_id=strategies.names | st.sampled_from(["true", "null", "1e3", "0x10", "on", "a:b", "~", "-", "2024-01-01"]),
    description=st.none() | strategies.texts,
    roles=st.none()
    | st.lists(strategies.texts.filter(bool), max_size=3, unique=True).map(lambda found: tuple(sorted(found))),
    reauth_timeout_s=st.none() | st.integers(min_value=1, max_value=10**6),
    state=st.none() | st.sampled_from(["active", "locked"]),
)


def parse(text):
    return merge_spec([Reading(parse_document(text.encode(), "keyspec.yaml"), named=True)])


def test_the_starter_is_a_valid_spec():
    spec = parse(write_starter() + EXAMPLE)
    assert list(spec.hubs) == ["lab"]
    assert list(spec.keys) == ["ci_deployer"]


def test_what_was_given_stands_in_it():
    spec = parse(write_starter(hub="prod", url="http://127.0.0.1:1", auth="file:a b", own="mine") + EXAMPLE)
    hub = spec.hubs["prod"].value
    assert (hub.url, hub.auth, hub.auth_key_id) == ("http://127.0.0.1:1", "file:a b", ("mine",))


@given(st.lists(keys, max_size=4, unique_by=lambda key: key.key_id))
def test_live_keys_become_declarations_that_say_the_same(found):
    spec = parse(write_starter() + write_keys(found))
    declarable = {key.key_id: key for key in found if is_name(key.key_id) and key.roles}
    assert set(spec.keys) == set(declarable)
    for key_id, key in declarable.items():
        said = spec.keys[key_id].value
        assert said.description == (key.description or None)
        assert said.roles == key.roles
        assert (said.reauth_timeout, said.state) == (key.reauth_timeout_s, key.state)


def test_a_timeout_that_cannot_be_declared_is_left_as_it_is():
    spec = parse(write_starter() + write_keys([Key("a", "", ("User",), 0, None), Key("b", "", ("User",), 2**62, None)]))
    assert [key.value.reauth_timeout for key in spec.keys.values()] == [None, None]


def test_what_cannot_be_declared_is_said_in_a_comment():
    text = write_keys([Key("a b", "", ("User",), 60, "active"), Key("bare", "", (), 60, "active")])
    assert '# "a b" cannot be declared' in text
    assert "# bare cannot be declared: it has no roles" in text
