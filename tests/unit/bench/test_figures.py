from __future__ import annotations

import pytest

from lab.bench.figures import Size, growing, merged


def test_nested_figures_are_merged_and_none_takes_nothing_away() -> None:
    one = {"a": 1, "b": None, "peers": {"x": 1, "y": None}}
    other = {"a": None, "b": 2, "peers": {"y": 3}, "c": None}
    assert merged(one, other) == {"a": 1, "b": 2, "peers": {"x": 1, "y": 3}, "c": None}


def test_sizes_grow_up_to_the_last() -> None:
    assert growing(10, 10_000) == (10, 100, 1_000, 10_000)


def test_a_quick_measurement_leaves_out_what_is_large() -> None:
    assert Size(quick=True).up_to((10, 100, 1_000), quick=100) == (10, 100)
    assert Size().up_to((10, 100, 1_000), quick=100) == (10, 100, 1_000)


@pytest.mark.parametrize(("runs", "few"), [(1, 1), (3, 3), (9, 3)])
def test_what_takes_seconds_is_measured_a_few_times(runs: int, few: int) -> None:
    assert Size(runs=runs).few(3) == few
