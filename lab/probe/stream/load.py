"""How the packets of streams go out: made once, and for each pulse patched and sent with a system call for many of them."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple, Protocol

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.batch_send import BatchSender
from lab.kernel.ground.families import ADDRESS_FAMILIES, ETHERTYPES
from lab.probe.first_hop import HDRINCL, first_hop
from lab.probe.stage import Stage
from lab.probe.stream.signs import HEADERS, LAYOUTS

_SUM = 16  # in a TCP header; the urgent pointer follows it
_INVERSE = 0xFFFF


class Out(NamedTuple):
    """A socket, and the link header that its packets need: none where its kernel makes it.

    ``ruled`` tells that rules of the sender's own may refuse a packet.
    """

    channel: sockets.socket
    link: bytes
    ruled: bool = False


class Ways:
    """The ways out of senders, each opened once, until `close`.

    Frames go past the sender's own rules, which a node that is watched has: there the packets take the whole way.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._known: dict[tuple[str, str], Out] = {}
        self._undo = ExitStack()

    def out(self, name: str, destination: str) -> Out:
        """That of a node to a destination; OSError where it has none."""
        if (name, destination) not in self._known:
            self._known[name, destination] = self._open(name, destination)
        return self._known[name, destination]

    def _open(self, name: str, destination: str) -> Out:
        stage, family = self._stage, 6 if ":" in destination else 4
        node = stage.network.nodes[name]
        hop = None if name in stage.instrument.nodes else first_hop(stage, node, destination, family)
        if hop is not None:
            own, other = hop
            return Out(stage.frames.of(node, own, 0), other.mac + own.mac + ETHERTYPES[family])
        channel = node.socket(ADDRESS_FAMILIES[family], sockets.SOCK_RAW, sockets.IPPROTO_RAW)
        self._undo.callback(channel.close)
        channel.setsockopt(*HDRINCL[family], 1)
        channel.connect((destination, 0))
        return Out(channel, b"", ruled=name in stage.instrument.nodes)

    def close(self) -> None:
        """Close what is not kept."""
        self._undo.close()


class Load(Protocol):
    """Packets that leave by one socket."""

    out: Out
    sender: BatchSender
    count: int

    def write(self, pulse: int, port: int) -> None:
        """Make them those of a pulse, from a source port of its own."""


class NewFlows:
    """The first packets of flows, all of one protocol and size, from their network headers on."""

    def __init__(self, out: Out, proto: int, packets: Sequence[bytes]) -> None:
        self.out, self.count = out, len(packets)
        self._size = len(out.link) + len(packets[0])
        self._buffer = bytearray(b"".join(out.link + packet for packet in packets))
        self._at = len(out.link) + HEADERS[4 if packets[0][0] >> 4 == 4 else 6]
        self._layout = LAYOUTS[proto]
        self.sender = BatchSender(self._buffer, self._size)

    def write(self, pulse: int, port: int) -> None:
        """Write each word and its inverse, so that no checksum changes."""
        layout = self._layout
        for word, at, again in ((port, layout.port, layout.port_again), (pulse, layout.pulse, layout.pulse_again)):
            for value, place in ((word, self._at + at), (_INVERSE - word, self._at + again)):
                self._buffer[place :: self._size] = bytes((value >> 8,)) * self.count
                self._buffer[place + 1 :: self._size] = bytes((value & 0xFF,)) * self.count


class Segments:
    """Segments of established flows, from their network headers on."""

    def __init__(self, out: Out, packets: Sequence[bytes]) -> None:
        self.out, self.count = out, len(packets)
        size = len(out.link) + len(packets[0])
        self._buffer = bytearray(b"".join(out.link + packet for packet in packets))
        start = len(out.link) + HEADERS[4 if packets[0][0] >> 4 == 4 else 6]
        self._places = [number * size + start for number in range(self.count)]
        self._sums = [struct.unpack_from("!H", self._buffer, place + _SUM)[0] for place in self._places]
        self.sender = BatchSender(self._buffer, size)

    def write(self, pulse: int, port: int) -> None:  # noqa: ARG002 - as `Load` has it
        """Write the pulse, counted from 1, and the checksum with it (RFC 1624)."""
        for place, base in zip(self._places, self._sums, strict=True):
            total = (_INVERSE - base) + pulse + 1
            total = (total & _INVERSE) + (total >> 16)
            struct.pack_into("!HH", self._buffer, place + _SUM, (_INVERSE - total) & _INVERSE, pulse + 1)


def send(load: Load, stage: Stage) -> None:
    """Send all of a load; MeasurementError where the kernel takes none of it, however often what is under way is let by.

    What the sender's own rules may refuse goes packet by packet: of several the kernel would take a refused one twice.
    """
    first, tries, descriptor = 0, 0, load.out.channel.fileno()
    while first < load.count:
        last = first + 1 if load.out.ruled else load.count
        reached = load.sender.send(descriptor, first, last)
        if reached < last:
            stage.network.fence.pass_by(1)
            tries = 0 if reached > first else tries + 1
            if tries > stage.network.fences_to_rest:
                raise MeasurementError(Problem("a sender's socket has no room, and nothing is under way"))
        first = reached
