"""Raw sockets: crafted ICMP messages and TCP segments, and what of them arrives."""

from __future__ import annotations

import socket as sockets
from collections.abc import Iterator, Sequence

from lab.kernel.ground.headers import read_packet, with_transport
from lab.kernel.stage.node import Node
from lab.probe.question import ICMP, ICMPV6, Question, ends_of
from lab.probe.stage import Stage
from lab.record.observation import Arrival
from lab.record.packet import Packet

_ECHO_REPLIES = {ICMP: 0, ICMPV6: 129}


def transport_start(data: bytes, family: int) -> int:
    """Where the transport header begins in what a raw socket gives: behind an IPv4 header, at once in IPv6 (raw(7))."""
    return (data[0] & 15) * 4 if family == 4 else 0


class Sniffer:
    """Sees every packet of one protocol that a node's kernel takes in, without opening anything."""

    def __init__(self, node: Node, question: Question) -> None:
        self._node, self._family, self._proto = node.name, question.family, question.proto
        self._socket = node.socket(question.domain, sockets.SOCK_RAW, question.proto)
        if self._family == 6:
            self._socket.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_RECVPKTINFO, 1)

    def find(self, sent: Packet, nonce: bytes) -> Arrival | None:
        """How the packet that was ``sent`` with ``nonce`` arrived; None when it is not among those that wait.

        An ICMP error quotes the packet that it is about, nonce and all.
        """
        for packet, data in self._waiting():
            if data.endswith(nonce) and _same_kind(packet, sent):
                ports = packet if self._proto == sockets.IPPROTO_TCP else None
                return Arrival(
                    self._node, packet.destination, ports and ports.dport, packet.source, ports and ports.sport
                )
        return None

    def find_bytes(self, sent: Packet, tail: bytes, ends: Packet | None) -> Arrival | None:
        """How a packet arrived that ends with ``tail``, whatever became of its header; with ``ends`` from and to these."""
        for packet, data in self._waiting():
            same = _same_kind(packet, sent) if packet.proto in _ECHO_REPLIES else packet.proto == sent.proto
            if same and data.endswith(tail) and (ends is None or ends_of(packet) == ends_of(ends)):
                ports = packet if self._proto not in _ECHO_REPLIES and packet.sport is not None else None
                return Arrival(self._node, packet.destination, ports and ports.dport, packet.source, ports and ports.sport)
        return None

    def ending_with(self, nonce: bytes) -> Iterator[tuple[Arrival, bytes]]:
        """What waits and ends with ``nonce``, from its transport header on, with how it arrived."""
        for packet, data in self._waiting():
            if data.endswith(nonce):
                arrival = Arrival(self._node, packet.destination, None, packet.source, None)
                yield arrival, data[transport_start(data, self._family) :]

    def took_in(self, packet: Packet) -> bool:
        """Whether a packet of this kind with these addresses and ports is among those that wait."""
        return any(ends_of(seen) == ends_of(packet) and _same_kind(seen, packet) for seen, _ in self._waiting())

    def strays(self, sent: Packet) -> tuple[Packet, ...]:
        """What waits and looks like an answer to ``sent``, but comes from another address or port than that was sent to."""
        return tuple(dict.fromkeys(seen for seen, _ in self._waiting() if _is_stray(seen, sent)))

    def _waiting(self) -> Iterator[tuple[Packet, bytes]]:
        while True:
            try:
                data, ancillary, _, peer = self._socket.recvmsg(1 << 16, 64)
            except BlockingIOError:
                return
            start = transport_start(data, self._family)
            if self._family == 4:
                yield read_packet(data[:start], data[start:]), data
            for level, kind, information in ancillary:
                if (level, kind) == (sockets.IPPROTO_IPV6, sockets.IPV6_PKTINFO):
                    address = sockets.inet_ntop(sockets.AF_INET6, information[:16])
                    yield with_transport(6, self._proto, peer[0], address, data), data

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _is_stray(seen: Packet, sent: Packet) -> bool:
    if seen.destination != sent.source:
        return False
    if sent.proto in _ECHO_REPLIES:  # an answer has the identifier of its request
        return seen.flags == _ECHO_REPLIES[sent.proto] and seen.sport == sent.sport and seen.source != sent.destination
    return seen.dport == sent.sport and (seen.source, seen.sport) != (sent.destination, sent.dport)


def _same_kind(seen: Packet, sent: Packet) -> bool:
    """Whether both have the same ICMP type and code, or TCP flags."""
    return (seen.proto, seen.flags, seen.code) == (sent.proto, sent.flags, sent.code)


def sniffers(stage: Stage, question: Question) -> Iterator[Sniffer]:
    """A sniffer at each of the question's receivers, made when it is asked for."""
    for name in dict.fromkeys(node for node, _ in question.receivers):
        yield Sniffer(stage.network.nodes[name], question)


def find_arrival(watching: Sequence[Sniffer], sent: Packet, nonce: bytes) -> Arrival | None:
    """Where the packet that was ``sent`` with ``nonce`` arrived."""
    return next((arrival for sniffer in watching if (arrival := sniffer.find(sent, nonce)) is not None), None)


def find_crafted(watching: Sequence[Sniffer], sent: Packet, tail: bytes, ends: Packet | None) -> Arrival | None:
    """Where a packet arrived that ends with ``tail``, and bears these addresses and ports where they are given."""
    return next((arrival for one in watching if (arrival := one.find_bytes(sent, tail, ends)) is not None), None)
