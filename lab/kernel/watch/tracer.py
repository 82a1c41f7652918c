"""What the kernel's tracing (nft_trace) says of each packet in one node, message by message.

Messages come from the multicast group NFNLGRP_NFTRACE; their attributes are those of linux/netfilter/nf_tables.h
(NFTA_TRACE_*).  The attributes of one rule's message are the same each time but for the trace id, so what was read once
is remembered.
"""

from __future__ import annotations

import errno
import socket as sockets
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.batch_receive import BatchReceiver
from lab.kernel.ground.headers import read_packet
from lab.kernel.ground.names import is_numbered
from lab.kernel.ground.namespace import Namespace
from lab.kernel.hold.nf_tables import NF_FAMILIES
from lab.kernel.watch.canary import Canary
from lab.kernel.watch.trace_table import TraceTable
from lab.record.packet import Packet

_NFNLGRP_NFTRACE = 9
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_SO_RCVBUFFORCE = 33
_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID = 1, 2, 3, 4, 5, 6
_NETWORK, _TRANSPORT, _IIF, _OIF, _MARK, _POLICY = 8, 9, 10, 12, 14, 16
_VERDICTS = {
    0: "drop", 1: "accept", 2: "stolen", 3: "queue", 4: "repeat",
    0xFFFFFFFF: "continue", 0xFFFFFFFE: "break", 0xFFFFFFFD: "jump", 0xFFFFFFFC: "goto", 0xFFFFFFFB: "return",
}  # fmt: skip
BUFFER_BYTES = 32 << 20
# Where the trace id stands in every kernel seen so far; a message that differs is read attribute by attribute.
_ID_START, _ID_END = 40, 44
# NFTA_TRACE_NETWORK_HEADER, an attribute of 20 bytes and of 40
_IPV4_HEADER, _IPV6_HEADER = b"\x18\x00\x08\x00", b"\x2c\x00\x08\x00"
_LONGEST = 1024  # bytes; a message is some 220 at most, with names of 255 characters 730
_TRANSPORT_KIND = b"\x09\x00"


class Said:
    """What a message says, but for the packet: at ``family table chain`` rule ``handle`` (0: none) said ``verdict``.

    ``is_policy`` tells a chain's policy from a rule, ``labs`` the table of an instrument, whosever it is; ``out_index`` and
    ``mark`` are those of the packet, 0 where it has none.
    The same message again is the same object again.
    """

    __slots__ = ("chain", "family", "handle", "in_index", "is_policy", "labs", "mark", "out_index", "table", "verdict")

    def __init__(self, family: int, found: dict[int, bytes]) -> None:
        self.family = NF_FAMILIES.get(family, str(family))
        self.table = found[_TABLE][:-1].decode()
        self.labs = is_numbered(self.table)
        self.chain = found[_CHAIN][:-1].decode()
        self.handle = int.from_bytes(found.get(_HANDLE, b""), "big")
        self.verdict, self.is_policy = _verdict(found)
        self.in_index = int.from_bytes(found.get(_IIF, b""), "big")
        self.out_index = int.from_bytes(found.get(_OIF, b""), "big")
        self.mark = int.from_bytes(found.get(_MARK, b""), "big")


class TraceMessage(NamedTuple):
    """One message: the trace id, what it says, and the packet's headers in a base chain's first message."""

    ident: bytes
    said: Said
    network: bytes | None = None
    transport: bytes = b""

    @property
    def packet(self) -> Packet | None:
        """The headers as they stand there; None of what is not IP, as an ARP frame at ingress."""
        if self.network is None or self.network[0] >> 4 not in (4, 6):
            return None
        return read_packet(self.network, self.transport)


class Overrun(Exception):
    """The socket's buffer overflowed (ENOBUFS): messages are lost."""


def grow_buffer(channel: sockets.socket) -> int:
    """Give the socket as much room as this process may; its size in bytes then (socket(7), SO_RCVBUFFORCE)."""
    try:
        channel.setsockopt(sockets.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_BYTES)
    except PermissionError:
        channel.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, BUFFER_BYTES)
    return channel.getsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF)


class Tracer:
    """The trace of one node, from the moment this is made until `close`; ``families`` are those that it has addresses of.

    ``devices`` are its interfaces, where rules stand at ingress; ``bridge`` tells that it has a bridge.
    """

    def __init__(
        self, namespace: Namespace, families: Sequence[int] = (4,), devices: Sequence[str] = (), *, bridge: bool = False
    ) -> None:
        self.table = TraceTable(namespace, devices=devices, bridge=bridge)
        self._remembered: dict[bytes, Said] = {}
        self._marked: dict[tuple[object, ...], Said] = {}
        self._socket = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self.buffer_bytes = grow_buffer(self._socket)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTRACE)
        self._receiver = BatchReceiver(count=64, size=_LONGEST)
        self._canary = Canary(namespace, families, self.table.number)

    @property
    def descriptor(self) -> int:
        """Of the socket that it is told by."""
        return self._socket.fileno()

    def read(self) -> list[TraceMessage]:
        """All messages that wait; raises Overrun when some were lost."""
        found: list[TraceMessage] = []
        while True:
            try:
                waiting = self._receiver.receive(self._socket.fileno())
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    self._discard()
                    raise Overrun from error
                raise
            found += map(self._message, waiting)
            if len(waiting) < self._receiver.count:
                return found

    def _discard(self) -> None:
        """Let go of what waits: the kernel tells nothing more, not even of further losses, until all of it is read."""
        while self._receiver.receive(self._socket.fileno()):
            pass

    def _message(self, data: bytes) -> TraceMessage:
        headers, size = data.find(_IPV4_HEADER, _ID_END), 20
        if headers < 0:
            headers, size = data.find(_IPV6_HEADER, _ID_END), 40
            if headers < 0:
                headers = len(data)
        said = self._remembered.get(data[:4] + data[16:_ID_START] + data[_ID_END:headers])
        if said is None:
            return self._decode(data, headers, size)
        if headers == len(data):
            return TraceMessage(data[_ID_START:_ID_END], said)
        transport = headers + 4 + size
        network = data[headers + 4 : transport]
        return TraceMessage(data[_ID_START:_ID_END], said, network, data[transport + 4 : transport + data[transport]])

    def _decode(self, data: bytes, headers: int, size: int) -> TraceMessage:
        """Read a message attribute by attribute, and remember it if it can be read by its shape the next time."""
        found = nl.attributes(data, nl.HEADER)
        said = Said(data[16], found)
        by_shape = (headers < len(data)) == (_NETWORK in found) and _stands_at(data, headers, size)
        if by_shape and _MARK not in found:
            # with its length (the first four bytes), as one with a mark is longer
            self._remembered[data[:4] + data[16:_ID_START] + data[_ID_END:headers]] = said
        elif _MARK in found:
            said = self._marked.setdefault(tuple(getattr(said, slot) for slot in Said.__slots__), said)
        return TraceMessage(found[_ID], said, found.get(_NETWORK), found.get(_TRANSPORT, b""))

    def send_canaries(self) -> None:
        """Send the canaries; when they have passed, `canary_trouble` says whether all were told of."""
        self._canary.send()

    def canary_trouble(self) -> tuple[str | None, list[TraceMessage]]:
        """What is wrong with the instrument, None when all of it works; and all that was told."""
        try:
            seen = self.read()
        except Overrun:
            return "the trace buffer overflowed", []
        own = ((said.chain, packet) for _, said, packet in _with_packets(seen) if said.table == self.table.name)
        return self._canary.missing({(packet.source, chain) for chain, packet in own}), seen

    def closers(self) -> tuple[Callable[[], None], ...]:
        """What is to be called to stop tracing and take the table away, in any order."""
        return self._socket.close, *self._canary.closers(), self.table.remove


def _with_packets(messages: Iterable[TraceMessage]) -> Iterator[tuple[bytes, Said, Packet]]:
    for message in messages:
        if (packet := message.packet) is not None:
            yield message.ident, message.said, packet


def _stands_at(data: bytes, headers: int, size: int) -> bool:
    """Whether the trace id is where it is taken from, and an attribute begins (or the message ends) at ``headers``."""
    start = nl.HEADER
    while start < headers:
        length, kind = struct.unpack_from("=HH", data, start)
        if (kind & 0x3FFF == _ID) != (start == _ID_START - 4) or length < 4:
            return False
        start += (length + 3) & ~3
    transport = headers + 4 + size
    return start == headers and (headers == len(data) or data[transport + 2 : transport + 4] == _TRANSPORT_KIND)


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
