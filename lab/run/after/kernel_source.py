"""Which of a sender's addresses a cell was sent from: the kernel's own choice, or one that a socket has to be bound to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

from lab.lab import Lab
from lab.record.result import CellResult, Outcome
from lab.written.cell import Cell
from lab.written.topology import Topology


class Sources:
    """Marks results; ``cells`` are all that are asked, of which one may be sent as the kernel would."""

    def __init__(self, topology: Topology, cells: Iterable[Cell]) -> None:
        self._topology = topology
        self._asked = {_flow(cell, cell.sender.address) for cell in cells}

    def mark(self, lab: Lab, cell: Cell, result: CellResult) -> CellResult:
        """The result with the kernel's choice, where there is one, and a note where only another source was asked."""
        own = self._topology.addresses(cell.sender.node, cell.family)
        if cell.sender.said or len(own) < 2 or cell.sender.address not in own:
            return result
        chosen = lab.kernel_source(cell.sender.node, cell.target.address, cell.mark, cell.uid)
        if chosen is None:
            return result
        marked = replace(result, kernel_source=chosen)
        if not marked.bound or marked.outcome is not Outcome.PASSED or _flow(cell, chosen) in self._asked:
            return marked
        words = (
            f"only a socket bound to {cell.sender.address} sends so: the kernel of {cell.sender.node} sends to "
            f"{cell.target.address} from {chosen}, which this row does not ask"
        )
        return replace(marked, notes=(*marked.notes, words))


def _flow(cell: Cell, source: str) -> Hashable:
    return cell.row, cell.sender.node, source, cell.target.address, cell.service.text, cell.family
