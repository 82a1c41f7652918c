"""Sockets that receive probes: TCP and UDP services, open on every address of a node."""

from __future__ import annotations

import socket as sockets
import struct
from types import TracebackType
from typing import NamedTuple, Self

from lab.kernel.node import Node
from lab.record.observation import Arrival

_BACKLOG = 64
_IP_PKTINFO = 8


class Datagram(NamedTuple):
    """A datagram as it arrived, and what an answer from the same address needs."""

    payload: bytes
    arrival: Arrival
    peer: tuple[str, int]


class Listener:
    """One open port of a node."""

    def __init__(self, node: Node, port: int, kind: int) -> None:
        self.node, self.port = node.name, port
        self._socket = node.socket(sockets.AF_INET, kind)
        self._socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("0.0.0.0", port))
            if kind == sockets.SOCK_STREAM:
                self._socket.listen(_BACKLOG)
            else:
                self._socket.setsockopt(sockets.IPPROTO_IP, _IP_PKTINFO, 1)
        except OSError:
            self._socket.close()
            raise

    def accept(self) -> tuple[sockets.socket, Arrival] | None:
        """A connection that waits, and what it looks like from here; None when there is none."""
        try:
            channel, peer = self._socket.accept()
        except BlockingIOError:
            return None
        channel.settimeout(0)
        address, port = channel.getsockname()
        return channel, Arrival(self.node, address, port, *peer)

    def receive(self) -> Datagram | None:
        """A datagram that waits; None when there is none."""
        try:
            payload, ancillary, _, peer = self._socket.recvmsg(2048, 64)
        except (BlockingIOError, ConnectionRefusedError):
            return None
        for level, kind, data in ancillary:
            if level == sockets.IPPROTO_IP and kind == _IP_PKTINFO:
                address = sockets.inet_ntoa(data[8:12])
                return Datagram(payload, Arrival(self.node, address, self.port, *peer), peer)
        return None

    def answer(self, datagram: Datagram, payload: bytes) -> None:
        """Answer from the very address that was asked (IP_PKTINFO)."""
        information = struct.pack("=I4s4s", 0, sockets.inet_aton(datagram.arrival.address), bytes(4))
        try:
            self._socket.sendmsg([payload], [(sockets.IPPROTO_IP, _IP_PKTINFO, information)], 0, datagram.peer)
        except OSError:
            # refused on the way out (a drop in OUTPUT is EPERM): the trace tells by what
            return

    def close(self) -> None:
        """Close the port."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_tcp(node: Node, port: int) -> Listener:
    """Listen for TCP; raises OSError when the port is taken."""
    return Listener(node, port, sockets.SOCK_STREAM)


def open_udp(node: Node, port: int) -> Listener:
    """Listen for UDP; raises OSError when the port is taken."""
    return Listener(node, port, sockets.SOCK_DGRAM)
