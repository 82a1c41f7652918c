"""UDP: a nonce there, a nonce back."""

from __future__ import annotations

import os
import socket as sockets
from collections.abc import Sequence

from lab.probe.listeners import Datagram, Listener
from lab.probe.question import UDP, Question
from lab.probe.refusal import read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Milestone
from lab.record.packet import Packet


def send_udp(stage: Stage, question: Question) -> Sighting:
    """Send one datagram and answer it from where it arrived."""
    with stage.listeners(question) as listeners, stage.sender(question, sockets.SOCK_DGRAM) as client:
        port = stage.bind(client, question)
        sent = Packet(question.family, UDP, question.source, port, question.destination, question.port)
        sighting = Sighting(stage, sent)
        nonce = stage.nonce()
        try:
            client.connect((question.destination, question.port))
            client.send(nonce)
        except OSError as error:
            sighting.local_error = os.strerror(error.errno or 0)
            # a REJECT in the sender's own OUTPUT refuses the call and answers as well
            sighting.refusal = read_error_queue(client)
        else:
            _await(sighting, client, listeners, nonce)
        sighting.forget_flow()
        return sighting


def _await(sighting: Sighting, client: sockets.socket, listeners: Sequence[Listener], nonce: bytes) -> None:
    datagram = _receive(listeners, nonce)
    if datagram is None:
        if sighting.silently_dropped():
            return
        datagram = sighting.stage.eventually(lambda: _receive(listeners, nonce))
    if datagram is None:
        sighting.refusal = read_error_queue(client)
        return
    listener, received = datagram
    sighting.progress, sighting.arrived = Milestone.DELIVERED, received.arrival
    answer = sighting.stage.nonce()
    listener.answer(received, answer)
    if sighting.stage.eventually(lambda: _answer(client)) == answer:
        sighting.progress = Milestone.ANSWERED
    sighting.read_conntrack()


def _receive(listeners: Sequence[Listener], nonce: bytes) -> tuple[Listener, Datagram] | None:
    """The datagram with this nonce; what else waits is not this probe's and is let go."""
    for listener in listeners:
        while (datagram := listener.receive()) is not None:
            if datagram.payload == nonce:
                return listener, datagram
    return None


def _answer(client: sockets.socket) -> bytes | None:
    try:
        return client.recv(64)
    except OSError:
        return None
