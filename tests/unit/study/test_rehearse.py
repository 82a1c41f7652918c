"""Which cells packets are taken from in a window, what both sides are called, and what is told as it comes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.errors import InputError, Interrupted
from lab.lab import Lab
from lab.prepare.sides import Sides
from lab.record.rehearsal import Event, Phase
from lab.ruleset.backend import Backend
from lab.study.rehearse import phases
from lab.study.rehearse.asked import Asked
from lab.study.rehearse.chosen import MOST_FLOWS, MOST_STREAMS, held_cells, streamed_cells
from lab.study.rehearse.prepared import Prepared, prepared
from lab.study.rehearse.timeline import Timeline
from lab.written.cell import Cell, Expectation, Service
from lab.written.change import Change
from tests.unit.verdict.made import cell


def of_row(row: str, number: int, *, family: int = 4, at: str = "gateway", **keys: Any) -> Cell:
    return replace(cell(), id=f"{row}-{family}-{number}", row=row, family=family, at=at, **keys)


def many(rows: int, cells: int, families: tuple[int, ...] = (4, 6)) -> list[Cell]:
    return [of_row(f"r{row}", one, family=family) for row in range(rows) for family in families for one in range(cells)]


def test_a_first_cell_of_each_row_and_family_and_then_a_second() -> None:
    found = [one.id for one in streamed_cells(many(2, 3), "gateway", 6)]
    assert found == ["r0-4-0", "r0-6-0", "r1-4-0", "r1-6-0", "r0-4-1", "r0-6-1"]


def test_a_long_row_takes_no_place_from_a_short_one() -> None:
    long = [of_row("long", number) for number in range(1000)]
    found = Counter(one.row for one in streamed_cells([*long, of_row("short", 0), of_row("short", 1)], "gateway"))
    assert found == {"long": MOST_STREAMS - 2, "short": 2}


@pytest.mark.parametrize(("rows", "taken"), [(0, 0), (1, 2), (MOST_STREAMS // 2, MOST_STREAMS), (200, MOST_STREAMS)])
def test_no_more_than_so_many_streams_and_all_where_there_are_fewer(rows: int, taken: int) -> None:
    found = streamed_cells(many(rows, 1), "gateway")
    assert len(found) == len({one.id for one in found}) == taken


def test_rows_of_one_name_in_two_matrices_are_two() -> None:
    other = [replace(of_row("r", number), matrix="other", id=f"o{number}") for number in range(2)]
    found = [one.id for one in streamed_cells([of_row("r", 0), of_row("r", 1), *other], "gateway", 2)]
    assert found == ["r-4-0", "o0"]


def test_cells_of_other_nodes_are_left_alone() -> None:
    cells = [of_row("a", 0, at="elsewhere"), of_row("b", 0)]
    assert [one.row for one in streamed_cells(cells, "gateway")] == ["b"]
    assert [one.row for one in held_cells(cells, "gateway")] == ["b"]


def test_flows_that_are_held_are_of_tcp_and_allowed() -> None:
    udp = Service("udp/53", "udp", ((53, 53),))
    cells = [
        of_row("allowed", 0), of_row("denied", 0, expect=Expectation("drop")), of_row("udp", 0, service=udp),
        of_row("bare", 0, flags=("ack",)),
    ]  # fmt: skip
    assert [one.row for one in held_cells(cells, "gateway")] == ["allowed"]
    assert len(held_cells(many(50, 1), "gateway")) == MOST_FLOWS


def change(**keys: Any) -> Change:
    values = {"change": "CHG-7", "topology": "small", "old": {"gw": "before"}, "new": {"gw": "after"}, **keys}
    return Change.model_validate(values)


def ready(of: Change) -> Prepared:
    sides = cast("Sides", SimpleNamespace(node="gw", names=("HEAD~1", "the files")))
    return Prepared(of, sides, Backend.NFT, cast("Any", None), (), (), (), (), {})


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("before", "after", ("before", "after")),
        (
            {"v4": "a.rules", "v6": "a.rules6", "vars": ["x.yaml"]},
            {"v4": "a.rules", "vars": ["x.yaml", "y.yaml", {"inline": {"k": 1}}]},
            ("a.rules with x.yaml", "a.rules with y.yaml"),
        ),
        ({"nft": "a.nft"}, {"v6": "only.rules6"}, ("a.nft", "only.rules6")),
    ],
)  # fmt: skip
def test_sides_are_called_by_their_policies_or_files(old: object, new: object, names: tuple[str, str]) -> None:
    assert ready(change(old={"gw": old}, new={"gw": new})).names == names


def test_an_old_side_that_is_no_policy_is_called_as_what_it_comes_from() -> None:
    of_twin = change(topology=None, twin="dump.tar", old=None)
    assert ready(of_twin).names == ("dump.tar", "after")
    assert ready(change(rev="HEAD~1", old=None)).names == ("HEAD~1", "after")


def test_a_change_without_a_window_is_told_how_to_say_one() -> None:
    with pytest.raises(InputError) as raised:
        prepared(change(), cast("Sides", None), (), Backend.NFT)
    (problem,) = raised.value.problems
    assert problem.what == "CHG-7 does not say how it is made"
    assert problem.mend.startswith("window: {apply: restore, ")


def test_what_was_interrupted_does_not_go_on() -> None:
    asked = Asked(cast("Lab", None), cast("Prepared", None))
    asked.go_on()
    asked.ended.signal = 143
    with pytest.raises(Interrupted) as raised:
        asked.go_on()
    assert raised.value.signum == 15


def test_events_are_told_as_they_come_in_their_phase() -> None:
    heard: list[Event] = []
    line = Timeline(heard.append)
    line.note("first", "trace")
    line.phase = Phase.APPLY
    line.note("second", "capture", good=False)
    assert [(one.phase, one.what, one.witness, one.good) for one in heard] == [
        (Phase.BASELINE, "first", "trace", None), (Phase.APPLY, "second", "capture", False),
    ]  # fmt: skip
    assert tuple(heard) == line.events
    assert 0 <= heard[0].seconds <= heard[1].seconds <= line.seconds


@pytest.mark.parametrize(("output", "told"), [
    ("", ""),
    ("bad port `x'\nTry `iptables -h' for more.\n\n  not applied:\tcommand 2\n", "bad port `x'; not applied: command 2"),
    (f"{'a' * 200}\n{'b' * 200}\nthe end", f"{'b' * 200}; the end"),
    ("c" * 500, "c" * 300),
])  # fmt: skip
def test_of_what_a_refused_load_said_the_last_whole_lines_are_told(output: str, told: str) -> None:
    assert phases._last_words(output) == told


@pytest.mark.parametrize(("moment", "told"), [
    ("", ""), ("4: iptables-nft -F", ", sent while command `4: iptables-nft -F` ran"),
    ("the rules begin to load", ", sent before the rules begin to load"),
])  # fmt: skip
def test_a_packet_is_placed_by_the_moment_that_came_next(moment: str, told: str) -> None:
    assert phases._while(moment) == told
