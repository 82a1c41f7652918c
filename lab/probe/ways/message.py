"""ICMP and ICMPv6: an echo that carries a nonce, answered by the receiver's own kernel, or one message of another type."""

from __future__ import annotations

import socket as sockets
import struct

from lab.kernel.ground.headers import checksum
from lab.probe.question import ICMP, ICMPV6, Echo, Message, Question
from lab.probe.raw import find_arrival, sniffers, transport_start
from lab.probe.refusal import read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.way import Way
from lab.record.observation import Milestone
from lab.record.packet import Packet

_TIMESTAMP = 13
_SOLICITATION, _REDIRECT = 135, 137
# RFC 792, RFC 4443, RFC 4861
_ECHO_REPLIES = {ICMP: 0, ICMPV6: 129}
_ANSWERS = {(ICMP, _TIMESTAMP): 14, (ICMPV6, _SOLICITATION): 136}
_DISCOVERY = range(133, _REDIRECT + 1)
_NONCE_OPTION = 14  # RFC 3971
_ON_LINK_ONLY = 255  # the hop limit without which neighbour discovery is not believed (RFC 4861)


class Messages(Way):
    """Messages: an echo, a timestamp request, a neighbour solicitation is to be answered, any other only to arrive."""

    __slots__ = "_body", "_code", "_echoed", "_kind", "_wanted", "_watching"

    def _make_ready(self, stage: Stage, question: Question) -> None:
        sends = question.sends
        assert isinstance(sends, Echo | Message)
        self._watching = [self._hold(sniffer) for sniffer in sniffers(stage, question)]
        self._client = self._hold(stage.sender(question, sockets.SOCK_RAW, question.proto))
        self._kind, self._code, self._echoed = sends.kind, sends.code, isinstance(sends, Echo)
        self._wanted = _ECHO_REPLIES[sends.proto] if self._echoed else _ANSWERS.get((sends.proto, sends.kind))
        discovery = question.family == 6 and sends.kind in _DISCOVERY
        ident, sequence = question.sport or stage.source_port(question.source), 1
        self._body = _discovery(question, sends.kind) if discovery else struct.pack("!HH", ident, sequence)
        self._sent = Packet(
            question.family, question.proto, question.source, ident, question.destination, sequence, sends.kind, sends.code
        )
        if question.family == 6:
            # only what the kernel itself makes of the body can be told again from the headers
            first, second = struct.unpack_from("!HH", self._body)
            self._sent = self._sent._replace(sport=first, dport=second)
        if discovery:
            self._client.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_UNICAST_HOPS, _ON_LINK_ONLY)
        self._client.bind(stage.own_end(question))

    def send(self, seen: Sighting) -> bool:
        """Send one with a nonce, and wait for the answer of the receiver's kernel or, where none is due, for its arrival."""
        nonce = self._words()
        try:
            self._client.sendto(self._message(nonce), (self._sent.destination, 0))
        except OSError as error:
            seen.could_not_send(self._client, error)
            return False
        wanted = self._wanted
        seen.one_way = wanted is None
        answered = wanted is not None and self._answered(wanted, nonce)
        if not answered and wanted is not None and not seen.silently_dropped():
            self._stage.eventually(lambda: None)
            answered = self._answered(wanted, nonce)
        self.arrival = find_arrival(self._watching, self._sent, nonce)
        if self.arrival is None and wanted is None and not seen.silently_dropped():
            self._stage.eventually(lambda: None)
            self.arrival = find_arrival(self._watching, self._sent, nonce)
        if self.arrival is not None:
            seen.arrived, seen.progress = self.arrival, Milestone.DELIVERED
        if answered or (self.arrival is not None and wanted is None):
            seen.progress, seen.met = Milestone.ANSWERED, True
        else:
            seen.refusal = read_error_queue(self._client)
        return False

    def _message(self, nonce: bytes) -> bytes:
        made = struct.pack("!BBH", self._kind, self._code, 0) + self._body + nonce
        # in IPv6 the kernel writes the checksum
        return made if self._sent.family == 6 else made[:2] + struct.pack("!H", checksum(made)) + made[4:]

    def _answered(self, wanted: int, nonce: bytes) -> bool:
        """Whether the answer that carries the nonce waits; of one that does not repeat it, its type and sender are enough."""
        while True:
            try:
                data, peer = self._client.recvfrom(2048 + len(nonce))
            except OSError:
                return False
            start = transport_start(data, self._sent.family)
            if data[start] == wanted and (data.endswith(nonce) if self._echoed else peer[0] == self._sent.destination):
                return True


def _discovery(question: Question, kind: int) -> bytes:
    """What stands in a message of neighbour discovery between the checksum and the nonce, its last option (RFC 4861)."""
    target = sockets.inet_pton(sockets.AF_INET6, question.destination)
    own = sockets.inet_pton(sockets.AF_INET6, question.source)
    bodies = {
        133: bytes(4),
        134: struct.pack("!BBHII", 64, 0, 0, 0, 0),
        135: bytes(4) + target,
        136: struct.pack("!I", 0) + own,
        137: bytes(4) + own + target,
    }
    return bodies[kind] + struct.pack("!BB6x", _NONCE_OPTION, 3)
