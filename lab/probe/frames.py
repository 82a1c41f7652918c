"""Sockets that whole frames are sent from: kept, as the kernel takes ten milliseconds to close one."""

from __future__ import annotations

import socket as sockets

from lab.kernel.ground.closing import side_by_side
from lab.kernel.ground.limits import FRAME_SOCKETS
from lab.kernel.stage.node import Node, Port


class Frames:
    """The packet sockets of a lab, one for each interface and thread that sends, until `close`; they receive nothing.

    Of more than `FRAME_SOCKETS` those of other nodes that were used longest ago are closed.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, int], sockets.socket] = {}

    def of(self, node: Node, port: Port, thread: int) -> sockets.socket:
        """The socket of an interface for a ``thread`` that sends, which is a number of the caller's; it is not to be closed."""
        key = node.name, port.name, thread
        channel = self._open.pop(key, None)
        if channel is None:
            if len(self._open) >= FRAME_SOCKETS:
                self._close_oldest(node.name)
            channel = node.socket(sockets.AF_PACKET, sockets.SOCK_RAW)
            channel.bind((port.name, 0))
        self._open[key] = channel
        return channel

    def _close_oldest(self, sender: str) -> None:
        others = [key for key in self._open if key[0] != sender]
        oldest = [self._open.pop(key) for key in others[: FRAME_SOCKETS // 2]]
        side_by_side(*(channel.close for channel in oldest))

    def close(self) -> None:
        """Close all of them."""
        side_by_side(*(channel.close for channel in self._open.values()))
        self._open.clear()
