"""The rows that a change intends, as the rows of a matrix: expanded to cells, each problem at its place in the change file."""

from __future__ import annotations

from typing import Final

from lab.errors import InputError, Problem, Where
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.change import Change
from lab.written.matrix import Matrix
from lab.written.messages import did_you_mean
from lab.written.topology import Topology

_CALLED: Final = {"flows": "intends", "policies": "new", "for": "new"}


class IntendedRows(Matrix):
    """The rows of a change, told of where they stand in its file."""

    def where(self, *path: str | int, key: bool = False) -> Where:
        """The place in the change file of what a matrix has at ``path``."""
        first, *rest = path or ("flows",)
        in_change = (_CALLED.get(str(first), first), *rest)
        return self._document.where(*in_change, key=key) if self._document else Where(f"change {self.matrix}")


def intended_rows(change: Change, topology: Topology) -> Matrix:
    """The rows as a matrix of the node whose policy changes; raises InputError for a node that the topology has not."""
    for node in change.policies:
        if node not in topology.nodes:
            side = "new" if node in change.new else "old"
            what = f"there is no node {node!r} to give a policy"
            raise InputError(
                Problem(what, change.where(side, node, key=True), did_you_mean(node, topology.nodes, "the nodes"))
            )
    first = next(iter(change.new))
    silent = next((number for number, row in enumerate(change.intends) if row.at is None), None)
    if len(change.new) > 1 and silent is not None:
        what = f"row {change.intends[silent].name!r} does not say which of {', '.join(change.new)} decides"
        raise InputError(Problem(what, change.where("intends", silent), f"at: {first}"))
    rows = IntendedRows.model_validate({
        "matrix": change.change,
        "for": topology.nodes[first].role,
        "topology": topology.topology,
        "policies": dict(change.policies),
        "flows": change.intends,
    })
    if change.document is not None:
        rows.remember(change.document)
    return rows


def intended_cells(change: Change, topology: Topology) -> tuple[Cell, ...]:
    """The cells of the rows, in both families; raises InputError with every problem found."""
    rows = intended_rows(change, topology)
    return expand(rows, topology) if change.intends else ()
