"""Raw sockets: crafted ICMP messages and TCP segments, and what of them arrives."""

from __future__ import annotations

import socket as sockets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from lab.kernel.headers import read_packet
from lab.kernel.node import Node
from lab.probe.question import Question, ends_of
from lab.probe.stage import Stage
from lab.record.observation import Arrival
from lab.record.packet import Packet


class Sniffer:
    """Sees every packet of one protocol that a node's kernel takes in, without opening anything."""

    def __init__(self, node: Node, proto: int) -> None:
        self._node = node.name
        self._proto = proto
        self._socket = node.socket(sockets.AF_INET, sockets.SOCK_RAW, proto)

    def find(self, nonce: bytes) -> Arrival | None:
        """How the packet that carries ``nonce`` arrived; None when it is not among those that wait."""
        while True:
            try:
                data, (source, _) = self._socket.recvfrom(2048)
            except BlockingIOError:
                return None
            if data.endswith(nonce):
                start = (data[0] & 15) * 4
                tcp = self._proto == sockets.IPPROTO_TCP
                sport, port = (int.from_bytes(data[start + at : start + at + 2], "big") for at in (0, 2))
                address = sockets.inet_ntoa(data[16:20])
                return Arrival(self._node, address, port if tcp else None, source, sport if tcp else None)

    def took_in(self, packet: Packet) -> bool:
        """Whether a packet with these addresses and ports is among those that wait."""
        while True:
            try:
                data = self._socket.recv(2048)
            except BlockingIOError:
                return False
            start = (data[0] & 15) * 4
            if ends_of(read_packet(data[:start], data[start:])) == ends_of(packet):
                return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@contextmanager
def witness(stage: Stage, proto: int, destination: str) -> Iterator[Callable[[Packet], str | None]]:
    """Gives a function that names the untraced node that has ``destination``, if its kernel took a packet in."""
    owner = stage.network.topology.owner(destination)
    if owner is None or owner in stage.instrument.watched:
        yield lambda _: None
        return
    sniffer = Sniffer(stage.network.nodes[owner], proto)
    try:
        yield lambda packet: owner if sniffer.took_in(packet) else None
    finally:
        sniffer.close()


@contextmanager
def sniffers(stage: Stage, question: Question) -> Iterator[Sequence[Sniffer]]:
    """Sniffers at the question's receivers, for its time."""
    with ExitStack() as undo:
        found = []
        for name in dict.fromkeys(node for node, _ in question.receivers):
            sniffer = Sniffer(stage.network.nodes[name], question.proto)
            undo.callback(sniffer.close)
            found.append(sniffer)
        yield found


def find_arrival(watching: Sequence[Sniffer], nonce: bytes) -> Arrival | None:
    """Where the packet that carries ``nonce`` arrived."""
    return next((arrival for sniffer in watching if (arrival := sniffer.find(nonce)) is not None), None)
