"""The TCP sockets of a node, as the kernel's own table has them (proc_net_tcp(5))."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from lab.kernel.stage.node import Node

_FAMILIES = {"tcp": sockets.AF_INET, "tcp6": sockets.AF_INET6}
_MAPPED = "::ffff:"
SYN_SENT, TIME_WAIT, LISTEN = 0x02, 0x06, 0x0A  # net/tcp_states.h


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


def _end(family: int, text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    words = struct.pack(f"={len(address) // 8}I", *(int(address[at : at + 8], 16) for at in range(0, len(address), 8)))
    return sockets.inet_ntop(family, words).removeprefix(_MAPPED), int(port, 16)
