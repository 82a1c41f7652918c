"""Copies that a rule made of the packet (TEE, ``dup``), where they arrive: a sensor's own address is on none of them."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from lab.probe.question import Question, ends_of
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.taps import Heard
from lab.probe.witness.witness import Witness
from lab.record.observation import Copy
from lab.record.packet import Packet
from lab.record.path import End, Path


class Copies(Witness):
    """Listens for frames at the nodes that a question names, at all of their interfaces: what is to another's address too."""

    asked_by = attrgetter("wants.copies_at")
    __slots__ = ("_at", "_family", "_stage")

    def __init__(self, stage: Stage, question: Question) -> None:
        self._stage, self._at, self._family = stage, question.wants.copies_at, question.family
        self.begin()

    def begin(self) -> None:
        """Hear what comes from now on."""
        for name in self._at:
            self._stage.taps.listen(self._stage.network.nodes[name], self._family)

    def read(self, seen: Sighting) -> None:
        """The copies of the request's first packet, without itself; a drop that the trace proved may be ahead of them."""
        self._stage.network.rest()
        request = seen.read_trace().request
        heads = {ends_of(head) for head in (seen.sent, *_heads(request))}
        kind = seen.sent.proto, seen.sent.flags, seen.sent.code
        found: list[Copy] = []
        for name in self._at:
            here = [
                Copy(name, heard.interface, heard.packet)
                for heard in self._stage.taps.heard(self._stage.network.nodes[name], seen.sent.family)
                if ends_of(heard.packet) in heads and (heard.packet.proto, heard.packet.flags, heard.packet.code) == kind
                and not self._was_another_s(name, heard)
            ]  # fmt: skip
            for packet in self._came_itself(name, seen, request):
                itself = next((copy for copy in reversed(here) if copy.packet == packet), None)
                if itself is not None:
                    here.remove(itself)
            found += here
        seen.copies = tuple(found)

    def _was_another_s(self, name: str, heard: Heard) -> bool:
        """Whether a switch gave to all what one on its network sent to another; a mirrored port's frames are of none on it."""
        port = self._stage.network.nodes[name].ports.get(heard.interface)
        if port is None or not heard.to_another:
            return port is None
        ends = self._stage.network.topology.on_network(port.network)
        return heard.source in {self._stage.network.nodes[node].ports[interface].mac for node, interface, _ in ends}

    def _came_itself(self, name: str, seen: Sighting, request: tuple[Path, ...]) -> list[Packet]:
        """The packet as it came to a node on its own way; once for each time."""
        own = [path.entry for path in request if path.node == name and path.entered is not None]
        last = request[-1] if request else None
        if own or (last is not None and (last.end is not End.LEFT or last.exit is None)):
            return own
        topology = self._stage.network.topology
        head = seen.sent if last is None or last.exit is None else last.exit
        taker = topology.owner(head.destination) if last is None else topology.taker(last.node, last.out, head.destination)
        return [head] if name in (taker, seen.arrived and seen.arrived.at) else []


def _heads(request: tuple[Path, ...]) -> Iterator[Packet]:
    for path in request:
        yield path.entry
        yield from (packet for _, packet in path.heads)
        if path.exit is not None:
            yield path.exit
