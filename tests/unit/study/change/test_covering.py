"""Which differences were asked for: only those of which every flow is a row's, and that are as the row says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.record.difference import Aspect, Difference
from lab.study.change import covering
from lab.study.change.covering import covered
from tests.unit.study.change.made import OFFICE, allowed, closed, difference, dropped, lost
from tests.unit.study.change.test_asked_for import asked


def names(*differences: Difference, rows: list[Mapping[str, Any]]) -> list[str | None]:
    return [one.intended for one in covered(differences, asked(*rows))[0]]


WIDER: Mapping[str, Any] = {"from": "net:lan", "service": "tcp/440-449"}


@pytest.mark.parametrize(
    ("found", "row"),
    [
        (difference(), {}),
        (difference(), WIDER),
        (difference("10.20.1.0/24", services="tcp/440-449"), WIDER),
        (difference(("10.20.1.10", "10.20.1.64/26"), services=("tcp/443", "tcp/445")), WIDER),
        (difference(new=closed()), {}),
        (difference(new=closed()), {"arrives": {"at": "tickets", "port": 8443}}),
        (difference(old=allowed(), new=dropped()), {"expect": "deny"}),
        (difference(sport=53), {}),
        (difference(flags=("ack",)), {"flags": "ack"}),
        (difference(), {"rule": "filter:FORWARD:1"}),
    ],
)
def test_what_a_row_asked_for(found: Difference, row: Mapping[str, Any]) -> None:
    assert names(found, rows=[row]) == ["row 0"]


@pytest.mark.parametrize(
    ("found", "row"),
    [
        (difference("10.20.1.0/24"), {}),
        (difference(destinations="10.20.2.0/24"), WIDER),
        (difference(services="tcp/443-450"), WIDER),
        (difference(services=("tcp/443", "udp/443")), WIDER),
        (difference("10.20.1.0/24"), {**WIDER, "not": {"from": "till"}}),
        (difference(old=allowed(), new=dropped()), {}),
        (difference(), {"expect": "deny"}),
        (difference(old=allowed(), aspect=Aspect.RULE), {}),
        (difference(old=closed(), aspect=Aspect.RULE), {}),
        (difference(old=lost()), {}),
        (difference(new=lost()), {}),
        (difference(flags=("ack",)), {}),
        (difference(), {"sport": 53}),
        (difference(), {"family": 6, "to": "world"}),
        (difference(), {"rule": "filter:FORWARD:2"}),
        (difference(new=allowed("another")), {}),
        (difference(services="nonsense"), {}),
        (difference("::a14:10a", "::a14:20a"), {}),
        (difference(new=closed()), {"rule": "filter:FORWARD:2"}),
    ],
)
def test_what_no_row_asked_for(found: Difference, row: Mapping[str, Any]) -> None:
    assert names(found, rows=[row]) == [None]


def test_several_rows_may_ask_for_one_class() -> None:
    both = difference((OFFICE, "10.20.1.11"), services="tcp/443")
    rows: list[Mapping[str, Any]] = [{"service": "tcp/1-442"}, {"from": "till"}, {}]
    assert names(both, rows=rows) == ["row 1, row 2"]
    assert names(both, rows=rows[:2]) == [None]


def test_what_was_asked_for_in_part_is_collateral_and_is_told_with_what_is_beyond() -> None:
    ((one,), notes) = covered([difference("10.20.1.8/29")], asked({}))
    assert one.intended is None
    (note,) = notes
    assert note == (
        "asked for in part, by row 0: of 10.20.1.10 > 10.20.2.10 tcp/443 and its like 7 flows were not asked for, "
        "as 10.20.1.8/31, 10.20.1.11-10.20.1.15 > 10.20.2.10 tcp/443: that is collateral"
    )
    many = [difference("10.20.1.8/29", services=f"tcp/{port}") for port in range(400, 420)]
    found, notes = covered(many, asked({"service": "tcp/1-1023"}))
    assert len(found) == 20
    assert len(notes) == 9
    assert notes[-1] == "12 more classes were asked for in part: they are collateral"


def test_a_class_that_rows_cut_into_too_many_pieces_is_collateral(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Mapping[str, Any]] = [{"from": "till"}, {"from": "net:lan"}]
    assert names(difference("10.20.1.0/24"), rows=rows) == ["row 0, row 1"]
    monkeypatch.setattr(covering, "_MOST_PIECES", 0)
    assert names(difference("10.20.1.0/24"), rows=rows) == [None]
