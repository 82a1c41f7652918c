"""An ICMP error about a flow, as a node on its way says it: translated back, it quotes what its receiver once sent."""

from __future__ import annotations

import socket as sockets
import struct

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.headers import TCP, UDP, checksum, ip_header, read_packet
from lab.probe.question import FlowError, Question, ends_of
from lab.probe.raw import sniffers
from lab.probe.refusal import read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.way import Way
from lab.record.observation import Milestone
from lab.record.packet import Packet

_ACK = 0x10
_HEADER = {4: 20, 6: 40}
_QUOTED = 8  # where in an error the quoted packet begins (RFC 792, RFC 4443)


class FlowErrors(Way):
    """Errors; whoever is told of one does not answer."""

    __slots__ = "_error", "_watching", "named", "untold"

    def _make_ready(self, stage: Stage, question: Question) -> None:
        error = question.sends
        assert isinstance(error, FlowError)
        self._error, self.named = error, error.name
        self._watching = [self._hold(sniffer) for sniffer in sniffers(stage, question)]
        self._client = self._hold(stage.sender(question, sockets.SOCK_RAW, question.proto))
        self._client.bind(stage.own_end(question))
        ident, sequence = error.rest >> 16, error.rest & 0xFFFF
        self._sent = Packet(
            question.family, question.proto, question.source, ident, question.destination, sequence, error.kind, error.code
        )

    def send(self, seen: Sighting) -> bool:
        """Send it with a nonce behind what it quotes, and wait until who is told of it hears it."""
        nonce, seen.one_way = self._stage.nonce(), True
        try:
            self._client.sendto(self._message(nonce), (self._sent.destination, 0))
        except OSError as error:
            seen.could_not_send(self._client, error)
            return False
        if not self._heard(seen, nonce) and not seen.silently_dropped():
            self._stage.eventually(lambda: None)
            self._heard(seen, nonce)
        if seen.progress is not Milestone.ANSWERED:
            seen.refusal = read_error_queue(self._client)
        return False

    def _heard(self, seen: Sighting, nonce: bytes) -> bool:
        """Whether it has come, and quotes what its receiver knows; one that was not translated back tells it nothing."""
        for sniffer in self._watching:
            for arrival, data in sniffer.ending_with(nonce):
                self.arrival = seen.arrived = arrival
                seen.met, seen.progress = True, Milestone.DELIVERED
                if _quoted(data, self._sent.family) == ends_of(self._error.original):
                    seen.progress = Milestone.ANSWERED
        return self.arrival is not None

    def _message(self, nonce: bytes) -> bytes:
        error, quoted = self._error, self._error.quoted
        body = _transport(quoted, error.seq, nonce)
        domain = ADDRESS_FAMILIES[quoted.family]
        source, destination = (sockets.inet_pton(domain, text) for text in (quoted.source, quoted.destination))
        inner = ip_header(source, destination, quoted.proto, len(body)) + body
        made = struct.pack("!BBHI", error.kind, error.code, 0, error.rest) + inner
        # in IPv6 the kernel writes the checksum
        return made if quoted.family == 6 else made[:2] + struct.pack("!H", checksum(made)) + made[4:]


def _transport(quoted: Packet, seq: int, nonce: bytes) -> bytes:
    sport, dport = quoted.sport or 0, quoted.dport or 0
    if quoted.proto == TCP:
        return struct.pack("!HHIIBBHHH", sport, dport, seq, 0, 5 << 4, _ACK, 65535, 0, 0) + nonce
    if quoted.proto == UDP:
        return struct.pack("!HHHH", sport, dport, 8 + len(nonce), 0) + nonce
    return struct.pack("!BBHHH", quoted.flags, quoted.code, 0, sport, dport) + nonce


def _quoted(data: bytes, family: int) -> tuple[str, int | None, str, int | None]:
    """The ends of the packet that an error quotes."""
    inner = data[_QUOTED:]
    size = _HEADER[family]
    return ends_of(read_packet(inner[:size], inner[size:]))
