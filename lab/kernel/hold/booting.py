"""A host that boots: its interfaces come up, and it holds no rules yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.kernel.hold.exchange import exchange
from lab.kernel.stage.altering import Altering
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets


@contextmanager
def booting(altering: Altering, node: Node, before: Rulesets, backend: Backend) -> Iterator[None]:
    """Inside, the node's links are down and its rules and sets are gone; afterwards links are up, and it routes without a rule.

    ``before`` are the rules that it holds.  Entries of conntrack are for the caller to delete inside.  Sysctls, addresses and
    routes are those of before, as a host reads them again.  Raises MeasurementError where a link does not come up, and what
    `exchange` raises.  Whoever asks in a lab writes::

        with booting(lab.network.altering, lab.network.nodes["gateway"], old, backend):
            lab.instrument.nodes["gateway"].conntrack.delete_all()
    """
    ports = tuple(node.ports)
    for port in ports:
        altering.set_down(node.name, port)
    exchange(node, before, Rulesets(), backend, "")
    yield
    for port in reversed(ports):
        altering.set_up(node.name, port)
