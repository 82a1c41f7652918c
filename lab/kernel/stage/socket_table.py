"""The TCP sockets of a node, as the kernel's own table has them (proc_net_tcp(5)), and the end of one (sock_diag(7))."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from lab.kernel.stage.node import Node

_FAMILIES = {"tcp": sockets.AF_INET, "tcp6": sockets.AF_INET6}
_MAPPED = "::ffff:"
TIME_WAIT, LISTEN = 0x06, 0x0A  # net/tcp_states.h
_SOCK_DIAG, _SOCK_DESTROY = 4, 21  # linux/netlink.h, linux/sock_diag.h
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


def destroy(node: Node, one: TcpSocket) -> bool:
    """Abort a socket, whoever has it, so that it sends nothing more; False where this kernel cannot, or it is gone.

    A socket that its process has let go of goes on sending what was not acknowledged, for a minute and more.
    """
    family = sockets.AF_INET6 if ":" in one.address else sockets.AF_INET
    ends = (sockets.inet_pton(family, address).ljust(16, b"\0") for address in (one.address, one.peer))
    own, other = ends
    asked = struct.pack("=BBxxI", family, sockets.IPPROTO_TCP, _ALL_STATES)  # struct inet_diag_req_v2
    asked += struct.pack("!HH", one.port, one.peer_port) + own + other + struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)
    head = struct.pack("=IHHII", _HEADER + len(asked), _SOCK_DESTROY, _REQUEST | _ACKNOWLEDGE, 1, 0)
    with node.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, _SOCK_DIAG) as channel:
        try:
            channel.send(head + asked)
            answer = channel.recv(4096)
        except OSError:
            return False
    return len(answer) >= _HEADER + 4 and struct.unpack_from("=i", answer, _HEADER)[0] == 0


def _end(family: int, text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    words = struct.pack(f"={len(address) // 8}I", *(int(address[at : at + 8], 16) for at in range(0, len(address), 8)))
    return sockets.inet_ntop(family, words).removeprefix(_MAPPED), int(port, 16)
