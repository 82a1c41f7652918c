"""What is to be sent: one probe's packets, before they are sent."""

from __future__ import annotations

import socket as sockets
from dataclasses import dataclass

from lab.record.packet import Packet

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
NUMBERS = {"icmp": ICMP, "tcp": TCP, "udp": UDP, "icmpv6": ICMPV6}
ECHO_REQUEST, ECHO_REQUEST_6 = 8, 128
# what clients of Linux send from (net.ipv4.ip_local_port_range as the kernel has it: networking/ip-sysctl)
SOURCE_PORTS = range(32_768, 61_000)


@dataclass(frozen=True, slots=True)
class Question:
    """One probe: from ``node`` with address ``source`` (its own or not) to ``destination`` and ``port``.

    ``sport`` None lets the lab choose.  ``receivers`` are the (node, port) where the lab listens while it is sent; port None
    for a protocol without ports.  ``ack`` sends one bare TCP segment in place of a handshake.
    """

    node: str
    source: str
    destination: str
    proto: int
    port: int | None = None
    sport: int | None = None
    icmp_type: int = ECHO_REQUEST
    icmp_code: int = 0
    ack: bool = False
    receivers: tuple[tuple[str, int | None], ...] = ()

    @property
    def family(self) -> int:
        """4 or 6, as the destination is."""
        return 6 if ":" in self.destination else 4

    @property
    def domain(self) -> int:
        """The family as sockets name it."""
        return sockets.AF_INET6 if self.family == 6 else sockets.AF_INET


def answer_to(packet: Packet) -> tuple[str, int | None, str, int | None]:
    """The addresses and ports that an answer to ``packet`` bears: source, its port, destination, its port."""
    if packet.proto in (ICMP, ICMPV6):
        return packet.destination, packet.sport, packet.source, packet.dport
    return packet.destination, packet.dport, packet.source, packet.sport


def ends_of(packet: Packet) -> tuple[str, int | None, str, int | None]:
    """The addresses and ports of ``packet`` in the order of `answer_to`."""
    return packet.source, packet.sport, packet.destination, packet.dport
