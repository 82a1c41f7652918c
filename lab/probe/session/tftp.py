"""TFTP (RFC 1350): a read request, and the data from another port of the server, to where the request came from.

The lab is the client and the server, as it is of any service: a port that no program has.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Callable
from dataclasses import replace

from lab.probe.attempt import step
from lab.probe.question import UDP, Datagram, Question, Tftp
from lab.probe.refusal import read_error_queue
from lab.probe.session.connections import Connections
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Arrival, Milestone, Observation
from lab.record.packet import Packet, end_point
from lab.record.session import Session

_RRQ, _DATA, _ACK = 1, 3, 4
_MODE = b"octet"


def ask_tftp(stage: Stage, question: Question) -> Observation:
    """What was seen of one file that was read: of its request, and of its data; nothing of it remains."""
    with _Tftp(stage, question) as session:
        return session.ask()


class _Tftp(Connections):
    def __init__(self, stage: Stage, question: Question) -> None:
        assert isinstance(question.sends, Tftp)
        asked = replace(question, sends=Datagram(question.sends.port))
        super().__init__(stage, asked)
        self._receivers = stage.receivers.take(asked)
        self._server: sockets.socket | None = None
        self._client = stage.sender(asked, sockets.SOCK_DGRAM)
        port = stage.bind(self._client, asked)
        self._sent = Packet(asked.family, UDP, asked.source, port, asked.destination, asked.port)
        self._name = stage.nonce().hex().encode()
        self._said: list[str] = []

    def ask(self) -> Observation:
        """The request, then the data, each by all witnesses."""
        request = step(self._stage, self._question, self._request)
        if request.arrived is None:
            return self._told(request, None)
        data = step(self._stage, *self._transfer(request.arrived))
        paths = (*request.request, *request.answer, *request.others)
        return self._told(replace(data, others=(*data.others, *paths)), request)

    def _told(self, observation: Observation, request: Observation | None) -> Observation:
        at = request.arrived if request is not None else None
        server = "" if at is None else end_point(at.address, at.port)
        return replace(observation, session=Session("tftp/read", tuple(self._said), request, server=server))

    def _request(self) -> Sighting:
        seen = self._begin(self._sent)
        request = struct.pack("!H", _RRQ) + self._name + b"\0" + _MODE + b"\0"
        self._said.append(f"> RRQ {self._name.decode()} {_MODE.decode()}")
        try:
            self._client.sendto(request, (self._sent.destination, self._sent.dport))
        except OSError as error:
            seen.could_not_send(self._client, error)
            return self._end(seen)
        arrival = self._stage.eventually(lambda: self._arrived(request))
        if arrival is None:
            seen.refusal = read_error_queue(self._client)
        else:
            seen.progress, seen.arrived, seen.met, seen.one_way = Milestone.ANSWERED, arrival, True, True
        return self._end(seen)

    def _arrived(self, request: bytes) -> Arrival | None:
        for receiver in self._receivers.waiting():
            while (found := receiver.receive()) is not None:
                if found.payload == request:
                    return found.arrival
        return None

    def _transfer(self, request: Arrival) -> tuple[Question, Callable[[], Sighting]]:
        """The first block, which is the last, and the client's acknowledgement of it."""
        assert request.sport is not None
        question = replace(
            self._question, node=request.at, source=request.address, destination=request.source,
            sends=Datagram(request.sport), sport=None, receivers=(), mark=0, uid=None,
        )  # fmt: skip
        server = self._server = self._stage.sender(question, sockets.SOCK_DGRAM)
        port = self._stage.bind(server, question)
        sent = Packet(question.family, UDP, question.source, port, question.destination, question.port)
        block = struct.pack("!HH", _DATA, 1) + self._stage.nonce()

        def send() -> Sighting:
            seen = self._begin(sent)
            self._said.append("< DATA 1")
            try:
                server.sendto(block, (sent.destination, sent.dport))
            except OSError as error:
                seen.could_not_send(server, error)
                return self._end(seen)
            peer = self._stage.eventually(lambda: _from(self._client, block))
            if peer is None:
                seen.refusal = read_error_queue(server)
                return self._end(seen)
            own = self._sent
            seen.progress, seen.met = Milestone.DELIVERED, True
            seen.arrived = Arrival(self._question.node, own.source, own.sport, *peer)
            acknowledged = struct.pack("!HH", _ACK, 1)
            self._said.append("> ACK 1")
            self._client.sendto(acknowledged, peer)
            if self._stage.eventually(lambda: _from(server, acknowledged)) is not None:
                seen.progress = Milestone.ANSWERED
            return self._end(seen)

        return question, send

    def _let_go(self) -> None:
        for channel in (self._client, self._server):
            if channel is not None:
                channel.close()
        self._receivers.close()


def _from(channel: sockets.socket, wanted: bytes) -> tuple[str, int] | None:
    """Who sent what is wanted; None where it is not among what waits."""
    while True:
        try:
            data, (address, port, *_) = channel.recvfrom(2048)
        except OSError:
            return None
        if data == wanted:
            return address, port
