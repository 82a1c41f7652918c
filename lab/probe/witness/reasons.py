"""The kernel's own words for a drop outside the rules."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from lab.kernel.watch.header_errors import header_errors
from lab.probe.outcome import headed, left
from lab.probe.question import Crafted, Question
from lab.probe.stage import Stage
from lab.probe.witness.witness import Onlooker
from lab.record.observation import Observation
from lab.record.packet import Packet


class Reasons(Onlooker):
    """What the kernel tells; where it tells nothing, what the headers and the node's own counters of broken ones tell."""

    __slots__ = "_before", "_stage", "_told", "_undo"

    def __init__(self, stage: Stage, question: Question, destination: str | None) -> None:  # noqa: ARG002
        self._stage, self._undo = stage, ExitStack()
        self._told = self._undo.enter_context(stage.instrument.drop_reasons())
        written = isinstance(question.sends, Crafted)
        nodes = stage.network.nodes if written else {}
        self._before = {name: header_errors(node.namespace) for name, node in nodes.items()}

    def tell(self, found: Observation) -> Observation:
        """Read what was told since it was armed."""
        reasons = self._told()
        if not reasons and left(found) and _from_itself(self._stage, headed(found)):
            reasons = ("IP_LOCAL_SOURCE",)
        if not reasons and found.toward in self._before and not found.request:
            before, node = self._before[found.toward], self._stage.network.nodes[found.toward]
            reasons = tuple(name for name, count in header_errors(node.namespace).items() if count > before.get(name, 0))
        return replace(found, reasons=reasons) if reasons else found

    def disarm(self) -> None:
        """Ask the kernel no more."""
        self._undo.close()


def _from_itself(stage: Stage, packet: Packet) -> bool:
    """Whether a packet bears an address of the very node that it goes to, which IPv4 refuses (fib_validate_source).

    As a port forward does that leads a server back to itself.  A kernel that tells its reasons calls it IP_LOCAL_SOURCE.
    """
    owner = stage.network.topology.owner(packet.destination)
    if packet.family != 4 or owner is None or owner in stage.instrument.nodes:
        return False
    node = stage.network.nodes[owner]
    return packet.source in node.addresses and node.sysctls.get("net.ipv4.conf.all.accept_local", "0") == "0"
