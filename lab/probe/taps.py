"""Sockets that hear every frame that comes to a node: kept, as the kernel takes ten milliseconds to close one."""

from __future__ import annotations

import socket as sockets
from typing import NamedTuple

from lab.kernel.ground.closing import side_by_side
from lab.kernel.ground.headers import read_packet
from lab.kernel.stage.node import Node
from lab.record.packet import Packet

_ETHERTYPES = {4: 0x0800, 6: 0x86DD}
_TO_HOST, _TO_ANOTHER = 0, 3  # PACKET_HOST, PACKET_OTHERHOST: packet(7)
_COPIED = 128  # bytes of a packet: both headers


class Heard(NamedTuple):
    """A packet that came in by ``interface`` in a frame of the link address ``source``; ``to_another`` one's link address."""

    interface: str
    source: bytes
    to_another: bool
    packet: Packet


class Taps:
    """One for each node and family that was listened at, until `close`."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], sockets.socket] = {}

    def listen(self, node: Node, family: int) -> None:
        """Hear what comes from now on, and forget what came before."""
        tap = self._open.get((node.name, family))
        if tap is None:
            kind = sockets.htons(_ETHERTYPES[family])
            self._open[node.name, family] = node.socket(sockets.AF_PACKET, sockets.SOCK_DGRAM, kind)
        else:
            self.heard(node, family)

    def heard(self, node: Node, family: int) -> list[Heard]:
        """What was heard since the last call."""
        found: list[Heard] = []
        tap = self._open[node.name, family]
        while True:
            try:
                data, (interface, _, kind, _, source) = tap.recvfrom(_COPIED)
            except BlockingIOError:
                return found
            size = (data[0] & 15) * 4 if data and data[0] >> 4 == 4 else 40
            if kind in (_TO_HOST, _TO_ANOTHER) and len(data) > size:
                found.append(Heard(interface, source, kind == _TO_ANOTHER, read_packet(data[:size], data[size:])))

    def close(self) -> None:
        """Close all of them."""
        side_by_side(*(tap.close for tap in self._open.values()))
        self._open.clear()
