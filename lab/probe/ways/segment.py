"""One bare TCP segment (ACK, RST, FIN): what a stateful policy drops and a stateless look-alike lets in."""

from __future__ import annotations

import socket as sockets
import struct

from lab.kernel.ground.headers import checksum
from lab.probe.question import TCP, Question, Segment
from lab.probe.raw import find_arrival, sniffers, transport_start
from lab.probe.refusal import RESET, read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.way import Way
from lab.record.observation import Milestone
from lab.record.packet import Packet

_RST = 0x04


class Segments(Way):
    """Segments that belong to no connection."""

    __slots__ = "_is_answered", "_watching"

    def _make_ready(self, stage: Stage, question: Question) -> None:
        sends = question.sends
        assert isinstance(sends, Segment)
        self._is_answered = sends.is_answered
        self._watching = [self._hold(sniffer) for sniffer in sniffers(stage, question)]
        self._client = self._hold(stage.sender(question, sockets.SOCK_RAW, TCP))
        port = question.sport or stage.source_port(question.source)
        self._sent = Packet(question.family, TCP, question.source, port, question.destination, question.port, sends.flags)
        self._client.bind(stage.own_end(question))

    def send(self, seen: Sighting) -> bool:
        """Send one with a nonce in it; the receiver's kernel, which knows no such connection, answers with a reset.

        One that is not always answered has only to arrive.
        """
        nonce = self._stage.nonce()
        try:
            self._client.sendto(_segment(self._sent, nonce), (self._sent.destination, 0))
        except OSError as error:
            seen.could_not_send(self._client, error)
            return False
        reset = self._reset()
        if not reset and not seen.silently_dropped():
            self._stage.eventually(lambda: None)
            reset = self._reset()
        seen.one_way = not reset and not self._is_answered
        self.arrival = find_arrival(self._watching, self._sent, nonce)
        if self.arrival is not None:
            seen.arrived, seen.met = self.arrival, True
            seen.progress = Milestone.ANSWERED if reset or seen.one_way else Milestone.DELIVERED
        elif reset:
            seen.progress, seen.refusal = Milestone.CONNECTED, RESET
        else:
            seen.refusal = read_error_queue(self._client)
        return False

    def _reset(self) -> bool:
        """Whether a reset for our port waits at the sender."""
        while True:
            try:
                data = self._client.recv(2048)
            except OSError:
                return False
            start = transport_start(data, self._sent.family)
            sport, port = struct.unpack_from("!HH", data, start)
            if data[start + 13] & _RST and (sport, port) == (self._sent.dport, self._sent.sport):
                return True


def _segment(sent: Packet, nonce: bytes) -> bytes:
    head = struct.pack("!HHIIBBHHH", sent.sport, sent.dport, 1, 1, 5 << 4, sent.flags, 65535, 0, 0)
    domain = sockets.AF_INET6 if sent.family == 6 else sockets.AF_INET
    source, destination = (sockets.inet_pton(domain, text) for text in (sent.source, sent.destination))
    pseudo = source + destination + struct.pack("!HH", TCP, len(head) + len(nonce))
    return head[:16] + struct.pack("!H", checksum(pseudo + head + nonce)) + head[18:] + nonce
