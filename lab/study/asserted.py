"""Which rows of which matrices say that a port is to be open."""

from __future__ import annotations

from collections.abc import Iterable

from lab.record.exposure import Pair
from lab.record.sweep import Ranges
from lab.ruleset.rule import overlap
from lab.written.cell import Cell
from lab.written.claims import meets_it_as_it_stands
from lab.written.expect.exception import EXCEPTION, ExceptionSpec
from lab.written.service import without

_Place = tuple[str, str, str, str]  # sender, source, destination, protocol


class Assertions:
    """The allow rows of some matrices' cells, by who asks whom."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._cells: dict[_Place, list[Cell]] = {}
        for cell in filter(meets_it_as_it_stands, cells):
            if cell.expect.action == "allow" and not (cell.flags or cell.mark or cell.uid is not None) and cell.service.ports:
                place = cell.sender.node, cell.sender.address, cell.target.address, cell.service.proto
                self._cells.setdefault(place, []).append(cell)

    def of(self, pair: Pair, proto: str, ports: Ranges) -> tuple[tuple[str, ...], Ranges, ExceptionSpec | None]:
        """The rows that expect some of ``ports`` to be open, the ports that none does, and the exception of a row."""
        rows: dict[str, None] = {}
        left, exemption = ports, None
        for cell in self._cells.get((pair.sender, pair.source, pair.address, proto), ()):
            if overlap(cell.service.ports, ports):
                rows[f"{cell.matrix}: {cell.row} ({cell.where})"] = None
                left = without(left, cell.service.ports)
                exemption = exemption or cell.expect.get(EXCEPTION)
        return tuple(rows), left, exemption
