"""Frames as they cross the interfaces of nodes, for people to read in a packet analyser."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Mapping
from typing import NamedTuple

from lab.kernel.stage.node import Node

_ETH_P_ALL = 0x0003
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")


class Frame(NamedTuple):
    """One frame and when it crossed, in seconds since the epoch."""

    seconds: float
    data: bytes


class Capture:
    """Captures at every interface of ``nodes`` from now until `close`."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._channels: dict[tuple[str, str], sockets.socket] = {}
        for name, node in nodes.items():
            for interface in node.ports:
                channel = node.socket(sockets.AF_PACKET, sockets.SOCK_RAW)
                self._channels[name, interface] = channel
                channel.setsockopt(sockets.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                channel.bind((interface, _ETH_P_ALL))

    def frames(self) -> dict[tuple[str, str], list[Frame]]:
        """The frames since the last call by (node, interface); interfaces that saw none are left out."""
        found = {place: _drain(channel) for place, channel in self._channels.items()}
        return {place: frames for place, frames in found.items() if frames}

    def close(self) -> None:
        """Stop capturing."""
        for channel in self._channels.values():
            channel.close()


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
