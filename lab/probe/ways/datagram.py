"""UDP: a nonce there, a nonce back."""

from __future__ import annotations

import socket as sockets

from lab.probe import listeners
from lab.probe.listeners import Listener
from lab.probe.question import UDP, Question
from lab.probe.refusal import read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.way import Way
from lab.record.observation import Milestone
from lab.record.packet import Packet


class Datagrams(Way):
    """Datagrams of one flow, each answered from where it arrived."""

    answers = True
    __slots__ = "_arrived", "_receivers"

    def _make_ready(self, stage: Stage, question: Question) -> None:
        self._receivers = self._hold(stage.receivers.take(question))
        self._client = self._hold(stage.sender(question, sockets.SOCK_DGRAM))
        port = stage.bind(self._client, question)
        self._sent = Packet(question.family, UDP, question.source, port, question.destination, question.port)
        self._arrived: tuple[Listener, listeners.Datagram] | None = None

    def send(self, seen: Sighting) -> bool:
        """Send one and wait until it is received."""
        nonce = self._stage.nonce()
        try:
            self._client.connect((self._sent.destination, self._sent.dport))
            self._client.send(nonce)
        except OSError as error:
            seen.could_not_send(self._client, error)
            return False
        self._arrived = self._received(nonce)
        if self._arrived is None:
            if seen.silently_dropped():
                return False
            self._arrived = self._stage.eventually(lambda: self._received(nonce))
        if self._arrived is None:
            seen.refusal = read_error_queue(self._client)
            return False
        self.arrival = self._arrived[1].arrival
        seen.progress, seen.arrived, seen.met = Milestone.DELIVERED, self.arrival, True
        return True

    def answer(self, seen: Sighting) -> bool:
        """Answer the one that was received last."""
        if self._arrived is None:
            return False
        receiver, received = self._arrived
        nonce = self._stage.nonce()
        receiver.answer(received, nonce)
        if not self._stage.eventually(lambda: self._answered(nonce)):
            return False
        seen.progress = Milestone.ANSWERED
        return True

    def _received(self, nonce: bytes) -> tuple[Listener, listeners.Datagram] | None:
        """The datagram with this nonce; what else waits is not this probe's and is let go."""
        for receiver in self._receivers.waiting():
            while (found := receiver.receive()) is not None:
                if found.payload == nonce:
                    return receiver, found
        return None

    def _answered(self, nonce: bytes) -> bool | None:
        """Whether this nonce is among what waits at the sender; None when it is not."""
        try:
            while self._client.recv(64) != nonce:
                pass
        except OSError:
            return None
        return True
