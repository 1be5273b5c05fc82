from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyspec.shard import MAX_SHARDS, Shard, parse_shard, shard_of


@given(st.text(min_size=1), st.integers(min_value=1, max_value=MAX_SHARDS))
def test_a_hub_belongs_to_one_shard(hub, of):
    number = shard_of(hub, of)
    assert 1 <= number <= of
    assert Shard(number, of).holds(hub)
    assert not any(Shard(other, of).holds(hub) for other in (number - 1, number + 1))


def test_a_hub_stays_in_its_shard_whatever_version_counts():
    assert [shard_of(name, 16) for name in ("hub_00", "prod_eu", "a")] == [11, 3, 11]


def test_a_thousand_hubs_are_spread_evenly():
    counts = Counter(shard_of(f"hub_{number:04}", 16) for number in range(1000))
    assert len(counts) == 16
    assert max(counts.values()) < 2 * min(counts.values())


@given(st.integers(1, MAX_SHARDS).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))))
def test_a_shard_is_read_as_it_is_written(parts):
    assert parse_shard(str(Shard(*parts))) == Shard(*parts)


@pytest.mark.parametrize(
    "text", ["", "1", "0/1", "2/1", "1/0", "1/10001", "1/2/3", " 1/2", "1/2\n", "+1/2", "٣/٩", "a/b"]
)
def test_anything_else_is_no_shard(text):
    with pytest.raises(ValueError, match="written 3/16"):
        parse_shard(text)
