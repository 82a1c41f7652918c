"""The TCP sockets of a node, as the kernel's own table has them (proc_net_tcp(5)), and the end of one (sock_diag(7))."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from lab.kernel.ground.nfnetlink import attributes
from lab.kernel.stage.node import Node

_FAMILIES = {"tcp": sockets.AF_INET, "tcp6": sockets.AF_INET6}
_MAPPED = "::ffff:"
TIME_WAIT, LISTEN = 0x06, 0x0A  # net/tcp_states.h
_SOCK_DIAG, _BY_FAMILY, _SOCK_DESTROY = 4, 20, 21  # linux/netlink.h, linux/sock_diag.h
_INFO, _MESSAGE = 2, 72  # INET_DIAG_INFO, and the size of struct inet_diag_msg (linux/inet_diag.h)
# of struct tcp_info (linux/tcp.h): retransmits, probes, unacked, bytes_received, notsent_bytes
_TCP_INFO = struct.Struct("=xxBB20xI100xQ8xI")
_ALL_STATES = _NO_COOKIE = 0xFFFFFFFF
_HEADER, _REQUEST, _ACKNOWLEDGE = 16, 0x01, 0x04  # struct nlmsghdr, NLM_F_REQUEST, NLM_F_ACK


class TcpSocket(NamedTuple):
    """One socket: its own end, the other's, and its state; an IPv4 address as such, also where an IPv6 socket has it."""

    address: str
    port: int
    peer: str
    peer_port: int
    state: int


def tcp_sockets(node: Node) -> Iterator[TcpSocket]:
    """Every TCP socket of a node but those that listen."""
    found = []
    with node.namespace:
        for table, family in _FAMILIES.items():
            with suppress(FileNotFoundError), open(f"/proc/thread-self/net/{table}") as file:  # no IPv6 in this kernel
                found += [(family, line.split()) for line in file][1:]
    for family, (_, own, other, state, *_) in found:
        if int(state, 16) != LISTEN:
            yield TcpSocket(*_end(family, own), *_end(family, other), int(state, 16))


class Told(NamedTuple):
    """What the kernel knows of a TCP socket.

    It has taken in ``received`` bytes; ``unacknowledged`` segments are on their way for all that it knows, which were
    ``repeated`` so often; ``held_back`` bytes would not leave the node, though that was tried again.
    """

    received: int
    unacknowledged: int
    repeated: int
    held_back: int

    @property
    def unheard(self) -> bool:
        """Whether what it says does not get through: what was sent twice more, or cannot leave.

        What was sent first has by then passed the network, or has not, and a kernel acknowledges at once what comes again.
        """
        return self.held_back > 0 or (self.repeated > 1 and self.unacknowledged > 0)


def told_by(channel: sockets.socket) -> Told:
    """What the kernel knows of a socket of our own."""
    return _told(channel.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, _TCP_INFO.size))


def _told(info: bytes) -> Told:
    repeated, probes, unacknowledged, received, unsent = _TCP_INFO.unpack_from(info)
    return Told(received, unacknowledged, repeated, unsent if probes and not unacknowledged else 0)


def told_of(node: Node, one: TcpSocket) -> Told | None:
    """What the kernel knows of a socket of a node, whoever has it; None where it is gone."""
    with node.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, _SOCK_DIAG) as channel:
        try:
            channel.send(_asking(_BY_FAMILY, _REQUEST, one, 1 << (_INFO - 1)))
            answer = channel.recv(4096)
        except OSError:
            return None
    if struct.unpack_from("=H", answer, 4)[0] != _BY_FAMILY:
        return None
    info = attributes(answer, _HEADER + _MESSAGE).get(_INFO)
    return None if info is None else _told(info)


def destroy(node: Node, one: TcpSocket) -> bool:
    """Abort a socket, whoever has it, so that it sends nothing more; False where this kernel cannot, or it is gone.

    A socket that its process has let go of goes on sending what was not acknowledged, for a minute and more.
    """
    with node.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, _SOCK_DIAG) as channel:
        try:
            channel.send(_asking(_SOCK_DESTROY, _REQUEST | _ACKNOWLEDGE, one))
            answer = channel.recv(4096)
        except OSError:
            return False
    return len(answer) >= _HEADER + 4 and struct.unpack_from("=i", answer, _HEADER)[0] == 0


def _asking(what: int, flags: int, one: TcpSocket, extensions: int = 0) -> bytes:
    """A message about one socket."""
    family = sockets.AF_INET6 if ":" in one.address else sockets.AF_INET
    own, other = (sockets.inet_pton(family, address).ljust(16, b"\0") for address in (one.address, one.peer))
    asked = struct.pack("=BBBxI", family, sockets.IPPROTO_TCP, extensions, _ALL_STATES)  # struct inet_diag_req_v2
    asked += struct.pack("!HH", one.port, one.peer_port) + own + other + struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)
    return struct.pack("=IHHII", _HEADER + len(asked), what, flags, 1, 0) + asked


def _end(family: int, text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    words = struct.pack(f"={len(address) // 8}I", *(int(address[at : at + 8], 16) for at in range(0, len(address), 8)))
    return sockets.inet_ntop(family, words).removeprefix(_MAPPED), int(port, 16)
