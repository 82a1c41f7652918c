"""What of the streams leaves its sender, and what arrives, and where: captured without a look at any rule.

At a node that nothing is watched at, a ring catches what crosses its interfaces.  At one that has rules, forwards or bridges,
what arrives is what its kernel takes in behind the last chain of INPUT, as raw sockets hear it (raw(7)).
"""

from __future__ import annotations

import socket as sockets
import struct
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.batch_receive import BatchReceiver
from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.packet_ring import OUTGOING, TO_HOST, Caught, PacketRing
from lab.kernel.ground.syscalls import Ready
from lab.kernel.stage.node import Node
from lab.kernel.watch.tracer import grow_buffer
from lab.probe.question import ICMP, ICMPV6, TCP
from lab.probe.refusal import RESET, refusal_of
from lab.probe.stream.signs import HEADERS, RST, Reader, caught_by
from lab.probe.stream.stand_ins import NOBODY
from lab.record.observation import Refusal

_SO_MEMINFO, _MEMINFO_DROPS = 55, 8
_SO_TIMESTAMPNS, _TIMESPEC = 35, struct.Struct("=qq")
_AT_ONCE, _LONGEST, _CONTROL = 256, 192, 128
_IN6_PKTINFO = 50
_CMSG = struct.Struct("=QII")
_SMALLEST = 8  # bytes of the shortest transport header that is looked at


class Heard(NamedTuple):
    """One packet of a stream, seen at ``node``: as it left it (``outgoing``), or as it arrived there; ``ends`` as it was then.

    The node is empty where it arrived at nobody (`lab.probe.stream.stand_ins`).
    ``ends`` are source address, source port, destination address and port, packed.
    """

    stream: int
    pulse: int
    ns: int
    node: str
    outgoing: bool
    ends: tuple[bytes, bytes, bytes, bytes]


class Told(NamedTuple):
    """What the sender at ``node`` was told of one packet: of ``stream``, or of a TCP stream from and to ``ends``."""

    pulse: int
    node: str
    refusal: Refusal
    stream: int | None
    ends: tuple[bytes, bytes, bytes] = (b"", b"", b"")  # who answers, from which port, to whom


class Ears:
    """Hears the packets that ``reader`` tells, at all of ``nodes``, from now until `close`.

    ``inside`` are the nodes that are heard behind INPUT; of these ``senders`` also have what leaves them caught.  ``frames`` is
    how many frames a ring has room for, ``protocols`` which families and protocols the streams are of.
    """

    def __init__(
        self, nodes: dict[str, Node], inside: Collection[str], senders: Collection[str], mark: int, reader: Reader,
        frames: int, protocols: Collection[tuple[int, int]],
    ) -> None:  # fmt: skip
        self._reader, self._inside = reader, frozenset(inside)
        with ExitStack() as undo:
            self._rings: dict[str, PacketRing] = {}
            self._raws: list[_Raw] = []
            for name, node in nodes.items():
                if name not in self._inside or name in senders:
                    self._rings[name] = PacketRing(node.namespace, caught_by(mark), frames)
                    undo.callback(self._rings[name].close)
                if name in self._inside:
                    wanted = {*protocols, *((family, ICMP if family == 4 else ICMPV6) for family, _ in protocols)}
                    for family, proto in sorted(wanted):
                        if node.has(family):
                            self._raws.append(_Raw(node, family, proto))
                            undo.callback(self._raws[-1].close)
            self._undo = undo.pop_all()
        self._ready = Ready([raw.descriptor for raw in self._raws])
        self.room = min((ring.frames for ring in self._rings.values()), default=frames)

    def make_room(self, *, rings: bool) -> None:
        """Read what the raw sockets hold, and with ``rings`` what these do."""
        ready = self._ready.now() if self._raws else ()
        for raw in self._raws:
            if raw.descriptor in ready:
                raw.drain()
        for ring in self._rings.values() if rings else ():
            ring.drain()

    def heard(self) -> Iterator[Heard | Told]:
        """All that was heard since the last call; the network must be at rest.

        Raises MeasurementError where something found no room.
        """
        self.make_room(rings=True)
        for name, ring in self._rings.items():
            for caught in ring.caught():
                yield from self._in_frame(name, caught)
            if ring.lost():
                raise MeasurementError(Problem(f"{name}: {ring.lost()} frames found no room in the capture"))
        for raw in self._raws:
            for ns, source, destination, transport in raw.packets():
                yield from self._in_packet(raw.node, raw.family, raw.proto, ns, source, destination, transport)
            if raw.drops():
                raise MeasurementError(Problem(f"{raw.node}: {raw.drops()} packets found no room in a receiver's buffer"))

    def _in_frame(self, name: str, caught: Caught) -> Iterable[Heard | Told]:
        data = caught.data
        if caught.kind not in (OUTGOING, TO_HOST) or (caught.kind == TO_HOST and name in self._inside):
            return ()
        family = 6 if data[12] == 0x86 else 4
        start = 14 + (HEADERS[6] if family == 6 else (data[14] & 15) * 4)
        proto = data[20] if family == 6 else data[23]
        source, destination = (data[22:38], data[38:54]) if family == 6 else (data[26:30], data[30:34])
        transport = data[start:]
        if caught.kind == OUTGOING:
            left = self._request(name, proto, caught.ns, source, destination, transport, outgoing=True)
            return left if data[:6] != NOBODY else (*left, *(one._replace(node="", outgoing=False) for one in left))
        return self._in_packet(name, family, proto, caught.ns, source, destination, transport)

    def _request(
        self, name: str, proto: int, ns: int, source: bytes, destination: bytes, transport: bytes, *, outgoing: bool
    ) -> tuple[Heard, ...]:
        found = self._reader.request(proto, transport)
        if found is None:
            return ()
        ports = (b"", b"") if proto in (ICMP, ICMPV6) else (transport[:2], transport[2:4])
        return (Heard(*found, ns, name, outgoing, (source, ports[0], destination, ports[1])),)

    def _in_packet(
        self, name: str, family: int, proto: int, ns: int, source: bytes, destination: bytes, transport: bytes
    ) -> Iterable[Heard | Told]:
        if len(transport) < _SMALLEST:
            return ()
        if found := self._request(name, proto, ns, source, destination, transport, outgoing=False):
            return found
        if proto == TCP:
            if not transport[13:14] or not transport[13] & RST or (pulse := self._reader.refused_pulse(transport)) is None:
                return ()
            return (Told(pulse, name, RESET, None, (source, transport[:2], destination)),)
        return self._error(name, family, source, transport) if proto in (ICMP, ICMPV6) else ()

    def _error(self, name: str, family: int, source: bytes, message: bytes) -> Iterable[Told]:
        quoted = message[8:]
        if len(quoted) < HEADERS[family] + _SMALLEST or quoted[0] >> 4 != family:
            return ()
        start, proto = (HEADERS[6], quoted[6]) if family == 6 else ((quoted[0] & 15) * 4, quoted[9])
        found = self._reader.tagged(proto, quoted[start:])
        if found is None:
            return ()
        sender = sockets.inet_ntop(ADDRESS_FAMILIES[family], source)
        return (Told(found[1], name, refusal_of(family, message[0], message[1], sender), found[0]),)

    def close(self) -> None:
        """Close everything."""
        self._undo.close()


class _Raw:
    """A raw socket of one node and protocol, and what it was found to hold."""

    def __init__(self, node: Node, family: int, proto: int) -> None:
        self.node, self.family, self.proto = node.name, family, proto
        self._receiver = BatchReceiver(_AT_ONCE, _LONGEST, _CONTROL)
        self._channel = node.socket(ADDRESS_FAMILIES[family], sockets.SOCK_RAW, proto)
        grow_buffer(self._channel)
        self._channel.setsockopt(sockets.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if family == 6:
            self._channel.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_RECVPKTINFO, 1)
        self._kept: list[tuple[bytes, bytes, bytes]] = []

    @property
    def descriptor(self) -> int:
        """Of the socket."""
        return self._channel.fileno()

    def drain(self) -> None:
        """Read what waits."""
        while True:
            found = self._receiver.receive_with(self._channel.fileno())
            self._kept += found
            if len(found) < self._receiver.count:
                return

    def packets(self) -> Iterator[tuple[int, bytes, bytes, bytes]]:
        """When each came, its source and destination, and what follows its network header, since the last call."""
        kept, self._kept = self._kept, []
        for data, name, control in kept:
            told = dict(_ancillary(control))
            stamp = told.get(_SO_TIMESTAMPNS)
            seconds, nanoseconds = _TIMESPEC.unpack_from(stamp) if stamp else (0, time.time_ns())
            ns = seconds * 1_000_000_000 + nanoseconds
            if self.family == 4:
                yield ns, data[12:16], data[16:20], data[(data[0] & 15) * 4 :]
            else:
                yield ns, name[8:24], told.get(_IN6_PKTINFO, bytes(16))[:16], data

    def drops(self) -> int:
        """Packets that found no room so far."""
        told = self._channel.getsockopt(sockets.SOL_SOCKET, _SO_MEMINFO, 4 * (_MEMINFO_DROPS + 1))
        return int(struct.unpack_from("=I", told, 4 * _MEMINFO_DROPS)[0])

    def close(self) -> None:
        """Close the socket."""
        self._channel.close()


def _ancillary(control: bytes) -> Iterator[tuple[int, bytes]]:
    """Each piece of ancillary data by its number (cmsg(3))."""
    start = 0
    while start + _CMSG.size <= len(control):
        length, _, kind = _CMSG.unpack_from(control, start)
        if length < _CMSG.size:
            return
        yield kind, control[start + _CMSG.size : start + length]
        start += (length + 7) & ~7

