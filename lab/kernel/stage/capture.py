"""Frames as they cross the interfaces of nodes, for people to read in a packet analyser."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Mapping
from typing import NamedTuple

from lab.kernel.stage.node import Node

_ETH_P_ALL = 0x0003
_SO_TIMESTAMPNS = 35
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_STATISTICS = struct.Struct("=II")  # struct tpacket_stats
_TIMESPEC = struct.Struct("=qq")


class Frame(NamedTuple):
    """One frame and when it crossed, in seconds since the epoch."""

    seconds: float
    data: bytes


class Tap:
    """Captures at one interface of ``node`` from now until `close`; raises OSError where it has no such."""

    def __init__(self, node: Node, interface: str) -> None:
        self._channel = node.socket(sockets.AF_PACKET, sockets.SOCK_RAW)
        try:
            self._channel.setsockopt(sockets.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._channel.bind((interface, _ETH_P_ALL))
        except OSError:
            self._channel.close()
            raise

    @property
    def descriptor(self) -> int:
        """Readable when there are frames."""
        return self._channel.fileno()

    def frames(self) -> list[Frame]:
        """Those since the last call."""
        return _drain(self._channel)

    def lost(self) -> int:
        """How many frames found no room since this was called last (packet(7), PACKET_STATISTICS)."""
        return int(_STATISTICS.unpack(self._channel.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size))[1])

    def close(self) -> None:
        """Stop capturing."""
        self._channel.close()


class Capture:
    """Captures at every interface of ``nodes`` from now until `close`."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._taps = {(name, interface): Tap(node, interface) for name, node in nodes.items() for interface in node.ports}

    def frames(self) -> dict[tuple[str, str], list[Frame]]:
        """The frames since the last call by (node, interface); interfaces that saw none are left out."""
        found = {place: tap.frames() for place, tap in self._taps.items()}
        return {place: frames for place, frames in found.items() if frames}

    def close(self) -> None:
        """Stop capturing."""
        for tap in self._taps.values():
            tap.close()


def _drain(channel: sockets.socket) -> list[Frame]:
    frames: list[Frame] = []
    while True:
        try:
            data, ancillary, _, _ = channel.recvmsg(1 << 16, 64)
        except BlockingIOError:
            return frames
        seconds = 0.0
        for _, _, stamp in ancillary:
            whole, nano = _TIMESPEC.unpack_from(stamp)
            seconds = whole + nano / 1e9
        frames.append(Frame(seconds, data))
