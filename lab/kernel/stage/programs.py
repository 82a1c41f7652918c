"""The programs that a topology has in its nodes: started when its rules are in force, ready before the first question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.errors import MeasurementError, Problem
from lab.kernel.stage.node import Node
from lab.kernel.stage.program import served
from lab.kernel.stage.program.process import Process
from lab.kernel.stage.program.witness import Listens, Notifies, Prints, Witness
from lab.written.programs import ProgramSpec, Ready
from lab.written.topology import Topology

_SHOWN = 2000  # characters of its output in a message: the last


@dataclass(slots=True)
class _Running:
    node: Node
    spec: ProgramSpec
    process: Process


class Programs:
    """Those of a topology's nodes, one after the other as they are written, from now until their nodes are closed.

    None of them is waited for by the clock: each has a witness (`lab.kernel.stage.program.witness`), which asks the kernel or
    the program itself, so that no rule of a node can keep one from being ready.
    Raises MachineError for one that is not on this machine, MeasurementError for one that ends or never is ready.
    """

    def __init__(self, topology: Topology, nodes: Mapping[str, Node]) -> None:
        self._running = [
            _Running(nodes[name], program, _started(nodes[name], program))
            for name, spec in topology.nodes.items()
            for program in spec.programs
        ]

    def require(self) -> None:
        """Raise MeasurementError for one that has ended, with what it said: no verdict rests on a server that is gone."""
        for one in self._running:
            code = one.process.code
            if code is not None:
                said = one.process.output().strip()[-_SHOWN:]
                what = f"{one.node.name}: {one.spec.shown} has ended with {code}{'; it said: ' + said if said else ''}"
                raise MeasurementError(Problem(what))

    def restart(self, name: str) -> None:
        """End those of one node, and start them again: nothing of them, and no socket, is then left of before."""
        for one in self._running:
            if one.node.name == name:
                one.process.stop()
                one.process = _started(one.node, one.spec)


def _started(node: Node, program: ProgramSpec) -> Process:
    if program.serve is not None:
        argv, files = served.command(program.serve)
        proto, port = program.listens or ("", 0)
        return node.start(argv, ready=Listens(proto, port), files=files)
    assert program.run is not None
    assert program.ready is not None
    return node.start(program.run, ready=_witness(program.ready), files=program.files, environment=program.environment)


def _witness(ready: Ready) -> Witness:
    if ready.proto is not None and ready.port is not None:
        return Listens(ready.proto, ready.port)
    return Notifies() if ready.prints is None else Prints(ready.prints)
