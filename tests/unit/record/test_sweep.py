"""Keys as ranges, and what a sweep tells of itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.record.sweep import Gear, Ranges, Sweep, SweepGroup, ranges_of
from lab.record.verdict import Kind, Verdict
from tests.unit.verdict.made import observed


@pytest.mark.parametrize(
    ("keys", "ranges"),
    [([], ()), ([0], ((0, 0),)), ([1, 2, 3], ((1, 3),)), ([1, 3], ((1, 1), (3, 3))), ([0, 1, 65535], ((0, 1), (65535, 65535)))],
)
def test_ranges(keys: list[int], ranges: Ranges) -> None:
    assert ranges_of(keys) == ranges


@given(st.lists(st.integers(0, 300), unique=True).map(sorted))
def test_ranges_hold_every_key_and_never_touch(keys: list[int]) -> None:
    ranges = ranges_of(keys)
    assert [key for low, high in ranges for key in range(low, high + 1)] == keys
    assert all(second[0] > first[1] + 1 for first, second in pairwise(ranges))


def group(kind: Kind, *keys: tuple[int, int]) -> SweepGroup:
    return SweepGroup(keys, Verdict(kind, "", observed()))


def test_a_sweep_counts_and_finds_its_keys() -> None:
    shut, gone, open_ = group(Kind.DROPPED, (1, 10), (20, 20)), group(Kind.LOST, (11, 12)), group(Kind.CLOSED, (13, 19))
    sweep = Sweep((shut, gone, open_), Gear.RULE)
    assert (sweep.count, sweep.lost, sweep.open) == (20, 2, (open_,))
    assert [sweep.of(key) for key in (1, 12, 19, 20)] == [shut, gone, open_, shut]
    assert [(low, high) for low, high, _ in sweep.ranges()] == [(1, 10), (11, 12), (13, 19), (20, 20)]
    with pytest.raises(KeyError):
        sweep.of(21)
