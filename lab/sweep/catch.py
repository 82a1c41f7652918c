"""What of a train arrives, at whichever node, and what of it is answered to its sender.

Raw sockets see what a node's kernel takes in, behind the rules of its INPUT.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Iterator
from contextlib import ExitStack

from lab.kernel.ground.batch_receive import BatchReceiver
from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.syscalls import Ready
from lab.kernel.stage.node import Node
from lab.kernel.watch.tracer import grow_buffer
from lab.probe.question import ICMP, ICMPV6, TCP
from lab.probe.refusal import RESET, refusal_of
from lab.record.observation import Refusal
from lab.record.sweep import Arrived
from lab.sweep.train import SweepQuestion, answered_key, is_reset, key_of

PACKET_BYTES = 1600  # of a socket's buffer for one small packet, with the kernel's own structures, at most
_SO_MEMINFO, _MEMINFO_DROPS = 55, 8
_AT_ONCE, _LONGEST = 256, 192
_CONTROL = 64  # bytes, for one struct in6_pktinfo as ancillary data
_PKTINFO = 16  # where the address begins in it: behind struct cmsghdr
_ICMP = {4: ICMP, 6: ICMPV6}
_ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}  # ICMP types that quote the packet that they are about
_IPV4_NO_OPTIONS, _IPV6 = 20, 40
_OTHER_PORT = struct.Struct("!H")


class _Ear:
    """A raw socket of one node and protocol, which is read with a ``receiver`` that serves others too."""

    def __init__(self, node: Node, family: int, proto: int, receiver: BatchReceiver) -> None:
        self.node, self._family, self._receiver = node.name, family, receiver
        self._socket = node.socket(ADDRESS_FAMILIES[family], sockets.SOCK_RAW, proto)
        self.buffer_bytes = grow_buffer(self._socket)
        if family == 6:
            self._socket.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_RECVPKTINFO, 1)

    @property
    def descriptor(self) -> int:
        """Of the socket."""
        return self._socket.fileno()

    def heard(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Source, destination, and what follows the network header, of every packet that waits."""
        while True:
            count = 0
            if self._family == 4:
                for data in self._receiver.receive(self._socket.fileno()):
                    count += 1
                    yield data[12:16], data[16:20], data[(data[0] & 15) * 4 :]
            else:
                for told in self._receiver.receive_with(self._socket.fileno()):
                    count += 1
                    yield told.name[8:24], told.control[_PKTINFO : _PKTINFO + 16], told.data
            if count < self._receiver.count:
                return

    def drops(self) -> int:
        """Packets that found no room in the socket's buffer, so far (SO_MEMINFO, Linux 4.12)."""
        told = self._socket.getsockopt(sockets.SOL_SOCKET, _SO_MEMINFO, 4 * (_MEMINFO_DROPS + 1))
        return int(struct.unpack_from("=I", told, 4 * _MEMINFO_DROPS)[0])

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Catch:
    """Listens at all of ``nodes`` for the packets of one sweep, and at its sender for their answers, until `close`.

    ``arrived`` is how each key's packet was delivered, ``refused`` what its sender was told (None: a SYN-ACK), both since
    the last `clear`; ``twice`` the keys that were delivered more than once.
    """

    def __init__(self, nodes: dict[str, Node], question: SweepQuestion, mark: int) -> None:
        self._question, self._mark, self._family = question, mark, question.family
        self._packed: dict[str, bytes] = {}
        self._known: dict[tuple[str, bytes, bytes, int | None, tuple[str, str]], Arrived] = {}
        receiver = BatchReceiver(_AT_ONCE, _LONGEST, _CONTROL if self._family == 6 else 0)
        with ExitStack() as undo:
            self._ears = []
            for node in nodes.values():
                if node.has(self._family):
                    self._ears.append(_Ear(node, self._family, question.proto, receiver))
                    undo.callback(self._ears[-1].close)
            self._errors = _Ear(nodes[question.node], self._family, _ICMP[self._family], receiver)
            undo.callback(self._errors.close)
            self._undo = undo.pop_all()
        self._ready = Ready([ear.descriptor for ear in (*self._ears, self._errors)])
        self.room = min(ear.buffer_bytes for ear in (*self._ears, self._errors)) // PACKET_BYTES
        self._dropped = self._drops()
        self.clear()

    def clear(self) -> None:
        """Forget what was heard, and let go of what waits."""
        self.arrived: dict[int, Arrived] = {}
        self.refused: dict[int, Refusal | None] = {}
        self.twice: set[int] = set()
        ready = self._ready.now()
        for ear in (*self._ears, self._errors):
            if ear.descriptor in ready:
                for _ in ear.heard():
                    pass

    def overflowed(self) -> bool:
        """Whether packets found no room since the last time this was asked: then what was heard is not all."""
        before, self._dropped = self._dropped, self._drops()
        return self._dropped != before

    def _drops(self) -> int:
        return sum(ear.drops() for ear in (*self._ears, self._errors))

    def listen(self) -> None:
        """Read what waits; the network must be at rest."""
        proto, mark, ready = self._question.proto, self._mark, self._ready.now()
        for ear in self._ears:
            if ear.descriptor not in ready:
                continue
            of_sender = ear.node == self._question.node
            for source, destination, transport in ear.heard():
                key = key_of(transport, proto, mark)
                if key is not None:
                    if key in self.arrived:
                        self.twice.add(key)
                    self.arrived[key] = self._how(ear.node, key, source, destination, transport)
                elif of_sender and proto == TCP and (key := self._answered(source, transport)) is not None:
                    self.refused[key] = RESET if is_reset(transport) else None
        self._listen_for_errors()

    def _answered(self, source: bytes, transport: bytes) -> int | None:
        """The key whose packet this answers; None for what comes from elsewhere, as where it was translated on its way back."""
        key = answered_key(transport, self._mark)
        if key is None:
            return None
        destination = self._question.destination_of(key)
        if destination not in self._packed:
            self._packed[destination] = sockets.inet_pton(ADDRESS_FAMILIES[self._family], destination)
        asked = self._packed[destination], self._question.port_of(key)
        return key if (source, _OTHER_PORT.unpack_from(transport)[0]) == asked else None

    def _listen_for_errors(self) -> None:
        domain, proto = ADDRESS_FAMILIES[self._family], self._question.proto
        for source, _, message in self._errors.heard():
            if message[0] not in _ERRORS[self._family] or len(message) < 8 + _IPV4_NO_OPTIONS:
                continue
            quoted = message[8:]
            size = (quoted[0] & 15) * 4 if self._family == 4 else _IPV6
            key = key_of(quoted[size:], proto, self._mark)
            if key is not None:
                self.refused[key] = refusal_of(self._family, message[0], message[1], sockets.inet_ntop(domain, source))

    def _how(self, node: str, key: int, source: bytes, destination: bytes, transport: bytes) -> Arrived:
        port = _OTHER_PORT.unpack_from(transport, 2)[0]
        other = port if port != self._question.port_of(key) else None
        ends = self._question.source_of(key), self._question.destination_of(key)
        known = self._known.get((node, source, destination, other, ends))
        if known is None:
            domain = ADDRESS_FAMILIES[self._family]
            came_from, came_to = sockets.inet_ntop(domain, source), sockets.inet_ntop(domain, destination)
            known = Arrived(
                node, came_to if came_to != ends[1] else None, other, came_from if came_from != ends[0] else None
            )
            self._known[node, source, destination, other, ends] = known
        return known

    def close(self) -> None:
        """Close all sockets."""
        self._undo.close()
