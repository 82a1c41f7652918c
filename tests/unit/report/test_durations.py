from __future__ import annotations

import pytest

from lab.report.durations import slowest_lines
from tests.unit.report import make

CELLS = [
    make.cell(id="a", probe_us=1000.0),
    make.cell(id="b", probe_us=10.0, ports=65_535),
    make.cell(id="c\x1b[31m", probe_us=3000.0),
]


@pytest.mark.parametrize(
    ("most", "slowest"),
    [(2, ["b (65,535 ports)", "c"]), (0, ["b (65,535 ports)", "c", "a"]), (9, ["b (65,535 ports)", "c", "a"])],
)
def test_the_slowest_first(most: int, slowest: list[str]) -> None:
    heading, *lines = slowest_lines(CELLS, most)
    assert heading == f"slowest {len(slowest)} of 3 cells:"
    assert [line.split(" s  ")[1].partition("\\")[0] for line in lines] == slowest
    assert lines[0].split()[0] == "0.6553"
    assert "\x1b" not in "".join(lines)
