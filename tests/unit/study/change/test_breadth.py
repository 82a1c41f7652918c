"""Breadth: flows that were opened, divided by flows that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.record.difference import Difference
from lab.study.change.breadth import breadth_of
from tests.unit.study.change.made import allowed, difference, dropped
from tests.unit.study.change.test_asked_for import asked


@pytest.mark.parametrize(
    ("found", "rows", "breadth"),
    [
        ([difference(size=1)], [{}], 1),
        ([difference("0.0.0.0/0", size=2**32)], [{"from": "supplier"}], 2**32),
        ([difference(size=128)], [{"from": "net:lan"}], 0.5),
        ([difference(size=200), difference(size=312)], [{"from": "net:lan"}, {"from": "10.20.1.0/25"}], 2),
        ([difference(size=3)], [{}, {"service": "tcp/444"}, {"expect": "deny", "service": "tcp/9"}], 1.5),
        ([difference(size=3)], [], 3),
        ([difference(size=3)], [{"expect": "deny"}], 3),
        ([], [{}], 0),
        ([], [], None),
        ([difference(old=allowed(), new=dropped(), size=3)], [], None),
        ([difference(size=1), difference("2001:db8:a::/64", "2001:db8::1", size=2**64)], [{}], 2**64),
        ([difference("2001:db8:a::10", "2001:db8::1", size=4)], [{}, {"from": "world", "family": 4}], 4),
    ],
)
def test_the_ratio(found: list[Difference], rows: list[Mapping[str, Any]], breadth: float | None) -> None:
    assert breadth_of(found, asked(*rows)) == (breadth, ())


def test_a_class_of_unknown_size_counts_as_one_flow_and_that_is_said() -> None:
    breadth, notes = breadth_of([difference(size=None), difference(size=None)], asked({}))
    assert breadth == 2
    assert notes == ("breadth counts 2 classes that open as one flow each, as their size is not known",)
