"""The kernel's own words for a drop outside the rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lab.probe.outcome import headed, left
from lab.probe.question import Question
from lab.probe.stage import Stage
from lab.probe.witness.witness import Reader
from lab.record.observation import Observation
from lab.record.packet import Packet


@contextmanager
def reasons(stage: Stage, question: Question, destination: str | None) -> Iterator[Reader]:  # noqa: ARG001
    """What the kernel tells; where it tells nothing, what the headers tell by themselves."""
    with stage.instrument.drop_reasons() as told:

        def read(found: Observation) -> Observation:
            words = told()
            if not words and left(found) and _from_itself(stage, headed(found)):
                words = ("IP_LOCAL_SOURCE",)
            return replace(found, reasons=words) if words else found

        yield read


def _from_itself(stage: Stage, packet: Packet) -> bool:
    """Whether a packet bears an address of the very node that it goes to, which IPv4 refuses (fib_validate_source).

    As a port forward does that leads a server back to itself.  A kernel that tells its reasons calls it IP_LOCAL_SOURCE.
    """
    owner = stage.network.topology.owner(packet.destination)
    if packet.family != 4 or owner is None or owner in stage.instrument.watched:
        return False
    node = stage.network.nodes[owner]
    return packet.source in node.addresses and node.sysctls.get("net.ipv4.conf.all.accept_local", "0") == "0"
