"""Sockets that receive probes: TCP and UDP services, open on every address of a node."""

from __future__ import annotations

import socket as sockets
import struct
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.stage.node import Node
from lab.record.observation import Arrival

_BACKLOG = 64
_IPV6_FREEBIND = 78  # to answer from an address that the node only stands for
_ANY = {4: "0.0.0.0", 6: "::"}
TRANSPARENT = {4: (sockets.IPPROTO_IP, 19), 6: (sockets.IPPROTO_IPV6, 75)}  # IP_TRANSPARENT, IPV6_TRANSPARENT
# IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR: the option, and the ancillary data, a struct sockaddr_in or sockaddr_in6
_ORIGINAL = {4: (sockets.IPPROTO_IP, 20), 6: (sockets.IPPROTO_IPV6, 74)}
# the level, the option that asks for it, and its number as ancillary data: IP_PKTINFO, IPV6_RECVPKTINFO, IPV6_PKTINFO
_PKTINFO = {4: (sockets.IPPROTO_IP, 8, 8), 6: (sockets.IPPROTO_IPV6, 49, 50)}


class Datagram(NamedTuple):
    """A datagram as it arrived, and what an answer from the same address needs."""

    payload: bytes
    arrival: Arrival
    peer: tuple[str, int]  # with flow label and scope in IPv6
    information: bytes  # struct in_pktinfo or in6_pktinfo: by which interface it came, and to which address
    to_port: int | None = None  # the port that it was to, where a rule handed it over to another (TPROXY)


class Listener:
    """One open port of a node, in one family."""

    def __init__(self, node: Node, port: int, kind: int, family: int) -> None:
        self.node, self.port, self.family = node.name, port, family
        self._at = node
        self._level, wanted, self._information = _PKTINFO[family]
        self._socket = node.socket(ADDRESS_FAMILIES[family], kind)
        self._socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        try:
            if family == 6:
                self._socket.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_V6ONLY, 1)
                self._socket.setsockopt(sockets.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
            self._socket.bind((_ANY[family], port))
            if kind == sockets.SOCK_STREAM:
                self._socket.listen(_BACKLOG)
            else:
                self._socket.setsockopt(self._level, wanted, 1)
        except OSError:
            self._socket.close()
            raise

    @property
    def descriptor(self) -> int:
        """Of the socket."""
        return self._socket.fileno()

    def be_transparent(self, *, on: bool) -> None:
        """Take what a rule hands over to a transparent socket, whatever address and port it is to (IP_TRANSPARENT)."""
        self._socket.setsockopt(*TRANSPARENT[self.family], int(on))
        if self._socket.type == sockets.SOCK_DGRAM:
            self._socket.setsockopt(*_ORIGINAL[self.family], int(on))

    def accept(self) -> tuple[sockets.socket, Arrival] | None:
        """A connection that waits, and what it looks like from here; None when there is none."""
        try:
            channel, peer = self._socket.accept()
        except BlockingIOError:
            return None
        channel.settimeout(0)
        # what a rule handed over keeps the port that it was to, and yet it was this one that took it
        return channel, Arrival(self.node, channel.getsockname()[0], self.port, *peer[:2])

    def receive(self) -> Datagram | None:
        """A datagram that waits; None when there is none."""
        try:
            payload, ancillary, _, peer = self._socket.recvmsg(2048, 128)
        except (BlockingIOError, ConnectionRefusedError):
            return None
        told = {(level, kind): data for level, kind, data in ancillary}
        data = told.get((self._level, self._information))
        if data is None:
            return None
        packed = data[8:12] if self.family == 4 else data[:16]
        address = sockets.inet_ntop(ADDRESS_FAMILIES[self.family], packed)
        original = told.get(_ORIGINAL[self.family])
        to_port = None if original is None else int.from_bytes(original[2:4], "big")
        return Datagram(payload, Arrival(self.node, address, self.port, *peer[:2]), peer, data, to_port)

    def answer(self, datagram: Datagram, payload: bytes) -> None:
        """Answer from the very address that was asked (IP_PKTINFO, IPV6_PKTINFO)."""
        if datagram.to_port not in (None, self.port):
            self._answer_as_proxy(datagram, payload)
            return
        packed = sockets.inet_pton(ADDRESS_FAMILIES[self.family], datagram.arrival.address)
        information = struct.pack("=I4s4s", 0, packed, bytes(4)) if self.family == 4 else packed + bytes(4)
        try:
            self._socket.sendmsg([payload], [(self._level, self._information, information)], 0, datagram.peer)
        except OSError:
            # refused on the way out (a drop in OUTPUT is EPERM): the trace tells by what
            return

    def _answer_as_proxy(self, datagram: Datagram, payload: bytes) -> None:
        """Answer from the address and port that it was to, which are nobody's here."""
        with self._at.socket(ADDRESS_FAMILIES[self.family], sockets.SOCK_DGRAM) as channel:
            channel.setsockopt(*TRANSPARENT[self.family], 1)
            channel.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
            with suppress(OSError):  # as in `answer`
                channel.bind((datagram.arrival.address, datagram.to_port))
                channel.sendto(payload, datagram.peer)

    def answer_from_own(self, datagram: Datagram, payload: bytes, to: tuple[str, int] | None) -> None:
        """Answer by the interface that it came by, from the node's own address there, to its sender or another address.

        What is sent to everybody cannot be answered from where it was sent to.
        """
        self._socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_BROADCAST, 1)
        try:
            self._socket.sendmsg([payload], [(self._level, self._information, datagram.information)], 0, to or datagram.peer)
        except OSError:
            # as in `answer`
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


def open_tcp(node: Node, port: int, family: int) -> Listener:
    """Listen for TCP; raises OSError when the port is taken."""
    return Listener(node, port, sockets.SOCK_STREAM, family)


def open_udp(node: Node, port: int, family: int) -> Listener:
    """Listen for UDP; raises OSError when the port is taken."""
    return Listener(node, port, sockets.SOCK_DGRAM, family)
