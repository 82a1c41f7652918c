"""The rows that a change intends, as the rows of a matrix: expanded to cells, each problem at its place in the change file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pydantic import PrivateAttr

from lab.errors import InputError, Problem, Where
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.change import Change
from lab.written.fields import Expect
from lab.written.matrix import Matrix, Row
from lab.written.messages import did_you_mean
from lab.written.topology import Topology

_CALLED: Final = {"flows": "intends", "policies": "new", "for": "new"}
_ADMIN: Final = ("window", "admin")


class RowsOfChange(Matrix):
    """Rows of a change, told of where they stand in its file; ``_only`` is the place of the only one."""

    _only: tuple[str, ...] | None = PrivateAttr(default=None)
    _change: Change | None = PrivateAttr(default=None)

    def of(self, change: Change, only: tuple[str, ...] | None = None) -> RowsOfChange:
        """The same, and told of so."""
        self._change, self._only = change, only
        return self

    def where(self, *path: str | int, key: bool = False) -> Where:
        """The place in the change file of what a matrix has at ``path``."""
        assert self._change is not None
        if self._only is not None and path[:1] == ("flows",):
            return self._change.where(*self._only, *path[2:], key=key)
        return self._change.where(*(_CALLED.get(str(step), step) for step in path[:1]), *path[1:], key=key)


def intended_rows(change: Change, topology: Topology) -> Matrix:
    """The rows as a matrix of the node whose policy changes; raises InputError for a node that the topology has not."""
    silent = next((number for number, row in enumerate(change.intends) if row.at is None), None)
    if len(change.new) > 1 and silent is not None:
        what = f"row {change.intends[silent].name!r} does not say which of {', '.join(change.new)} decides"
        raise InputError(Problem(what, change.where("intends", silent), f"at: {next(iter(change.new))}"))
    return _rows(change, topology, change.intends).of(change)


def intended_cells(change: Change, topology: Topology) -> tuple[Cell, ...]:
    """The cells of the rows, in both families; raises InputError with every problem found."""
    rows = intended_rows(change, topology)
    return expand(rows, topology) if change.intends else ()


def admin_cells(change: Change, topology: Topology) -> tuple[Cell, ...]:
    """The flow that the change is made by, as cells that must be allowed; none where it names none.  Raises InputError."""
    if change.window is None or change.window.admin is None:
        return ()
    said = change.window.admin
    row = Row.model_validate({
        "name": "admin", "from": said.sender, "to": said.target, "service": said.service, "expect": Expect(action="allow"),
        "at": next(iter(change.new)),
    })  # fmt: skip
    return expand(_rows(change, topology, [row]).of(change, _ADMIN), topology)


def admin_cells_at(change: Change, topology: Topology, node: str) -> tuple[Cell, ...]:
    """Those of the part of the change that is made on ``node``: the flow is that of its first node, and of no other."""
    return admin_cells(change, topology) if next(iter(change.new)) == node else ()


_ANYBODY: Final = ("tcp/22", "tcp/80", "tcp/443", "udp/53", "icmp/echo-request", "icmpv6/echo-request")


def anybody_cells(change: Change, topology: Topology, node: str) -> tuple[Cell, ...]:
    """Flows of a few services between all others, and to ``node``, for a change that names none of its own.

    What they expect means nothing.
    """
    others = [name for name, spec in topology.nodes.items() if name != node and spec.interfaces]
    pairs = [(sender, target) for sender in others for target in (node, *others) if target != sender]
    rows = [
        Row.model_validate({
            "name": f"{sender} to {target}", "from": sender, "to": target, "service": service,
            "expect": Expect(action="drop"), "at": node,
        })
        for sender, target in pairs for service in _ANYBODY
    ]  # fmt: skip
    found: list[Cell] = []
    for row in rows:
        with suppress(InputError):  # ends without a family in common
            found += expand(_rows(change, topology, [row]).of(change, _ADMIN), topology)
    return tuple(found)


def _rows(change: Change, topology: Topology, rows: Sequence[Row]) -> RowsOfChange:
    for node in change.policies:
        if node not in topology.nodes:
            side = "new" if node in change.new else "old"
            what = f"there is no node {node!r} to give a policy"
            mend = did_you_mean(node, topology.nodes, "the nodes")
            raise InputError(Problem(what, change.where(side, node, key=True), mend))
    return RowsOfChange.model_validate({
        "matrix": change.change,
        "for": topology.nodes[next(iter(change.new))].role,
        "topology": topology.topology,
        "policies": dict(change.policies),
        "flows": tuple(rows),
    })
