"""UDP to all of a network: a nonce there, heard by whom the question is about, and a nonce back.

Who has no address yet (0.0.0.0) sends frames, as DHCP clients do, and is answered to everybody: rules of its own see neither.
"""

from __future__ import annotations

import socket as sockets
import struct

from lab.kernel.ground.headers import checksum, ip_header
from lab.probe import listeners
from lab.probe.listeners import Listener
from lab.probe.question import UDP, Broadcast, Question
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.way import Way
from lab.record.observation import Milestone
from lab.record.packet import Packet
from lab.written.words import LIMITED_BROADCAST, NO_ADDRESS

_ETH_P_IP = 0x0800
_EVERYBODY = b"\xff" * 6


class Broadcasts(Way):
    """Datagrams of one flow to everybody."""

    answers = True
    __slots__ = "_arrived", "_device", "_frames", "_receivers", "heard_by"

    def _make_ready(self, stage: Stage, question: Question) -> None:
        sends = question.sends
        assert isinstance(sends, Broadcast)
        self.heard_by, self._device = sends.nodes, sends.device
        self._frames = question.source == NO_ADDRESS
        self._receivers = self._hold(stage.receivers.take(question))
        if self._frames:
            node = stage.network.nodes[question.node]
            self._client = self._hold(node.socket(sockets.AF_PACKET, sockets.SOCK_DGRAM))
            self._client.bind((sends.device, _ETH_P_IP))
            port = question.sport or stage.source_port(question.source)
        else:
            self._client = self._hold(stage.sender(question, sockets.SOCK_DGRAM))
            self._client.setsockopt(sockets.SOL_SOCKET, sockets.SO_BROADCAST, 1)
            self._client.setsockopt(sockets.SOL_SOCKET, sockets.SO_BINDTODEVICE, sends.device.encode())
            port = stage.bind(self._client, question)
        self._sent = Packet(question.family, UDP, question.source, port, question.destination, sends.port)
        self._arrived: tuple[Listener, listeners.Datagram] | None = None

    def send(self, seen: Sighting) -> bool:
        """Send one, and wait until one of those whom it is about has received it."""
        nonce = self._stage.nonce()
        try:
            if self._frames:
                self._client.sendto(_datagram(self._sent, nonce), (self._device, _ETH_P_IP, 0, 0, _EVERYBODY))
            else:
                self._client.sendto(nonce, (self._sent.destination, self._sent.dport))
        except OSError as error:
            seen.could_not_send(self._client, error)
            return False
        self._arrived = self._stage.eventually(lambda: self._received(nonce))
        if self._arrived is None:
            return False
        self.arrival = self._arrived[1].arrival
        seen.progress, seen.arrived, seen.met = Milestone.DELIVERED, self.arrival, True
        return True

    def answer(self, seen: Sighting) -> bool:
        """Answer the one that was received last: to everybody, where it came from nobody's address."""
        if self._arrived is None:
            return False
        receiver, received = self._arrived
        nonce, port = self._stage.nonce(), self._sent.sport or 0
        receiver.answer_from_own(received, nonce, (LIMITED_BROADCAST, port) if self._frames else None)
        if not self._stage.eventually(lambda: self._answered(nonce)):
            return False
        seen.progress = Milestone.ANSWERED
        return True

    def _received(self, nonce: bytes) -> tuple[Listener, listeners.Datagram] | None:
        for receiver in self._receivers.waiting():
            while (found := receiver.receive()) is not None:
                if found.payload == nonce and receiver.node in self.heard_by:
                    return receiver, found
        return None

    def _answered(self, nonce: bytes) -> bool | None:
        try:
            while not self._client.recv(2048).endswith(nonce):
                pass
        except OSError:
            return None
        return True


def _datagram(sent: Packet, nonce: bytes) -> bytes:
    """The whole packet, as no kernel writes its headers (RFC 768)."""
    source, destination = sockets.inet_aton(sent.source), sockets.inet_aton(sent.destination)
    size = 8 + len(nonce)
    head = struct.pack("!HHH", sent.sport, sent.dport, size)
    pseudo = source + destination + struct.pack("!HH", UDP, size)
    told = checksum(pseudo + head + b"\0\0" + nonce) or 0xFFFF
    return ip_header(source, destination, UDP, size) + head + struct.pack("!H", told) + nonce
