"""Data that may not fit a link on its way: asked in a lab of its own, as hosts remember what they are told of a path's MTU."""

from __future__ import annotations

from lab.record.result import CellResult
from lab.run.asker import Asker
from lab.run.questions import questions
from lab.written.cell import Cell
from lab.written.topology import Topology

_USUAL_MTU = 1500  # bytes, of a veth


def may_not_fit(size: int, topology: Topology) -> bool:
    """Whether so many bytes of data make packets that are too big for a link of the topology, and not for all of them."""
    interfaces = (interface for node in topology.nodes.values() for interface in node.interfaces.values())
    least = min((interface.mtu for interface in interfaces if interface.mtu is not None), default=_USUAL_MTU)
    return least < _USUAL_MTU and size > least - 100  # headers are less than a hundred bytes


def fits(cell: Cell, asker: Asker) -> bool:
    """A cell with so much data."""
    return bool(cell.payload) and may_not_fit(len(cell.payload), asker.labs.shared.topology)


def ask(cell: Cell, asker: Asker) -> CellResult:
    """Ask port after port."""
    tally = asker.tally(cell)
    with asker.labs.fresh() as lab:
        for number, (port, question) in enumerate(questions(cell), 1):
            verdict = lab.ask(question, cell.at)
            asker.repeats += verdict.observation.repeats
            tally.add(port, verdict)
            asker.tell(cell, number)
        return asker.told(lab, cell, tally)
