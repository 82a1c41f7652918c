"""What the kernel's tracing (nft_trace) says of each packet in one node, message by message.

Messages come from the multicast group NFNLGRP_NFTRACE; their attributes are those of linux/netfilter/nf_tables.h
(NFTA_TRACE_*).  The attributes of one rule's message are the same each time but for the trace id, so what was read once
is remembered.
"""

from __future__ import annotations

import errno
import socket as sockets
import struct
from typing import NamedTuple

from lab.kernel import nfnetlink as nl
from lab.kernel.headers import ipv4_header, read_packet
from lab.kernel.namespace import Namespace
from lab.kernel.trace_table import CANARY, TraceTable
from lab.record.packet import Packet

_NFNLGRP_NFTRACE = 9
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_SO_RCVBUFFORCE = 33
_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID = 1, 2, 3, 4, 5, 6
_NETWORK, _TRANSPORT, _OIF, _MARK, _POLICY = 8, 9, 12, 14, 16
_VERDICTS = {
    0: "drop", 1: "accept", 2: "stolen", 3: "queue", 4: "repeat",
    0xFFFFFFFF: "continue", 0xFFFFFFFE: "break", 0xFFFFFFFD: "jump", 0xFFFFFFFC: "goto", 0xFFFFFFFB: "return",
}  # fmt: skip
BUFFER_BYTES = 32 << 20
_FAMILIES = {1: "inet", 2: "ip", 5: "netdev", 7: "bridge", 10: "ip6"}
_HEADERS_FROM = 180  # shorter messages carry no packet headers


class TraceMessage(NamedTuple):
    """One message: at ``family table chain`` rule ``handle`` (0: no rule) said ``verdict``.

    ``is_policy`` tells a chain's policy from a rule; ``packet`` are the headers as they stand there, in a packet's first
    message of each base chain; ``out_index`` and ``mark`` where the packet has them, else 0.
    """

    ident: bytes
    family: str
    table: str
    chain: str
    handle: int
    is_policy: bool
    verdict: str
    packet: Packet | None
    out_index: int
    mark: int


class Overrun(Exception):
    """The socket's buffer overflowed (ENOBUFS): messages are lost."""


class Tracer:
    """The trace of one node, from the moment this is made until `close`."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self.table = TraceTable(namespace)
        self._remembered: dict[bytes, TraceMessage] = {}
        self._socket = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self.buffer_bytes = self._grow_buffer()
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTRACE)
        self._loop = namespace.socket(sockets.AF_PACKET, sockets.SOCK_RAW)
        self._loop.bind(("lo", 0))
        self._raw = namespace.socket(sockets.AF_INET, sockets.SOCK_RAW, sockets.IPPROTO_RAW)

    def _grow_buffer(self) -> int:
        try:
            self._socket.setsockopt(sockets.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_BYTES)
        except PermissionError:
            self._socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, BUFFER_BYTES)
        return self._socket.getsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF)

    def read(self) -> list[TraceMessage]:
        """All messages that wait; raises Overrun when some were lost."""
        found = []
        receive, remembered = self._socket.recv, self._remembered
        while True:
            try:
                data = receive(8192)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise Overrun from error
                raise
            if len(data) < _HEADERS_FROM:
                key = data[16:40] + data[44:]
                known = remembered.get(key)
                if known is None:
                    known = remembered[key] = _decode(data)
                found.append(known._replace(ident=data[40:44]) if known.ident != data[40:44] else known)
            else:
                found.append(_decode(data))

    def canary(self) -> str | None:
        """Send the canaries and say what is wrong with the instrument; None when all of it works.

        Two packets from an address that no topology can have, one into PREROUTING and one into OUTPUT: the lab's own
        table drops them and must tell of both.
        """
        here = sockets.inet_aton("127.0.0.1")
        datagram = struct.pack("!HHHH", 9, 9, 8, 0)
        packet = ipv4_header(CANARY, here, sockets.IPPROTO_UDP, len(datagram)) + datagram
        self._loop.send(bytes(12) + b"\x08\x00" + packet)
        try:
            self._raw.sendto(packet, ("127.0.0.1", 0))
        except PermissionError:
            pass  # a drop in OUTPUT is told to the sender as EPERM
        try:
            seen = self.read()
        except Overrun:
            return "the trace buffer overflowed"
        source = sockets.inet_ntoa(CANARY)
        ends = {message.chain for message in seen if message.packet is not None and message.packet.source == source}
        missing = [chain for chain in ("prerouting", "output") if chain not in ends]
        return f"the canary was not seen in {' and '.join(missing)}" if missing else None

    def close(self) -> None:
        """Stop tracing and take the table away."""
        for channel in (self._socket, self._loop, self._raw):
            channel.close()
        self.table.remove()


def _decode(data: bytes) -> TraceMessage:
    found = nl.attributes(data, nl.HEADER)
    get = found.get
    verdict, is_policy = _verdict(found)
    network = get(_NETWORK)
    return TraceMessage(
        ident=found[_ID],
        family=_FAMILIES.get(data[16], str(data[16])),
        table=found[_TABLE][:-1].decode(),
        chain=found[_CHAIN][:-1].decode(),
        handle=int.from_bytes(get(_HANDLE, b""), "big"),
        is_policy=is_policy,
        verdict=verdict,
        packet=None if network is None else read_packet(network, get(_TRANSPORT, b"")),
        out_index=int.from_bytes(get(_OIF, b""), "big"),
        mark=int.from_bytes(get(_MARK, b""), "big"),
    )


def _verdict(found: dict[int, bytes]) -> tuple[str, bool]:
    policy = found.get(_POLICY)
    if policy is not None:
        return _VERDICTS.get(int.from_bytes(policy, "big"), "unknown"), True
    inner = nl.attributes(found.get(_VERDICT, b""))
    code = int.from_bytes(inner.get(1, b""), "big")
    # the upper half of a queue or drop verdict is its queue number or errno (NF_VERDICT_QBITS)
    word = _VERDICTS.get(code) or _VERDICTS.get(code & 0xFF, "unknown")
    chain = inner.get(2)
    return (f"{word} {chain[:-1].decode()}" if chain else word), False
