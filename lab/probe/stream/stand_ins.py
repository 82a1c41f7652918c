"""Neighbours that stand in for addresses that no node has, so that what is let through to them leaves, and is captured."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

from lab.kernel.stage.neighbours import add_permanent, entry, remove
from lab.kernel.stage.node import Node
from lab.probe.question import Question
from lab.probe.stage import Stage

NOBODY = b"\x02lab\0\0"
"""The link address of all of them; it is the address of no interface."""


class StandIns:
    """Makes the nodes that are watched know a neighbour for each destination of ``questions`` that nobody has, until `close`.

    Without one what a rule lets through to it would wait for an answer to ARP, and be counted, and never leave.  ``at`` are
    the nodes that have some.
    """

    def __init__(self, stage: Stage, questions: Iterable[Question]) -> None:
        topology = stage.network.topology
        self.at: set[str] = set()
        wanted: dict[tuple[Node, int], set[str]] = {}
        for question in questions:
            if not has_nobody(stage, question):
                continue
            network = topology.network_of(question.destination)
            for name in stage.instrument.nodes:
                node = stage.network.nodes[name]
                for port in node.ports.values():
                    if port.network == network:
                        wanted.setdefault((node, port.index), set()).add(question.destination)
                        self.at.add(name)
        with ExitStack() as undo:
            for (node, index), addresses in wanted.items():
                add_permanent(node.namespace, index, [entry(address, NOBODY) for address in sorted(addresses)])
                undo.callback(remove, node.namespace, index, sorted(addresses))
            self._undo = undo.pop_all()

    def close(self) -> None:
        """Have them forgotten."""
        self._undo.close()


def has_nobody(stage: Stage, question: Question) -> bool:
    """Whether no node has a question's destination, which is an address of one of the topology's networks."""
    topology = stage.network.topology
    return topology.network_of(question.destination) is not None and not topology.owners(question.destination)


def unreached(stage: Stage, question: Question) -> str:
    """Why a stream to nobody cannot be sent; empty where it can."""
    if not has_nobody(stage, question):
        return ""
    if question.family == 6:
        return "nobody has its destination, which nobody can stand in for in IPv6"
    network = stage.network.topology.network_of(question.destination)
    near = any(port.network == network for port in stage.network.nodes[question.node].ports.values())
    near = near and question.node not in stage.instrument.nodes
    return "nobody has its destination, which is on its sender's own network" if near else ""
