"""Each key that a row can expect with: its two examples, from the row that says it to what a report tells."""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lab.written.expect
from lab.record.result import CellResult, Outcome
from lab.report.detail import explain
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.expect.example import PASSED, Example
from lab.written.expect.key import About, Key
from lab.written.expect.keys import KEYS
from lab.written.matrix import Default, Matrix, Row
from lab.written.topology import Topology

TODAY = datetime.date(2026, 5, 4)
# the stage of lab.written.expect.example
STAGE = Topology.model_validate({
    "topology": "stage",
    "networks": {"wan": "198.51.100.0/24", "dmz": "10.0.2.0/24"},
    "nodes": {
        "client": {"role": "internet", "interfaces": {"wan": "198.51.100.20"}, "via": "gateway"},
        "gateway": {"role": "gateway", "interfaces": {"wan": "198.51.100.1", "dmz": "10.0.2.1"}, "forwards": True},
        "web": {"role": "backend", "interfaces": {"dmz": "10.0.2.10"}, "via": "gateway"},
        "sensor": {"role": "sensor", "interfaces": {"dmz": "10.0.2.99"}},
    },
})  # fmt: skip
ROW = {"name": "row", "from": "client", "to": "198.51.100.1", "service": "tcp/443"}
FILES = [path.stem for path in Path(lab.written.expect.__file__).parent.glob("*.py")]
EACH = pytest.mark.parametrize("key", [pytest.param(key, id=key.name) for key in KEYS])


def matrix(row: dict[str, Any]) -> Matrix:
    head = {"matrix": "made", "for": "gateway", "topology": "stage", "policies": {"gateway": "p"}}
    return Matrix.model_validate({**head, "flows": [{**ROW, **row}]})


def cell_of(key: Key[Any], example: Example) -> Cell:
    (cell,) = expand(matrix({"expect": example.action, key.name: example.written}), STAGE)
    return cell


def result_of(key: Key[Any], example: Example) -> CellResult:
    tally = Tally(cell_of(key, example), TODAY)
    tally.add(443, example.verdict)
    return tally.result()


def told(result: CellResult) -> tuple[str, ...]:
    return (*result.differences, *result.warnings)


def test_the_examples_speak_of_a_flow_that_passes() -> None:
    assert result_of(KEYS[0], Example({})).outcome is Outcome.PASSED
    assert (PASSED.observation.sent.source, PASSED.observation.sent.destination) == ("198.51.100.20", "198.51.100.1")


@EACH
def test_the_green_example_holds(key: Key[Any]) -> None:
    assert key.green.tells == ""
    result = result_of(key, key.green)
    assert result.outcome is Outcome.PASSED
    assert result.differences == () or result.known
    assert key.red.tells not in told(result)


@EACH
def test_the_red_example_is_told_in_the_report(key: Key[Any]) -> None:
    result = result_of(key, key.red)
    assert key.red.tells in told(result)
    assert key.red.tells in explain(result)


@EACH
def test_a_row_that_does_not_say_it_is_not_held_to_it(key: Key[Any]) -> None:
    (cell,) = expand(matrix({"expect": key.red.action}), STAGE)
    assert cell.expect.get(key) is None
    without = cell_of(key, key.red).expect.without(key)
    assert without == cell.expect


@EACH
def test_what_is_about_some_flows_is_refused_for_the_others(key: Key[Any]) -> None:
    other = "drop" if key.green.action == "allow" else "allow"
    row = {"expect": other, key.name: key.green.written}
    if key.about is About.ANY:
        assert key.of(matrix(row).flows[0]) is not None
        return
    with pytest.raises(ValueError, match=f"`{key.name}` {key.about}, but `expect` is {other}"):
        matrix(row)


@EACH
def test_it_is_taken_back_for_one_family(key: Key[Any]) -> None:
    nothing = list(key.default) if isinstance(key.default, tuple) else key.default
    (cell,) = expand(matrix({"expect": key.green.action, key.name: key.green.written, "v4": {key.name: nothing}}), STAGE)
    assert cell.expect.get(key) is None


def test_each_file_is_a_key_of_the_list() -> None:
    assert sorted(key.name for key in KEYS) == sorted({*FILES} - {"__init__", "example", "key", "keys"})


def every_key_said() -> Iterator[tuple[str, Any]]:
    for key in KEYS:
        if key.about.fits("allow"):
            yield key.name, key.green.written


def test_rows_and_cells_can_be_handed_to_another_process() -> None:
    row = {"expect": "allow", **dict(every_key_said()), "v6": {"rule": "six"}}
    default = {"expect": "drop", "between": ["net:wan", "net:dmz"], "services": "tcp/1", "v4": {"rule": "four"}}
    written = matrix(row).model_copy(update={"default": Default.model_validate(default)})
    again = pickle.loads(pickle.dumps(written))
    assert (again.flows, again.default) == (written.flows, written.default)
    assert isinstance(again.flows[0], Row)
    cells = expand(written, STAGE)
    assert pickle.loads(pickle.dumps(cells)) == cells
